//! Whether the sockets of the bridge answer.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::{Check, State, check};
use crate::command::Context;
use crate::mta::{Folder, VaultToken};

/// How long a socket of the bridge may take to answer.
const SOCKET_PATIENCE: Duration = Duration::from_secs(5);

/// Asks each socket of the bridge, where there is a folder for one.
pub(super) fn bridge(context: &Context) -> Vec<Check> {
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
    asked.chain(vault(context)).chain(super::postfix::checks()).collect()
}

/// Asks for what a spam filter asks, where it may.
fn vault(context: &Context) -> Option<Check> {
    // What is wrong with the settings is said on their own line.
    let (address, file) = context.config.bridge_vault().ok()??;
    if let Err(error) = VaultToken::read(&file) {
        return Some(check("bridge", State::Fail, error.to_string()));
    }
    Some(match ask_vault(address) {
        Ok(true) => check("bridge", State::Ok, format!("{address} answers a spam filter")),
        Ok(false) => {
            check("bridge", State::Fail, format!("{address} is no bridge's; set bridge.http to another port"))
        }
        Err(error) => {
            let text = format!("{address} does not answer a spam filter: {error}; start the bridge again");
            check("bridge", State::Fail, text)
        }
    })
}

/// Whether lists are asked there: what they say of nobody.
fn ask_vault(address: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&address, SOCKET_PATIENCE)?;
    stream.set_read_timeout(Some(SOCKET_PATIENCE))?;
    stream.set_write_timeout(Some(SOCKET_PATIENCE))?;
    let target = "/rspamd/verdict?recipient=postmaster@postroom.invalid";
    write!(stream, "GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(4096).read_to_string(&mut answer)?;
    Ok(answer.starts_with("HTTP/1.1 200 ") && answer.contains("\"outcome\""))
}

/// A question to a socket of the bridge, and how its answer begins.
struct Probe {
    socket: &'static str,
    question: &'static [u8],
    answer: &'static [u8],
}

const PROBES: [Probe; 5] = [
    Probe { socket: "map", question: b"23:domain postroom.invalid,", answer: b"9:NOTFOUND ," },
    Probe { socket: "auth", question: b"VERSION\t1\t1\n", answer: b"VERSION\t1\t" },
    Probe { socket: "policy", question: b"request=smtpd_access_policy\n\n", answer: b"action=DUNNO\n\n" },
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
