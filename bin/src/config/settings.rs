//! The settings in their types, and the warnings about them.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroU16, NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use postroom::db::is_on_a_server;
use postroom::dns;
use postroom::egress::EgressPolicy;
use postroom::name::{DnsName, DomainName};
use postroom::settings::Settings;

use super::value::{BaseUrl, Delimiters, MessageMib, Server};
use super::{Config, ConfigError, KEYS};
use crate::listen::TrustedProxies;
use crate::scout::{MailScout, Scouts, WebScout};
use crate::wire::Switches;

impl Config {
    /// The database file.
    pub fn db(&self) -> Result<PathBuf, ConfigError> {
        Ok(self.get("db")?.unwrap_or_else(|| "postroom.db".into()))
    }

    /// The file of the master key, where it is not beside the database: the one that is set, or the credential that systemd gives
    /// the service.
    pub fn master_key_file(&self) -> Result<Option<PathBuf>, ConfigError> {
        let set = self.get("master_key_file")?;
        Ok(set.or_else(|| self.credential.clone()))
    }

    /// Where to listen.
    pub fn listen(&self) -> Result<SocketAddr, ConfigError> {
        Ok(self.get("listen")?.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8025))))
    }

    /// The base URL that clients use, if it is set.
    pub fn public_url(&self) -> Result<Option<BaseUrl>, ConfigError> {
        self.get("public_url")
    }

    /// The certificate chain and its key, if TLS is on.
    pub fn tls(&self) -> Result<Option<(PathBuf, PathBuf)>, ConfigError> {
        match (self.get("tls.cert")?, self.get("tls.key")?) {
            (Some(cert), Some(key)) => Ok(Some((cert, key))),
            (None, None) => Ok(None),
            _ => Err(ConfigError::HalfTls),
        }
    }

    /// What is switched on and off.
    pub fn switches(&self) -> Result<Switches, ConfigError> {
        let usual = Switches::default();
        Ok(Switches {
            dns_mark: self.get("lifecycle.dns_mark")?,
            loopback_webhooks: self.get("webhooks.loopback_http")?.unwrap_or(usual.loopback_webhooks),
        })
    }

    /// The name servers of the zone of delegated keys.
    pub fn delegation_servers(&self) -> Result<Vec<DnsName>, ConfigError> {
        self.list("dkim.delegation_servers")
    }

    /// How DNS is asked.
    pub fn dns(&self) -> Result<dns::DnsSettings, ConfigError> {
        let resolvers = self.list::<Server>("dns.resolvers")?.into_iter().map(|server| server.0).collect();
        let usual = dns::DnsSettings::default();
        Ok(dns::DnsSettings {
            resolvers,
            authoritative: self.get("dns.authoritative")?.unwrap_or(usual.authoritative),
            authoritative_port: self
                .get("dns.authoritative_port")?
                .map_or(usual.authoritative_port, NonZeroU16::get),
            egress: self.egress()?,
            ..usual
        })
    }

    /// Which hosts customers may have this server talk to.
    pub fn egress(&self) -> Result<EgressPolicy, ConfigError> {
        Ok(EgressPolicy::allowing(self.list("egress.allow")?))
    }

    /// The proxies that say whose requests they pass on.
    pub fn trusted_proxies(&self) -> Result<TrustedProxies, ConfigError> {
        Ok(TrustedProxies::new(self.list("limits.trusted_proxies")?))
    }

    /// What may look at other hosts for advice.
    pub fn scouts(&self, settings: &Settings) -> Result<Scouts, ConfigError> {
        let https = self.get("advice.https")?.unwrap_or(true).then(WebScout::default);
        let smtp = self.get("advice.smtp")?.unwrap_or(false).then(|| MailScout::named(&settings.mx_host));
        Ok(Scouts { https, smtp })
    }

    /// The operator's decisions; the hosts that are not set are derived from the machine's name.
    pub fn settings(&self) -> Result<Settings, ConfigError> {
        let server = server_name();
        let mut settings = Settings::for_server(&server);
        macro_rules! take {
            ($($path:literal => $field:expr,)*) => {$(
                if let Some(value) = self.get($path)? { $field = value; }
            )*};
        }
        take! {
            "mx.host" => settings.mx_host,
            "mx.priority" => settings.mx_priority,
            "spf.mechanism" => settings.spf_mechanism,
            "dmarc.policy" => settings.dmarc_policy,
            "dkim.selector" => settings.dkim_selector,
            "dkim.spare_keys" => settings.spare_keys,
            "return_path.host" => settings.return_path_host,
            "return_path.required" => settings.return_path_required,
            "ownership.require_proof" => settings.require_proof,
            "limits.list_entries" => settings.caps.list_entries,
            "limits.recipients" => settings.caps.recipients,
            "limits.aliases" => settings.caps.aliases,
            "limits.tokens" => settings.caps.tokens,
            "limits.key_domains" => settings.caps.key_domains,
            "limits.login_links" => settings.caps.login_links,
            "limits.unproved_claims" => settings.caps.unproved_claims,
        }
        macro_rules! take_some {
            ($($path:literal => $field:expr,)*) => {$(
                if let Some(value) = self.get::<NonZeroU32>($path)? { $field = value.get(); }
            )*};
        }
        take_some! {
            "dkim.most_keys" => settings.most_dkim_keys,
            "loss.failures" => settings.loss.failures,
            "limits.keys" => settings.caps.keys,
            "audit.account_rows" => settings.most_events,
            "limits.deliveries" => settings.caps.deliveries,
        }
        if let Some(Delimiters(characters)) = self.get("bridge.delimiter")? {
            settings.recipient_delimiters = characters;
        }
        settings.sending_addresses = self.list("sending.addresses")?;
        settings.egress = self.egress()?;
        settings.own_hosts.extend(self.public_url()?.and_then(|url| url.host()));
        settings.dmarc_rua = self.get("dmarc.rua")?;
        settings.delegation_zone = self.get("dkim.delegation_zone")?;
        if let Some(days) = self.get::<u32>("dkim.keep_retired_days")? {
            settings.keep_retired_for = Duration::from_hours(24 * u64::from(days));
        }
        if let Some(days) = self.get::<NonZeroU32>("claims.expire_after_days")? {
            settings.claim_expires_after = Duration::from_hours(24 * u64::from(days.get()));
        }
        if let Some(hours) = self.get::<u32>("loss.hours")? {
            settings.loss.span = Duration::from_hours(u64::from(hours));
        }
        if let Some(minutes) = self.get::<NonZeroU16>("login.link_minutes")? {
            settings.login_link_life = Duration::from_mins(u64::from(minutes.get()));
        }
        if let Some(days) = self.get::<NonZeroU16>("reports.keep_days")? {
            settings.keep_reports_for = Duration::from_hours(24 * u64::from(days.get()));
        }
        if let Some(MessageMib(octets)) = self.get("reports.max_mib")? {
            settings.max_report_octets = octets;
        }
        if let Some(mib) = self.get::<u32>("reports.account_mib")? {
            settings.caps.report_octets = u64::from(mib) * 1024 * 1024;
        }
        if let Some(mib) = self.get::<u32>("limits.kept_answer_mib")? {
            settings.caps.kept_answer_octets = u64::from(mib) * 1024 * 1024;
        }
        if let Some(days) = self.get::<NonZeroU16>("audit.keep_days")? {
            settings.keep_events_for = Duration::from_hours(24 * u64::from(days.get()));
        }
        Ok(settings)
    }

    /// The values that cannot be used, whatever they are for.
    pub fn bad_values(&self) -> Vec<ConfigError> {
        KEYS.iter().filter_map(|key| Some(self.values.get(key.path)?.faults(key))).flatten().collect()
    }

    /// What is wrong with the settings: a sentence for each that cannot be used, and for those that do not go together.
    pub fn faults(&self) -> Vec<String> {
        let together =
            [self.tls().err(), self.bridge_vault().err(), self.backup().err()].into_iter().flatten();
        let values = self.bad_values().into_iter().chain(together).map(|fault| fault.to_string());
        let mut faults: Vec<String> = self.misread.iter().map(ToString::to_string).chain(values).collect();
        faults.sort_unstable();
        faults.dedup();
        faults
    }

    /// Where the metrics are, if they are anywhere.
    pub fn metrics_listen(&self) -> Result<Option<SocketAddr>, ConfigError> {
        self.get("metrics.listen")
    }

    /// The folder for the server's own backups, how often it makes one, and how many it keeps; none if there is no folder.
    pub fn backup(&self) -> Result<Option<(PathBuf, Duration, NonZeroUsize)>, ConfigError> {
        let hours = self.get::<NonZeroU16>("backup.every_hours")?.map_or(24, NonZeroU16::get);
        let keep = self
            .get::<NonZeroU16>("backup.keep")?
            .map_or(NonZeroUsize::MIN.saturating_add(6), NonZeroUsize::from);
        let folder: Option<PathBuf> = self.get("backup.dir")?;
        if folder.is_some() && is_on_a_server(&self.db()?) {
            return Err(ConfigError::BackupOfServer);
        }
        Ok(folder.map(|folder| (folder, Duration::from_hours(u64::from(hours)), keep)))
    }

    /// The addresses at which the world reaches this machine, where they are not its own.
    pub fn server_addresses(&self) -> Result<Vec<IpAddr>, ConfigError> {
        self.list("server.addresses")
    }

    /// The hosts that records would name and that nobody else can look up. The caller warns of them while the server is for
    /// this machine alone; if `public_url` or an address beyond loopback shows that it is for others, they are an error.
    pub fn unusable_hosts(&self, settings: &Settings) -> Result<Vec<UnusableHost>, ConfigError> {
        let derived_is_public = is_public(&server_name());
        let unusable: Vec<UnusableHost> = [
            ("mx.host", "POSTROOM_MX_HOST", &settings.mx_host),
            ("return_path.host", "POSTROOM_RETURN_PATH_HOST", &settings.return_path_host),
        ]
        .into_iter()
        .filter(|(path, _, host)| {
            let is_usable =
                if self.has(path) { host.as_str().parse::<DomainName>().is_ok() } else { derived_is_public };
            !is_usable
        })
        .map(|(path, variable, host)| UnusableHost { path, variable, host: host.clone() })
        .collect();
        match (unusable.first(), self.public()?) {
            (Some(host), Some(public)) => Err(ConfigError::UnusableHost { public, host: host.clone() }),
            _ => Ok(unusable),
        }
    }

    /// The setting which shows that the server is for others than this machine, if there is one.
    pub fn public(&self) -> Result<Option<&'static str>, ConfigError> {
        if self.public_url()?.is_some() {
            return Ok(Some("public_url"));
        }
        let is_loopback = self.listen()?.ip().to_canonical().is_loopback();
        Ok(if is_loopback { None } else { Some("a public listen address") })
    }
}

/// A host that records name, and that no other machine can look up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusableHost {
    path: &'static str,
    variable: &'static str,
    host: DnsName,
}

impl fmt::Display for UnusableHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} is {}, which nobody else can look up; set {} to a name in the public DNS before you tell anybody what \
             to publish",
            self.path, self.host, self.variable
        )
    }
}

/// Endings of names that mean something on one network alone (RFC 6761, RFC 6762, RFC 8375, and what routers hand out).
const PRIVATE_ENDINGS: &[&str] = &["localhost", "local", "localdomain", "internal", "lan", "home.arpa"];

/// Whether others may be able to look up a machine's name: it has a dot and does not belong to a private network.
fn is_public(name: &DnsName) -> bool {
    let is_private = |ending: &&str| {
        name.as_str().strip_suffix(*ending).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    name.as_str().parse::<DomainName>().is_ok() && !PRIVATE_ENDINGS.iter().any(is_private)
}

/// The machine's own name, or one that stands in for it.
fn server_name() -> DnsName {
    let own = gethostname::gethostname();
    let own = own.to_str().and_then(|name| name.parse().ok());
    own.unwrap_or_else(|| DnsName::from_answer("localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_and_one_of_a_private_network_are_not_public() {
        for (name, want) in [
            ("mail.example.net", true),
            ("example.net", true),
            ("vm", false),
            ("localhost", false),
            ("vm.localdomain", false),
            ("desk.home.arpa", false),
            ("notlocal.example", true),
        ] {
            assert_eq!(is_public(&name.parse().unwrap()), want, "{name}");
        }
    }
}
