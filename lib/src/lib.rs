//! The domain desk of a self-hosted mail system, as a library over one SQLite file.
//!
//! It holds the rules for mail domains: who owns them, which DNS records they must publish and whether they
//! do, which DKIM keys sign for them, which tokens may send for them.
//!
//! Everything is synchronous. [`Postroom::open`](db::Postroom::open) opens the file; [`write`](db::Postroom::write) and
//! [`read`](db::Postroom::read) run a closure in one transaction, which every operation takes first, so that several
//! can go into one. DNS is looked at between transactions, never inside one: see [`verify`].
//!
//! A [`Domain`](domain::Domain) proves that its caller may see it, and holds within the transaction that read it: the
//! compiler takes it in no other one. What is shown afterwards are its [`Details`](domain::Details), and who goes on with
//! it in another transaction reads it again by [`domain::find`], for its caller may have lost it in between.
//!
//! ```
//! use postroom::account::{self, Caller};
//! use postroom::db::{Options, Postroom};
//! use postroom::domain::Domain;
//! use postroom::provision::{self, NewDomain};
//! use postroom::settings::Settings;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! # let file = dir.path().join("postroom.db");
//! let postroom = Postroom::open(file, Options::new(Settings::for_server(&"mail.example.net".parse()?)))?;
//! let domain = postroom.write(|tx| {
//!     let caller = Caller::operator(account::create(tx, "acme")?.id);
//!     let name = "example.com".parse().map_err(|e: postroom::name::InvalidName| e.of("name"))?;
//!     provision::create(tx, &caller, &NewDomain::named(&name)).map(Domain::into_details)
//! })?;
//! assert_eq!(domain.status.as_str(), "pending");
//! # Ok(())
//! # }
//! ```
//!
//! The floors, from the ground up; a module uses only what stands above it in this list.

#![warn(missing_docs, clippy::print_stdout)]

// Plain types, parsed once, then trusted.
pub mod error;
pub mod clock;
pub mod id;
pub mod secret;
pub mod page;
pub mod name;
pub mod address;
mod label;
pub mod tag;
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
pub mod key;
pub mod idempotency;
// The domain model.
pub mod domain;
pub mod inbound;
pub mod webhook;
pub mod dkim;
pub mod record;
pub mod token;
pub mod route;
pub mod login;
pub mod report;
pub mod recipient;
pub mod list;
pub mod provision;
pub mod overview;
// Looking and deciding.
pub mod verify;
// What rests on what was seen: which keys sign.
pub mod keyring;
pub mod rotation;
// What is sealed, wherever it stands.
pub mod reseal;
