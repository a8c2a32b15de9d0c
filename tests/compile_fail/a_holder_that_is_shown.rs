//! Whoever else's domain it is: nothing of it is shown.

use postroom::domain::{Details, Holder};

fn main() {}

fn account(holder: &Holder<'_>) -> i64 {
    holder.account.number()
}

fn name(holder: &Holder<'_>) -> String {
    holder.name.to_string()
}

fn text(holder: &Holder<'_>) -> String {
    format!("{holder}")
}

fn details(holder: Holder<'_>) -> Details {
    holder.into()
}
