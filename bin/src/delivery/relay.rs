//! Mail that goes to another mail server: back to the one beside this, for another address, or on to a domain's own servers.

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Instant;

use postroom::address::EmailAddress;
use postroom::inbound::Downstream;
use postroom::mail::{self, FirstSender, Head};
use tracing::{error, warn};

use super::deliver::{BUSY, CALLING, Deliverer, Envelope, Job, TROUBLE};
use super::held::Room;
use super::submit::{self, NotSent, Sending};

const NO_WAY_BACK: &str =
    "550 5.1.7 The message cannot be forwarded: its sender has no address to which a failure can be reported";

impl Deliverer {
    /// Sends it on with a return path in place of its sender; `<>` stays as it is.
    pub(super) fn forward(&self, job: &Job<'_>, to: &EmailAddress, end: Instant) -> String {
        let sender = &job.envelope.sender;
        if sender.is_empty() {
            return self.hand_over(job, "", &to.to_string(), end);
        }
        // Without a way back, nobody would be told of a failure (RFC 5321 section 6.1).
        let Ok(sender) = sender.parse::<FirstSender>() else { return NO_WAY_BACK.to_owned() };
        let domain = job.delivery.domain;
        let path = match self.postroom.read(|tx| mail::return_path(tx, domain, &sender)) {
            Ok(None) => self.postroom.write(|tx| mail::keep_return_path(tx, domain, &sender)),
            Ok(Some(path)) => Ok(path),
            Err(trouble) => Err(trouble),
        };
        match path {
            Ok(path) => self.hand_over(job, &path.to_string(), &to.to_string(), end),
            Err(trouble) => {
                error!(%trouble, "a message could not be forwarded; the mail server tries again");
                TROUBLE.to_owned()
            }
        }
    }

    /// Hands it back to the mail server, for another address, if there is a place for that before `end`. Who has had it before does
    /// not get it again.
    pub(super) fn hand_over(&self, job: &Job<'_>, sender: &str, to: &str, end: Instant) -> String {
        let recipient = &job.recipient.text;
        let passed = |value: &[u8]| value.eq_ignore_ascii_case(recipient.as_bytes());
        if Head::read(job.message).all("delivered-to").any(passed) {
            return "554 5.4.6 The message goes in a circle: it was here before".to_owned();
        }
        let is_early = Instant::now() < end;
        let Some(_place) = is_early.then(|| self.places.take_forward()).flatten() else {
            return BUSY.to_owned();
        };
        let top = format!("Delivered-To: {recipient}\r\n{}", job.flag_line());
        let sent = match self.submit.to_socket_addrs() {
            Ok(addresses) => {
                let addresses: Vec<_> = addresses.collect();
                self.send(job, sender, to, &top, &addresses, end)
            }
            Err(error) => Err(NotSent::Kept(error)),
        };
        match sent {
            Ok(reply) => reply,
            Err(NotSent::Kept(error)) => {
                error!(submit = self.submit, %error, "the mail server does not take forwarded mail; it tries again");
                "451 4.4.1 The mail server does not take forwarded mail now".to_owned()
            }
            Err(NotSent::InDoubt(error)) => {
                error!(submit = self.submit, %error, "the mail server did not say whether it took forwarded mail");
                "451 4.4.2 The mail server did not say whether it took the message".to_owned()
            }
        }
    }

    /// Sends it to the first of these servers that lets it begin. Returns the reply, and whether that server is well.
    ///
    /// Once a server has had all of it, no other one is tried: it would get there twice.
    pub(super) fn onward(&self, job: &Job<'_>, servers: &[Downstream]) -> (String, bool) {
        let (policy, domain) = (&self.postroom.settings().egress, &job.delivery.name);
        let (sender, recipient) = (&job.envelope.sender, &job.recipient.text);
        let _room = match Room::take(Some(job.delivery.account), job.message.len(), 0) {
            Ok(room) => room,
            Err(no_room) => return (no_room.reply().to_owned(), true),
        };
        let end = Instant::now() + CALLING;
        for server in servers.iter().take_while(|_| Instant::now() < end) {
            let vetted = match server.addresses_now(&*self.resolver, policy) {
                Ok(vetted) => vetted,
                Err(reason) => {
                    warn!(%domain, %reason, "not sent on");
                    continue;
                }
            };
            let addresses: Vec<_> = vetted.iter().map(|ip| SocketAddr::new(ip, server.port)).collect();
            match self.send(job, sender, recipient, &job.flag_line(), &addresses, end) {
                Ok(reply) => return (reply, true),
                Err(NotSent::Kept(error)) => warn!(%domain, server = server.target, %error, "not sent on"),
                Err(NotSent::InDoubt(error)) => {
                    warn!(%domain, server = server.target, %error, "the server did not say whether it took the message");
                    let reply = "451 4.4.2 The domain's server did not say whether it took the message";
                    return (reply.to_owned(), false);
                }
            }
        }
        ("451 4.4.1 None of the domain's servers takes mail now".to_owned(), false)
    }

    fn send(
        &self,
        job: &Job<'_>,
        sender: &str,
        recipient: &str,
        top: &str,
        addresses: &[SocketAddr],
        end: Instant,
    ) -> Result<String, NotSent> {
        let Envelope { is_8bit, is_utf8, .. } = *job.envelope;
        let helo = self.postroom.settings().mx_host.as_str();
        let sending = Sending { helo, sender, recipient, is_8bit, is_utf8, top, message: job.message };
        submit::send(addresses, &sending, end).map(|reply| reply.line())
    }
}
