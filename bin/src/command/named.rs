//! Domains and accounts as the operator names them on the command line.

use postroom::account::{self, Account, Caller};
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

/// The account of this name. The only one there is need not be named.
pub(super) fn account(tx: &ReadTx<'_>, name: Option<&str>) -> Result<Account, Failure> {
    if let Some(name) = name {
        return Ok(account::find(tx, name)?);
    }
    let mut all = account::list(tx)?;
    match (all.pop(), all.is_empty()) {
        (Some(only), true) => Ok(only),
        (None, _) => Err(Failure::input("there is no account; make one with postroom account create NAME")),
        (Some(_), false) => {
            let text = format!("there are {} accounts; name one with --account", all.len() + 1);
            Err(Failure::input(text))
        }
    }
}
