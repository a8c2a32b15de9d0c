//! What becomes of a message: it is kept in a Maildir, posted to a webhook or sent on. The bridge to the mail server delivers what
//! comes in, and people let through what was held back.
//!
//! `docs/ARCHITECTURE.md` says who decides: `mail::deliver` in the library. Here it is done, and the calls to other servers are bounded.

mod buffer;
mod calls;
mod deliver;
mod held;
mod maildir;
mod mailroom;
mod places;
mod poster;
mod quarantine;
mod relay;
mod spam;
pub mod submit;
mod tally;

pub use buffer::Found;
pub(crate) use buffer::take;
pub use calls::Calls;
pub use deliver::Deliverer;
pub(crate) use deliver::{Envelope, LONG_HEADER, MANY_AUTHORS, REPORTS_ALONE, Recipient, SPAM};
pub(crate) use held::{HeldOctets, MAX_MESSAGE_OCTETS, NoRoom};
pub use places::Places;
pub use poster::Poster;
pub use quarantine::{Held as Quarantined, Quarantine};
pub use spam::SpamMark;
pub use tally::Tally;
