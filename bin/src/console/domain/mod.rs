//! Domains: the list of them, and the pages of one.

pub(super) mod list;
pub(super) mod log;
mod records;
pub(super) mod show;
mod tabs;

use postroom::account::Caller;
use postroom::db::ReadTx;
use postroom::domain::{self, Domain};
use postroom::error::{Entity, Error};
use postroom::name::DomainName;

use crate::wire::{Call, Fault};

/// The domain's name in the path; what is no name names no domain.
fn name<By>(call: &Call<'_, By>) -> Result<DomainName, Fault> {
    call.param("name").parse().map_err(|_| Fault::Library(Error::NotFound(Entity::Domain)))
}

/// The domain in the path, as whoever asks sees it.
fn find<'t>(tx: &ReadTx<'t>, acts: &Caller, name: &DomainName) -> Result<Domain<'t>, Error> {
    domain::find_named(tx, acts, name)
}
