//! Domains: the list of them, and the pages of one.

pub(super) mod access;
pub(super) mod advice;
pub(super) mod bulk;
pub(super) mod chosen;
pub(super) mod danger;
pub(super) mod deliveries;
pub(super) mod keys;
pub(super) mod list;
pub(super) mod lists;
pub(super) mod log;
pub(super) mod mail;
pub(super) mod quarantine;
pub(super) mod recipients;
mod fate;
pub(super) mod provider;
mod records;
pub(super) mod reports;
mod rotation;
mod setup_links;
pub(super) mod show;
mod tabs;

pub(super) use records::{MAX_STRING, NAMES, fields, found, relative, servers};
pub(super) use show::zone_file;

use postroom::account::Caller;
use postroom::db::ReadTx;
use postroom::domain::{self, Domain};
use postroom::error::{Entity, Error};
use postroom::name::DomainName;

use super::frame::{base_path, see};
use crate::wire::http::Response;
use crate::wire::{Call, Fault, SignedIn};

/// The domain's name in the path; what is no name names no domain.
pub(super) fn name<By>(call: &Call<'_, By>) -> Result<DomainName, Fault> {
    call.param("name").parse().map_err(|_| Fault::Library(Error::NotFound(Entity::Domain)))
}

/// The domain in the path, as whoever asks sees it.
pub(super) fn find<'t>(tx: &ReadTx<'t>, acts: &Caller, name: &DomainName) -> Result<Domain<'t>, Error> {
    domain::find_named(tx, acts, name)
}

/// Another page of this domain, where a form that was accepted leads.
fn see_domain(call: &Call<'_, SignedIn>, name: &DomainName, path: &str) -> Response {
    see(&format!("{}/console/domains/{name}{path}", base_path(call.base_url)))
}
