//! A domain that was read in one transaction changes nothing in another.

use postroom::account::Caller;
use postroom::db::{ReadTx, WriteTx};
use postroom::domain::{self, Domain};
use postroom::error::Error;

fn main() {}

fn relabel<'read, 'write>(
    _: &ReadTx<'read>,
    domain: &Domain<'read>,
    tx: &WriteTx<'write>,
    caller: &Caller,
) -> Result<(), Error> {
    domain::set_label(tx, caller, domain, None).map(drop)
}
