//! Incoming mail: whose an address is, and what becomes of a message for it.
//!
//! [`addressee`] is the one function for that. What decides about mail for an address asks it, so that a mail server is told the same
//! when it takes a recipient and when it delivers: [`deliver`] says what becomes of a message then. Beside it stands who sends:
//! [`log_in`] says for which domain somebody may.
//!
//! ```
//! # use postroom::{Caller, account, domain, domain::NewDomain};
//! # let postroom = postroom::Postroom::open_temporary()?;
//! # let (caller, id) = postroom.write(|tx| {
//! #     let caller = Caller::operator(account::create_trusted(tx, "acme")?.id);
//! #     let domain = domain::create(tx, &caller, &NewDomain::named(&"example.com".parse()?))?;
//! #     Ok::<_, postroom::Error>((caller, domain.id))
//! # })?;
//! use postroom::mail::{self, Arrival};
//!
//! let address = "jo@example.com".parse()?;
//! assert!(postroom.read(|tx| mail::deliver(tx, &address, &Arrival::default()))?.is_some());
//! let stranger = "jo@example.org".parse()?;
//! assert!(postroom.read(|tx| mail::deliver(tx, &stranger, &Arrival::default()))?.is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod delivery;
mod explain;
mod head;
mod held;
mod judge;
mod place;
mod return_path;
mod tally;
mod vault;
pub(crate) mod table;

use std::time::Duration;

use zeroize::Zeroizing;

pub use delivery::{Arrival, Delivery, Way, deliver};
pub use explain::{Explained, ExplainedAddress, NotTaken, explain, needs_a_labels};
pub use head::Head;
#[cfg(feature = "messages")]
pub use head::Summary;
pub use held::{HeldFate, note_held};
pub use judge::{Judgement, Treatment, agreed, judge};
pub use place::{DeliveryId, Folder, InvalidDeliveryId, domain_place, mailbox_at, place};
pub use return_path::{FirstSender, InvalidFirstSender};
pub use tally::{Counts, record};
pub use vault::{note_vault, open_vault};

use crate::address::EmailAddress;
use crate::db::{ReadTx, WriteTx};
use crate::domain::{self, Holder};
use crate::error::{Entity, Error};
use crate::id::{DomainId, DomainTokenId};
use crate::inbound::Downstream;
use crate::name::DomainName;
use crate::ownership;
use crate::recipient::comparable;
use crate::route::Recipients;
use crate::secret::{PlainSecret, SecretKind, fill_random};
use crate::token;
use return_path::{Named, PathKey, ReturnPath};

/// The local parts that every domain has (RFC 5321 section 4.5.1, RFC 2142 section 2).
const ALWAYS_KNOWN: [&str; 2] = ["postmaster", "abuse"];

/// What the key of return paths is sealed for, and how long it is.
const KEY_IDENTITY: &str = "return_path_key";
const KEY_OCTETS: usize = 32;
/// How long it is enough that a sender was written down, so that each message of a day does not write it again.
const FRESH: Duration = Duration::from_hours(24);
/// The most senders that are kept for one domain.
const MOST_KEPT: u32 = 10_000;

/// A mailbox at a domain of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// The domain.
    pub domain: DomainId,
    /// Its address, at the domain's own name and in lower case.
    pub address: EmailAddress,
}

/// To whom an address leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Addressee {
    /// To a mailbox.
    Mailbox(Mailbox),
    /// Back to the sender of a message that a domain of ours forwarded.
    ReturnPath {
        /// The domain that forwarded it.
        domain: DomainId,
        /// Who sent it.
        sender: FirstSender,
    },
}

/// What is known about an address when its mailbox is chosen.
#[derive(Clone, Copy, Debug)]
struct Known<'a> {
    recipients: Recipients,
    /// Whether the whole local part is a known recipient.
    whole: bool,
    /// Whether what stands before the delimiter is one.
    bare: bool,
    catch_all: Option<&'a str>,
}

/// To whom mail for this address goes; none if the address is unknown: to its [`mailbox`], or where a
/// [return path](return_path) leads that this server made.
pub fn addressee(tx: &ReadTx<'_>, address: &EmailAddress) -> Result<Option<Addressee>, Error> {
    if !return_path::has_form(address.local()) {
        return Ok(mailbox(tx, address)?.map(Addressee::Mailbox));
    }
    let Some(path) = ReturnPath::read(address.local()) else { return Ok(None) };
    let Some(holder) = acting(tx, address.domain())? else { return Ok(None) };
    let Some(key) = path_key(tx)? else { return Ok(None) };
    let sender = match &path.sender {
        Named::Is(sender) => Some(sender.clone()),
        Named::Kept(key) => table::kept_sender(tx, holder.id, key)?,
    };
    let genuine = sender.filter(|sender| path.is_genuine(&key, tx.now(), sender, &holder.name));
    Ok(genuine.map(|sender| Addressee::ReturnPath { domain: holder.id, sender }))
}

/// Whether an address has the form of a return path: it is one that this server made, or nobody's.
pub fn is_return_path(address: &EmailAddress) -> bool {
    return_path::has_form(address.local())
}

/// The mailbox to which mail for this address goes; none if the address is unknown, or a return path.
///
/// The domain is the one of that name, or the one of which it is an alias. The mailbox is the first of these, compared without
/// regard to case: the whole local part, if it is a known recipient; what stands before the delimiter, if that is one or the
/// domain takes [any](Recipients::Any) recipient; `postmaster` and `abuse`; the catch-all address. A name that does not
/// [act](ownership::acts) has no mailboxes, and one for which no folder could have a name is none. One indexed statement, and two more where the name is not proved by itself.
pub fn mailbox(tx: &ReadTx<'_>, address: &EmailAddress) -> Result<Option<Mailbox>, Error> {
    if return_path::has_form(address.local()) {
        return Ok(None);
    }
    let whole = comparable(address);
    let bare = before_delimiter(&whole, &tx.settings().recipient_delimiters);
    let Some(found) = table::find(tx, address.domain(), &whole, bare)? else { return Ok(None) };
    if !ownership::acts(tx, &found.holder)? {
        return Ok(None);
    }
    let known = Known {
        recipients: found.recipients,
        whole: found.whole,
        bare: found.bare,
        catch_all: found.catch_all.as_deref(),
    };
    let address = choose(&whole, bare, known).map(|local| EmailAddress::of(local, &found.holder.name));
    let address = address.filter(place::has_place);
    Ok(address.map(|address| Mailbox { domain: found.holder.id, address }))
}

/// The domain that takes mail for addresses at this name: the one of that name, or the one of which it is an alias.
pub fn domain_of(tx: &ReadTx<'_>, name: &DomainName) -> Result<Option<DomainId>, Error> {
    Ok(acting(tx, name)?.map(|holder| holder.id))
}

/// Whether mail is taken for addresses at this name: of a domain, or an alias of one.
pub fn is_ours(tx: &ReadTx<'_>, name: &DomainName) -> Result<bool, Error> {
    Ok(acting(tx, name)?.is_some())
}

/// The domain of this name, or of which it is an alias, if its account may act for that name.
fn acting<'t>(tx: &ReadTx<'t>, name: &DomainName) -> Result<Option<Holder<'t>>, Error> {
    match domain::holder::at(tx, name)? {
        Some(holder) if ownership::acts(tx, &holder)? => Ok(Some(holder)),
        _ => Ok(None),
    }
}

/// The mail servers to which mail for addresses at this name goes on, the preferred ones first: those of a domain whose mail is
/// kept. None where its mail is delivered here.
pub fn onward(tx: &ReadTx<'_>, name: &DomainName) -> Result<Vec<Downstream>, Error> {
    let servers = table::onward(tx, name)?;
    Ok(if servers.is_empty() || is_ours(tx, name)? { servers } else { Vec::new() })
}

/// The sender with which a domain forwards a message from `sender`; none if the database must keep that first, by
/// [`keep_return_path`].
///
/// Mail to this address within three weeks goes back to `sender`.
pub fn return_path(
    tx: &ReadTx<'_>,
    domain: DomainId,
    sender: &FirstSender,
) -> Result<Option<EmailAddress>, Error> {
    let Some(holder) = domain::holder::by_id(tx, domain)? else { return Ok(None) };
    let Some(key) = path_key(tx)? else { return Ok(None) };
    if let Some(path) = return_path::whole(&key, tx.now(), sender, &holder.name) {
        return Ok(Some(path));
    }
    let is_fresh = table::is_kept_since(tx, domain, &return_path::key_of(sender), tx.now() - FRESH)?;
    Ok(is_fresh.then(|| return_path::kept(&key, tx.now(), sender, &holder.name)))
}

/// The sender with which a domain forwards a message from `sender`, as [`return_path`] gives it; and keeps what must be kept for that: at the
/// first time the key that proves it, and a sender for which an address has no room.
///
/// Of the senders that are kept for a domain, the oldest make room for new ones when there are too many, so that nobody can fill the
/// database with them.
pub fn keep_return_path(
    tx: &WriteTx<'_>,
    domain: DomainId,
    sender: &FirstSender,
) -> Result<EmailAddress, Error> {
    let holder = domain::holder::by_id(tx, domain)?.ok_or(Error::NotFound(Entity::Domain))?;
    let key = if let Some(key) = path_key(tx)? {
        key
    } else {
        let mut octets = Zeroizing::new([0_u8; KEY_OCTETS]);
        fill_random(octets.as_mut_slice())?;
        table::insert_path_key(tx, &tx.master_key().seal(KEY_IDENTITY, octets.as_slice())?)?;
        PathKey::new(octets.as_slice())
    };
    if let Some(path) = return_path::whole(&key, tx.now(), sender, &holder.name) {
        return Ok(path);
    }
    table::keep_sender(tx, domain, &return_path::key_of(sender), sender)?;
    table::forget_senders(tx, tx.now() - return_path::LIFE - FRESH)?;
    table::make_room(tx, domain, MOST_KEPT)?;
    Ok(return_path::kept(&key, tx.now(), sender, &holder.name))
}

/// What proves return paths; none before the first one.
fn path_key(tx: &ReadTx<'_>) -> Result<Option<PathKey>, Error> {
    let Some(sealed) = table::path_key(tx)? else { return Ok(None) };
    Ok(Some(PathKey::new(&tx.master_key().open(KEY_IDENTITY, &sealed)?)))
}

/// Somebody who may send for one domain, by a token of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderLogin {
    /// The token.
    pub token: DomainTokenId,
    /// The name of its domain.
    pub domain: DomainName,
}

/// Who logs in with this name and password: the name of a domain, or any address at it, and a token of that domain. None if the
/// token opens nothing, or another domain than the one that is named.
pub fn log_in(tx: &ReadTx<'_>, name: &str, password: &str) -> Result<Option<SenderLogin>, Error> {
    let named = name.rsplit_once('@').map_or(name, |(_, domain)| domain);
    let Ok(named) = named.parse::<DomainName>() else { return Ok(None) };
    let Ok(secret) = PlainSecret::parse(SecretKind::DomainToken, password) else { return Ok(None) };
    let Some((domain, token)) = token::authenticate(tx, &secret)? else { return Ok(None) };
    let holder = domain::holder::by_id(tx, domain)?;
    Ok(holder.filter(|holder| holder.name == named).map(|holder| SenderLogin { token, domain: holder.name }))
}

/// Whether this login still holds: the token is not revoked, and its domain still has that name and acts for it.
pub fn still_holds(tx: &ReadTx<'_>, login: &SenderLogin) -> Result<bool, Error> {
    match table::holder_of_token(tx, login.token)?.filter(|holder| holder.name == login.domain) {
        Some(holder) => ownership::acts(tx, &holder),
        None => Ok(false),
    }
}

/// The local part without its tag. A quoted one has none, for a delimiter in quotes is a character like any other.
fn before_delimiter<'a>(local: &'a str, delimiters: &str) -> &'a str {
    if local.starts_with('"') {
        return local;
    }
    let at = local.char_indices().skip(1).find(|(_, c)| delimiters.contains(*c));
    at.and_then(|(at, _)| local.get(..at)).unwrap_or(local)
}

/// The local part of the mailbox; none where nobody takes the mail.
fn choose<'a>(whole: &'a str, bare: &'a str, known: Known<'a>) -> Option<&'a str> {
    if known.whole {
        return Some(whole);
    }
    if known.bare || known.recipients == Recipients::Any {
        return Some(bare);
    }
    if ALWAYS_KNOWN.contains(&whole) {
        return Some(whole);
    }
    known.catch_all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_what_follows_the_first_delimiter() {
        for (local, delimiters, wanted) in [
            ("jo", "+", "jo"),
            ("jo+x+y", "+", "jo"),
            ("jo-x+y", "+-", "jo"),
            ("+x", "+", "+x"),
            ("jo+", "+", "jo"),
            ("jo+x", "", "jo+x"),
            ("\"a b+c\"", "+", "\"a b+c\""),
            ("j\u{f6}+x", "+", "j\u{f6}"),
        ] {
            assert_eq!(before_delimiter(local, delimiters), wanted, "{local}");
        }
    }

    #[test]
    fn the_whole_address_goes_before_the_one_without_tag_and_that_before_the_catch_all() {
        let known = |recipients, whole, bare| Known { recipients, whole, bare, catch_all: Some("all") };
        for (known, wanted) in [
            (known(Recipients::Known, true, true), Some("jo+x")),
            (known(Recipients::Known, false, true), Some("jo")),
            (known(Recipients::Known, false, false), Some("all")),
            (known(Recipients::Any, false, false), Some("jo")),
            (known(Recipients::Any, true, false), Some("jo+x")),
            (Known { catch_all: None, ..known(Recipients::Known, false, false) }, None),
        ] {
            assert_eq!(choose("jo+x", "jo", known), wanted, "{known:?}");
        }
        let none = Known { recipients: Recipients::Known, whole: false, bare: false, catch_all: Some("all") };
        assert_eq!(choose("postmaster", "postmaster", none), Some("postmaster"));
    }
}
