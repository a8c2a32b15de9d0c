//! Parts that many pages have: statuses, times, values to copy, notices, pages of a list.

use std::time::Duration;

use maud::{Markup, PreEscaped, html};
use postroom::clock::Timestamp;
use postroom::domain::DomainStatus;
use postroom::record::{Record, RecordStatus};

/// How a thing stands, as a colour, a sign and a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Wait,
    Bad,
    Plain,
}

impl Tone {
    pub(super) fn class(self) -> &'static str {
        match self {
            Tone::Good => "good",
            Tone::Wait => "wait",
            Tone::Bad => "bad",
            Tone::Plain => "plain",
        }
    }

    /// A sign beside the word, so that the colour is not all there is.
    fn sign(self) -> PreEscaped<&'static str> {
        PreEscaped(match self {
            Tone::Good => {
                r#"<svg viewBox="0 0 12 12" aria-hidden="true"><path d="M2 6.5 4.8 9.2 10 3" fill="none" stroke="currentColor" stroke-width="2.2"/></svg>"#
            }
            Tone::Wait => {
                r#"<svg viewBox="0 0 12 12" aria-hidden="true"><circle cx="6" cy="6" r="4.7" fill="none" stroke="currentColor" stroke-width="1.8"/><path d="M6 3.4V6l1.9 1.3" fill="none" stroke="currentColor" stroke-width="1.6"/></svg>"#
            }
            Tone::Bad => {
                r#"<svg viewBox="0 0 12 12" aria-hidden="true"><path d="M2.5 2.5 9.5 9.5M9.5 2.5 2.5 9.5" fill="none" stroke="currentColor" stroke-width="2.2"/></svg>"#
            }
            Tone::Plain => {
                r#"<svg viewBox="0 0 12 12" aria-hidden="true"><path d="M2 6h8" stroke="currentColor" stroke-width="2"/></svg>"#
            }
        })
    }
}

pub(super) fn pill(tone: Tone, word: &str) -> Markup {
    html! { span class={ "pill " (tone.class()) } { (tone.sign()) (word) } }
}

pub(super) fn domain_pill(status: DomainStatus) -> Markup {
    match status {
        DomainStatus::Active => pill(Tone::Good, "Active"),
        DomainStatus::Pending => pill(Tone::Wait, "Pending"),
        DomainStatus::Failed => pill(Tone::Bad, "Failed"),
    }
}

/// The status of a record; one that is not verified and has a problem is shown so.
pub(super) fn record_pill(record: &Record) -> Markup {
    match record.standing.status {
        RecordStatus::Verified if record.problem.is_some() => pill(Tone::Wait, "Verified, with a problem"),
        RecordStatus::Verified => pill(Tone::Good, "Verified"),
        RecordStatus::Pending if is_known_wrong(record) => pill(Tone::Bad, "Not right yet"),
        RecordStatus::Pending => pill(Tone::Wait, "Not seen yet"),
        RecordStatus::Failed => pill(Tone::Bad, "Lost"),
        RecordStatus::Disabled => pill(Tone::Plain, "Left out"),
    }
}

/// Whether the last check found the record wrong. A check that could not tell has a problem to show as well, and nothing follows
/// from that.
pub(super) fn is_known_wrong(record: &Record) -> bool {
    record.problem.is_some() && record.standing.failed_at.is_some()
}

/// A value that a script gives a button to copy it.
pub(super) fn copyable(what: &str, value: &str) -> Markup {
    html! { code.value data-copy=(what) { (value) } }
}

/// A moment, as people say it, with the exact time for programs and for who points at it.
pub(super) fn time(at: Timestamp, now: Timestamp) -> Markup {
    html! { time datetime=(at) title=(exact(at)) { (when(at, now)) } }
}

/// `2026-11-21 10:00 UTC`.
pub(super) fn exact(at: Timestamp) -> String {
    let text = at.to_string();
    let (date, time) = text.split_once('T').unwrap_or((&text, ""));
    format!("{date} {} UTC", time.get(..5).unwrap_or_default())
}

fn when(at: Timestamp, now: Timestamp) -> String {
    if at > now {
        let span = at.since(now);
        return if span < Duration::from_mins(1) {
            "in a moment".to_owned()
        } else {
            format!("in {}", spoken(span))
        };
    }
    let span = now.since(at);
    match span.as_secs() {
        0..60 => "just now".to_owned(),
        60..2_592_000 => format!("{} ago", spoken(span)),
        _ => format!("on {}", at.to_string().get(..10).unwrap_or_default()),
    }
}

/// A span of a minute or more: `5 minutes`, `1 hour`, `3 days`.
pub(super) fn spoken(span: Duration) -> String {
    let minutes = span.as_secs() / 60;
    let (number, unit) = match minutes {
        0..60 => (minutes, "minute"),
        60..2_880 => (minutes / 60, "hour"),
        _ => (minutes / 1_440, "day"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

/// `1 domain`, `2 domains`.
pub(super) fn counted(number: u64, one: &str) -> String {
    format!("{} {one}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// A number with its thousands apart, by a space that does not break.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push('\u{202f}');
        }
        shown.push(digit);
    }
    shown
}

/// What stands on a page of a list beyond the last one: what stood there may have been deleted.
pub(super) const NOTHING_HERE: &str = "Nothing on this page.";

/// The links to the page before and the one after.
pub(super) fn pager(before: Option<String>, after: Option<String>) -> Markup {
    html! {
        @if before.is_some() || after.is_some() {
            nav.pager aria-label="Pages" {
                @if let Some(before) = before { a.button rel="prev" href=(before) { "← Previous" } } @else { span {} }
                @if let Some(after) = after { a.button rel="next" href=(after) { "Next →" } }
            }
        }
    }
}

/// A text in the query of an address.
pub(super) fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// A secret, shown this once.
pub(super) fn shown_once(title: &str, what: &str, secret: &str, after: &str) -> Markup {
    html! {
        section.notice.good {
            h2 { (title) }
            p { "Copy it now: it is shown this once." }
            div.secret { code data-copy=(what) { (secret) } }
            @if !after.is_empty() { p { (after) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_said_as_people_say_it() {
        let now = Timestamp::from_millis(1_795_255_200_000);
        let before = |seconds| when(now - Duration::from_secs(seconds), now);
        assert_eq!(before(0), "just now");
        assert_eq!(before(60), "1 minute ago");
        assert_eq!(before(3600), "1 hour ago");
        assert_eq!(before(50 * 3600), "2 days ago");
        assert_eq!(before(40 * 86_400), "on 2026-10-12");
        assert_eq!(when(now + Duration::from_mins(5), now), "in 5 minutes");
        assert_eq!(exact(now), "2026-11-21 10:00 UTC");
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(100_000), "100\u{202f}000");
        assert_eq!(counted(1, "domain"), "1 domain");
    }
}
