//! Scopes of API keys: which kinds of things a key may read and change.

use std::fmt;

use crate::word::words;

words! {
    /// What an API key may do. A key without a list of scopes may do everything. Its word is `things:action`.
    #[derive(PartialOrd, Ord, Hash)]
    #[non_exhaustive]
    pub enum KeyScope {
        /// Read everything, the API keys of the account too.
        ReadAll = "*:read",
        /// Read domains and what hangs on them.
        DomainsRead = "domains:read",
        /// Create, change and delete domains and their aliases.
        DomainsWrite = "domains:write",
        /// Verify records, and mark them manually.
        RecordsVerify = "records:verify",
        /// Create, import, activate, rotate and delete DKIM keys.
        KeysWrite = "keys:write",
        /// Create, rename and revoke domain tokens.
        TokensWrite = "tokens:write",
        /// Change recipients, safelists and blocklists.
        ListsWrite = "lists:write",
        /// Change where incoming mail goes.
        RoutesWrite = "routes:write",
        /// Report misclassified messages.
        ReportsWrite = "reports:write",
        /// Create login links.
        LinksWrite = "links:write",
        /// Create, rotate and delete API keys of the account.
        AccountWrite = "account:write",
    }
    all ALL,
    else InvalidKeyScope
}

/// A text that names no scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not a scope; the scopes are {}", KeyScope::ALL.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(", "))]
pub struct InvalidKeyScope;

/// What an operation needs of an API key that has scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It reads what this scope changes.
    Read(KeyScope),
    /// It changes something, or makes a credential.
    Write(KeyScope),
}

impl Need {
    /// The scopes each of which is enough.
    pub fn enough(self) -> Vec<KeyScope> {
        match self {
            Need::Write(scope) => vec![scope],
            // Who reads domains need not read who else has access to them.
            Need::Read(scope @ KeyScope::AccountWrite) => vec![KeyScope::ReadAll, scope],
            Need::Read(scope) => vec![KeyScope::ReadAll, KeyScope::DomainsRead, scope],
        }
    }
}

/// What is missing, for a sentence: `tokens:write`, or `domains:read or tokens:write`.
impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let enough = self.enough();
        let names = enough.iter().map(|scope| scope.as_str());
        f.write_str(&names.collect::<Vec<_>>().join(" or "))
    }
}

/// The scopes of an API key: one or more, each once, in the order of [`KeyScope::ALL`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyScopes(Vec<KeyScope>);

impl KeyScopes {
    /// These scopes; none if there is no scope among them, for such a key could do nothing.
    pub fn new(scopes: impl IntoIterator<Item = KeyScope>) -> Option<KeyScopes> {
        let mut scopes: Vec<KeyScope> = scopes.into_iter().collect();
        scopes.sort_unstable();
        scopes.dedup();
        (!scopes.is_empty()).then_some(KeyScopes(scopes))
    }

    /// The scopes, in order.
    pub fn iter(&self) -> impl Iterator<Item = KeyScope> + '_ {
        self.0.iter().copied()
    }

    /// Whether they are enough for what an operation needs.
    pub fn allow(&self, need: Need) -> bool {
        need.enough().iter().any(|scope| self.0.contains(scope))
    }

    /// Whether whoever has these scopes may do all that the others allow.
    pub fn cover(&self, others: &KeyScopes) -> bool {
        others.iter().all(|other| {
            let reads = other == KeyScope::DomainsRead && self.0.contains(&KeyScope::ReadAll);
            reads || self.0.contains(&other)
        })
    }

    /// The form in which they are stored: their names with a space between.
    pub(crate) fn store(&self) -> String {
        self.iter().map(KeyScope::as_str).collect::<Vec<_>>().join(" ")
    }

    /// The scopes that were stored so. A name that this version does not know grants nothing.
    pub(crate) fn stored(text: &str) -> KeyScopes {
        KeyScopes(text.split(' ').filter_map(|name| name.parse().ok()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(list: &[KeyScope]) -> KeyScopes {
        KeyScopes::new(list.iter().copied()).unwrap()
    }

    #[test]
    fn a_scope_is_read_back_by_its_name_and_nothing_else_is_one() {
        for scope in KeyScope::ALL {
            assert_eq!(scope.to_string().parse(), Ok(*scope));
        }
        for bad in ["", "*", "domains", "Domains:read", "*:write", "domains:read "] {
            assert_eq!(bad.parse::<KeyScope>(), Err(InvalidKeyScope), "{bad}");
        }
        assert_eq!(KeyScopes::stored("unknown:thing tokens:write").0, [KeyScope::TokensWrite]);
        assert!(!KeyScopes::stored("unknown:thing").allow(Need::Read(KeyScope::DomainsWrite)));
    }

    #[test]
    fn reading_needs_a_scope_that_reads_or_the_things_own_and_writing_needs_the_things_own() {
        use KeyScope::{AccountWrite, DomainsRead, DomainsWrite, ReadAll, TokensWrite};
        for (has, need, may) in [
            (ReadAll, Need::Read(TokensWrite), true),
            (DomainsRead, Need::Read(TokensWrite), true),
            (TokensWrite, Need::Read(TokensWrite), true),
            (DomainsWrite, Need::Read(TokensWrite), false),
            (ReadAll, Need::Read(AccountWrite), true),
            (DomainsRead, Need::Read(AccountWrite), false),
            (ReadAll, Need::Write(TokensWrite), false),
            (TokensWrite, Need::Write(TokensWrite), true),
            (AccountWrite, Need::Write(TokensWrite), false),
        ] {
            assert_eq!(scopes(&[has]).allow(need), may, "{has} {need:?}");
        }
    }

    #[test]
    fn a_scope_covers_itself_and_reading_all_covers_reading_domains() {
        for scope in KeyScope::ALL {
            assert!(scopes(&[*scope]).cover(&scopes(&[*scope])), "{scope}");
        }
        let (all, domains) = (scopes(&[KeyScope::ReadAll]), scopes(&[KeyScope::DomainsRead]));
        assert!(all.cover(&domains) && !domains.cover(&all));
    }

    #[test]
    fn whoever_covers_others_may_do_all_that_they_may() {
        for mine in KeyScope::ALL {
            for theirs in KeyScope::ALL {
                let (mine, theirs) = (scopes(&[*mine]), scopes(&[*theirs]));
                let needs = KeyScope::ALL.iter().flat_map(|scope| [Need::Read(*scope), Need::Write(*scope)]);
                // No operation reads what a scope that only reads would change.
                let is_needed = |need: &Need| !matches!(need, Need::Read(s) | Need::Write(s) if [KeyScope::ReadAll, KeyScope::DomainsRead].contains(s));
                for need in needs.filter(is_needed) {
                    assert!(
                        !mine.cover(&theirs) || !theirs.allow(need) || mine.allow(need),
                        "{mine:?} {theirs:?} {need:?}"
                    );
                }
            }
        }
    }
}
