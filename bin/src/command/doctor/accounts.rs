//! Accounts that are trusted for no other reason than that they were there before there were tenants.

use postroom::account::{self, Trust};
use postroom::db::Postroom;

use super::{Check, State, check};

/// How many accounts are named in a line.
const MOST_NAMED: usize = 10;

pub(super) fn accounts(postroom: &Postroom) -> Option<Check> {
    let all = match postroom.read(account::list) {
        Ok(all) => all,
        Err(error) => return Some(check("accounts", State::Fail, error.to_string())),
    };
    let names: Vec<&str> =
        all.iter().filter(|it| it.trust == Trust::Earlier).map(|it| it.name.as_str()).collect();
    let more = names.len().saturating_sub(MOST_NAMED);
    let listed = names.iter().take(MOST_NAMED).copied().collect::<Vec<_>>().join(", ");
    let and = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!names.is_empty()).then(|| {
        let text = format!(
            "trusted, because they are from an earlier version: {listed}{and}; their names act without proof. Run \
             `postroom account distrust NAME` for each customer's, and `postroom account trust NAME` for your own"
        );
        check("accounts", State::Warn, text)
    })
}
