//! `postroom doctor`: looks for what is wrong, and says what to do.

pub(super) mod hosts;

mod accounts;
mod backup;
mod bridge;
mod machine;
mod postfix;

use std::path::Path;
use std::process::ExitCode;

use postroom::account;
use postroom::db::{Postroom, is_on_a_server, note_of_server};
use postroom::integrity;
use postroom::name::DnsName;
use postroom::reseal;
use postroom::settings::Settings;
use serde_json::{Value, json};

use super::output::printable;
use super::{Context, DB_FLAG, Failure, is_there};
use crate::duty::LARGE_LOG;

/// What was looked at, and what came of it.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) state: State,
    pub(super) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Ok,
    Warn,
    Fail,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Warn => "warn",
            State::Fail => "fail",
        }
    }
}

pub(super) fn run(context: &mut Context) -> Result<ExitCode, Failure> {
    // Of a database that was not named, a machine on which nothing was started yet has none.
    if context.config.value_of("db").is_some_and(|(source, _)| source == DB_FLAG) {
        context.existing_db()?;
    }
    let checks = look(context)?;
    context.output.print(&json(&checks), || lines(&checks))?;
    let failed = checks.iter().any(|check| check.state == State::Fail);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Looks at everything.
pub(super) fn look(context: &Context) -> Result<Vec<Check>, Failure> {
    let mut checks = database(context)?;
    checks.extend(settings(context));
    checks.extend(machine::machine(context));
    checks.extend(backup::backup(context));
    checks.extend(hosts::of_config(context));
    checks.extend(bridge::bridge(context));
    Ok(checks)
}

/// What was looked at, for programs.
pub(super) fn json(checks: &[Check]) -> Value {
    let json =
        |check: &Check| json!({ "check": check.name, "state": check.state.word(), "text": check.text });
    checks.iter().map(json).collect()
}

/// What was looked at, for people: a line each.
pub(super) fn lines(checks: &[Check]) -> String {
    let line =
        |check: &Check| format!("{:<5} {:<11} {}\n", check.state.word(), check.name, printable(&check.text));
    checks.iter().map(line).collect()
}

pub(super) fn check(name: &'static str, state: State, text: impl Into<String>) -> Check {
    Check { name, state, text: text.into() }
}

fn database(context: &Context) -> Result<Vec<Check>, Failure> {
    let file = context.config.db()?;
    let key_file = context.key_file_there()?;
    if !is_on_a_server(&file) && !is_there(&file) {
        let text = match key_file {
            Some(key_file) => missing_database(&file, &key_file),
            None => format!("{} is not there yet; `postroom serve` makes it", file.display()),
        };
        return Ok(vec![check("database", State::Warn, text)]);
    }
    // What is wrong with the settings is told on their own line, and the database can be looked at none the less.
    let settings = context.config.settings().unwrap_or_else(|_| stand_in());
    let postroom = match context.open_with(settings) {
        Ok(postroom) => postroom,
        Err(failure) => return Ok(vec![check("database", State::Fail, failure.text())]),
    };
    let mut checks = vec![check("master key", State::Ok, "it is the one that this database was sealed with")];
    match postroom.read(reseal::is_under_way) {
        Ok(true) => {
            let text =
                "a change of it is under way; a running server finishes it, or `postroom rotate-master-key`";
            checks.push(check("master key", State::Warn, text));
        }
        Ok(false) => {}
        Err(error) => checks.push(check("master key", State::Fail, error.to_string())),
    }
    let found = postroom.check_integrity().and_then(|mut found| {
        found.extend(postroom.read(integrity::damaged_rows)?);
        Ok(found)
    });
    checks.push(match found {
        Ok(found) if found.is_empty() => {
            check("database", State::Ok, format!("{} is sound", postroom.file().display()))
        }
        Ok(found) => {
            let text =
                format!("{} is damaged ({}); restore a backup", postroom.file().display(), found.join("; "));
            check("database", State::Fail, text)
        }
        Err(error) => check("database", State::Fail, error.to_string()),
    });
    if let Some(key_file) = key_file
        && postroom.read(account::list).is_ok_and(|accounts| accounts.is_empty())
    {
        checks.push(check("database", State::Warn, missing_database(&file, &key_file)));
    }
    checks.extend(accounts::accounts(&postroom));
    if postroom.is_at_hand() {
        let served = postroom.claim().is_err();
        let text = if served { "a server has this database" } else { "no server has this database now" };
        checks.push(check("server", State::Ok, text));
    }
    checks.extend(upkeep(&postroom));
    Ok(checks)
}

/// What is said where a database is new or not there, and the key that an older one was sealed with is.
pub(super) fn missing_database(file: &Path, key_file: &Path) -> String {
    format!(
        "the master key {} is there, but {} is empty or missing; if you had a database, stop the server and put it back, with its \
         -wal file",
        key_file.display(),
        file.display()
    )
}

/// What a server looks after: the size of the write-ahead log, its own log, and the clock.
fn upkeep(postroom: &Postroom) -> Vec<Check> {
    let (octets, _) = postroom.write_ahead_log();
    let text = format!("the write-ahead log has {} KiB", octets.div_ceil(1024));
    let mut checks = vec![if !postroom.is_at_hand() {
        check("database", State::Ok, "a server of its own looks after the write-ahead log")
    } else if octets <= LARGE_LOG {
        check("database", State::Ok, text)
    } else {
        let text =
            format!("{text}, for somebody reads all the while; look for a backup or a command that hangs");
        check("database", State::Warn, text)
    }];
    if let Some(note) = note_of_server(postroom.file()) {
        let text =
            format!("{note} since the server was started; look at who reads its log, and for a full disk");
        checks.push(check("log", State::Warn, text));
    }
    if let Some(until) = postroom.time_held_until() {
        let text = format!("it has jumped; nothing is deleted for its age until {until}");
        checks.push(check("clock", State::Warn, text));
    }
    checks
}

fn settings(context: &Context) -> Vec<Check> {
    let unknown = context.config.unknown_variables.iter();
    let mut checks: Vec<Check> = unknown.map(|text| check("settings", State::Warn, text.clone())).collect();
    let config = &context.config;
    let faults = config.faults();
    checks.extend(faults.iter().map(|fault| check("settings", State::Fail, fault.clone())));
    let hosts = config
        .settings()
        .and_then(|settings| config.unusable_hosts(&settings).map(|hosts| (settings, hosts)));
    match hosts {
        Ok((settings, hosts)) if hosts.is_empty() && faults.is_empty() => {
            let text =
                format!("mail comes to {}, bounces to {}", settings.mx_host, settings.return_path_host);
            checks.push(check("settings", State::Ok, text));
        }
        Ok((_, hosts)) => {
            checks.extend(hosts.iter().map(|host| check("settings", State::Fail, host.to_string())));
        }
        Err(error) if faults.contains(&error.to_string()) => {}
        Err(error) => checks.push(check("settings", State::Fail, error.to_string())),
    }
    checks
}

/// Settings with which a database can be looked at whose own are wrong.
fn stand_in() -> Settings {
    Settings::for_server(&DnsName::from_answer("localhost"))
}
