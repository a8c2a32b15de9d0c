//! What the operator decides: the values of domains' records, the life of claims, keys, links and reports, and when a record
//! is lost.
//!
//! ```
//! use postroom::name::DnsName;
//! use postroom::settings::Settings;
//!
//! let mut settings = Settings::for_server(&"mail.example.net".parse::<DnsName>()?);
//! settings.mx_host = "mx.example.net".parse()?;
//! assert_eq!(settings.spf_record(), "v=spf1 mx ~all");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use crate::address::EmailAddress;
use crate::cap::Caps;
use crate::egress::EgressPolicy;
use crate::name::{DnsName, Selector};
use crate::word::words;

/// The operator's decisions, the same for every account.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The target of every domain's MX record.
    pub mx_host: DnsName,
    /// Its preference (RFC 5321 section 5.1).
    pub mx_priority: u16,
    /// The mechanism that a domain's SPF record must reach.
    pub spf_mechanism: SpfMechanism,
    /// The addresses from which we send. If there are any, an SPF record is right when it passes each of them; otherwise it
    /// is right when evaluation reaches the mechanism.
    pub sending_addresses: Vec<IpAddr>,
    /// The policy that a domain's DMARC record asks for at first.
    pub dmarc_policy: DmarcPolicy,
    /// Where a domain's aggregate DMARC reports go, if the operator wants them.
    pub dmarc_rua: Option<EmailAddress>,
    /// The selector of a domain's first DKIM key.
    pub dkim_selector: Selector,
    /// How many DKIM keys a domain may have.
    pub most_dkim_keys: u32,
    /// The operator's own zone, which has the records of delegated DKIM keys. Without it no key can be delegated.
    pub delegation_zone: Option<DnsName>,
    /// How long after a rotation the old key's record must stay, because mail that the old key signed is still under way.
    pub keep_retired_for: Duration,
    /// How many spare DKIM keys the pool holds when full.
    pub spare_keys: u32,
    /// The target of `mailer.<domain>`, the return path.
    pub return_path_host: DnsName,
    /// Whether a domain needs the return path to be active.
    pub return_path_required: bool,
    /// The characters that begin a tag in a local part, as in `jo+tag@example.com`. Without any there are no tags.
    pub recipient_delimiters: String,
    /// Whose names act only once they are proved: see [`ownership`](crate::ownership).
    pub require_proof: RequireProof,
    /// How long an unproved name of a tenant is kept for it. Afterwards another account may create the domain.
    pub claim_expires_after: Duration,
    /// The operator's hosts beside those of the records: the machine's name, the host of the public URL. With the domains in
    /// which they are registered, no tenant can claim them.
    pub own_hosts: Vec<DnsName>,
    /// When a verified record counts as lost.
    pub loss: LossPolicy,
    /// How long an unused login link is valid.
    pub login_link_life: Duration,
    /// The most octets of a reported message.
    pub max_report_octets: u64,
    /// How long a report is kept.
    pub keep_reports_for: Duration,
    /// How long a row of the audit log is kept.
    pub keep_events_for: Duration,
    /// How many rows of the audit log are kept of each account; the newest are.
    pub most_events: u32,
    /// How much an account may have of each thing that it can pile up.
    pub caps: Caps,
    /// Which hosts customers may have this server talk to.
    pub egress: EgressPolicy,
}

impl Settings {
    /// The defaults of a mail system whose server has this name.
    pub fn for_server(name: &DnsName) -> Settings {
        // A server name of 250 octets leaves no room for `mx.`; then we use the name itself.
        let named = |label: &str| name.child(label).unwrap_or_else(|_| name.clone());
        Settings {
            mx_host: named("mx"),
            mx_priority: 10,
            spf_mechanism: SpfMechanism("mx".to_owned()),
            sending_addresses: Vec::new(),
            dmarc_policy: DmarcPolicy::None,
            dmarc_rua: None,
            dkim_selector: Selector::default_first(),
            most_dkim_keys: 10,
            delegation_zone: None,
            keep_retired_for: Duration::from_hours(7 * 24),
            spare_keys: 16,
            return_path_host: named("return-path"),
            return_path_required: false,
            recipient_delimiters: "+".to_owned(),
            require_proof: RequireProof::Tenants,
            claim_expires_after: Duration::from_hours(7 * 24),
            own_hosts: vec![name.clone()],
            loss: LossPolicy { failures: 3, span: Duration::from_hours(72) },
            login_link_life: Duration::from_mins(15),
            max_report_octets: 10 * 1024 * 1024,
            keep_reports_for: Duration::from_hours(30 * 24),
            keep_events_for: Duration::from_hours(365 * 24),
            most_events: 250_000,
            caps: Caps::default(),
            egress: EgressPolicy::default(),
        }
    }

    /// The SPF record of a domain that has none yet (RFC 7208 section 3).
    pub fn spf_record(&self) -> String {
        format!("v=spf1 {} ~all", self.spf_mechanism)
    }

    /// The DMARC record of a domain that has none yet (RFC 9989 section 4.7).
    pub fn dmarc_record(&self) -> String {
        match &self.dmarc_rua {
            Some(rua) => format!("v=DMARC1; p={}; rua=mailto:{rua}", self.dmarc_policy),
            None => format!("v=DMARC1; p={}", self.dmarc_policy),
        }
    }
}

/// How often and how long a verified record must fail before it is lost. Both limits must be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LossPolicy {
    /// The number of definite failures in a row.
    pub failures: u32,
    /// The time during which the record is known to fail: the sum of the pauses between consecutive failed checks. A pause
    /// counts at most as long as it would be with the fewest checks, evenly spread.
    pub span: Duration,
}

words! {
    /// A DMARC policy, from the mildest to the strictest (RFC 9989 section 4.7).
    #[derive(PartialOrd, Ord)]
    pub enum DmarcPolicy {
        /// `p=none`
        None = "none",
        /// `p=quarantine`
        Quarantine = "quarantine",
        /// `p=reject`
        Reject = "reject",
    }
    else InvalidSetting("a DMARC policy is none, quarantine or reject")
}

words! {
    /// Whose names act only once they are proved.
    pub enum RequireProof {
        /// Those of every account that is not trusted.
        Tenants = "tenants",
        /// Everybody's.
        Always = "always",
        /// Nobody's.
        Never = "never",
    }
    else InvalidSetting("proof is required of tenants, always or never")
}

/// One mechanism of an SPF record without its qualifier: `mx`, `include:spf.example.com`, `ip4:192.0.2.1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpfMechanism(String);

impl FromStr for SpfMechanism {
    type Err = InvalidSetting;

    fn from_str(text: &str) -> Result<SpfMechanism, InvalidSetting> {
        let name = text.split([':', '/']).next().unwrap_or_default();
        // `all` passes everybody, `ptr` is not to be published (RFC 7208 section 5.5).
        let known = matches!(name, "a" | "mx" | "include" | "ip4" | "ip6" | "exists");
        let bare = text.bytes().all(|octet| octet.is_ascii_graphic());
        if known && bare && (matches!(name, "a" | "mx") || text.len() > name.len() + 1) {
            Ok(SpfMechanism(text.to_owned()))
        } else {
            Err(InvalidSetting(
                "an SPF mechanism is one of a, mx, include:, ip4:, ip6:, exists:, without qualifier or spaces",
            ))
        }
    }
}

impl fmt::Display for SpfMechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The error for a setting that cannot be used: it says which values are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidSetting(&'static str);

crate::error::invalid_input!(InvalidSetting, "setting");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mechanism_is_one_that_can_be_merged_into_a_record() {
        for good in ["mx", "a", "a:mail.example.com", "include:spf.example.com", "ip4:192.0.2.0/24", "mx/24"]
        {
            assert!(good.parse::<SpfMechanism>().is_ok(), "{good}");
        }
        for bad in ["", "+mx", "all", "-all", "ptr", "include:", "mx ~all", "ip4", "v=spf1"] {
            assert!(bad.parse::<SpfMechanism>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_defaults_are_those_of_the_readme() {
        let settings = Settings::for_server(&"example.com".parse().unwrap());
        assert_eq!(settings.mx_host.as_str(), "mx.example.com");
        assert_eq!(settings.spf_record(), "v=spf1 mx ~all");
        assert_eq!(settings.dmarc_record(), "v=DMARC1; p=none");
        assert_eq!(settings.dkim_selector.as_str(), "pr1");
    }
}
