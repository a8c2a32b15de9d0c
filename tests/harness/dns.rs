//! Real DNS servers: `nsd` serves a zone that a test writes, `unbound` resolves it. Nothing leaves the machine,
//! for `nsd` is the root as well, and every other name does not exist.

use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use super::process::{PATIENCE, Running, until};

/// What a zone file starts with: its SOA says which publication it is, in a name that is easily found in an answer.
const HEAD: &str =
    "$TTL 300\n@ IN SOA ns v{serial} {serial} 300 300 300 300\n@ IN NS ns\nns IN A 127.0.0.1\n";
/// The mail hosts of the operators in the tests, as every deployment has its own in the DNS.
const MAIL_HOSTS: &str = "mx.example.net. IN A 192.0.2.25\nmx.mail.example.net. IN A 192.0.2.25\n";
/// How often a port that was free may be taken by somebody else until it is used.
const ATTEMPTS: usize = 5;

/// `nsd` with one zone. Until that is published for the first time, it answers SERVFAIL for it.
pub(crate) struct Nsd {
    process: Group,
    directory: TempDir,
    zone: String,
    serial: AtomicU32,
    /// Where it listens, on 127.0.0.1.
    pub(crate) port: u16,
}

impl Nsd {
    /// Starts it for this zone.
    pub(crate) fn start(zone: &str) -> Nsd {
        let directory = TempDir::new().expect("a directory");
        fs::write(directory.path().join("root.zone"), head(0) + MAIL_HOSTS).expect("to write");
        let (process, port) = start(|port| {
            let directory = directory.path().display();
            let config = format!(
                "server:\n  ip-address: 127.0.0.1@{port}\n  username: \"\"\n  chroot: \"\"\n  database: \"\"\n  \
                 zonesdir: \"{directory}\"\n  zonelistfile: \"{directory}/zone.list\"\n  \
                 xfrdfile: \"{directory}/xfrd.state\"\n  xfrdir: \"{directory}\"\n  pidfile: \"\"\n  \
                 server-count: 1\n  rrl-ratelimit: 0\nremote-control:\n  control-enable: no\n\
                 zone:\n  name: \".\"\n  zonefile: \"root.zone\"\nzone:\n  name: \"{zone}\"\n  zonefile: \"own.zone\"\n"
            );
            command("nsd", &write(&directory.to_string(), "nsd.conf", &config), &["-d"])
        });
        Nsd { process, directory, zone: zone.to_owned(), serial: AtomicU32::new(0), port }
    }

    /// Serves these records, in the format of a zone file, from now on and no others.
    pub(crate) fn publish(&self, records: &str) {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed) + 1;
        // In one step, or half a file could be read.
        let (new, own) = (self.directory.path().join("new.zone"), self.directory.path().join("own.zone"));
        fs::write(&new, head(serial) + records + "\n").expect("to write");
        fs::rename(&new, &own).expect("to rename");
        self.process.0.signal("HUP");
        let mark = label(&format!("v{serial}"));
        until(&format!("nsd serves {records}"), || {
            let answer = ask(self.port, &self.zone)?;
            answer.windows(mark.len()).any(|octets| octets == mark).then_some(())
        });
    }
}

/// How long `unbound` remembers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Memory {
    /// Not at all, not even for the rest of the second, as with a TTL of 0.
    None,
    /// As long as the answers say.
    Usual,
}

/// `unbound`, which asks one `nsd`.
pub(crate) struct Unbound {
    _process: Group,
    _directory: TempDir,
    port: u16,
}

impl Unbound {
    /// Starts it.
    pub(crate) fn start(nsd: &Nsd, memory: Memory) -> Unbound {
        let directory = TempDir::new().expect("a directory");
        let forget = match memory {
            Memory::None => "  stub-no-cache: yes\n",
            Memory::Usual => "",
        };
        let (process, port) = start(|port| {
            let directory = directory.path().display();
            let stub = |zone: &str| {
                format!("stub-zone:\n  name: \"{zone}\"\n  stub-addr: 127.0.0.1@{}\n{forget}", nsd.port)
            };
            let config = format!(
                "server:\n  interface: 127.0.0.1\n  port: {port}\n  username: \"\"\n  chroot: \"\"\n  \
                 directory: \"{directory}\"\n  pidfile: \"\"\n  use-syslog: no\n  logfile: \"\"\n  \
                 do-daemonize: no\n  num-threads: 1\n  do-ip6: no\n  do-not-query-localhost: no\n  \
                 module-config: \"iterator\"\n  outgoing-range: 64\nremote-control:\n  \
                 control-enable: no\n{}{}",
                stub("."),
                stub(&nsd.zone)
            );
            command("unbound", &write(&directory.to_string(), "unbound.conf", &config), &["-d", "-p"])
        });
        Unbound { _process: process, _directory: directory, port }
    }

    /// Its address, as `POSTROOM_RESOLVERS` has it.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

/// A resolver that takes questions and answers none.
pub(crate) struct Silence(UdpSocket);

impl Silence {
    /// Begins to be silent.
    pub(crate) fn start() -> Silence {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("a socket");
        Silence(socket)
    }

    /// Its address, as `POSTROOM_RESOLVERS` has it.
    pub(crate) fn address(&self) -> String {
        self.0.local_addr().expect("an address").to_string()
    }

    /// Waits until somebody has asked.
    pub(crate) fn wait_for_a_question(&self) {
        self.0.recv_from(&mut [0; 512]).expect("a question");
    }
}

/// A process that has children of its own, all of which end with it.
struct Group(Running);

impl Drop for Group {
    fn drop(&mut self) {
        // It ends its children by itself if it is asked to; what is left of them then is not asked.
        self.0.send("TERM");
        let _ = self.0.wait();
        let mut kill = Command::new("sh");
        let _ = kill.args(["-c", "kill -s KILL -- \"-$0\"", &self.0.id().to_string()]).output();
    }
}

/// Starts a server on a port that is free for UDP and TCP, and waits until it answers.
fn start(command: impl Fn(u16) -> Command) -> (Group, u16) {
    for _ in 0..ATTEMPTS {
        let port = free_port();
        let mut process = Group(Running::start(command(port).process_group(0)));
        let answers = until("the DNS server answers or ends", || match process.0.ended() {
            Some(_) => Some(false),
            None => ask(port, ".").map(|_| true),
        });
        if answers {
            return (process, port);
        }
        eprintln!("{}", process.0.stderr.whole());
    }
    panic!("the DNS server does not start");
}

fn free_port() -> u16 {
    until("a port is free", || {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
        let address = udp.local_addr().ok()?;
        std::net::TcpListener::bind(address).ok().map(|_| address.port())
    })
}

fn write(directory: &str, name: &str, config: &str) -> String {
    let file = Path::new(directory).join(name);
    fs::write(&file, config).expect("to write");
    file.display().to_string()
}

/// A daemon with its configuration file. Debian has daemons where the path of a plain user does not lead.
fn command(daemon: &str, config: &str, arguments: &[&str]) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("env");
    command.arg(format!("PATH={path}:/usr/sbin:/sbin")).arg(daemon).args(arguments).args(["-c", config]);
    command
}

fn head(serial: u32) -> String {
    HEAD.replace("{serial}", &serial.to_string())
}

/// Asks for the SOA of a name, by hand (RFC 1035 section 4.1), so that what is waited for is not what is tested.
fn ask(port: u16, name: &str) -> Option<Vec<u8>> {
    let mut question = vec![0x50, 0x52, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    name.split('.').filter(|label| !label.is_empty()).for_each(|part| question.extend(label(part)));
    question.extend([0, 0, 6, 0, 1]);
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
    socket.set_read_timeout(Some(Duration::from_millis(200))).ok()?;
    socket.connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    socket.send(&question).ok()?;
    let mut answer = vec![0; 4096];
    let octets = socket.recv(&mut answer).ok()?;
    answer.truncate(octets);
    Some(answer)
}

/// A label as it stands in a message.
fn label(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("a short label");
    [&[length], text.as_bytes()].concat()
}
