//! Scouts: what looks at other hosts for the library's advice. They fetch a page by https, and listen to a mail host's greeting and
//! see its certificate, at addresses that were vetted and at no other.

mod certificate;
mod https;
pub(crate) mod limited;
mod smtp;

use postroom::advisory::{Https, Smtp, Tools};
use postroom::clock::Timestamp;
use postroom::dns::Resolver;
use postroom::egress::EgressPolicy;

pub use https::WebScout;
pub use smtp::MailScout;

/// The scouts that the operator sends out.
#[derive(Debug, Default)]
pub struct Scouts {
    /// Fetches pages, if that is wanted.
    pub https: Option<WebScout>,
    /// Listens to mail hosts, if that is wanted.
    pub smtp: Option<MailScout>,
}

impl Scouts {
    /// The library's tools, with these scouts among them.
    pub fn tools<'a>(
        &'a self,
        resolver: &'a dyn Resolver,
        egress: &'a EgressPolicy,
        now: Timestamp,
    ) -> Tools<'a> {
        Tools {
            resolver,
            egress,
            https: self.https.as_ref().map(|scout| scout as &dyn Https),
            smtp: self.smtp.as_ref().map(|scout| scout as &dyn Smtp),
            now,
        }
    }
}
