//! The socket `milter`: Postfix's and Sendmail's filter protocol, version 6.
//!
//! What an authenticated sender sends must be from the domain of its token, in the envelope and in the From field, and is signed. What
//! comes from elsewhere is refused where a recipient's, domain's or account's list blocks it, or a domain refuses what a filter before
//! this one took for spam.

mod packet;
mod session;
mod verdict;

use std::sync::Arc;

use super::{Found, Protocol, Step, take};
use crate::delivery::Deliverer;
pub use packet::{MAX_OCTETS, read};
use session::Session;

/// A connection of a mail server.
pub struct Milter {
    session: Session,
}

impl Milter {
    /// Decides and signs by the database of this deliverer, which carries out what is decided for some recipients only.
    pub fn new(deliverer: Arc<Deliverer>, require_dkim: bool) -> Milter {
        Milter { session: Session::new(deliverer, require_dkim) }
    }
}

impl Protocol for Milter {
    fn step(&mut self, input: &mut Vec<u8>) -> Step {
        let used = match read(input) {
            Found::Part => return Step::More,
            Found::Broken => return Step::Close,
            Found::Whole(_, used) => used,
        };
        let octets = take(input, used);
        let Found::Whole((command, data), _) = read(&octets) else { return Step::Close };
        self.session.answer(command, data).map_or(Step::Close, Step::Answer)
    }

    fn is_idle(&self) -> bool {
        self.session.is_idle()
    }
}
