//! What would become of a message: what is asked on the page "Mail", and what is told.

use std::net::IpAddr;

use maud::{Markup, html};
use postroom::Caller;
use postroom::address::EmailAddress;
use postroom::db::ReadTx;
use postroom::domain::{Details, Domain};
use postroom::error::Error;
use postroom::inbound::Downstream;
use postroom::list::{ListOutcome, Sender};
use postroom::mail::{self, Addressee, Arrival, Explained, NotTaken};
use postroom::route::{Mode, Route};
use postroom::webhook::WebhookUrl;

use crate::console::form::sentence;
use crate::console::frame::Frame;
use crate::wire::{Call, SignedIn};

/// A message that somebody asks about, and what would become of it.
pub(super) struct Asked {
    to: String,
    sender: String,
    ip: String,
    /// The steps of its way, the first one first.
    steps: Vec<String>,
}

impl Asked {
    pub(super) fn of(call: &Call<'_, SignedIn>) -> Asked {
        let text = |field: &str| call.query(field).unwrap_or_default().trim().chars().take(512).collect();
        Asked { to: text("test"), sender: text("sender"), ip: text("ip"), steps: Vec::new() }
    }

    /// With what would become of the message.
    pub(super) fn told<'t>(
        mut self,
        tx: &ReadTx<'t>,
        acts: &Caller,
        domain: &Domain<'t>,
    ) -> Result<Asked, Error> {
        if self.to.is_empty() {
            return Ok(self);
        }
        self.steps = match self.read() {
            Err(reason) => vec![reason],
            Ok((address, arrival)) => {
                let explained = mail::explain(tx, acts, address.domain(), Some((&address, &arrival)));
                match explained {
                    Ok(explained) if explained.domain.id == domain.id => steps(&explained),
                    Ok(_) | Err(Error::NotFound(_)) => {
                        vec![format!("This is no address at {} or an alias of it.", domain.name)]
                    }
                    Err(error) => return Err(error),
                }
            }
        };
        Ok(self)
    }

    fn read(&self) -> Result<(EmailAddress, Arrival), String> {
        let address: EmailAddress = self
            .to
            .parse()
            .map_err(|reason: postroom::address::InvalidAddress| sentence(&reason.to_string()))?;
        let client = match self.ip.as_str() {
            "" => None,
            text => Some(text.parse::<IpAddr>().map_err(|_| "The IP address is none.".to_owned())?),
        };
        let sender = match self.sender.as_str() {
            "" => None,
            text => Some(Sender::parse(text).ok_or("The sender is no address.")?),
        };
        Ok((address, Arrival { sender, client, ..Arrival::default() }))
    }
}

fn steps(explained: &Explained) -> Vec<String> {
    if !explained.acts {
        return vec![
            "It is refused: the account has not proved that the domain is its own, so it takes no mail yet."
                .to_owned(),
        ];
    }
    let Some(address) = &explained.address else { return Vec::new() };
    match &address.addressee {
        None => {
            vec!["It is refused: no such recipient is known, and there is no catch-all address.".to_owned()]
        }
        Some(Addressee::ReturnPath { .. }) if address.not_taken == Some(NotTaken::HasSender) => {
            vec!["It is refused: this address takes delivery reports alone, which have no sender.".to_owned()]
        }
        Some(Addressee::ReturnPath { sender, .. }) => {
            vec![format!("It is a bounce, and goes back to {sender}.")]
        }
        Some(Addressee::Mailbox(mailbox)) => {
            let mut steps = vec![format!("It is for the mailbox {}.", mailbox.address)];
            let verdict = address.judged.as_ref().map(|(_, _, explanation)| &explanation.verdict);
            let because = verdict.and_then(|verdict| verdict.because.as_ref()).map(|because| {
                let (item, list) = (because.entry.item.given(), because.entry.list.as_str());
                format!("“{item}” in the {list} of the {}", because.tier.as_str())
            });
            let because = because.unwrap_or_default();
            match verdict.map(|verdict| verdict.outcome) {
                Some(ListOutcome::Blocked) => {
                    steps.push(format!("It is refused, by {because}."));
                    return steps;
                }
                Some(ListOutcome::Safe) => {
                    steps.push(format!("It is taken whatever filters say, by {because}."));
                }
                _ => steps.push("No entry of a safelist or blocklist matches.".to_owned()),
            }
            steps.push(sentence(&fate_of(&explained.route, &explained.downstream)));
            steps
        }
    }
}

/// What a route does with a message, in words.
fn fate_of(route: &Route, downstream: &[Downstream]) -> String {
    let url = || route.webhook_url.as_ref().map_or("the webhook", WebhookUrl::as_str);
    match route.mode {
        Mode::Store if downstream.is_empty() => "it is stored".to_owned(),
        Mode::Store => {
            let servers = downstream.iter().map(|server| format!("{}:{}", server.target, server.port));
            format!("it goes on to {}", servers.collect::<Vec<_>>().join(", or to "))
        }
        Mode::Webhook => format!("it is posted to {}", url()),
        Mode::WebhookThenStore => format!("it is posted to {}, and stored", url()),
        Mode::ForwardEmail => {
            let to = route.forward_to.as_ref().map_or_else(|| "nobody".to_owned(), ToString::to_string);
            format!("it is forwarded to {to}")
        }
    }
}

pub(super) fn form(frame: &Frame, domain: &Details, asked: &Asked) -> Markup {
    html! {
        section.card #test-message {
            h2 { "What would become of a message?" }
            form method="get" action=(frame.to_domain(domain.name.as_str(), "/mail#test-message")) {
                div.row {
                    div.field { label for="test" { "To this address" }
                        input type="email" id="test" name="test" value=(asked.to) placeholder={ "jo@" (domain.name) } required; }
                    div.field { label for="sender" { "From (optional)" }
                        input type="text" id="sender" name="sender" value=(asked.sender) autocapitalize="none" spellcheck="false"; }
                    div.field.slim { label for="ip" { "IP address (optional)" }
                        input type="text" id="ip" name="ip" value=(asked.ip); }
                    button { "Tell me" }
                }
            }
            @if !asked.steps.is_empty() { div role="status" { ol { @for step in &asked.steps { li { (step) } } } } }
        }
    }
}
