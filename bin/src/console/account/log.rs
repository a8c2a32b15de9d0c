//! The audit log of an account: with filters, and as a file.

use std::time::Duration;

use maud::{Markup, html};
use postroom::clock::Timestamp;
use postroom::db::ReadTx;
use postroom::error::Error;
use postroom::event::{self, Change, Event, Search};
use postroom::id::{AccountId, EventId};
use postroom::name::DomainName;

use crate::console::domain::log::{EVENTS, before, events, older};
use crate::console::frame::{Frame, Part};
use crate::console::part::{NOTHING_HERE, encoded, pager};
use crate::console::sheet::{Sheet, file};
use crate::json::event::event_json;
use crate::wire::http::{HeaderValue, Response};
use crate::wire::{Call, Fault, SignedIn};

/// How many rows of a file are read at once.
const ROWS_AT_ONCE: u32 = 250;
const DAY: Duration = Duration::from_hours(24);

/// What the log is asked for, as it was entered and as it is understood.
struct Asked {
    entered: [String; 4],
    domain: Option<DomainName>,
    action: Option<&'static str>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

/// The fields of the form, in the order of `Asked::entered`.
const FIELDS: [&str; 4] = ["domain", "action", "since", "until"];

impl Asked {
    fn of(call: &Call<'_, SignedIn>) -> Asked {
        let entered = FIELDS
            .map(|field| call.query(field).unwrap_or_default().trim().chars().take(255).collect::<String>());
        let [domain, action, since, until] = &entered;
        Asked {
            domain: domain.parse().ok(),
            action: actions().into_iter().find(|known| known == action),
            since: since.parse().ok(),
            // The whole of that day.
            until: until.parse().ok().map(|day: Timestamp| day + DAY),
            entered,
        }
    }

    /// Whether what was entered for a field means nothing.
    fn is_wrong(&self, field: &str) -> bool {
        let given = |at: usize| self.entered.get(at).is_some_and(|text| !text.is_empty());
        match field {
            "domain" => given(0) && self.domain.is_none(),
            "action" => given(1) && self.action.is_none(),
            "since" => given(2) && self.since.is_none(),
            "until" => given(3) && self.until.is_none(),
            _ => false,
        }
    }

    fn query(&self) -> String {
        let pairs =
            FIELDS.iter().zip(&self.entered).map(|(field, text)| format!("{field}={}", encoded(text)));
        pairs.collect::<Vec<_>>().join("&")
    }

    fn find(
        &self,
        tx: &ReadTx<'_>,
        account: AccountId,
        before: Option<EventId>,
        limit: u32,
    ) -> Result<Vec<Event>, Error> {
        if FIELDS.iter().any(|field| self.is_wrong(field)) {
            return Ok(Vec::new());
        }
        let search = Search {
            account: Some(account),
            domain: self.domain.as_ref(),
            action: self.action,
            since: self.since,
            until: self.until,
            before,
        };
        event::newest(tx, &search, limit)
    }
}

pub(in crate::console) fn show(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let (before, asked) = (before(call), Asked::of(call));
    let (frame, mut found) = call.read(|tx| {
        let found = asked.find(tx, call.caller.acts.account(), before, EVENTS + 1)?;
        Ok::<_, Error>((Frame::of(tx, call)?, found))
    })?;
    let at = |before: String| frame.to(&format!("/log?{}{before}", asked.query()));
    let newest = before.map(|_| at(String::new()));
    let older = older(&mut found).map(|id| at(format!("&before={id}")));
    let file = |format: &str| frame.to(&format!("/log/export?{}&format={format}", asked.query()));
    let content = html! {
        div.head { h1 { "Audit log" } }
        (search(&frame, &asked))
        section.card aria-label="Events" {
            @if found.is_empty() { p { @if before.is_some() { (NOTHING_HERE) } @else { "Nothing like that happened." } } }
            (events(&found, frame.now))
            (pager(newest, older))
            @if !found.is_empty() {
                p.small { "All of it as a file: " a href=(file("csv")) { "CSV" } ", " a href=(file("jsonl")) { "JSON, one object a line" } "." }
            }
        }
    };
    Ok(frame.page(Part::Log, "Audit log", &[], &content))
}

fn search(frame: &Frame, asked: &Asked) -> Markup {
    let [domain, _, since, until] = &asked.entered;
    let line = |kind: &str, name: &str, label: &str, value: &str, error: &str| {
        let is_wrong = asked.is_wrong(name);
        let error_id = format!("{name}-error");
        html! {
            div.field.slim[kind == "date"] {
                label for=(name) { (label) }
                input type=(kind) id=(name) name=(name) value=(value) autocapitalize="none" spellcheck="false"
                    aria-invalid=[is_wrong.then_some("true")] autofocus[is_wrong] aria-describedby=[is_wrong.then_some(&error_id)];
                @if is_wrong { p.error id=(error_id) { (error) } }
            }
        }
    };
    html! {
        form.card method="get" action=(frame.to("/log")) role="search" {
            div.row {
                (line("text", "domain", "Domain", domain, "This is no domain name."))
                div.field {
                    @let is_wrong = asked.is_wrong("action");
                    label for="action" { "What happened" }
                    select id="action" name="action" aria-invalid=[is_wrong.then_some("true")] autofocus[is_wrong]
                        aria-describedby=[is_wrong.then_some("action-error")] {
                        option value="" { "Anything" }
                        @for known in actions() { option value=(known) selected[Some(known) == asked.action] { (known) } }
                    }
                    @if is_wrong { p.error #action-error { "There is no such action." } }
                }
                (line("date", "since", "From (UTC)", since, "This is no date."))
                (line("date", "until", "To (UTC)", until, "This is no date."))
                button { "Show" }
            }
        }
    }
}

/// The log as a file, the newest row first.
pub(in crate::console) fn export(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let (asked, account) = (Asked::of(call), call.caller.acts.account());
    let mut before = None;
    let mut next = move |tx: &ReadTx<'_>| {
        let rows = asked.find(tx, account, before, ROWS_AT_ONCE)?;
        before = rows.last().map(|row| row.id);
        Ok::<_, Error>(rows)
    };
    if call.query("format").as_deref() == Some("jsonl") {
        let head = file("audit.jsonl", HeaderValue::from_static("application/jsonl"), Vec::new());
        return call.in_pieces(head, move |tx| {
            let lines: Vec<String> = next(tx)?.iter().map(|row| format!("{}\n", event_json(row))).collect();
            Ok((!lines.is_empty()).then(|| lines.concat().into_bytes()))
        });
    }
    let head = Sheet::new(&["id", "at", "actor", "action", "subject", "detail"]);
    call.sheet("audit.csv", head, move |tx, sheet| {
        let rows = next(tx)?;
        for row in &rows {
            let (id, at, actor) = (row.id.to_string(), row.at.to_string(), row.actor.to_string());
            let (subject, detail) = (row.subject(), row.detail().unwrap_or_default());
            sheet.line(&[&id, &at, &actor, row.action(), &subject, &detail]);
        }
        Ok(!rows.is_empty())
    })
}

/// The actions of the log, each once, in order.
fn actions() -> Vec<&'static str> {
    let mut all: Vec<&'static str> = Change::ALL.iter().map(|(_, action)| *action).collect();
    all.sort_unstable();
    all.dedup();
    all
}
