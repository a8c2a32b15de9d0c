//! What is done with several domains of the list at once: they are checked, exported or deleted.

use maud::html;
use postroom::db::ReadTx;
use postroom::domain::{self, Domain};
use postroom::error::Error;
use postroom::name::DomainName;
use postroom::page::Page;
use postroom::record::{self, Format};
use postroom::signing;
use postroom::verify::schedule;

use super::list::{self, Asked, phrase, why};
use crate::console::form::{sentence, submit};
use crate::console::frame::{Frame, Part, base_path, see};
use crate::console::part::{Tone, counted, pill};
use crate::console::sheet::{Sheet, file, sheet_of};
use crate::wire::form::Form;
use crate::wire::http::{HeaderValue, Response, StatusCode};
use crate::wire::{Call, Fault, SignedIn};

/// The most domains that one form chooses.
const MOST: usize = 500;
/// How many domains one transaction deletes, so that other writers need not wait for long.
const AT_ONCE: usize = 10;
/// How many lines of a file are read at once.
const LINES: u32 = 250;

/// Those that a form has chosen of the domains that are there for whoever asks; nothing is said of other names.
fn chosen<'t>(tx: &ReadTx<'t>, call: &Call<'_, SignedIn>, form: &Form) -> Result<Vec<Domain<'t>>, Error> {
    let names: Vec<DomainName> = form.all("chosen").iter().filter_map(|name| name.parse().ok()).collect();
    if names.len() > MOST {
        return Err(Error::invalid("chosen", format_args!("more than {MOST} domains are chosen")));
    }
    let mut found = domain::find_all_named(tx, &call.caller.acts, &names)?;
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found.dedup_by_key(|domain| domain.id);
    if found.is_empty() {
        return Err(Error::invalid("chosen", "choose at least one domain first"));
    }
    Ok(found)
}

pub(in crate::console) fn act(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    submit(call, list::answer, ("chosen", "chosen"), |form| match form.get("what") {
        Some("check") => check(call, form),
        Some("export") => export(call, form),
        Some("delete") => delete(call, form),
        _ => Err(Fault::NoRoute),
    })
}

/// Has them checked as soon as the schedule comes to them; the list follows.
fn check(call: &Call<'_, SignedIn>, form: &Form) -> Result<Response, Fault> {
    call.write(|tx| chosen(tx, call, form)?.iter().try_for_each(|domain| schedule::soon(tx, domain)))?;
    Ok(see(&format!("{}/console{}", base_path(call.base_url), Asked::of_form(form).here())))
}

/// Their records in the form of a tool, or a line of a table for each.
fn export(call: &Call<'_, SignedIn>, form: &Form) -> Result<Response, Fault> {
    let wanted = form.get("format").unwrap_or_default();
    let Ok(format) = wanted.parse::<Format>() else {
        let mut sheet = Sheet::new(HEAD);
        call.read(|tx| lines(tx, &chosen(tx, call, form)?, &mut sheet))?;
        return Ok(sheet_of("domains.csv", sheet.into_octets()));
    };
    let zones = call.read(|tx| {
        let domains = chosen(tx, call, form)?;
        let with_records = domains.into_iter().map(|domain| {
            let records = record::list(tx, &domain)?;
            Ok((domain.into_details(), records))
        });
        Ok::<_, Error>(record::by_zone(&with_records.collect::<Result<Vec<_>, Error>>()?))
    })?;
    let text: Vec<String> = zones.iter().map(|zone| format.write(zone)).collect();
    let name = match (&zones[..], format) {
        ([only], _) => format.file_name(only.zone()),
        (_, Format::Bind) => "domains.zone".to_owned(),
        (_, Format::OctoDns) => "domains.yaml".to_owned(),
        (_, Format::DnsControl) => "domains.js".to_owned(),
        _ => "domains.tf".to_owned(),
    };
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    Ok(file(&name, plain, text.join("\n").into_bytes()))
}

const HEAD: &[&str] =
    &["domain", "label", "status", "why", "signs_with", "proved_at", "created_at", "next_check_at"];

/// A line of a table for each of these domains.
fn lines<'t>(tx: &ReadTx<'t>, domains: &[Domain<'t>], sheet: &mut Sheet) -> Result<(), Error> {
    let assessments = signing::list(tx, domains)?;
    for (domain, assessment) in domains.iter().zip(&assessments) {
        let signing = Some(&assessment.signing).filter(|signing| signing.signs());
        let selectors = signing
            .map(|signing| signing.selectors.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
        sheet.line(&[
            domain.name.as_str(),
            domain.label.as_deref().unwrap_or_default(),
            domain.status.as_str(),
            &why(assessment).map(phrase).unwrap_or_default(),
            &selectors.unwrap_or_default(),
            &domain.proved_at.map(|at| at.to_string()).unwrap_or_default(),
            &domain.created_at.to_string(),
            &domain.next_check_at.to_string(),
        ]);
    }
    Ok(())
}

/// All domains that the list is asked for, a line each.
pub(in crate::console) fn sheet(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let (asked, acts) = (Asked::of(call), call.caller.acts.clone());
    let mut offset = 0;
    call.sheet("domains.csv", Sheet::new(HEAD), move |tx, sheet| {
        let page = Page { limit: LINES, offset };
        let domains = asked.find(tx, &acts, page)?;
        offset += u64::from(LINES);
        let is_any = !domains.is_empty();
        lines(tx, &domains, sheet)?;
        Ok(is_any)
    })
}

/// What somebody types so that so many domains are deleted.
fn words(number: usize) -> String {
    format!("delete {number}")
}

/// Asks first; once the words are typed, deletes them, and says what became of each.
fn delete(call: &Call<'_, SignedIn>, form: &Form) -> Result<Response, Fault> {
    let names: Vec<DomainName> = call.read(|tx| {
        Ok::<_, Error>(chosen(tx, call, form)?.iter().map(|domain| domain.name.clone()).collect())
    })?;
    match form.get("confirm") {
        None => ask(call, StatusCode::OK, form, &names, ""),
        Some(typed) if typed.trim() == words(names.len()) => {
            let mut outcomes = Vec::new();
            for some in names.chunks(AT_ONCE) {
                outcomes.extend(call.write(|tx| {
                    some.iter().map(|name| delete_one(tx, call, name)).collect::<Result<Vec<_>, Error>>()
                })?);
            }
            report(call, form, &outcomes)
        }
        Some(_) => ask(call, StatusCode::UNPROCESSABLE_ENTITY, form, &names, "These are not the words."),
    }
}

/// A domain, and why it was not deleted, if it was not.
type Outcome = (DomainName, Option<String>);

fn delete_one(
    tx: &postroom::db::WriteTx<'_>,
    call: &Call<'_, SignedIn>,
    name: &DomainName,
) -> Result<Outcome, Error> {
    let acts = &call.caller.acts;
    let deleted = tx.part(|| domain::delete(tx, acts, &domain::find_named(tx, acts, name)?));
    match deleted {
        Ok(()) => Ok((name.clone(), None)),
        Err(error @ Error::Store(_)) => Err(error),
        Err(error) => Ok((name.clone(), Some(sentence(&error.to_string())))),
    }
}

fn trail(frame: &Frame) -> [(String, String); 1] {
    [("Domains".to_owned(), frame.to("/domains"))]
}

fn ask(
    call: &Call<'_, SignedIn>,
    status: StatusCode,
    form: &Form,
    names: &[DomainName],
    error: &str,
) -> Result<Response, Fault> {
    let frame = call.read(|tx| Frame::of(tx, call))?;
    let (title, words) = (format!("Delete {}?", counted(names.len() as u64, "domain")), words(names.len()));
    let (is_wrong, asked) = (!error.is_empty(), Asked::of_form(form));
    let content = html! {
        div.head { h1 { (title) } }
        section.card {
            p { "These domains end with their keys, tokens, recipients and lists. Nothing of them can be brought back." }
            ul { @for name in names { li { (name) } } }
            (frame.form(&frame.to("/domains/chosen"), &html! {
                (asked.field())
                input type="hidden" name="what" value="delete";
                @for name in names { input type="hidden" name="chosen" value=(name); }
                div.field {
                    label for="confirm" { "Type “" (words) "” to confirm" }
                    input type="text" id="confirm" name="confirm" required autocomplete="off" autocapitalize="none" spellcheck="false"
                        aria-invalid=[is_wrong.then_some("true")] autofocus[is_wrong] aria-describedby=[is_wrong.then_some("confirm-error")];
                    @if is_wrong { p.error #confirm-error { (error) } }
                }
                div.actions {
                    button.danger { "Delete " (counted(names.len() as u64, "domain")) }
                    a.button href=(frame.to(&asked.here())) { "Keep them" }
                }
            }))
        }
    };
    Ok(frame.page_with(status, Part::Domains, &title, &trail(&frame), &content))
}

fn report(call: &Call<'_, SignedIn>, form: &Form, outcomes: &[Outcome]) -> Result<Response, Fault> {
    let frame = call.read(|tx| Frame::of(tx, call))?;
    let deleted = outcomes.iter().filter(|(_, reason)| reason.is_none()).count() as u64;
    let content = html! {
        div.head { h1 { "What was deleted" } }
        section.card {
            p role="status" { (counted(deleted, "domain")) " deleted." }
            table.table {
                caption.visually-hidden { "What became of each" }
                thead { tr { th scope="col" { "Domain" } th scope="col" { "Outcome" } } }
                tbody {
                    @for (name, reason) in outcomes {
                        tr {
                            td { span.name { (name) } }
                            td { @match reason {
                                None => (pill(Tone::Good, "Deleted")),
                                Some(reason) => { (pill(Tone::Bad, "Kept")) " " (reason) }
                            } }
                        }
                    }
                }
            }
            p { a href=(frame.to(&Asked::of_form(form).here())) { "To the domains" } }
        }
    };
    Ok(frame.page(Part::Domains, "What was deleted", &trail(&frame), &content))
}
