//! Domains as the operator names them on the command line, whichever account owns them.

use postroom::account::Caller;
use postroom::db::ReadTx;
use postroom::domain::{self, Domain};
use postroom::error::Error;
use postroom::name::DomainName;

use super::Failure;
use super::output::printable;

/// The name, or why it is none.
pub(super) fn parse(name: &str) -> Result<DomainName, Failure> {
    name.parse()
        .map_err(|reason| Failure::input(format!("\"{}\" is no mail domain: {reason}", printable(name))))
}

/// The domain, and the operator acting for its owner.
pub(super) fn find<'t>(tx: &ReadTx<'t>, name: &DomainName) -> Result<(Caller, Domain<'t>), Error> {
    let caller = domain::operator_of(tx, name)?;
    let domain = domain::find_named(tx, &caller, name)?;
    Ok((caller, domain))
}
