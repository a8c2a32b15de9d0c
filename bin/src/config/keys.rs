//! Every setting: its key in the file, its environment variable, and what it decides.

use std::any::TypeId;
use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroU16, NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use postroom::address::EmailAddress;
use postroom::egress::Network;
use postroom::inbound::AbusePolicy;
use postroom::name::{DnsName, Selector};
use postroom::settings::{DmarcPolicy, RequireProof, SpfMechanism};

use super::value::{
    AtOnce, BaseUrl, Delimiters, GroupName, HeaderField, HostAndPort, Loopback, MessageMib, Server, Setting,
};
use crate::listen::MemoryMib;

/// A key of the file, its environment variable, and what it is for.
pub struct Key {
    /// Its place in the TOML file.
    pub path: &'static str,
    /// Its environment variable.
    pub variable: &'static str,
    /// What it decides, with its default.
    pub help: &'static str,
    /// Whether it takes several values: an array in the file, commas in the variable.
    pub is_list: bool,
    /// Says what is wrong with a value.
    pub(super) check: fn(&str) -> Result<(), String>,
    /// The type of a value.
    pub(super) kind: fn() -> TypeId,
}

const fn key<T: Setting>(path: &'static str, variable: &'static str, help: &'static str) -> Key {
    let check = |text: &str| T::read(text).map(drop);
    Key { path, variable, help, is_list: false, check, kind: TypeId::of::<T> }
}

const fn list<T: Setting>(path: &'static str, variable: &'static str, help: &'static str) -> Key {
    Key { is_list: true, ..key::<T>(path, variable, help) }
}

/// Every key.
pub const KEYS: &[Key] = &[
    key::<PathBuf>("db", "POSTROOM_DB", "the database: a file, or a URL of PostgreSQL (./postroom.db)"),
    key::<PathBuf>(
        "master_key_file",
        "POSTROOM_MASTER_KEY_FILE",
        "the master key (systemd's credential postroom.master-key, else the database file and .key)",
    ),
    key::<SocketAddr>("listen", "POSTROOM_LISTEN", "where to listen (127.0.0.1:8025)"),
    key::<BaseUrl>(
        "public_url",
        "POSTROOM_PUBLIC_URL",
        "the base URL that clients use (http:// and the listening address)",
    ),
    list::<IpAddr>(
        "server.addresses",
        "POSTROOM_SERVER_ADDRESSES",
        "addresses at which the world reaches this machine, behind NAT (the machine's own)",
    ),
    key::<PathBuf>("tls.cert", "POSTROOM_TLS_CERT", "PEM file of the certificate chain; turns TLS on"),
    key::<PathBuf>("tls.key", "POSTROOM_TLS_KEY", "PEM file of its private key"),
    key::<NonZeroUsize>(
        "limits.per_address",
        "POSTROOM_CONNECTIONS_PER_ADDRESS",
        "connections from one address, more behind a proxy (64)",
    ),
    list::<Network>(
        "limits.trusted_proxies",
        "POSTROOM_TRUSTED_PROXIES",
        "networks of proxies that say in Forwarded or X-Forwarded-For who the client is (none)",
    ),
    key::<NonZeroUsize>("limits.connections", "POSTROOM_CONNECTIONS", "connections at a time (1024)"),
    key::<MemoryMib>(
        "limits.memory_mib",
        "POSTROOM_MEMORY_MIB",
        "MiB for bodies and answers in hand, 16 or more (256)",
    ),
    key::<NonZeroUsize>(
        "limits.write_queue",
        "POSTROOM_WRITE_QUEUE",
        "requests of one account that wait to write (128)",
    ),
    key::<u32>(
        "limits.requests_per_second",
        "POSTROOM_RATE_LIMIT",
        "requests a second of one account, over all its keys; 0 for any number (100)",
    ),
    key::<u32>(
        "limits.failures_per_second",
        "POSTROOM_FAILURE_LIMIT",
        "failed authentications a second of one address, ten times as many at once; 0 for any number (20)",
    ),
    key::<u32>(
        "limits.list_entries",
        "POSTROOM_LIMITS_LIST_ENTRIES",
        "entries of one safelist or blocklist (100000)",
    ),
    key::<u32>("limits.recipients", "POSTROOM_LIMITS_RECIPIENTS", "recipients of one account (100000)"),
    key::<u32>("limits.aliases", "POSTROOM_LIMITS_ALIASES", "aliases of one account (10000)"),
    key::<u32>(
        "limits.tokens",
        "POSTROOM_LIMITS_TOKENS",
        "sending tokens of one account that are not revoked (10000)",
    ),
    key::<NonZeroU32>(
        "limits.keys",
        "POSTROOM_LIMITS_KEYS",
        "API keys of one account that are not revoked (1000)",
    ),
    key::<u32>(
        "limits.key_domains",
        "POSTROOM_LIMITS_KEY_DOMAINS",
        "domains to which those keys are limited, counted for each key (20000)",
    ),
    key::<u32>(
        "limits.login_links",
        "POSTROOM_LIMITS_LOGIN_LINKS",
        "unused login links of one account (10000)",
    ),
    key::<u32>(
        "limits.kept_answer_mib",
        "POSTROOM_LIMITS_KEPT_ANSWER_MIB",
        "MiB of answers kept for repeats, of one account; then the oldest go; 0 keeps none (64)",
    ),
    key::<NonZeroU32>(
        "limits.deliveries",
        "POSTROOM_LIMITS_DELIVERIES",
        "calls at a time that deliver mail of one account (8)",
    ),
    key::<NonZeroU16>(
        "audit.keep_days",
        "POSTROOM_AUDIT_KEEP_DAYS",
        "days that a row of the audit log is kept (365)",
    ),
    key::<NonZeroU32>(
        "audit.account_rows",
        "POSTROOM_AUDIT_ACCOUNT_ROWS",
        "rows of the audit log that are kept of one account (250000)",
    ),
    key::<u32>("stop.grace_s", "POSTROOM_STOP_GRACE_S", "seconds that a stop may take (30)"),
    key::<DnsName>("mx.host", "POSTROOM_MX_HOST", "target of every MX record (mx. and the server's name)"),
    key::<u16>("mx.priority", "POSTROOM_MX_PRIORITY", "preference of it (10)"),
    key::<SpfMechanism>("spf.mechanism", "POSTROOM_SPF_MECHANISM", "what SPF records must reach (mx)"),
    list::<IpAddr>(
        "sending.addresses",
        "POSTROOM_SENDING_ADDRESSES",
        "addresses that we send from; SPF must pass each (none)",
    ),
    key::<DmarcPolicy>(
        "dmarc.policy",
        "POSTROOM_DMARC_POLICY",
        "the policy asked for: none, quarantine, reject (none)",
    ),
    key::<EmailAddress>("dmarc.rua", "POSTROOM_DMARC_RUA", "address for aggregate reports (none)"),
    key::<Selector>("dkim.selector", "POSTROOM_DKIM_SELECTOR", "selector of a domain's first key (pr1)"),
    key::<NonZeroU32>("dkim.most_keys", "POSTROOM_DKIM_MOST_KEYS", "keys that a domain may have (10)"),
    key::<u32>(
        "dkim.keep_retired_days",
        "POSTROOM_DKIM_KEEP_RETIRED_DAYS",
        "days that a key's record must stay after a rotation (7)",
    ),
    key::<DnsName>(
        "dkim.delegation_zone",
        "POSTROOM_DKIM_DELEGATION_ZONE",
        "zone of your own for delegated keys (none)",
    ),
    list::<DnsName>(
        "dkim.delegation_servers",
        "POSTROOM_DKIM_DELEGATION_SERVERS",
        "its name servers, for the zone file's SOA and NS (none)",
    ),
    key::<u32>("dkim.spare_keys", "POSTROOM_DKIM_SPARE_KEYS", "key pairs kept ready (16)"),
    key::<DnsName>(
        "return_path.host",
        "POSTROOM_RETURN_PATH_HOST",
        "target of mailer.<domain> (return-path. and the server's name)",
    ),
    key::<bool>(
        "return_path.required",
        "POSTROOM_RETURN_PATH_REQUIRED",
        "whether an active domain needs it (false)",
    ),
    key::<NonZeroU32>(
        "claims.expire_after_days",
        "POSTROOM_CLAIMS_EXPIRE_AFTER_DAYS",
        "life of a claim never verified (7)",
    ),
    key::<u32>(
        "limits.unproved_claims",
        "POSTROOM_UNPROVED_CLAIMS",
        "names that a tenant may have or claim without proof (1000)",
    ),
    key::<RequireProof>(
        "ownership.require_proof",
        "POSTROOM_REQUIRE_PROOF",
        "whose names act only when proved: tenants, always, never (tenants)",
    ),
    key::<NonZeroU32>(
        "loss.failures",
        "POSTROOM_LOSS_FAILURES",
        "failed checks in a row until a record is lost (3)",
    ),
    key::<u32>("loss.hours", "POSTROOM_LOSS_HOURS", "hours that it is known to have failed by then (72)"),
    key::<NonZeroU16>(
        "login.link_minutes",
        "POSTROOM_LOGIN_LINK_MINUTES",
        "minutes that a login link lives (15)",
    ),
    key::<NonZeroU16>(
        "reports.keep_days",
        "POSTROOM_REPORTS_KEEP_DAYS",
        "days that reported messages are kept (30)",
    ),
    key::<MessageMib>(
        "reports.max_mib",
        "POSTROOM_REPORTS_MAX_MIB",
        "MiB of the largest message taken, 1 to 100 (10)",
    ),
    key::<u32>(
        "reports.account_mib",
        "POSTROOM_REPORTS_ACCOUNT_MIB",
        "MiB of them kept for one account; 0 takes none (1024)",
    ),
    key::<bool>(
        "lifecycle.dns_mark",
        "POSTROOM_DNS_MARK",
        "who can mark records manually over /v2: true for all, false for none (trusted accounts)",
    ),
    key::<bool>(
        "webhooks.loopback_http",
        "POSTROOM_WEBHOOKS_LOOPBACK_HTTP",
        "whether a webhook may be http to loopback (false)",
    ),
    key::<u32>(
        "schedule.at_once",
        "POSTROOM_SCHEDULE_AT_ONCE",
        "domains checked at once in the background; 0 is none (16)",
    ),
    key::<PathBuf>(
        "backup.dir",
        "POSTROOM_BACKUP_DIR",
        "folder for backups that the server makes by itself (none)",
    ),
    key::<NonZeroU16>(
        "backup.every_hours",
        "POSTROOM_BACKUP_EVERY_HOURS",
        "hours from one of them to the next (24)",
    ),
    key::<NonZeroU16>("backup.keep", "POSTROOM_BACKUP_KEEP", "how many of them are kept (7)"),
    key::<SocketAddr>(
        "metrics.listen",
        "POSTROOM_METRICS_LISTEN",
        "where Prometheus finds /metrics, such as 127.0.0.1:9125 (none)",
    ),
    key::<PathBuf>(
        "bridge.dir",
        "POSTROOM_BRIDGE_DIR",
        "folder of the bridge's sockets (/var/spool/postfix/postroom)",
    ),
    key::<GroupName>("bridge.group", "POSTROOM_BRIDGE_GROUP", "group that may use them (postfix)"),
    key::<PathBuf>(
        "bridge.mail_dir",
        "POSTROOM_BRIDGE_MAIL_DIR",
        "folder of the mailboxes (mail/ beside the database)",
    ),
    key::<HostAndPort>(
        "bridge.submit",
        "POSTROOM_BRIDGE_SUBMIT",
        "where forwarded mail goes back to Postfix (127.0.0.1:25)",
    ),
    key::<AtOnce>(
        "bridge.webhooks_at_once",
        "POSTROOM_BRIDGE_WEBHOOKS_AT_ONCE",
        "posts to the webhook of one domain at a time, 1 to 16 (4)",
    ),
    key::<bool>(
        "bridge.require_dkim",
        "POSTROOM_BRIDGE_REQUIRE_DKIM",
        "whether mail of a domain without an active DKIM key is put off (false)",
    ),
    key::<Delimiters>(
        "bridge.delimiter",
        "POSTROOM_BRIDGE_DELIMITER",
        "characters that begin the tag of an address; empty for no tags (+)",
    ),
    key::<HeaderField>(
        "bridge.spam_header",
        "POSTROOM_BRIDGE_SPAM_HEADER",
        "header field by which a spam filter marks mail: X-Spam: Yes (none)",
    ),
    key::<Loopback>(
        "bridge.http",
        "POSTROOM_BRIDGE_HTTP",
        "where rspamd gets private keys and asks lists, on loopback, such as 127.0.0.1:8026 (none)",
    ),
    key::<PathBuf>(
        "bridge.vault_token_file",
        "POSTROOM_BRIDGE_VAULT_TOKEN_FILE",
        "file of mode 0600 with the token for that (none)",
    ),
    key::<SocketAddr>(
        "bridge.metrics",
        "POSTROOM_BRIDGE_METRICS",
        "where Prometheus finds the bridge's /metrics, such as 127.0.0.1:9126 (none)",
    ),
    key::<AbusePolicy>(
        "inbound.abuse_policy",
        "POSTROOM_INBOUND_ABUSE_POLICY",
        "what is done with mail that a spam filter has marked, where a domain says nothing (flag)",
    ),
    list::<Server>(
        "dns.resolvers",
        "POSTROOM_RESOLVERS",
        "recursive resolvers, with or without port (the system's)",
    ),
    key::<bool>(
        "dns.authoritative",
        "POSTROOM_DNS_AUTHORITATIVE",
        "whether to ask zones' own name servers too (true)",
    ),
    key::<NonZeroU16>(
        "dns.authoritative_port",
        "POSTROOM_DNS_AUTHORITATIVE_PORT",
        "the port that those listen on (53)",
    ),
    key::<bool>(
        "advice.https",
        "POSTROOM_ADVICE_HTTPS",
        "whether advice fetches a domain's MTA-STS policy from its web server (true)",
    ),
    key::<bool>(
        "advice.smtp",
        "POSTROOM_ADVICE_SMTP",
        "whether advice connects to port 25 of a domain's mail hosts (false)",
    ),
    list::<Network>(
        "egress.allow",
        "POSTROOM_EGRESS_ALLOW",
        "networks beside the public addresses that customers may name: 10.0.0.0/8 (none)",
    ),
];

/// Variables that are no keys of the file.
pub(super) const OTHER_VARIABLES: &[&str] =
    &["POSTROOM_CONFIG", "POSTROOM_COPY_TO", "POSTROOM_JSON", "POSTROOM_LOG", "POSTROOM_LOG_FORMAT"];

/// The key with this path in the file.
pub(super) fn at(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

/// ", did you mean X?" with the known name that is most like the one that was written; empty where none is like it.
pub(crate) fn suggestion<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> String {
    let likeness =
        |name: &str| strsim::normalized_damerau_levenshtein(&written.to_lowercase(), &name.to_lowercase());
    let nearest = known.map(|name| (likeness(name), name)).max_by(|(a, _), (b, _)| a.total_cmp(b));
    match nearest {
        Some((likeness, name)) if likeness > LIKE_ENOUGH => format!("; did you mean {name}?"),
        _ => String::new(),
    }
}

/// How similar a known name must be to the written one to be suggested, from 0 to 1.
const LIKE_ENOUGH: f64 = 0.7;

/// What `serve --help` says of the settings.
pub fn help() -> String {
    let mut text = String::from("Settings, in the file given with --config, or as environment variables:\n");
    for key in KEYS {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {:<27} {}\n        {}", key.path, key.variable, key.help);
    }
    text
}
