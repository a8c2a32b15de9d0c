//! The machine under the server: its disk, its clock, its files, its port, its certificate.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use postroom::db::{is_on_a_server, shown};
use postroom::event::{self, Search};
use rustix::process::{Resource, getrlimit};
use x509_parser::pem::Pem;

use super::{Check, State, check, stand_in};
use crate::command::Context;
use crate::config::ConfigError;
use crate::listen::Settings;

/// With less space than this the next backup or migration may find none.
const LITTLE_SPACE: u64 = 1 << 30;
/// With less space than this writes will soon be refused.
const NO_SPACE: u64 = 64 << 20;
/// Open files beside connections: the database and its readers, the log, sockets of look-ups.
const OTHER_FILES: u64 = 256;
/// A certificate that ends sooner should have been renewed.
const RENEW_BEFORE: Duration = Duration::from_hours(14 * 24);
/// What a clock may differ from the newest row of the audit log.
const CLOCK_SLACK: Duration = Duration::from_mins(1);
/// Where systemd keeps a file while the clock is synchronized, and the folder that is there if systemd does so.
const SYNCHRONIZED: (&str, &str) = ("/run/systemd/timesync", "/run/systemd/timesync/synchronized");
/// Where an operator puts what systemd gives to services (`LoadCredential=` of systemd.exec(5)).
const CREDENTIAL_STORE: &str = "/etc/credstore";
/// How long this machine may take to accept a connection.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) fn machine(context: &Context) -> Vec<Check> {
    let mut checks = Vec::new();
    match context.config.db() {
        Ok(file) if is_on_a_server(&file) => checks.extend(password(context, &file)),
        Ok(file) => {
            checks.extend(disk(&file));
            checks.extend(permissions(context, &file));
        }
        Err(error) => checks.push(refused("disk", &error)),
    }
    checks.extend(clock(context));
    checks.push(files(context));
    checks.push(port(context));
    checks.extend(certificate(context));
    checks
}

fn refused(name: &'static str, error: &ConfigError) -> Check {
    check(name, State::Fail, error.to_string())
}

/// The folder of a file.
fn folder(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn disk(file: &Path) -> Option<Check> {
    let folder = folder(file);
    let found = rustix::fs::statvfs(folder).ok()?;
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let text = format!("{} MiB are free in {}", free >> 20, folder.display());
    Some(if free < NO_SPACE {
        check("disk", State::Fail, format!("{text}; make room, or writes will be refused"))
    } else if free < LITTLE_SPACE {
        check("disk", State::Warn, format!("{text}; make room before the next backup"))
    } else {
        check("disk", State::Ok, text)
    })
}

/// What others may read, and what others could put in the place of the database or the master key.
fn permissions(context: &Context, file: &Path) -> Vec<Check> {
    let mut checks = Vec::new();
    let wal = PathBuf::from(format!("{}-wal", file.display()));
    for path in [file, &wal] {
        let Ok(found) = fs::metadata(path) else { continue };
        let (state, rights, who) = match (others(&found, 0o2), others(&found, 0o7)) {
            (Some(who), _) => (State::Fail, "read and changed", who),
            (None, Some(who)) => (State::Warn, "read", who),
            (None, None) => continue,
        };
        let text = format!("{0} can be {rights} by {who}; run: chmod 600 {0}", path.display());
        checks.push(check("permissions", state, text));
    }
    let key = context.config.get::<PathBuf>("master_key_file").ok().flatten();
    for folder in [Some(folder(file)), key.as_deref().map(folder)].into_iter().flatten() {
        // In a folder with the sticky bit nobody replaces the files of others.
        let found = fs::metadata(folder).ok().filter(|found| found.mode() & 0o1000 == 0);
        if let Some(who) = found.and_then(|found| others(&found, 0o2)) {
            let text = format!("{who} can replace files in {0}; run: chmod go-w {0}", folder.display());
            checks.push(check("permissions", State::Fail, text));
        }
    }
    checks.extend(owners(context, file));
    if checks.is_empty() && file.exists() {
        checks.push(check("permissions", State::Ok, "nobody else can read or replace the database"));
    }
    checks
}

/// Who has one of these rights to a file beside its owner, if anybody has. A group with the number of the owner has nobody else in it, by
/// the custom of most systems.
fn others(found: &fs::Metadata, rights: u32) -> Option<String> {
    if found.mode() & rights != 0 {
        Some("everybody".to_owned())
    } else if found.mode() & (rights << 3) != 0 && found.gid() != found.uid() {
        Some(format!("the group with the id {}", found.gid()))
    } else {
        None
    }
}

/// Whether others can read the password of the database in the settings file.
fn password(context: &Context, database: &Path) -> Option<Check> {
    let url = database.to_str()?;
    let file = context.config.file.as_ref().filter(|_| shown(url) != url)?;
    // The file is where the URL stands, unless a flag or a variable overrides it.
    let (source, _) = context.config.value_of("db")?;
    let mode = fs::metadata(file).ok()?.permissions().mode();
    (source.starts_with(&*file.to_string_lossy()) && mode & 0o004 != 0).then(|| {
        let text = format!(
            "{0} has the password of the database, and everybody can read it; run: chmod o-r {0}",
            file.display()
        );
        check("permissions", State::Warn, text)
    })
}

/// Whether the master key belongs to whom the database belongs: a server of that user cannot read another user's key.
fn owners(context: &Context, file: &Path) -> Option<Check> {
    let beside = || PathBuf::from(format!("{}.key", file.display()));
    let key = context.config.master_key_file().ok()?.unwrap_or_else(beside);
    // Of this one systemd gives the service a copy.
    if key.starts_with(CREDENTIAL_STORE) {
        return None;
    }
    let owner = |path: &Path| fs::metadata(path).ok().map(|found| found.uid());
    let (of_file, of_key) = (owner(file)?, owner(&key)?);
    (of_file != of_key).then(|| {
        let text = format!(
            "{key} belongs to the user with the id {of_key}, and the database to {of_file}, whose server cannot read that key; \
             run: chown --reference={file} {key}",
            key = key.display(),
            file = file.display()
        );
        check("permissions", State::Fail, text)
    })
}

/// Whether the clock can be right: it is not behind what was written before, and the system says that it is synchronized.
fn clock(context: &Context) -> Option<Check> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let (folder, file) = SYNCHRONIZED;
    let newest = newest_event(context).map(|millis| Duration::from_millis(millis.unsigned_abs()));
    if let Some(newest) = newest
        && newest > now + CLOCK_SLACK
    {
        let ahead = newest.saturating_sub(now).as_secs();
        let text = format!("it is {ahead} s behind the newest row of the audit log");
        return Some(if Path::new(file).exists() {
            let text = format!("{text}, and synchronized: it was wrong when that row was written");
            check("clock", State::Warn, text)
        } else {
            let text = format!(
                "{text}; set it, and have it synchronized (NTP); if it is right, it was wrong when that row was written"
            );
            check("clock", State::Fail, text)
        });
    }
    if !Path::new(folder).exists() {
        return Some(check("clock", State::Ok, "it is not behind what was written before"));
    }
    Some(if Path::new(file).exists() {
        check("clock", State::Ok, "it is synchronized")
    } else {
        check("clock", State::Warn, "systemd has not synchronized it; see: timedatectl status")
    })
}

/// The time of the row that was written last, whatever those before it say.
fn newest_event(context: &Context) -> Option<i64> {
    let file = context.config.db().ok().filter(|file| is_on_a_server(file) || file.exists())?;
    let settings = context.config.settings().unwrap_or_else(|_| stand_in());
    let postroom = context.open_with(settings).ok().filter(|_| is_on_a_server(&file) || file.exists())?;
    let all = Search::default();
    let events = postroom.read(|tx| event::newest(tx, &all, 1)).ok()?;
    events.first().map(|event| event.at.millis())
}

/// Whether a server may have as many open files as it takes connections.
fn files(context: &Context) -> Check {
    let usual = Settings::at(SocketAddr::from(([127, 0, 0, 1], 0))).connections;
    let connections = match context.config.get::<NonZeroUsize>("limits.connections") {
        Ok(most) => most.map_or(usual, NonZeroUsize::get),
        Err(error) => return refused("files", &error),
    };
    let needed = u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(OTHER_FILES);
    match getrlimit(Resource::Nofile).current {
        Some(most) if most < needed => {
            let text = format!(
                "a process that is started here may have {most} open files, and {connections} connections need {needed}: \
                 start the server with `ulimit -n {needed}`, or by the unit of the package, which has a limit of its own"
            );
            check("files", State::Warn, text)
        }
        Some(most) => check("files", State::Ok, format!("a process may have {most} open files")),
        None => check("files", State::Ok, "a process may have any number of open files"),
    }
}

/// Whether the server answers at its port, or could listen there.
fn port(context: &Context) -> Check {
    let address = match context.config.listen() {
        Ok(address) => address,
        Err(error) => return refused("port", &error),
    };
    let reachable = crate::command::reachable(address);
    if TcpStream::connect_timeout(&reachable, PATIENCE).is_ok() {
        return check("port", State::Ok, format!("something answers at {reachable}"));
    }
    match TcpListener::bind(address) {
        Ok(_) => check("port", State::Ok, format!("{address} is free; no server listens there now")),
        Err(error) => check("port", State::Fail, format!("a server cannot listen at {address}: {error}")),
    }
}

/// When the certificate of TLS ends.
fn certificate(context: &Context) -> Option<Check> {
    let file = match context.config.tls() {
        Ok(files) => files?.0,
        Err(error) => return Some(refused("certificate", &error)),
    };
    let shown = file.display();
    let pem = match fs::read(&file) {
        Ok(pem) => pem,
        Err(error) => {
            return Some(check("certificate", State::Fail, format!("{shown} cannot be read: {error}")));
        }
    };
    let first = Pem::iter_from_buffer(&pem).next().and_then(Result::ok);
    let end = first.and_then(|pem| pem.parse_x509().ok().map(|certificate| certificate.validity().not_after));
    let Some(end) = end else {
        return Some(check(
            "certificate",
            State::Fail,
            format!("{shown} has no certificate that can be read"),
        ));
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let left = Duration::from_secs(end.timestamp().try_into().unwrap_or_default()).checked_sub(now);
    Some(match left {
        None => check("certificate", State::Fail, format!("{shown} ended on {end}; renew it")),
        Some(left) if left < RENEW_BEFORE => {
            let text = format!("{shown} ends in {} days, on {end}; renew it", left.as_secs() / 86_400);
            check("certificate", State::Warn, text)
        }
        Some(_) => check("certificate", State::Ok, format!("{shown} is valid until {end}")),
    })
}
