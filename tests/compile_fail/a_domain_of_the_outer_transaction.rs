//! Of two transactions, one inside the other, each has domains of its own.

use postroom::account::Caller;
use postroom::db::Postroom;
use postroom::domain;
use postroom::error::Error;
use postroom::id::DomainId;

fn main() {}

fn relabel(postroom: &Postroom, caller: &Caller, id: DomainId) -> Result<(), Error> {
    postroom.read(|outer| {
        let domain = domain::find(outer, caller, id)?;
        postroom.write(|inner| domain::set_label(inner, caller, &domain, None).map(drop))
    })
}
