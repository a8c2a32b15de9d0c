//! What an account can pile up, and how much of each it may have.
//!
//! ```
//! use postroom::cap::{Cap, Caps};
//!
//! let caps = Caps::default();
//! assert_eq!(Cap::Tokens.setting(), "limits.tokens");
//! assert!(caps.most(Cap::Tokens) > 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;

/// One MiB.
const MIB: u64 = 1024 * 1024;

/// A thing that an account can pile up. Each has a cap, which is one of the operator's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cap {
    /// The entries of one safelist or blocklist.
    ListEntries,
    /// The recipients at all of its domains.
    Recipients,
    /// The aliases of all of its domains.
    Aliases,
    /// The sending tokens of all of its domains that are not revoked.
    Tokens,
    /// The API keys that are not revoked.
    Keys,
    /// The domains that those keys are limited to, counted for each key.
    KeyDomains,
    /// The login links that can still be used.
    LoginLinks,
    /// The octets of the answers that are kept for a repeated request.
    KeptAnswers,
    /// The names that it holds without a proof.
    UnprovedClaims,
    /// The calls to webhooks and to other mail servers that a bridge makes at a time to deliver its mail.
    Deliveries,
    /// The octets of reported messages.
    Reports,
}

impl Cap {
    /// Every cap, in the order in which they are shown.
    pub const ALL: [Cap; 11] = [
        Cap::ListEntries,
        Cap::Recipients,
        Cap::Aliases,
        Cap::Tokens,
        Cap::Keys,
        Cap::KeyDomains,
        Cap::LoginLinks,
        Cap::KeptAnswers,
        Cap::UnprovedClaims,
        Cap::Deliveries,
        Cap::Reports,
    ];

    /// The name of the setting that says how much there may be.
    pub fn setting(self) -> &'static str {
        match self {
            Cap::ListEntries => "limits.list_entries",
            Cap::Recipients => "limits.recipients",
            Cap::Aliases => "limits.aliases",
            Cap::Tokens => "limits.tokens",
            Cap::Keys => "limits.keys",
            Cap::KeyDomains => "limits.key_domains",
            Cap::LoginLinks => "limits.login_links",
            Cap::KeptAnswers => "limits.kept_answer_mib",
            Cap::UnprovedClaims => "limits.unproved_claims",
            Cap::Deliveries => "limits.deliveries",
            Cap::Reports => "reports.account_mib",
        }
    }

    /// The name in a ledger: that of the setting, without `limits.`.
    pub fn name(self) -> &'static str {
        let setting = self.setting();
        setting.strip_prefix("limits.").unwrap_or(setting)
    }

    /// Whether octets are counted; the setting then counts MiB.
    pub fn is_of_octets(self) -> bool {
        matches!(self, Cap::KeptAnswers | Cap::Reports)
    }

    /// What there is of so much of it, in words: "1000 sending tokens".
    pub(crate) fn so_many(self, most: u64) -> SoMany {
        SoMany(self, most)
    }
}

/// An amount of what a cap counts, in words.
pub(crate) struct SoMany(Cap, u64);

impl fmt::Display for SoMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SoMany(cap, most) = *self;
        match cap {
            Cap::ListEntries => write!(f, "{most} entries in one list"),
            Cap::Recipients => write!(f, "{most} recipients in an account"),
            Cap::Aliases => write!(f, "{most} aliases in an account"),
            Cap::Tokens => write!(f, "{most} sending tokens in an account"),
            Cap::Keys => write!(f, "{most} API keys in an account"),
            Cap::KeyDomains => write!(f, "{most} domains to which API keys of an account are limited"),
            Cap::LoginLinks => write!(f, "{most} unused login links in an account"),
            Cap::KeptAnswers => write!(f, "{} MiB of kept answers in an account", most / MIB),
            Cap::UnprovedClaims => write!(f, "{most} names without a proof in an account"),
            Cap::Deliveries => write!(f, "{most} deliveries of an account at a time"),
            Cap::Reports => write!(f, "{} MiB of reported messages in an account", most / MIB),
        }
    }
}

/// How much an account may have of each thing: the operator's decision, the same for every account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Entries of one list.
    pub list_entries: u32,
    /// Recipients.
    pub recipients: u32,
    /// Aliases.
    pub aliases: u32,
    /// Sending tokens that are not revoked.
    pub tokens: u32,
    /// API keys that are not revoked.
    pub keys: u32,
    /// Domains that those keys are limited to, counted for each key.
    pub key_domains: u32,
    /// Login links that can still be used.
    pub login_links: u32,
    /// Octets of kept answers; what is too much makes the oldest go.
    pub kept_answer_octets: u64,
    /// Names without a proof.
    pub unproved_claims: u32,
    /// Calls to webhooks and to other mail servers that deliver mail, at a time. Each bridge counts its own.
    pub deliveries: u32,
    /// Octets of reported messages.
    pub report_octets: u64,
}

impl Caps {
    /// How much there may be.
    pub fn most(&self, cap: Cap) -> u64 {
        match cap {
            Cap::ListEntries => self.list_entries.into(),
            Cap::Recipients => self.recipients.into(),
            Cap::Aliases => self.aliases.into(),
            Cap::Tokens => self.tokens.into(),
            Cap::Keys => self.keys.into(),
            Cap::KeyDomains => self.key_domains.into(),
            Cap::LoginLinks => self.login_links.into(),
            Cap::KeptAnswers => self.kept_answer_octets,
            Cap::UnprovedClaims => self.unproved_claims.into(),
            Cap::Deliveries => self.deliveries.into(),
            Cap::Reports => self.report_octets,
        }
    }
}

impl Default for Caps {
    fn default() -> Caps {
        Caps {
            list_entries: 100_000,
            recipients: 100_000,
            aliases: 10_000,
            tokens: 10_000,
            keys: 1_000,
            key_domains: 20_000,
            login_links: 10_000,
            kept_answer_octets: 64 * MIB,
            unproved_claims: 1_000,
            deliveries: 8,
            report_octets: 1024 * MIB,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cap_has_a_name_of_its_own_and_says_what_it_counts_in_the_unit_of_its_setting() {
        for cap in Cap::ALL {
            assert_eq!(Cap::ALL.iter().filter(|other| other.name() == cap.name()).count(), 1);
            assert_eq!(cap.is_of_octets(), cap.setting().ends_with("_mib"));
            assert!(Caps::default().most(cap) > 0);
        }
        assert_eq!(Cap::KeptAnswers.so_many(64 * MIB).to_string(), "64 MiB of kept answers in an account");
        assert_eq!(Cap::Reports.name(), "reports.account_mib");
    }
}
