//! The configuration: flags, then environment variables, then a TOML file, then defaults.
//!
//! Every key stands once, in [`KEYS`]; a value is text until it is asked for in its type, and an error says
//! which source it came from.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use postroom::dns;
use postroom::name::{DnsName, DomainName};
use postroom::settings::Settings;

use crate::wire::Switches;

/// A key of the file, its environment variable, and what it is for.
pub struct Key {
    /// Its place in the TOML file.
    pub path: &'static str,
    /// Its environment variable.
    pub variable: &'static str,
    /// What it decides, with its default.
    pub help: &'static str,
}

const fn key(path: &'static str, variable: &'static str, help: &'static str) -> Key {
    Key { path, variable, help }
}

/// Every key.
pub const KEYS: &[Key] = &[
    key("db", "POSTROOM_DB", "the database file (./postroom.db)"),
    key("master_key_file", "POSTROOM_MASTER_KEY_FILE", "the master key (the database file and .key)"),
    key("listen", "POSTROOM_LISTEN", "where to listen (127.0.0.1:8025)"),
    key(
        "public_url",
        "POSTROOM_PUBLIC_URL",
        "the base URL that clients use (http:// and the listening address)",
    ),
    key("tls.cert", "POSTROOM_TLS_CERT", "PEM file of the certificate chain; turns TLS on"),
    key("tls.key", "POSTROOM_TLS_KEY", "PEM file of its private key"),
    key(
        "limits.per_address",
        "POSTROOM_CONNECTIONS_PER_ADDRESS",
        "connections from one address (64; more behind a proxy)",
    ),
    key(
        "limits.requests_per_second",
        "POSTROOM_RATE_LIMIT",
        "requests a second of one account, over all its keys; 0 for any number (100)",
    ),
    key(
        "limits.failures_per_second",
        "POSTROOM_FAILURE_LIMIT",
        "failed authentications a second of one address, ten times as many at once; 0 for any number (20)",
    ),
    key("mx.host", "POSTROOM_MX_HOST", "target of every MX record (mx. and the server's name)"),
    key("mx.priority", "POSTROOM_MX_PRIORITY", "preference of it (10)"),
    key("spf.mechanism", "POSTROOM_SPF_MECHANISM", "what SPF records must reach (mx)"),
    key(
        "sending.addresses",
        "POSTROOM_SENDING_ADDRESSES",
        "addresses that we send from; SPF must pass each (none)",
    ),
    key("dmarc.policy", "POSTROOM_DMARC_POLICY", "the policy asked for: none, quarantine, reject (none)"),
    key("dmarc.rua", "POSTROOM_DMARC_RUA", "address for aggregate reports (none)"),
    key("dkim.selector", "POSTROOM_DKIM_SELECTOR", "selector of a domain's first key (pr1)"),
    key("dkim.most_keys", "POSTROOM_DKIM_MOST_KEYS", "keys that a domain may have (10)"),
    key(
        "dkim.keep_retired_days",
        "POSTROOM_DKIM_KEEP_RETIRED_DAYS",
        "days that a key's record must stay after a rotation (7)",
    ),
    key(
        "dkim.delegation_zone",
        "POSTROOM_DKIM_DELEGATION_ZONE",
        "zone of your own for delegated keys (none, and none are)",
    ),
    key(
        "dkim.delegation_servers",
        "POSTROOM_DKIM_DELEGATION_SERVERS",
        "its name servers, for the zone file's SOA and NS (none)",
    ),
    key("dkim.spare_keys", "POSTROOM_DKIM_SPARE_KEYS", "key pairs kept ready (16)"),
    key(
        "return_path.host",
        "POSTROOM_RETURN_PATH_HOST",
        "target of mailer.<domain> (return-path. and the server's name)",
    ),
    key("return_path.required", "POSTROOM_RETURN_PATH_REQUIRED", "whether an active domain needs it (false)"),
    key(
        "claims.expire_after_days",
        "POSTROOM_CLAIMS_EXPIRE_AFTER_DAYS",
        "life of a claim never verified (7)",
    ),
    key("loss.failures", "POSTROOM_LOSS_FAILURES", "failed checks in a row until a record is lost (3)"),
    key("loss.hours", "POSTROOM_LOSS_HOURS", "hours that it is known to have failed by then (72)"),
    key("login.link_minutes", "POSTROOM_LOGIN_LINK_MINUTES", "minutes that a login link lives (15)"),
    key("reports.keep_days", "POSTROOM_REPORTS_KEEP_DAYS", "days that reported messages are kept (30)"),
    key("reports.max_mib", "POSTROOM_REPORTS_MAX_MIB", "MiB of the largest message taken, 1 to 100 (10)"),
    key(
        "reports.account_mib",
        "POSTROOM_REPORTS_ACCOUNT_MIB",
        "MiB of them kept for one account (1024; 0 takes none)",
    ),
    key("lifecycle.dns_mark", "POSTROOM_DNS_MARK", "whether records can be marked by hand over /v2 (true)"),
    key(
        "webhooks.loopback_http",
        "POSTROOM_WEBHOOKS_LOOPBACK_HTTP",
        "whether a webhook may be http to loopback (false)",
    ),
    key(
        "schedule.at_once",
        "POSTROOM_SCHEDULE_AT_ONCE",
        "domains checked at once in the background; 0 is none (16)",
    ),
    key("dns.resolvers", "POSTROOM_RESOLVERS", "recursive resolvers, with or without port (the system's)"),
    key(
        "dns.authoritative",
        "POSTROOM_DNS_AUTHORITATIVE",
        "whether to ask zones' own name servers too (true)",
    ),
    key("dns.authoritative_port", "POSTROOM_DNS_AUTHORITATIVE_PORT", "the port that those listen on (53)"),
];

/// Variables that are no keys of the file.
const OTHER_VARIABLES: &[&str] = &["POSTROOM_CONFIG", "POSTROOM_JSON", "POSTROOM_LOG", "POSTROOM_LOG_FORMAT"];

/// The values that are set, each with its source.
#[derive(Debug, Default)]
pub struct Config {
    values: BTreeMap<&'static str, Value>,
    /// Things that look wrong without being fatal.
    pub warnings: Vec<String>,
}

#[derive(Debug)]
struct Value {
    source: String,
    items: Vec<String>,
}

/// What is wrong with the configuration, and where.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration file {} cannot be read: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("the configuration file {} is not TOML: {reason}", file.display())]
    NotToml {
        /// The file.
        file: PathBuf,
        /// Where and why.
        reason: String,
    },
    /// A key that is not there.
    #[error("{}: there is no setting \"{path}\"; `postroom serve --help` lists them", file.display())]
    Unknown {
        /// The file.
        file: PathBuf,
        /// The key.
        path: String,
    },
    /// A value that will not do.
    #[error("{source_name}: \"{value}\" will not do: {reason}")]
    Value {
        /// The variable, the flag, or the file and key.
        source_name: String,
        /// The value.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// TLS needs both of its files.
    #[error("TLS needs a certificate and its key: set both tls.cert and tls.key, or neither")]
    HalfTls,
}

impl Config {
    /// Reads the file, if one is named, and what the environment sets above it.
    pub fn load(file: Option<&Path>) -> Result<Config, ConfigError> {
        let mut config = Config::default();
        if let Some(file) = file {
            config.read_file(file)?;
        }
        config.read_environment();
        Ok(config)
    }

    /// A flag, above file and environment.
    pub fn set(&mut self, path: &'static str, flag: &str, value: impl Display) {
        self.values.insert(path, Value { source: flag.to_owned(), items: vec![value.to_string()] });
    }

    /// The value of a key in its type.
    pub fn get<T: FromStr<Err: Display>>(&self, path: &str) -> Result<Option<T>, ConfigError> {
        Ok(self.list(path)?.into_iter().next_back())
    }

    /// The values of a key that can have several.
    fn list<T: FromStr<Err: Display>>(&self, path: &str) -> Result<Vec<T>, ConfigError> {
        let Some(value) = self.values.get(path) else {
            return Ok(Vec::new());
        };
        value.items.iter().map(|item| item.parse().map_err(|e| value.fault(item, e))).collect()
    }

    fn read_file(&mut self, file: &Path) -> Result<(), ConfigError> {
        let text = std::fs::read_to_string(file)
            .map_err(|source| ConfigError::Unreadable { file: file.to_owned(), source })?;
        let table: toml::Table = text.parse().map_err(|e: toml::de::Error| ConfigError::NotToml {
            file: file.to_owned(),
            reason: at_place(&text, &e),
        })?;
        self.read_table(file, "", &table)
    }

    fn read_table(&mut self, file: &Path, above: &str, table: &toml::Table) -> Result<(), ConfigError> {
        for (name, value) in table {
            let path = if above.is_empty() { name.clone() } else { format!("{above}.{name}") };
            if let toml::Value::Table(inner) = value {
                self.read_table(file, &path, inner)?;
                continue;
            }
            let key = KEYS.iter().find(|key| key.path == path);
            let key =
                key.ok_or_else(|| ConfigError::Unknown { file: file.to_owned(), path: path.clone() })?;
            let items = match value {
                toml::Value::Array(items) => items.iter().map(plain).collect(),
                other => vec![plain(other)],
            };
            self.values.insert(key.path, Value { source: format!("{}: {path}", file.display()), items });
        }
        Ok(())
    }

    fn read_environment(&mut self) {
        for (variable, value) in std::env::vars_os() {
            let Some(variable) = variable.to_str().filter(|name| name.starts_with("POSTROOM_")) else {
                continue;
            };
            let value = value.to_string_lossy();
            match KEYS.iter().find(|key| key.variable == variable) {
                Some(key) => {
                    let items = value.split(',').map(|item| item.trim().to_owned()).collect();
                    self.values.insert(key.path, Value { source: variable.to_owned(), items });
                }
                None if OTHER_VARIABLES.contains(&variable) => {}
                None => self
                    .warnings
                    .push(format!("{variable} is set, and no setting reads it; is it misspelled?")),
            }
        }
    }

    /// The database file.
    pub fn db(&self) -> Result<PathBuf, ConfigError> {
        Ok(self.get("db")?.unwrap_or_else(|| "postroom.db".into()))
    }

    /// Where to listen.
    pub fn listen(&self) -> Result<SocketAddr, ConfigError> {
        Ok(self.get("listen")?.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8025))))
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
            dns_mark: self.get("lifecycle.dns_mark")?.unwrap_or(usual.dns_mark),
            loopback_webhooks: self.get("webhooks.loopback_http")?.unwrap_or(usual.loopback_webhooks),
        })
    }

    /// The name servers of the zone of delegated keys.
    pub fn delegation_servers(&self) -> Result<Vec<DnsName>, ConfigError> {
        self.list("dkim.delegation_servers")
    }

    /// How DNS is asked.
    pub fn dns(&self) -> Result<dns::Settings, ConfigError> {
        let resolvers = self.list::<Server>("dns.resolvers")?.into_iter().map(|server| server.0).collect();
        let usual = dns::Settings::default();
        Ok(dns::Settings {
            resolvers,
            authoritative: self.get("dns.authoritative")?.unwrap_or(usual.authoritative),
            authoritative_port: self.get("dns.authoritative_port")?.unwrap_or(usual.authoritative_port),
            ..usual
        })
    }

    /// The operator's decisions; what is not set is derived from the machine's name, with a warning where that
    /// cannot be right in public.
    pub fn settings(&mut self) -> Result<Settings, ConfigError> {
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
            "dkim.most_keys" => settings.most_dkim_keys,
            "dkim.spare_keys" => settings.spare_keys,
            "return_path.host" => settings.return_path_host,
            "return_path.required" => settings.return_path_required,
            "loss.failures" => settings.loss.failures,
        }
        settings.sending_addresses = self.list("sending.addresses")?;
        settings.dmarc_rua = self.get("dmarc.rua")?;
        settings.delegation_zone = self.get("dkim.delegation_zone")?;
        if let Some(days) = self.get::<u32>("dkim.keep_retired_days")? {
            settings.keep_retired_for = Duration::from_hours(24 * u64::from(days));
        }
        if let Some(days) = self.get::<u32>("claims.expire_after_days")? {
            settings.claim_expires_after = Duration::from_hours(24 * u64::from(days));
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
            settings.most_report_octets = u64::from(mib) * 1024 * 1024;
        }
        for (path, variable, host) in [
            ("mx.host", "POSTROOM_MX_HOST", &settings.mx_host),
            ("return_path.host", "POSTROOM_RETURN_PATH_HOST", &settings.return_path_host),
        ] {
            if host.as_str().parse::<DomainName>().is_err() {
                self.warnings.push(format!(
                    "{path} is {host}, which cannot be right in public; set {variable} before you tell anybody \
                     what to publish"
                ));
            }
        }
        Ok(settings)
    }
}

impl Value {
    fn fault(&self, item: &str, reason: impl Display) -> ConfigError {
        ConfigError::Value {
            source_name: self.source.clone(),
            value: item.to_owned(),
            reason: reason.to_string(),
        }
    }
}

/// A resolver's address: with a port, or without one for port 53.
struct Server(SocketAddr);

impl FromStr for Server {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Server, &'static str> {
        let address = text.parse().or_else(|_| text.parse().map(|ip| SocketAddr::new(ip, 53)));
        address.map(Server).map_err(|_| "a resolver is an IP address, with or without a port: 127.0.0.1:5353")
    }
}

/// The octets of so many MiB as one message may have.
struct MessageMib(u64);

impl FromStr for MessageMib {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<MessageMib, &'static str> {
        let mib = text.parse().ok().filter(|mib| (1..=100).contains(mib));
        mib.map(|mib: u64| MessageMib(mib * 1024 * 1024)).ok_or("a message has 1 to 100 MiB")
    }
}

/// What is wrong with the file's text, and where, in one line.
fn at_place(text: &str, error: &toml::de::Error) -> String {
    let reason = error.message().lines().collect::<Vec<_>>().join("; ");
    let before = error.span().and_then(|span| text.get(..span.start));
    before.map_or_else(
        || reason.clone(),
        |before| {
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().map_or(0, |rest| rest.chars().count()) + 1;
            format!("line {line}, column {column}: {reason}")
        },
    )
}

/// The machine's own name, or one that stands in for it.
fn server_name() -> DnsName {
    let own = gethostname::gethostname();
    let own = own.to_str().and_then(|name| name.parse().ok());
    own.unwrap_or_else(|| DnsName::from_answer("localhost"))
}

fn plain(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What `serve --help` says of the settings.
pub fn help() -> String {
    let mut text = String::from("Settings, in the file given with --config, or as environment variables:\n");
    for key in KEYS {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {:<25} {:<36} {}", key.path, key.variable, key.help);
    }
    text
}

#[cfg(test)]
mod tests;
