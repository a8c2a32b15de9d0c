//! How much an account has of everything that has a limit: its plans, and what it can pile up.

use std::time::Duration;

use maud::{Markup, html};
use postroom::cap::Cap;
use postroom::clock::Timestamp;
use postroom::error::Error;
use postroom::id::SubscriptionId;
use postroom::ledger::{self, Usage};
use postroom::subscription::{self, Subscription};
use postroom::{account, domain, event, ownership};

use super::{Tab, tabs};
use crate::console::frame::{Frame, Part};
use crate::console::part::{Tone, grouped, pill, time};
use crate::wire::http::Response;
use crate::wire::{Call, Fault, SignedIn};

struct Shown {
    frame: Frame,
    plans: Vec<Subscription>,
    domains: Vec<(SubscriptionId, u64)>,
    usage: Vec<Usage>,
    oldest_event: Option<Timestamp>,
    keep_events_for: Duration,
}

pub(in crate::console) fn show(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let acts = &call.caller.acts;
    let shown = call.read(|tx| {
        let account = acts.account();
        let mut usage = ledger::usage(tx, account)?;
        // A trusted account may have any number of them.
        if !account::is_trusted(tx, account)? {
            let cap = Cap::UnprovedClaims;
            let used = Some(ownership::count_unproved(tx, account)?);
            usage.push(Usage { cap, used, most: tx.settings().caps.most(cap) });
        }
        Ok::<_, Error>(Shown {
            frame: Frame::of(tx, call)?,
            plans: subscription::list(tx, Some(account))?,
            domains: domain::count_by_subscription(tx, acts)?,
            usage,
            oldest_event: event::oldest(tx, account)?,
            keep_events_for: tx.settings().keep_events_for,
        })
    })?;
    let content = html! {
        div.head { h1 { "Usage" } }
        (tabs(&shown.frame, Tab::Usage))
        (plans(&shown))
        (piles(&shown))
    };
    Ok(shown.frame.page(Part::Account, "Usage", &[], &content))
}

fn plans(shown: &Shown) -> Markup {
    html! {
        section.card {
            h2 { "Plans" }
            table.table {
                caption.visually-hidden { "Plans" }
                thead { tr { th scope="col" { "Plan" } th scope="col" { "Domains" } th scope="col" { "Most domains" } th scope="col" { "How full" } th scope="col" { "Most recipients" } } }
                tbody {
                    @for plan in &shown.plans {
                        @let used = shown.domains.iter().find(|(id, _)| *id == plan.id).map_or(0, |(_, count)| *count);
                        @let most = plan.limits.max_domains.map(u64::from);
                        tr {
                            td { span.name { (plan.handle) } }
                            td data-label="Domains" { (grouped(used)) }
                            td data-label="Most domains" { (limit(most)) }
                            td data-label="How full" { @match most { Some(most) => (fill(&format!("Domains of {}", plan.handle), used, most)), None => "no limit" } }
                            td data-label="Most recipients" { (limit(plan.limits.max_recipients.map(u64::from))) }
                        }
                    }
                }
            }
        }
    }
}

fn limit(most: Option<u64>) -> String {
    most.map_or_else(|| "no limit".to_owned(), grouped)
}

/// How full something is, as a bar with its figure.
fn fill(what: &str, used: u64, most: u64) -> Markup {
    let percent = used.saturating_mul(100).checked_div(most).unwrap_or(100);
    html! {
        span.nowrap {
            meter aria-label=(what) min="0" max=(most.max(1)) high=(most - most / 10) optimum="0" value=(used) {}
            " " (percent) " %"
        }
        @if used >= most { " " (pill(Tone::Bad, "Full")) } @else if percent >= 90 { " " (pill(Tone::Wait, "Nearly full")) }
    }
}

fn piles(shown: &Shown) -> Markup {
    html! {
        section.card {
            h2 { "What the account has" }
            p { "The operator of the server sets these limits. What would go past one is refused, and nothing else changes." }
            table.table {
                caption.visually-hidden { "What the account has" }
                thead { tr { th scope="col" { "Of what" } th scope="col" { "Has" } th scope="col" { "May have" } th scope="col" { "How full" } } }
                tbody { @for usage in &shown.usage { (row(usage)) } }
            }
            p { "The audit log is kept for " (shown.keep_events_for.as_secs() / 86_400) " days"
                @if let Some(at) = shown.oldest_event { "; its oldest row was written " (time(at, shown.frame.now)) } "." }
        }
    }
}

fn row(usage: &Usage) -> Markup {
    let what = what(usage.cap);
    html! {
        tr {
            td { span.name { (what) } }
            td data-label="Has" { @match usage.used { Some(used) => (amount(usage.cap, used)), None => "only a bridge knows" } }
            td data-label="May have" { (amount(usage.cap, usage.most)) }
            td data-label="How full" { @if let Some(used) = usage.used { (fill(what, used, usage.most)) } }
        }
    }
}

fn what(cap: Cap) -> &'static str {
    match cap {
        Cap::ListEntries => "Entries of the largest list",
        Cap::Recipients => "Recipients",
        Cap::Aliases => "Aliases",
        Cap::Tokens => "Sending tokens",
        Cap::Keys => "API keys",
        Cap::KeyDomains => "Domains that API keys are limited to",
        Cap::LoginLinks => "Unused login links",
        Cap::KeptAnswers => "Answers kept for repeats",
        Cap::UnprovedClaims => "Names without a proof",
        Cap::Deliveries => "Deliveries at a time",
        Cap::Reports => "Reported messages",
        other => {
            debug_assert!(false, "{other:?} has no words yet");
            other.name()
        }
    }
}

fn amount(cap: Cap, amount: u64) -> String {
    if cap.is_of_octets() { octets(amount) } else { grouped(amount) }
}

/// `0 octets`, `12 kB`, `3.4 MiB`.
fn octets(amount: u64) -> String {
    match amount {
        0..1024 => format!("{amount} octets"),
        1024..1_048_576 => format!("{} KiB", amount / 1024),
        _ if amount.is_multiple_of(1_048_576) => format!("{} MiB", amount / 1_048_576),
        _ => format!("{}.{} MiB", amount / 1_048_576, amount % 1_048_576 * 10 / 1_048_576),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cap_has_words_and_octets_are_shown_in_a_unit() {
        let words: std::collections::BTreeSet<&str> = Cap::ALL.into_iter().map(what).collect();
        assert_eq!(words.len(), Cap::ALL.len());
        assert_eq!([0, 2048, 1_048_576, 3_565_159].map(octets), ["0 octets", "2 KiB", "1 MiB", "3.4 MiB"]);
    }
}
