//! The socket `policy`: Postfix's policy delegation (`SMTPD_POLICY_README`), for those who have DNS blocklists in Postfix: a sender on a
//! safelist passes before those are asked.

use std::sync::Arc;

use postroom::address::EmailAddress;
use postroom::db::{Postroom, ReadTx};
use postroom::error::Error;
use postroom::list::{ListOutcome, Sender};
use postroom::mail::{self, Arrival};
use tracing::error;

use super::{Found, Protocol, Step, take};

/// The most octets of a request.
pub const MAX_OCTETS: usize = 64 * 1024;

/// A connection that asks whether a recipient's mail passes.
pub struct Policy {
    postroom: Arc<Postroom>,
}

impl Policy {
    /// Decides by the lists of this database.
    pub fn new(postroom: Arc<Postroom>) -> Policy {
        Policy { postroom }
    }
}

/// What is asked, as far as it matters here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyRequest<'a> {
    /// Who is to get the mail.
    pub recipient: &'a str,
    /// The sender of the envelope.
    pub sender: &'a str,
    /// The address of the client.
    pub client: &'a str,
}

/// Reads the request at the start of `octets`: lines `name=value`, and an empty one.
pub fn read(octets: &[u8]) -> Found<PolicyRequest<'_>> {
    let (mut used, mut request) = (0, PolicyRequest::default());
    while let Some(end) = octets.get(used..).and_then(|rest| rest.iter().position(|octet| *octet == b'\n')) {
        let line = octets.get(used..used + end).unwrap_or_default();
        used += end + 1;
        if used > MAX_OCTETS {
            return Found::Broken;
        }
        if line.is_empty() {
            return Found::Whole(request, used);
        }
        let pair = std::str::from_utf8(line).ok().and_then(|line| line.split_once('='));
        match pair {
            Some(("recipient", value)) => request.recipient = value,
            Some(("sender", value)) => request.sender = value,
            Some(("client_address", value)) => request.client = value,
            _ => {}
        }
    }
    if octets.len() > MAX_OCTETS { Found::Broken } else { Found::Part }
}

/// Whether a list lets the message through.
fn is_safe(tx: &ReadTx<'_>, request: &PolicyRequest<'_>) -> Result<bool, Error> {
    let Ok(address) = request.recipient.parse::<EmailAddress>() else { return Ok(false) };
    let Some(mailbox) = mail::mailbox(tx, &address)? else { return Ok(false) };
    let arrival = Arrival {
        sender: Sender::parse(request.sender),
        client: request.client.parse().ok(),
        ..Arrival::default()
    };
    let judgement = mail::judge(tx, &mailbox, &arrival)?;
    Ok(judgement.is_some_and(|it| it.lists.outcome == ListOutcome::Safe))
}

impl Protocol for Policy {
    fn step(&mut self, input: &mut Vec<u8>) -> Step {
        let (safe, used) = match read(input) {
            Found::Part => return Step::More,
            Found::Broken => return Step::Close,
            Found::Whole(request, used) => (self.postroom.read(|tx| is_safe(tx, &request)), used),
        };
        take(input, used);
        let action = match safe {
            Ok(true) => "OK",
            Ok(false) => "DUNNO",
            Err(trouble) => {
                error!(%trouble, "a recipient's lists could not be asked; the mail server tries again");
                // Nobody on a safelist is refused for good because of this.
                "DEFER_IF_REJECT the database could not be asked"
            }
        };
        Step::Answer(format!("action={action}\n\n").into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_request_ends_at_an_empty_line() {
        let text = b"request=smtpd_access_policy\nsender=a@b.example\nrecipient=jo@example.com\nclient_address=192.0.2.7\nx\n\nmore";
        let request =
            PolicyRequest { recipient: "jo@example.com", sender: "a@b.example", client: "192.0.2.7" };
        assert_eq!(read(text), Found::Whole(request, text.len() - 4));
        assert_eq!(read(b"\n"), Found::Whole(PolicyRequest::default(), 1));
        assert_eq!(read(b"sender=a\n"), Found::Part);
        assert_eq!(read(&vec![b'a'; MAX_OCTETS + 1]), Found::Broken);
        assert_eq!(read(&b"a=b\n".repeat(MAX_OCTETS / 4 + 1)), Found::Broken);
    }

    proptest! {
        #[test]
        fn any_octets_are_read_and_what_is_cut_is_a_part(octets in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Found::Whole(_, used) = read(&octets) {
                prop_assert!((0..used).all(|end| read(&octets[..end]) == Found::Part));
            }
        }
    }
}
