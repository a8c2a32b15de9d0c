//! A domain does not outlive the transaction that read it.

use postroom::account::Caller;
use postroom::db::Postroom;
use postroom::domain;
use postroom::id::DomainId;

fn main() {}

fn keep(postroom: &Postroom, caller: &Caller, id: DomainId) {
    let _ = postroom.read(|tx| domain::find(tx, caller, id));
}
