//! A domain is not put aside for later in a variable outside of its transaction.

use postroom::account::Caller;
use postroom::db::Postroom;
use postroom::domain;
use postroom::error::Error;
use postroom::id::DomainId;

fn main() {}

fn keep(postroom: &Postroom, caller: &Caller, id: DomainId) -> Result<(), Error> {
    let mut kept = None;
    postroom.read(|tx| {
        kept = Some(domain::find(tx, caller, id)?);
        Ok(())
    })
}
