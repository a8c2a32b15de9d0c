//! The set-up page: a domain's records for whoever enters them at a DNS provider, without an account, in their own language. What
//! opens it is a set-up link, which works until it expires or is revoked.
//!
//! The secret stands in the query, as that of a login link does, and in the body of the page's form.

mod catalogue;

use std::hash::{DefaultHasher, Hash, Hasher};

use maud::{Markup, html};
use postroom::account;
use postroom::clock::Timestamp;
use postroom::db::ReadTx;
use postroom::dns::RecordType;
use postroom::domain::{self, Details};
use postroom::error::Error;
use postroom::id::AccountId;
use postroom::record::{self, Record, RecordStatus, strings, zone_fragment};
use postroom::secret::{PlainSecret, SecretKind};
use postroom::setup_link::{self, SetUp};
use postroom::verify::{self, Act, Action, Checked, Code, Verdict};

use self::catalogue::Words;
use super::domain::provider::{self, Apex, Provider};
use super::domain::{MAX_STRING, fields, relative, zone_file};
use super::frame::{Chrome, base_host, base_path, handed};
use super::live::revision;
use super::part::{Tone, copyable, exact, is_known_wrong, pill};
use crate::wire::http::{Request, Response, StatusCode};
use crate::wire::{Anybody, Call, Fault, Following, LookingCall, PageFault, Seen};

pub(super) const PATH: &str = "/setup";
/// The parameter that carries the secret.
const SECRET: &str = "link";
/// The parameter that says the language.
const LANGUAGE: &str = "lang";

/// The address of the page that this link opens, below the base URL that clients use.
pub fn setup_url(base_url: &str, secret: &PlainSecret) -> String {
    format!("{}{PATH}?{SECRET}={}", base_url.trim_end_matches('/'), secret.reveal())
}

/// What the page shows.
struct Shown {
    domain: Details,
    sender: String,
    /// The host that people know the server by.
    host: String,
    expires_at: Timestamp,
    records: Vec<Record>,
    /// Where the records are entered, if that is known.
    provider: Option<&'static Provider>,
    /// What a check has just found.
    checked: Option<Vec<Checked>>,
    /// For how many seconds nobody can have the DNS asked again, if somebody has just tried.
    wait: Option<u64>,
    secret: PlainSecret,
    words: &'static Words,
}

/// What a request carries.
struct Asked {
    secret: PlainSecret,
    words: &'static Words,
}

impl Asked {
    /// From the query of a page, or from the body of its form.
    fn read(request: &Request, urlencoded: &[u8]) -> Result<Asked, Fault> {
        let value = |wanted: &str| {
            let mut all = form_urlencoded::parse(urlencoded).filter(|(name, _)| name == wanted);
            let value = all.next().map(|(_, value)| value.into_owned());
            value.filter(|_| all.next().is_none())
        };
        let chosen = value(LANGUAGE).and_then(|language| Words::of(&language));
        let words = chosen
            .or_else(|| Words::accepted(request.header("accept-language")))
            .unwrap_or_else(Words::usual);
        let secret = value(SECRET).and_then(|text| PlainSecret::parse(SecretKind::SetupLink, &text).ok());
        secret.map(|secret| Asked { secret, words }).ok_or_else(|| dead(words))
    }

    fn of_query(call: &Call<'_, Anybody>) -> Result<Asked, Fault> {
        Asked::read(call.request, call.request.query.as_deref().unwrap_or_default().as_bytes())
    }

    fn of_form(call: &Call<'_, Anybody>) -> Result<Asked, Fault> {
        Asked::read(call.request, call.request.body.as_deref().unwrap_or_default())
    }

    /// Runs `work` with what the link opens.
    fn open<T>(
        &self,
        call: &Call<'_, Anybody>,
        work: impl for<'t> FnOnce(&ReadTx<'t>, SetUp<'t>) -> Result<T, Error>,
    ) -> Result<T, Fault> {
        let done = call.read(|tx| match setup_link::open(tx, &self.secret)? {
            Some(opened) => work(tx, opened).map(Some),
            None => Ok::<_, Error>(None),
        })?;
        done.ok_or_else(|| dead(self.words))
    }

    fn show(
        self,
        call: &Call<'_, Anybody>,
        checked: Option<Vec<Checked>>,
        wait: Option<u64>,
    ) -> Result<Response, Fault> {
        let shown = self.open(call, |tx, opened| {
            Ok(Shown {
                records: record::list(tx, &opened.domain)?,
                provider: provider::of(&domain::name_servers(tx, &opened.domain)?),
                sender: opened.sender,
                host: base_host(call.base_url).to_owned(),
                expires_at: opened.link.expires_at,
                domain: opened.domain.into_details(),
                checked,
                wait,
                secret: self.secret.clone(),
                words: self.words,
            })
        })?;
        Ok(page(&shown, base_path(call.base_url)))
    }
}

/// The App counts these as failed authentications.
fn dead(words: &Words) -> Fault {
    Fault::Page(PageFault::DeadSetupLink(words.language))
}

/// The page for a link that expired, was revoked or never existed. It does not show which.
pub(super) fn dead_link(language: &str, base: &str) -> Response {
    let words = Words::of(language).unwrap_or_else(Words::usual);
    let content =
        html! { div.narrow { div.card { h1 { (words.say("dead-title")) } p { (words.say("dead")) } } } };
    handed(StatusCode::NOT_FOUND, &words.say("dead-title"), base, &chrome(words), &content)
}

/// Shows the page.
pub(super) fn show(call: &Call<'_, Anybody>) -> Result<Response, Fault> {
    Asked::of_query(call)?.show(call, None, None)
}

/// The records as a fragment of a zone file, to download.
pub(super) fn zone(call: &Call<'_, Anybody>) -> Result<Response, Fault> {
    Asked::of_query(call)?.open(call, |tx, opened| {
        let records = record::list(tx, &opened.domain)?;
        Ok(zone_file(opened.domain.name.as_str(), zone_fragment(&opened.domain, &records)))
    })
}

/// Follows the domain for as long as the link works.
pub(super) fn live(call: &Call<'_, Anybody>) -> Result<Response, Fault> {
    let asked = Asked::of_query(call)?;
    let follower = asked.open(call, |_, opened| {
        Ok(Following { account: opened.domain.account, link: Some(opened.link.id) })
    })?;
    call.live(follower, move |tx| {
        let opened = setup_link::open(tx, &asked.secret)?.ok_or_else(|| dead(asked.words))?;
        Ok(Seen { domain: opened.domain.id, state: revision(&opened.domain) })
    })
}

/// The account for which a check is made.
pub(super) fn whose(call: &Call<'_, Anybody>) -> Result<AccountId, Fault> {
    Asked::of_form(call)?.open(call, |_, opened| Ok(opened.domain.account))
}

/// Asks the DNS now, unless that was done a moment ago, and shows what was found.
pub(super) fn check(call: &LookingCall<'_, Anybody>) -> Result<Response, Fault> {
    let asked = Asked::of_form(call)?;
    let (link, maker, domain) =
        asked.open(call, |_, opened| Ok((opened.link.id, opened.maker, opened.domain.id)))?;
    if let Some(wait) = call.write(|tx| setup_link::note_look(tx, link))? {
        return asked.show(call, None, Some(wait.as_secs()));
    }
    let checked = verify::check(call.postroom, &maker, domain, &call.checks.watch(domain, call.resolver))?;
    asked.show(call, Some(checked), None)
}

fn chrome(words: &Words) -> Chrome {
    Chrome {
        language: words.language,
        skip: words.say("skip"),
        // The script puts numbers in the place of the words in capitals.
        said: [
            "copy",
            "copied",
            "copy-yourself",
            "checking",
            "answered",
            "too-many",
            "failed",
            "unreachable",
        ]
        .map(|id| (id, words.with(id, &[("answered", "ANSWERED"), ("asked", "ASKED")])))
        .to_vec(),
    }
}

fn page(shown: &Shown, base: &str) -> Response {
    let Shown { words, domain, .. } = shown;
    let name = domain.name.as_str();
    let title = words.with("title", &[("domain", name)]);
    let place = |path: &str, language: &str| {
        format!("{base}{PATH}{path}?{SECRET}={}&{LANGUAGE}={language}", shown.secret.reveal())
    };
    let is_done = shown.needed().all(|record| record.standing.status == RecordStatus::Verified);
    let follow = (!is_done).then(|| place("", words.language));
    let content = html! {
        nav.languages aria-label=(words.say("languages")) {
            ul {
                @for other in Words::all() {
                    li { a href=(place("", other.language)) lang=(other.language) hreflang=(other.language)
                        aria-current=[(other.language == words.language).then_some("true")] { (other.say("language")) } }
                }
            }
        }
        h1 { (title) }
        @if let Some(unicode) = domain.name.unicode() { p { strong { (unicode) } } }
        p { (shown.sent()) " " (words.with("shows", &[("domain", name)])) }
        p { (words.say("how")) }
        div #live data-state=(shown.state()) data-follow=[follow] data-said=(shown.said(is_done))
            data-live=(place("/live", words.language)) data-revision=(revision(domain)) {
            (notice(shown, is_done))
            div.head {
                div.actions {
                    form method="post" action=(place("/check", words.language)) data-check {
                        input type="hidden" name=(SECRET) value=(shown.secret.reveal());
                        input type="hidden" name=(LANGUAGE) value=(words.language);
                        button.primary { (words.say("check")) }
                    }
                    a.button.slight href=(place("/zone", words.language)) { (words.say("zone")) }
                }
            }
            p.small.soft data-progress hidden {}
            @if let Some(provider) = shown.provider && !is_done { (at_provider(words, domain, provider)) }
            @for record in &shown.records { (card(shown, record)) }
        }
        p.small.soft { (words.with("expires", &[("time", &exact(shown.expires_at))])) }
    };
    handed(StatusCode::OK, &title, base, &chrome(words), &content)
}

impl Shown {
    /// The records that somebody has to enter.
    fn needed(&self) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(|record| record.standing.status != RecordStatus::Disabled)
    }

    /// Who has sent the page. The account of the first start is the operator's own, and nobody else knows its name.
    fn sent(&self) -> String {
        match self.sender.as_str() {
            account::FIRST => self.words.with("sent-by-operator", &[("host", &self.host)]),
            sender => self.words.with("sent", &[("sender", sender)]),
        }
    }

    /// What is read aloud when the page has changed.
    fn said(&self, is_done: bool) -> String {
        self.wait_text().unwrap_or_else(|| standing(self, is_done).0)
    }

    /// That nobody can have the DNS asked again just now.
    fn wait_text(&self) -> Option<String> {
        self.wait.map(|wait| self.words.counted("wait", &[("seconds", wait)]))
    }

    /// A number that differs where something differs that a person would notice.
    fn state(&self) -> String {
        let mut hash = DefaultHasher::new();
        for record in &self.records {
            let problem = record.problem.as_ref();
            let code = problem.map(|problem| problem.code.as_str());
            let to = problem.and_then(|problem| problem.action.as_ref()?.to.as_deref());
            (record.id.number(), record.standing.status, code, to, record.value.as_str()).hash(&mut hash);
        }
        format!("{:x}", hash.finish())
    }

    /// What is known of a record's problem: by the check that was just made, else by the last one.
    fn problem<'a>(&'a self, record: &'a Record) -> (Option<Code>, Option<&'a Action>, Option<&'a str>) {
        let checked = self.checked.as_ref().and_then(|all| all.iter().find(|one| one.record.id == record.id));
        if let Some(Checked { finding, .. }) = checked {
            let code = finding.code.filter(|_| finding.verdict != Verdict::Pass);
            (code, finding.action.as_ref(), finding.seen.as_deref())
        } else {
            let problem = record.problem.as_ref();
            let code = problem
                .and_then(|problem| Code::ALL.iter().find(|one| one.as_str() == problem.code).copied());
            (code, problem.and_then(|problem| problem.action.as_ref()), record.observed.as_deref())
        }
    }

    /// The text to which the record is to be changed, where it is another one than the record's own: it has in it what stands in the DNS
    /// already, such as other senders, and whoever entered the record's own would lose that.
    fn changed<'a>(&self, record: &Record, action: Option<&'a Action>) -> Option<&'a str> {
        let action = action.filter(|action| {
            action.act == Act::Change
                && action.name == record.name(&self.domain)
                && (action.record_type, record.record_type()) == (RecordType::Txt, RecordType::Txt)
        });
        action?.to.as_deref().filter(|to| *to != record.value)
    }
}

/// How it stands, in a few words and in a sentence.
fn standing(shown: &Shown, is_done: bool) -> (String, String) {
    let words = shown.words;
    if is_done {
        let text = words.with("all-right-text", &[("domain", shown.domain.name.as_str())]);
        return (words.say("all-right"), text);
    }
    let right = shown.needed().filter(|record| record.standing.status == RecordStatus::Verified).count();
    let numbers = [("right", right as u64), ("all", shown.needed().count() as u64)];
    (words.counted("some-right", &numbers), words.say("some-right-text"))
}

fn notice(shown: &Shown, is_done: bool) -> Markup {
    let words = shown.words;
    let (title, text) = standing(shown, is_done);
    let tone = if is_done { Tone::Good } else { Tone::Wait };
    let checked_at = shown.records.iter().filter_map(|record| record.checked_at).max();
    html! {
        section class={ "notice " (tone.class()) } {
            h2 { (title) }
            p { (text) }
            p.small {
                @match checked_at {
                    Some(at) => (words.with("checked", &[("time", &exact(at))])),
                    None => (words.say("never-checked")),
                }
            }
            @if let Some(wait) = shown.wait_text() { p { strong { (wait) } } }
        }
    }
}

fn card(shown: &Shown, record: &Record) -> Markup {
    let words = shown.words;
    let title = match record.purpose.as_str() {
        known @ ("mx" | "spf" | "dmarc" | "dkim") => words.say(known),
        "return_path" => words.say("return-path"),
        _ => words.say("other"),
    };
    let (code, action, seen) = shown.problem(record);
    let changed = shown.changed(record, action);
    let value = changed.unwrap_or(&record.value);
    let (tone, word) = match record.standing.status {
        RecordStatus::Verified if code.is_some() => (Tone::Wait, "right-warn"),
        RecordStatus::Verified => (Tone::Good, "right"),
        RecordStatus::Pending if is_known_wrong(record) => (Tone::Bad, "wrong"),
        RecordStatus::Pending => (Tone::Wait, "unseen"),
        RecordStatus::Failed => (Tone::Bad, "lost"),
        RecordStatus::Disabled => (Tone::Plain, "not-needed"),
    };
    let kind = record.record_type();
    let field = |label: String, value: &str| {
        html! { dt { (label) } dd { (copyable(&format!("{label}, {title}"), value)) } }
    };
    // It goes into the zone of the registered name, also where the domain stands below that.
    let host = relative(&shown.domain.name, &record.name(&shown.domain));
    let host = shown.provider.map_or(host.as_str(), |provider| provider.host(&host));
    html! {
        article.card.record id={ "record-" (record.id) } {
            header { h3 { (title) } (pill(tone, &words.say(word))) }
            dl.fields {
                dt { (words.say("type")) } dd { code { (kind) } }
                @if host.is_empty() { dt { (called(words, "name", shown.provider)) } dd { span.soft { (words.say("leave-empty")) } } }
                @else { (field(called(words, "name", shown.provider), host)) }
                (field(words.say("whole-name"), record.name(&shown.domain).as_str()))
                @if let Some(priority) = record.priority { dt { (words.say("priority")) } dd { code { (priority) } } }
                (field(called(words, "value", shown.provider), value))
                @if kind == RecordType::Txt && value.len() > MAX_STRING {
                    dt { (words.say("in-parts")) }
                    dd {
                        details id={ "parts-" (record.id) } {
                            summary { (words.say("parts")) }
                            (copyable(&format!("{}, {title}", words.say("parts")), &strings(value)))
                        }
                    }
                }
            }
            @if let Some(code) = code {
                @let (meaning, mend) = words.finding(code);
                @let is_bad = record.standing.status != RecordStatus::Verified && is_known_wrong(record);
                div class={ "finding " (if is_bad { "bad" } else { "wait" }) } {
                    p { (meaning) }
                    p { strong { (words.say("todo")) ": " } (mend) }
                    @if let Some(seen) = seen { p.small { (words.say("seen")) ": " code { (seen) } } }
                    // The value to change to stands above, alone.
                    @if let Some(action) = action && changed.is_none() { (to_do(words, action, code)) }
                }
            }
        }
    }
}

/// The word for the field of the name or of the value, and the provider's own in its English pages where that is another.
fn called(words: &Words, field: &str, provider: Option<&Provider>) -> String {
    let ours = words.say(field);
    let theirs = provider.map(|it| if field == "name" { it.name_field } else { it.value_field });
    theirs.filter(|theirs| *theirs != ours).map_or(ours.clone(), |theirs| format!("{ours} (“{theirs}”)"))
}

/// Where the records are entered, with the provider's own words.
fn at_provider(words: &Words, domain: &Details, provider: &Provider) -> Markup {
    let fields = [("name", provider.name_field), ("value", provider.value_field)];
    let apex = match provider.apex {
        Apex::At => "provider-at",
        Apex::Empty => "provider-empty",
    };
    let zone = domain.name.registered();
    html! {
        section.card {
            h2 { (words.with("provider", &[("provider", provider.name)])) }
            p { (words.with("provider-fields", &fields)) " " (words.with(apex, &[("domain", zone.as_str())])) }
            p lang="en" { (provider.hint) }
        }
    }
}

/// What to enter where.
fn to_do(words: &Words, action: &Action, code: Code) -> Markup {
    let what = match action.act {
        Act::Add => "add",
        Act::Change => "change",
        Act::Delete => "delete",
        Act::Wait | Act::None => return html! {},
    };
    let what = words.say(what);
    let field = |id: &str, value: &str| {
        let label = words.say(id);
        html! { dt { (label) } dd { (copyable(&format!("{label}, {what}"), value)) } }
    };
    html! {
        h4.small { (what) }
        dl.fields {
            dt { (words.say("type")) } dd { code { (action.record_type) } }
            (field("whole-name", action.name.as_str()))
            @if let Some(from) = &action.from { dt { (words.say("now")) } dd { code.value { (from) } } }
            @if let Some((priority, value)) = fields(action, Some(code.as_str())) {
                @if let Some(priority) = priority { dt { (words.say("priority")) } dd { code { (priority) } } }
                (field("value", value))
            }
        }
    }
}
