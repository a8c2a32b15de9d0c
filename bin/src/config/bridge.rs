//! The settings of the bridge to a mail server.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use postroom::inbound::AbusePolicy;

use super::value::{AtOnce, GroupName, HeaderField, HostAndPort, Loopback};
use super::{Config, ConfigError};

impl Config {
    /// The folder of the bridge's sockets.
    pub fn bridge_dir(&self) -> Result<PathBuf, ConfigError> {
        Ok(self.get("bridge.dir")?.unwrap_or_else(|| "/var/spool/postfix/postroom".into()))
    }

    /// The group that may use the bridge's sockets.
    pub fn bridge_group(&self) -> Result<String, ConfigError> {
        Ok(self.get::<GroupName>("bridge.group")?.map_or_else(|| "postfix".to_owned(), |it| it.0))
    }

    /// The folder of the mailboxes.
    pub fn bridge_mail_dir(&self) -> Result<PathBuf, ConfigError> {
        let beside = || Ok(self.db()?.parent().unwrap_or(Path::new("")).join("mail"));
        self.get("bridge.mail_dir")?.map_or_else(beside, Ok)
    }

    /// Where forwarded mail goes back to the mail server: a host and a port.
    pub fn bridge_submit(&self) -> Result<String, ConfigError> {
        Ok(self.get::<HostAndPort>("bridge.submit")?.map_or_else(|| "127.0.0.1:25".to_owned(), |it| it.0))
    }

    /// The header field by which a spam filter marks mail, its name and its value.
    pub fn spam_header(&self) -> Result<Option<(String, String)>, ConfigError> {
        Ok(self.get::<HeaderField>("bridge.spam_header")?.map(|HeaderField(name, value)| (name, value)))
    }

    /// What is done with spam where a domain says nothing.
    pub fn abuse_policy(&self) -> Result<AbusePolicy, ConfigError> {
        Ok(self.get("inbound.abuse_policy")?.unwrap_or(AbusePolicy::Flag))
    }

    /// How many posts of one domain to its webhook may be under way.
    pub fn webhooks_at_once(&self) -> Result<usize, ConfigError> {
        Ok(self.get::<AtOnce>("bridge.webhooks_at_once")?.map_or(4, |it| it.0))
    }

    /// Where a spam filter gets private keys and asks the lists, and the file of the token that it must have; none if it is off.
    pub fn bridge_vault(&self) -> Result<Option<(SocketAddr, PathBuf)>, ConfigError> {
        let Some(Loopback(address)) = self.get("bridge.http")? else { return Ok(None) };
        let file = self.get("bridge.vault_token_file")?.ok_or(ConfigError::NoVaultToken)?;
        Ok(Some((address, file)))
    }

    /// Where the bridge's own metrics are, if they are anywhere.
    pub fn bridge_metrics(&self) -> Result<Option<SocketAddr>, ConfigError> {
        self.get("bridge.metrics")
    }
}
