//! `postroom doctor`: looks for what is wrong, and says what to do.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use postroom::dns::{Outcome, Question, RecordType, Resolver, Server};
use postroom::name::DnsName;
use postroom::settings::Settings;
use serde_json::json;

use super::output::printable;
use super::{Context, Failure};
use crate::mta::Folder;

/// How long a socket of the bridge may take to answer.
const SOCKET_PATIENCE: Duration = Duration::from_secs(5);

struct Check {
    name: &'static str,
    state: State,
    text: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
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
    let mut checks = database(context)?;
    checks.extend(settings(context));
    checks.extend(resolvers(context));
    checks.extend(bridge(context));
    let json = checks
        .iter()
        .map(|check| json!({ "check": check.name, "state": check.state.word(), "text": check.text }))
        .collect();
    context.output.print(&json, || {
        let lines = checks.iter().map(|check| {
            format!("{:<5} {:<10} {}\n", check.state.word(), check.name, printable(&check.text))
        });
        lines.collect()
    })?;
    let failed = checks.iter().any(|check| check.state == State::Fail);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn check(name: &'static str, state: State, text: impl Into<String>) -> Check {
    Check { name, state, text: text.into() }
}

fn database(context: &Context) -> Result<Vec<Check>, Failure> {
    let file = context.config.db()?;
    if !file.exists() {
        let text = format!("{} is not there yet; `postroom serve` makes it", file.display());
        return Ok(vec![check("database", State::Warn, text)]);
    }
    // What is wrong with the settings is told on their own line, and the database can be looked at none the less.
    let settings = context.config.settings().unwrap_or_else(|_| stand_in());
    let postroom = match context.open_with(settings) {
        Ok(postroom) => postroom,
        Err(failure) => return Ok(vec![check("database", State::Fail, failure.text())]),
    };
    let mut checks = vec![check("master key", State::Ok, "it is the one that this database was sealed with")];
    checks.push(match postroom.check_integrity() {
        Ok(found) if found.is_empty() => check("database", State::Ok, format!("{} is sound", file.display())),
        Ok(found) => {
            let text = format!("{} is damaged ({}); restore a backup", file.display(), found.join("; "));
            check("database", State::Fail, text)
        }
        Err(error) => check("database", State::Fail, error.to_string()),
    });
    let served = postroom.claim().is_err();
    let text = if served { "a server has this database" } else { "no server has this database now" };
    checks.push(check("server", State::Ok, text));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&file).map(|data| data.permissions().mode());
        if mode.is_ok_and(|mode| mode & 0o007 != 0) {
            let text = format!("{0} can be read by everybody; run: chmod 600 {0}", file.display());
            checks.push(check("database", State::Warn, text));
        }
    }
    Ok(checks)
}

fn settings(context: &Context) -> Vec<Check> {
    let unknown = context.config.unknown_variables.iter();
    let mut checks: Vec<Check> = unknown.map(|text| check("settings", State::Warn, text.clone())).collect();
    let config = &context.config;
    let hosts = config
        .settings()
        .and_then(|settings| config.unusable_hosts(&settings).map(|hosts| (settings, hosts)));
    match hosts {
        Ok((settings, hosts)) if hosts.is_empty() => {
            let text =
                format!("mail comes to {}, bounces to {}", settings.mx_host, settings.return_path_host);
            checks.push(check("settings", State::Ok, text));
        }
        Ok((_, hosts)) => {
            checks.extend(hosts.iter().map(|host| check("settings", State::Fail, host.to_string())));
        }
        Err(error) => checks.push(check("settings", State::Fail, error.to_string())),
    }
    checks
}

/// Settings with which a database can be looked at whose own are wrong.
fn stand_in() -> Settings {
    Settings::for_server(&DnsName::from_answer("localhost"))
}

/// Asks each socket of the bridge, where there is a folder for one.
fn bridge(context: &Context) -> Vec<Check> {
    let dir = match context.config.bridge_dir() {
        Ok(dir) => dir,
        Err(error) => return vec![check("bridge", State::Fail, error.to_string())],
    };
    if !dir.exists() {
        return Vec::new();
    }
    if !Folder::is_taken(&dir) {
        let dir = dir.display();
        let text = format!("none runs in {dir}; the mail server puts mail off until `postroom bridge` runs");
        return vec![check("bridge", State::Warn, text)];
    }
    let asked = PROBES.iter().map(|probe| match ask(&dir.join(probe.socket), probe) {
        Ok(true) => check("bridge", State::Ok, format!("the socket {} answers", probe.socket)),
        Ok(false) => {
            check("bridge", State::Fail, format!("the socket {} answers something odd", probe.socket))
        }
        Err(error) => {
            let socket = dir.join(probe.socket);
            check("bridge", State::Fail, format!("{} does not answer: {error}", socket.display()))
        }
    });
    asked.collect()
}

/// A question to a socket of the bridge, and how its answer begins.
struct Probe {
    socket: &'static str,
    question: &'static [u8],
    answer: &'static [u8],
}

const PROBES: [Probe; 4] = [
    Probe { socket: "map", question: b"23:domain postroom.invalid,", answer: b"9:NOTFOUND ," },
    Probe { socket: "auth", question: b"VERSION\t1\t1\n", answer: b"VERSION\t1\t" },
    Probe { socket: "lmtp", question: b"QUIT\r\n", answer: b"220 " },
    // The negotiation of version 6, with everything offered.
    Probe {
        socket: "milter",
        question: b"\0\0\0\x0dO\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff",
        answer: b"\0\0\0\x0dO\0\0\0\x06",
    },
];

/// Whether the socket answers as it should.
fn ask(socket: &Path, probe: &Probe) -> io::Result<bool> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(SOCKET_PATIENCE))?;
    stream.set_write_timeout(Some(SOCKET_PATIENCE))?;
    stream.write_all(probe.question)?;
    let mut answer = vec![0; probe.answer.len()];
    stream.read_exact(&mut answer)?;
    Ok(answer == probe.answer)
}

/// Asks each resolver for the root's name servers, which every one of them knows.
fn resolvers(context: &Context) -> Vec<Check> {
    let resolver = match context.resolver() {
        Ok(resolver) => resolver,
        Err(failure) => return vec![check("resolver", State::Fail, failure.text())],
    };
    let question = Question::new(DnsName::from_answer("com"), RecordType::Ns);
    let sightings = resolver.look(&[question]);
    let answers = sightings.iter().flat_map(|sighting| &sighting.answers);
    answers
        .filter(|answer| matches!(answer.server, Server::Recursive(_)))
        .map(|answer| match &answer.outcome {
            Outcome::Found { .. } => check("resolver", State::Ok, format!("{} answers", answer.server)),
            outcome if outcome.is_temporary() => {
                let text = format!("{} does not answer ({outcome:?}); set dns.resolvers", answer.server);
                check("resolver", State::Fail, text)
            }
            _ => {
                let text =
                    format!("{} answers, but does not know com; it is cut off from the DNS", answer.server);
                check("resolver", State::Warn, text)
            }
        })
        .collect()
}
