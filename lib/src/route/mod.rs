//! Routes: what happens to a domain's incoming mail.
//!
//! ```
//! # use postroom::{Caller, account, domain, domain::NewDomain};
//! # let postroom = postroom::Postroom::open_temporary()?;
//! # let (caller, id) = postroom.write(|tx| {
//! #     let caller = Caller::operator(account::create_trusted(tx, "acme")?.id);
//! #     let domain = domain::create(tx, &caller, &NewDomain::named(&"example.com".parse()?))?;
//! #     Ok::<_, postroom::Error>((caller, domain.id))
//! # })?;
//! use postroom::route::{self, Recipients, RouteChange};
//!
//! let change = RouteChange { recipients: Some(Recipients::Known), ..RouteChange::default() };
//! let route = postroom.write(|tx| {
//!     route::update(tx, &caller, &domain::find(tx, &caller, id)?, change.clone())
//! })?;
//! assert_eq!(route.recipients, Recipients::Known);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub(crate) mod table;

use std::collections::HashSet;

use zeroize::Zeroizing;

use crate::account::Caller;
use crate::address::EmailAddress;
use crate::db::{ReadTx, WriteTx};
use crate::domain::{Domain, holder};
use crate::error::Error;
use crate::event;
use crate::id::DomainId;
use crate::ownership;
use crate::webhook::{self, VettedUrl, WebhookUrl};
use crate::word::words;

/// Through how many domains of this server a forward is followed.
const MOST_HOPS: usize = 32;

words! {
    /// Where incoming mail goes.
    pub enum Mode {
        /// It is kept.
        Store = "store",
        /// It is posted to the webhook.
        Webhook = "webhook",
        /// It is posted to the webhook, and kept.
        WebhookThenStore = "webhook_then_store",
        /// It is forwarded to an address.
        ForwardEmail = "forward_email",
    }
    else InvalidMode
}

/// A word that is no mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is none of store, webhook, webhook_then_store and forward_email")]
pub struct InvalidMode;

words! {
    /// Which addresses at a domain have a mailbox.
    #[derive(Default)]
    pub enum Recipients {
        /// Each one.
        #[default]
        Any = "any",
        /// Those of the known [recipients](crate::recipient), `postmaster` and `abuse`.
        Known = "known",
    }
    else InvalidRecipients
}

/// A word that does not say which addresses have a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is neither any nor known")]
pub struct InvalidRecipients;

/// A domain's route, without the webhook's secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Where mail goes.
    pub mode: Mode,
    /// Where the webhook modes post it.
    pub webhook_url: Option<WebhookUrl>,
    /// Whether posts are signed with a secret of the receiver's.
    pub has_webhook_secret: bool,
    /// Where `forward_email` sends it.
    pub forward_to: Option<EmailAddress>,
    /// Which addresses have a mailbox.
    pub recipients: Recipients,
    /// The address at the domain whose mailbox takes the mail for addresses that have none.
    pub catch_all: Option<EmailAddress>,
}

impl Default for Route {
    /// The route of a new domain.
    fn default() -> Route {
        Route {
            mode: Mode::Store,
            webhook_url: None,
            has_webhook_secret: false,
            forward_to: None,
            recipients: Recipients::Any,
            catch_all: None,
        }
    }
}

/// What to do with one part of a route.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// Leave it as it is.
    #[default]
    Keep,
    /// Take it away.
    Clear,
    /// Put this there.
    Set(T),
}

impl<T> Patch<T> {
    fn apply(self, was: Option<T>) -> Option<T> {
        match self {
            Patch::Keep => was,
            Patch::Clear => None,
            Patch::Set(value) => Some(value),
        }
    }
}

/// A change of a route.
#[derive(Clone, Debug, Default)]
pub struct RouteChange {
    /// Another mode.
    pub mode: Option<Mode>,
    /// Another webhook.
    pub webhook_url: Patch<VettedUrl>,
    /// Another secret of the webhook's receiver: 1 to 255 characters; if it begins with `whsec_`, Base64 of 16 octets or more follows.
    pub webhook_secret: Patch<String>,
    /// Another address.
    pub forward_to: Patch<EmailAddress>,
    /// Which addresses have a mailbox.
    pub recipients: Option<Recipients>,
    /// Another address at the domain, or at an alias of it.
    pub catch_all: Patch<EmailAddress>,
}

/// Where the mail of a recipient's domain goes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RouteDecision {
    /// The recipient's domain is none of ours.
    UnknownDomain,
    /// It is, and this is where its mail goes.
    Known {
        /// The domain.
        domain: DomainId,
        /// Its route.
        route: Route,
    },
}

/// The route of a domain.
pub fn find<'t>(tx: &ReadTx<'t>, domain: &Domain<'t>) -> Result<Route, Error> {
    of(tx, domain.id)
}

/// The route of whichever account's domain: for mail that comes in.
pub(crate) fn of(tx: &ReadTx<'_>, domain: DomainId) -> Result<Route, Error> {
    Ok(table::by_domain(tx, domain)?.unwrap_or_default())
}

/// The secret with which posts to the domain's webhook are signed, if its receiver wants one.
pub(crate) fn webhook_secret(tx: &ReadTx<'_>, domain: DomainId) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    let sealed = table::sealed_secret(tx, domain)?;
    sealed.map(|sealed| tx.master_key().open(&identity(domain), &sealed)).transpose()
}

/// Changes the route. What is asked of its parts is asked of the outcome: a webhook mode needs a URL, however it
/// came there.
pub fn update<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    change: RouteChange,
) -> Result<Route, Error> {
    let was = find(tx, domain)?;
    let before = was.clone();
    let mode = change.mode.unwrap_or(was.mode);
    let webhook_url = match change.webhook_url {
        Patch::Keep => was.webhook_url,
        Patch::Clear => None,
        Patch::Set(vetted) => Some(vetted.into_url()),
    };
    let route = Route {
        mode,
        webhook_url,
        has_webhook_secret: match change.webhook_secret {
            Patch::Keep => was.has_webhook_secret,
            Patch::Clear => false,
            Patch::Set(_) => true,
        },
        forward_to: change.forward_to.apply(was.forward_to),
        recipients: change.recipients.unwrap_or(was.recipients),
        catch_all: match change.catch_all {
            Patch::Set(address) => Some(own_address(tx, domain, &address)?),
            other => other.apply(was.catch_all),
        },
    };
    match route.mode {
        Mode::Webhook | Mode::WebhookThenStore if route.webhook_url.is_none() => {
            return Err(Error::invalid(
                "webhook_url",
                format_args!("enter the URL to which mail is posted: forward_mode {mode} needs one"),
            ));
        }
        Mode::ForwardEmail if route.forward_to.is_none() => {
            return Err(Error::invalid(
                "forward_to_email",
                format_args!("enter the address to which mail is forwarded: forward_mode {mode} needs one"),
            ));
        }
        // What was allowed stays so: what other domains do with their mail is no reason to refuse another change.
        Mode::ForwardEmail if before.mode != mode || before.forward_to != route.forward_to => {
            check_forward(tx, domain, route.forward_to.as_ref())?;
        }
        _ => {}
    }
    let webhook_secret_changed = change.webhook_secret != Patch::Keep;
    if let Patch::Set(secret) = &change.webhook_secret {
        webhook::check_secret(secret).map_err(|reason| Error::invalid("webhook_secret", reason))?;
    }
    table::upsert(tx, domain.id, &route)?;
    match change.webhook_secret {
        Patch::Keep => {}
        Patch::Clear => table::set_secret(tx, domain.id, None)?,
        Patch::Set(secret) => {
            let sealed = tx.master_key().seal(&identity(domain.id), secret.as_bytes())?;
            table::set_secret(tx, domain.id, Some(&sealed))?;
        }
    }
    // The URL may hold a token of the receiver's, so the log says only that it changed.
    let change = event::Change::RouteChanged {
        domain: domain.into(),
        from: before.mode.to_string(),
        to: mode.to_string(),
        webhook_url_changed: before.webhook_url != route.webhook_url,
        webhook_secret_changed,
        forward_address_changed: before.forward_to != route.forward_to,
        recipients: (before.recipients != route.recipients).then(|| route.recipients.to_string()),
        catch_all_changed: (before.catch_all != route.catch_all).then_some(true),
        catch_all: route.catch_all.clone().filter(|_| before.catch_all != route.catch_all),
    };
    tx.tell(caller.actor(), domain.account, &change)?;
    Ok(route)
}

/// `Invalid` where no mail may be forwarded to: a name that the public DNS cannot have, or one from which mail comes back to
/// the domain by the routes of other domains of its account. An address of the domain itself is a mailbox, in which all its mail is kept.
fn check_forward<'t>(
    tx: &ReadTx<'t>,
    domain: &Domain<'t>,
    forward_to: Option<&EmailAddress>,
) -> Result<(), Error> {
    let Some(address) = forward_to else { return Ok(()) };
    if is_own(tx, domain.id, address)? {
        return Ok(());
    }
    if !tx.settings().egress.admits_name(address.domain().as_str()) {
        return Err(Error::invalid("forward_to_email", "its domain is not a public name"));
    }
    if leads_back(tx, domain.id, address)? {
        let name = address.domain();
        let reason = format_args!("mail to {name} comes back to this domain, so it would go in a circle");
        return Err(Error::invalid("forward_to_email", reason));
    }
    Ok(())
}

/// `Invalid` of `field` if mail for a domain comes back to it: a name that leads to it since now may have closed a circle.
pub(crate) fn check_no_circle(tx: &ReadTx<'_>, domain: DomainId, field: &'static str) -> Result<(), Error> {
    let route = of(tx, domain)?;
    let Some(to) = route.forward_to.filter(|_| route.mode == Mode::ForwardEmail) else { return Ok(()) };
    if !is_own(tx, domain, &to)? && leads_back(tx, domain, &to)? {
        let reason = format_args!("the domain's mail is forwarded to {to}, and would come back by this name");
        return Err(Error::invalid(field, reason));
    }
    Ok(())
}

/// Whether an address is at the domain itself or at an alias of it.
pub(crate) fn is_own(tx: &ReadTx<'_>, domain: DomainId, address: &EmailAddress) -> Result<bool, Error> {
    Ok(holder::at(tx, address.domain())?.is_some_and(|holder| holder.id == domain))
}

/// Whether mail to `address` comes to the domain `start` by the routes of now of its account's domains that act.
///
/// No other account's routes are followed: they are nobody else's to know, and whoever set them could keep others from forwarding. A circle
/// through them ends when a message is delivered that was here before.
fn leads_back(tx: &ReadTx<'_>, start: DomainId, address: &EmailAddress) -> Result<bool, Error> {
    let Some(account) = holder::by_id(tx, start)?.map(|holder| holder.account) else { return Ok(false) };
    let mut passed = HashSet::new();
    let mut next = Some(address.domain().clone());
    while let Some(holder) = next.take().map(|name| holder::at(tx, &name)).transpose()?.flatten() {
        if holder.id == start {
            return Ok(true);
        }
        if holder.account != account || !ownership::acts(tx, &holder)? {
            return Ok(false);
        }
        if passed.len() == MOST_HOPS {
            let reason = format_args!("mail would be forwarded through more than {MOST_HOPS} domains");
            return Err(Error::invalid("forward_to_email", reason));
        }
        // A circle that was there before, beside this domain.
        if !passed.insert(holder.id) {
            return Ok(false);
        }
        let route = of(tx, holder.id)?;
        next = route.forward_to.filter(|_| route.mode == Mode::ForwardEmail).map(|to| to.domain().clone());
    }
    Ok(false)
}

/// The address as one at the domain itself. `Invalid` if it is neither at the domain nor at an alias of it.
fn own_address<'t>(
    tx: &ReadTx<'t>,
    domain: &Domain<'t>,
    address: &EmailAddress,
) -> Result<EmailAddress, Error> {
    if is_own(tx, domain.id, address)? {
        return Ok(address.at(&domain.name));
    }
    Err(Error::invalid("catch_all", format_args!("it must be an address at {}", domain.name)))
}

/// Forgets the route: mail is stored.
pub(crate) fn reset<'t>(tx: &WriteTx<'t>, domain: &Domain<'t>) -> Result<(), Error> {
    table::delete(tx, domain.id)
}

/// The route of the domain to which the recipient's name leads, if that acts. Recipients, lists and limits also decide what becomes of a
/// message: a mail server asks [`mail`](crate::mail).
pub fn decide(tx: &ReadTx<'_>, recipient: &EmailAddress) -> Result<RouteDecision, Error> {
    match holder::at(tx, recipient.domain())? {
        Some(holder) if ownership::acts(tx, &holder)? => {
            Ok(RouteDecision::Known { domain: holder.id, route: of(tx, holder.id)? })
        }
        // Nobody has shown whose a name is that does not act, so that it is not here.
        _ => Ok(RouteDecision::UnknownDomain),
    }
}

/// What the secret of a webhook is sealed for.
fn identity(domain: DomainId) -> String {
    format!("route {domain}")
}
