//! A bridge beside a server, and its sockets as a mail server uses them.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::json;

use super::process::{Running, Server, Site};

/// A site with a server, and a bridge in a folder.
pub(crate) struct Bridged {
    pub(crate) site: Site,
    pub(crate) server: Server,
    pub(crate) bridge: Running,
    pub(crate) dir: PathBuf,
}

/// A bridge in a folder of the site's.
pub(crate) fn start() -> Bridged {
    let site = Site::new();
    let dir = site.file("sockets");
    start_at(site, dir, "0")
}

/// A bridge of this site in this folder, for this group.
pub(crate) fn start_at(site: Site, dir: PathBuf, group: &str) -> Bridged {
    let site = site.with("POSTROOM_BRIDGE_DIR", dir.to_str().unwrap()).with("POSTROOM_BRIDGE_GROUP", group);
    let server = site.serve();
    server.client().create_domain("example.com");
    let bridge = run(&site);
    Bridged { site, server, bridge, dir }
}

/// A bridge alone, which has said so when all that it serves is there.
fn run(site: &Site) -> Running {
    let bridge = Running::start(&mut site.command(&["bridge"]));
    bridge.stderr.wait_for("bridging");
    bridge
}

impl Bridged {
    /// A connection to a socket.
    pub(crate) fn connect(&self, socket: &str) -> UnixStream {
        let stream = UnixStream::connect(self.dir.join(socket)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// What a map answers.
    pub(crate) fn map(&self, request: &str) -> String {
        let mut stream = self.connect("map");
        write!(stream, "{}:{request},", request.len()).unwrap();
        let mut answer = vec![0; 512];
        let octets = stream.read(&mut answer).unwrap();
        String::from_utf8_lossy(&answer[..octets]).into_owned()
    }

    /// What is answered to these lines of Dovecot's protocol, without the greeting.
    pub(crate) fn auth(&self, lines: &str) -> String {
        let mut stream = self.connect("auth");
        write!(stream, "VERSION\t1\t1\nCPID\t7\n{lines}").unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split_once("DONE\n").unwrap().1.to_owned()
    }

    /// A new token of a domain.
    pub(crate) fn token(&self, domain: &str) -> (i64, String) {
        let db = Connection::open(self.site.db()).unwrap();
        let id: i64 =
            db.query_row("SELECT id FROM domain WHERE name = ?1", [domain], |row| row.get(0)).unwrap();
        let made = self.server.client().post(&format!("/api/v1/domains/{id}/api_tokens"), &json!({}));
        assert_eq!(made.status, 201, "{made:?}");
        (made.json["id"].as_i64().unwrap(), made.json["token"].as_str().unwrap().to_owned())
    }

    pub(crate) fn revoke(&self, token: i64) {
        let db = Connection::open(self.site.db()).unwrap();
        assert_eq!(db.execute("UPDATE domain_token SET revoked_at = 1 WHERE id = ?1", [token]), Ok(1));
    }

    /// Stops the bridge at once, and starts it again.
    pub(crate) fn restart(&mut self) {
        self.bridge.kill();
        self.bridge = run(&self.site);
    }

    /// Stops the bridge as a service is stopped, and starts it with another setting.
    pub(crate) fn restart_with(mut self, variable: &str, value: &str) -> Bridged {
        self.bridge.signal("TERM");
        assert_eq!(self.bridge.wait().code(), Some(0));
        let site = self.site.with(variable, value);
        let bridge = run(&site);
        Bridged { site, bridge, ..self }
    }

    /// The address in the line of the log that has this text.
    pub(crate) fn address(&self, text: &str) -> String {
        let log = self.bridge.stderr.wait_for(text);
        let line = log.lines().find(|line| line.contains(text)).unwrap();
        line.split("address=").nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap().to_owned()
    }

    /// A conversation with the milter, of a client at 192.0.2.7.
    pub(crate) fn milter(&self) -> Milter {
        let mut milter = Milter(self.connect("milter"));
        assert_eq!(milter.ask('O', &[0, 0, 0, 6, 0, 0, 1, 0xff, 0, 0x1f, 0xff, 0xff]).0, 'O');
        assert_eq!(milter.ask('C', b"c.example\x004\x00\x19192.0.2.7\0").0, 'c');
        milter
    }

    /// A conversation in LMTP, after its greeting and LHLO.
    pub(crate) fn lmtp(&self) -> Lmtp {
        let stream = self.connect("lmtp");
        stream.set_read_timeout(Some(Duration::from_secs(100))).unwrap();
        let mut lmtp = Lmtp(BufReader::new(stream));
        assert!(lmtp.reply().starts_with("220 "));
        assert!(lmtp.say("LHLO mail.example.net").contains("250-PIPELINING"));
        lmtp
    }

    /// The replies for each recipient of a message.
    pub(crate) fn deliver(&self, sender: &str, recipients: &[&str], message: &str) -> Vec<String> {
        self.lmtp().deliver(sender, recipients, message)
    }

    /// The messages in a folder of a mailbox, by their paths below the folder of all mail.
    pub(crate) fn stored(&self, place: &str) -> Vec<PathBuf> {
        let folder = self.site.file("mail").join(place).join("new");
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

/// A conversation with the milter.
pub(crate) struct Milter(UnixStream);

impl Milter {
    /// Says something without waiting for an answer.
    pub(crate) fn tell(&mut self, command: char, data: &[u8]) {
        let command = u8::try_from(command).unwrap();
        let length = u32::try_from(data.len() + 1).unwrap();
        self.0.write_all(&[&length.to_be_bytes()[..], &[command], data].concat()).unwrap();
    }

    /// The next packet: its letter, and its data.
    pub(crate) fn reply(&mut self) -> (char, String) {
        let mut length = [0; 4];
        self.0.read_exact(&mut length).unwrap();
        let mut packet = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
        self.0.read_exact(&mut packet).unwrap();
        (char::from(packet[0]), String::from_utf8_lossy(&packet[1..]).into_owned())
    }

    /// The packet that answers.
    pub(crate) fn ask(&mut self, command: char, data: &[u8]) -> (char, String) {
        self.tell(command, data);
        self.reply()
    }

    /// The packets at the end of a message with these fields.
    pub(crate) fn end(&mut self, fields: &[(&str, &str)]) -> Vec<(char, String)> {
        for (name, value) in fields {
            self.tell('L', format!("{name}\0 {value}\0").as_bytes());
        }
        self.tell('N', b"");
        self.tell('E', b"");
        let mut said = Vec::new();
        while said.last().is_none_or(|(letter, _)| *letter == 'i') {
            said.push(self.reply());
        }
        said
    }
}

/// A conversation in LMTP.
pub(crate) struct Lmtp(BufReader<UnixStream>);

impl Lmtp {
    /// The next reply, with all of its lines.
    pub(crate) fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "the bridge hung up after {reply:?}");
            let is_last = !line.get(3..).unwrap().starts_with('-');
            reply += &line;
            if is_last {
                return reply.trim_end().to_owned();
            }
        }
    }

    /// Writes octets as they are.
    pub(crate) fn write(&mut self, octets: &[u8]) {
        self.0.get_mut().write_all(octets).unwrap();
    }

    /// The reply to a command.
    pub(crate) fn say(&mut self, command: &str) -> String {
        self.write(format!("{command}\r\n").as_bytes());
        self.reply()
    }

    /// The replies for each recipient of a message, or why it was not taken.
    pub(crate) fn deliver(&mut self, sender: &str, recipients: &[&str], message: &str) -> Vec<String> {
        self.say("RSET");
        self.say(&format!("MAIL FROM:<{sender}>"));
        let taken: Vec<String> = recipients.iter().map(|to| self.say(&format!("RCPT TO:<{to}>"))).collect();
        let number = taken.iter().filter(|reply| reply.starts_with("250")).count();
        if number == 0 {
            return taken;
        }
        assert!(self.say("DATA").starts_with("354"));
        self.write(format!("{}\r\n.\r\n", message.trim_end().replace('\n', "\r\n")).as_bytes());
        (0..number).map(|_| self.reply()).collect()
    }
}

/// What dkimpy says of a message whose key has this record.
pub(crate) fn verdict(site: &Site, message: &str, name: &str, record: &str) -> String {
    let (file, asked, answered) = (site.file("mail.eml"), site.file("cases"), site.file("verdicts"));
    std::fs::write(&file, message.replace('\n', "\r\n")).unwrap();
    std::fs::write(&asked, json!({"file": file, "name": name, "record": record}).to_string()).unwrap();
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests");
    let (run, script) = (tests.join("differential/run"), tests.join("signing/verify.py"));
    let venvs = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let status = Command::new("bash").args([&run, venvs, &asked, &answered, &script]).status().unwrap();
    assert!(status.success());
    std::fs::read_to_string(answered).unwrap()
}
