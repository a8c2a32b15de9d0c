//! Many domains at once: by pasting, or from a CSV file. What would be made is shown before anything is.

use std::collections::BTreeSet;
use std::fmt::Write;

use maud::{Markup, html};
use postroom::domain::{self, NewDomain};
use postroom::error::{Entity, Error};
use postroom::name::{DomainName, InvalidName};

use crate::console::form::{Fields, Refused, sentence};
use crate::console::frame::{Frame, Part};
use crate::console::part::{Tone, counted, pill};
use crate::wire::form::Form;
use crate::wire::http::{Response, StatusCode};
use crate::wire::{Call, Fault, SignedIn};

/// The most lines that are taken at once.
const MOST_LINES: usize = 1000;
/// How many lines that make a domain are shown, and how many that make none. The page has less than 100 kB.
const MOST_SHOWN: usize = 100;
/// How many domains one transaction makes, so that other writers need not wait for long.
const AT_ONCE: usize = 25;

/// One line, and what it comes to.
struct Line {
    number: usize,
    text: String,
    outcome: Outcome,
}

enum Outcome {
    /// A domain to be made, or one that was made.
    Good(DomainName, Option<String>),
    /// Why none is made.
    Bad(String),
}

pub(in crate::console) fn show(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    ask(call, StatusCode::OK, None)
}

fn ask(call: &Call<'_, SignedIn>, status: StatusCode, refused: Option<&Refused>) -> Result<Response, Fault> {
    let frame = call.read(|tx| Frame::of(tx, call))?;
    let fields = Fields::of("bulk", &["lines"], refused);
    let content = html! {
        div.head { h1 { "Add many domains" } }
        section.card {
            form method="post" action=(frame.to("/domains/bulk")) enctype="multipart/form-data" {
                (frame.token())
                (fields.top())
                (fields.lines("lines", "Domains, one a line", "", "A name, and if you like a comma and a label: example.com, Shop. At most 1000."))
                (fields.field("file", "Or a CSV file", "Columns: domain and label. A header line is not needed.", |control| html! {
                    input type="file" accept=".csv,text/csv,text/plain" id=(control.id) name=(control.name) aria-describedby=[control.described];
                }))
                button.primary { "Show what would be made" }
            }
        }
    };
    Ok(frame.page_with(status, Part::Domains, "Add many domains", &trail(&frame), &content))
}

fn trail(frame: &Frame) -> [(String, String); 1] {
    [("Domains".to_owned(), frame.to("/domains"))]
}

/// Shows what would be made; once that is confirmed, makes it.
pub(in crate::console) fn add(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let form = Form::read(call.request)?;
    let mut lines = match lines(&form) {
        Ok(lines) => lines,
        Err(error) => {
            let refused = Refused::of(call, "bulk", "lines", form, error.into())?;
            return ask(call, StatusCode::UNPROCESSABLE_ENTITY, Some(&refused));
        }
    };
    // A form that is sent again by a reload makes nothing: its domains are here already, and the page says so.
    look(call, &mut lines)?;
    let is_confirmed = form.get("confirm") == Some("yes");
    if is_confirmed {
        make(call, &mut lines)?;
    }
    report(call, &lines, is_confirmed)
}

/// The lines of the form, from the file if there is one.
fn lines(form: &Form) -> Result<Vec<Line>, Error> {
    let file = form.file("file").filter(|octets| !octets.is_empty());
    let text = match file {
        Some(octets) => {
            std::str::from_utf8(octets).map_err(|_| Error::invalid("lines", "the file is not UTF-8"))?
        }
        None => form.get("lines").unwrap_or_default(),
    };
    let mut lines: Vec<Line> = Vec::new();
    let mut known = BTreeSet::new();
    for (at, text) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let (name, label) =
            text.split_once([',', ';', '\t']).map_or((text, ""), |(name, label)| (name, label));
        let clean = |cell: &str| cell.trim().trim_matches('"').trim().to_owned();
        let (name, label) = (clean(name), clean(label));
        if name.is_empty() || (lines.is_empty() && name.eq_ignore_ascii_case("domain")) {
            continue;
        }
        if lines.len() == MOST_LINES {
            return Err(Error::invalid(
                "lines",
                format_args!("there are more than {MOST_LINES} lines; add them in parts"),
            ));
        }
        let outcome = match name.parse::<DomainName>() {
            Err(reason) => Outcome::Bad(bad(&reason)),
            Ok(name) if !known.insert(name.clone()) => Outcome::Bad("It stands above already.".to_owned()),
            Ok(name) => Outcome::Good(name, (!label.is_empty()).then_some(label)),
        };
        lines.push(Line { number: at + 1, text: text.trim().to_owned(), outcome });
    }
    if lines.is_empty() { Err(Error::invalid("lines", "there is no line")) } else { Ok(lines) }
}

fn bad(reason: &InvalidName) -> String {
    sentence(&reason.to_string())
}

/// Finds those that are the account's already. Whether another account has a name shows when it is to be made.
fn look(call: &Call<'_, SignedIn>, lines: &mut [Line]) -> Result<(), Error> {
    call.read(|tx| {
        for line in lines {
            let Outcome::Good(name, _) = &line.outcome else { continue };
            match domain::find_named(tx, &call.caller.acts, name) {
                Ok(_) => line.outcome = Outcome::Bad("It is here already.".to_owned()),
                Err(Error::NotFound(Entity::Domain)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    })
}

/// Makes the domains. One that cannot be made does not keep the others from being made.
fn make(call: &Call<'_, SignedIn>, lines: &mut [Line]) -> Result<(), Error> {
    for some in lines.chunks_mut(AT_ONCE) {
        let refused = call.write(|tx| {
            let mut refused: Vec<(usize, String)> = Vec::new();
            for line in some.iter() {
                let Outcome::Good(name, label) = &line.outcome else { continue };
                let new = NewDomain { label: label.as_deref(), key_later: true, ..NewDomain::named(name) };
                match tx.part(|| domain::create(tx, &call.caller.acts, &new).map(drop)) {
                    Ok(()) => {}
                    Err(error @ Error::Store(_)) => return Err(error),
                    Err(error) => refused.push((line.number, sentence(&error.to_string()))),
                }
            }
            Ok(refused)
        })?;
        for (number, reason) in refused {
            if let Some(line) = some.iter_mut().find(|line| line.number == number) {
                line.outcome = Outcome::Bad(reason);
            }
        }
    }
    Ok(())
}

fn report(call: &Call<'_, SignedIn>, lines: &[Line], is_made: bool) -> Result<Response, Fault> {
    let frame = call.read(|tx| Frame::of(tx, call))?;
    let (good, bad): (Vec<&Line>, Vec<&Line>) =
        lines.iter().partition(|line| matches!(line.outcome, Outcome::Good(..)));
    let [more_good, more_bad] = [&good, &bad].map(|lines| lines.len().saturating_sub(MOST_SHOWN) as u64);
    let mut shown: Vec<&Line> =
        [&good, &bad].into_iter().flat_map(|lines| lines.iter().take(MOST_SHOWN)).copied().collect();
    shown.sort_by_key(|line| line.number);
    let good = good.len();
    let number = counted(good as u64, "domain");
    let title = if is_made { "What was made" } else { "What would be made" };
    let content = html! {
        div.head { h1 { (title) } }
        section.card {
            @if is_made && good == 0 { p { "No domain was made. Beside each line stands why." } }
            @else if is_made { p { (number) " made. Their keys are made in the background." } }
            @else if good == 0 { p { "None of these lines would make a domain." } }
            @else { (confirm(&frame, lines, &number)) }
            table.table {
                caption.visually-hidden { (title) }
                thead { tr { th scope="col" { "Line" } th scope="col" { "Domain" } th scope="col" { "Outcome" } } }
                tbody { @for line in shown { (row(&frame, line, is_made)) } }
            }
            @if more_good > 0 { p { (counted(more_good, "more domain")) @if is_made { " made." } @else { " to be made." } } }
            @if more_bad > 0 { p { (counted(more_bad, "more line")) " left out." } }
            p { a href=(frame.to("/domains/bulk")) { "Add others" } }
        }
    };
    Ok(frame.page(Part::Domains, title, &trail(&frame), &content))
}

/// The button that makes them; the form carries the good lines alone.
fn confirm(frame: &Frame, lines: &[Line], number: &str) -> Markup {
    let mut text = String::new();
    for line in lines {
        if let Outcome::Good(name, label) = &line.outcome {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name},{}", label.as_deref().unwrap_or_default());
        }
    }
    frame.form(
        &frame.to("/domains/bulk"),
        &html! {
            input type="hidden" name="lines" value=(text);
            input type="hidden" name="confirm" value="yes";
            button.primary { "Make " (number) }
        },
    )
}

fn row(frame: &Frame, line: &Line, is_made: bool) -> Markup {
    html! {
        tr {
            td data-label="Line" { (line.number) }
            @match &line.outcome {
                Outcome::Good(name, label) => {
                    td { @if is_made { a.name href=(frame.to_domain(name.as_str(), "")) { (name) } } @else { span.name { (name) } }
                         @if let Some(label) = label { div.small.soft { (label) } } }
                    td { (pill(Tone::Good, if is_made { "Made" } else { "New" })) }
                }
                Outcome::Bad(reason) => {
                    td { span.name { (line.text) } }
                    td { (pill(Tone::Bad, "Left out")) " " (reason) }
                }
            }
        }
    }
}
