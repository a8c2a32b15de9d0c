//! The domain desk of a self-hosted mail system, as a library over one SQLite file, or a PostgreSQL database: which mail domains there
//! are, whose they are, which DNS records they must publish and whether they do, which DKIM keys sign for them, which tokens may send
//! for them, and where their incoming mail goes.
//!
//! Everything is synchronous, and nothing here knows HTTP or JSON.
//!
//! # A first program
//!
//! ```
//! use postroom::dkim::pool;
//! use postroom::{Caller, DomainName, Postroom, account, domain, record, verify};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // In a folder that vanishes with it; a program that keeps its database calls `Postroom::open`.
//! let postroom = Postroom::open_temporary()?;
//!
//! // Every operation takes a transaction first, so that several go into one. It is on disk when `write` returns. This one ends
//! // with the domain's DKIM key, for which a pair is made before, outside the transaction.
//! let name: DomainName = "example.com".parse()?;
//! let (caller, id) = pool::write(&postroom, |tx| {
//!     let caller = Caller::operator(account::create(tx, "acme")?.id);
//!     let domain = domain::create(tx, &caller, &domain::NewDomain::named(&name))?;
//!     domain::equip(tx, &domain)?;
//!     Ok::<_, postroom::Error>((caller, domain.id))
//! })?;
//!
//! // What the domain's owner must publish.
//! let zone = postroom.read(|tx| {
//!     let domain = domain::find(tx, &caller, id)?;
//!     Ok::<_, postroom::Error>(record::zone_fragment(&domain, &record::list(tx, &domain)?))
//! })?;
//! assert!(zone.contains("v=spf1 mx ~all") && zone.contains("_domainkey"));
//!
//! // Whether it is published. A script answers here; `dns::NetworkResolver` asks the real DNS.
//! let dns = postroom::dns::ScriptedResolver::new();
//! for checked in verify::check(&postroom, &caller, id, &dns)? {
//!     println!("{}", checked.finding.text);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Where to go from here
//!
//! | to do this | look at |
//! |---|---|
//! | open a database, read and write | [`Postroom`], [`Options`], [`Settings`] |
//! | say on whose behalf something is done | [`Caller`], [`account`], [`key`], [`access`], [`subscription`] |
//! | create, find, list, rename and delete domains | [`domain`], [`provision`], [`overview`] |
//! | see whose a name is, claim it and prove it | [`ownership`], [`claim`] |
//! | see what must be published, and check it | [`record`], [`verify`], [`dns`] |
//! | evaluate an SPF record, whoever's it is | [`spf`] |
//! | make, import, activate and rotate DKIM keys | [`keyring`], [`rotation`], [`dkim`] |
//! | sign a message | [`dkim::sign`] |
//! | see which key signs for a domain, and why it is not active | [`signing`] |
//! | see what else helps a domain's mail to arrive | [`advisory`] |
//! | issue sending tokens and login links, sign people in | [`token`], [`login`], [`session`], [`administrator`] |
//! | hand a page with a domain's records to somebody without an account | [`setup_link`] |
//! | decide what becomes of incoming mail | [`mail`], [`route`], [`inbound`], [`recipient`], [`list`], [`report`] |
//! | post to a webhook, signed, at an address that was vetted | [`webhook`] |
//! | do once what may be asked for twice | [`idempotency`] |
//! | take everything to another database | [`export`] |
//! | seal everything under a new master key; look for damage in the database | [`reseal`], [`integrity`] |
//! | see what happened, and how much there is | [`event`], [`history`], [`census`] |
//! | see what an account has piled up, and how much it may | [`ledger`], [`cap`] |
//!
//! # Four rules
//!
//! - **A domain holds within its transaction.** A [`Domain`] proves that its caller may see it, in the transaction that
//!   read it, and the compiler takes it in no other one. What is shown afterwards are its [`Details`](domain::Details). Who goes on with a
//!   domain in another transaction reads it again by [`domain::find`], for the caller may have lost it in between.
//! - **An operation that is refused has changed nothing.** The transaction goes on: whoever asked may try something else, and commit.
//!   What earlier operations did stays then; return the error from [`Postroom::write`] to undo all of them, or run those that belong together
//!   in [`WriteTx::part`](db::WriteTx::part) to undo these alone. After [`Error::Store`] nothing is certain, so end the transaction with it.
//! - **Nothing slow happens inside a transaction.** The DNS is asked between transactions: see [`verify`]. DKIM keys are made outside
//!   them: see [`dkim::pool::write`].
//! - **A text becomes a type at the edge.** [`DomainName`], [`EmailAddress`](address::EmailAddress) and the like are parsed once and then
//!   trusted. Why a text does not parse turns into an [`Error`] by `?`.
//!
//! # Features
//!
//! `dns` gives [`dns::NetworkResolver`], and with it hickory and tokio; `messages` gives [`report`] and [`mail::Summary`], and with them
//! mail-parser. Both are on by default; records, keys and signing need neither. `postgres` lets [`Postroom::open`] take the URL of a
//! PostgreSQL database, which several servers may share; it is off by default. The README of the package says what goes together with
//! rusqlite.
//!
//! # How it is built
//!
//! A module uses only what stands above it in `lib.rs`, from the ground up.

#![warn(missing_docs, clippy::print_stdout)]

// Plain types, parsed once, then trusted.
pub mod cap;
pub mod error;
pub mod clock;
pub mod id;
pub mod secret;
pub mod page;
pub mod name;
pub mod address;
mod label;
pub mod tag;
mod word;
pub mod network;
pub mod egress;
pub mod settings;
// The store.
pub mod seal;
pub mod db;
pub mod dns;
pub mod spf;
pub mod event;
// Who calls.
pub mod access;
pub mod subscription;
pub mod account;
pub mod ledger;
pub mod history;
pub mod key;
pub mod idempotency;
// The domain model.
pub mod domain;
pub mod ownership;
pub mod webhook;
pub mod dkim;
pub mod record;
pub mod token;
pub mod signing;
mod loss;
pub mod route;
pub mod inbound;
pub mod login;
pub mod session;
pub mod administrator;
pub mod setup_link;
pub mod recipient;
#[cfg(feature = "messages")]
pub mod report;
pub mod list;
pub mod mail;
pub mod provision;
pub mod overview;
pub mod census;
// Looking and deciding.
pub mod verify;
pub mod advisory;
// What rests on what was seen: which keys sign.
pub mod claim;
pub mod keyring;
pub mod rotation;
// What is sealed, wherever it stands.
pub mod reseal;
pub mod integrity;
// The whole of it.
pub mod export;

/// What stands in the package's README works.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use account::Caller;
pub use db::{OpenError, Options, Postroom};
pub use domain::Domain;
pub use error::Error;
pub use name::DomainName;
pub use settings::Settings;
