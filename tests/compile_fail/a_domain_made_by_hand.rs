//! A domain is not made from what there is to show of one.

use postroom::domain::{Details, Domain};

fn main() {}

fn make<'t>(details: Details) -> Domain<'t> {
    Domain { details }
}
