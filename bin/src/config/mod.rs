//! The configuration: flags, then environment variables, then a TOML file, then defaults.
//!
//! [`KEYS`] lists every key once, with the type of its value. A value stays text until code asks for it in that type; an error
//! names the source of the value.

mod bridge;
mod keys;
mod settings;
mod source;
mod value;

use std::any::TypeId;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};

pub(crate) use keys::suggestion;
pub use keys::{KEYS, Key, help};
pub use settings::UnusableHost;
pub use value::{BaseUrl, Setting};

use source::Value;

/// The name under which systemd gives the service its master key (`LoadCredential=`).
const MASTER_KEY_CREDENTIAL: &str = "postroom.master-key";

/// The file that is read if no other is named: the Debian package installs it.
const DEFAULT_FILE: &str = "/etc/postroom/postroom.toml";

/// The values that are set, each with its source.
#[derive(Debug, Default)]
pub struct Config {
    values: BTreeMap<&'static str, Value>,
    /// A sentence for each environment variable that begins with `POSTROOM_` and that nothing reads.
    pub unknown_variables: Vec<String>,
    /// What the file has that is no setting, or has a value of another kind than its setting.
    pub misread: Vec<ConfigError>,
    /// The credential [`MASTER_KEY_CREDENTIAL`] of systemd, if this service was given one.
    credential: Option<PathBuf>,
    /// The file that was read, if one was.
    pub file: Option<PathBuf>,
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
    /// The file has a key that does not exist.
    #[error("{}: there is no setting \"{path}\"{suggestion}; `postroom serve --help` lists them", file.display())]
    Unknown {
        /// The file.
        file: PathBuf,
        /// The key.
        path: String,
        /// A suggestion, if a known key is similar.
        suggestion: String,
    },
    /// A value that cannot be used.
    #[error("{source_name}: \"{value}\" is not usable: {reason}")]
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
    /// The server's own backups are copies of a SQLite file.
    #[error(
        "backup.dir is set, and the database is on a PostgreSQL server, of which Postroom makes no backups; unset backup.dir, and \
         back the server up with pg_basebackup or pg_dump (docs/outgrow.md)"
    )]
    BackupOfServer,
    /// Private keys are given out to nobody without a token.
    #[error(
        "bridge.http is set without bridge.vault_token_file; make a token by `(umask 077; openssl rand -hex 32 > FILE)` and set \
         bridge.vault_token_file to that file"
    )]
    NoVaultToken,
    /// Nobody else can look up a host, and the server is meant for others.
    #[error("{public} is set, and {host}")]
    UnusableHost {
        /// The setting by which the server is meant for others.
        public: &'static str,
        /// The host, and what to do.
        host: UnusableHost,
    },
}

impl Config {
    /// Reads the file that is named, else `/etc/postroom/postroom.toml` if there is one, and what the environment sets above it.
    /// What it could not read of the file is in [`misread`](Config::misread).
    pub fn load(file: Option<&Path>) -> Result<Config, ConfigError> {
        let mut config = Config::default();
        let usual = Path::new(DEFAULT_FILE);
        if let Some(file) = file.or_else(|| usual.exists().then_some(usual)) {
            config.read_file(file)?;
            config.file = Some(file.to_owned());
        }
        config.read_variables(std::env::vars_os());
        // The folder is systemd.exec(5)'s; the credential is there only where the operator has put one into the store.
        let folder = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        config.credential =
            folder.map(|folder| folder.join(MASTER_KEY_CREDENTIAL)).filter(|file| file.exists());
        Ok(config)
    }

    /// Sets a key from a flag, which overrides file and environment.
    pub fn set(&mut self, path: &'static str, flag: &str, value: impl Display) {
        self.values.insert(path, Value::new(flag.to_owned(), vec![value.to_string()]));
    }

    /// The settings that a file with this text has, as [`load`](Config::load) has them.
    #[cfg(test)]
    pub(crate) fn of_text(toml: &str) -> Result<Config, ConfigError> {
        Config::of_file_text(Path::new("postroom.toml"), toml)
    }

    /// The settings that `file` will have when this text is in it.
    pub(crate) fn of_file_text(file: &Path, toml: &str) -> Result<Config, ConfigError> {
        let mut config = Config::default();
        config.read_text(file, toml)?;
        Ok(config)
    }

    /// What a key is set to, and by what; none where it has its default.
    pub fn value_of(&self, path: &str) -> Option<(&str, &[String])> {
        self.values.get(path).map(Value::parts)
    }

    /// Whether a flag, a variable or the file sets this key.
    pub fn has(&self, path: &str) -> bool {
        self.values.contains_key(path)
    }

    /// The value of a key in its type.
    pub fn get<T: Setting>(&self, path: &str) -> Result<Option<T>, ConfigError> {
        Ok(self.list(path)?.into_iter().next_back())
    }

    /// The values of a key that can have several.
    fn list<T: Setting>(&self, path: &str) -> Result<Vec<T>, ConfigError> {
        debug_assert_eq!(
            keys::at(path).map(|key| (key.kind)()),
            Some(TypeId::of::<T>()),
            "{path} is read as another type than KEYS checks"
        );
        self.values.get(path).map_or_else(|| Ok(Vec::new()), Value::read)
    }
}

#[cfg(test)]
mod tests;
