//! A private Postfix: its own configuration, queue and port on loopback, with the bridge's sockets in its queue folder. What it
//! delivers goes to `smtp-sink`, which comes with it and keeps each message in a file.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::process::{Finished, Running, finish, until};

/// A mail server that delivers every message to a sink.
pub(crate) struct Postfix {
    folder: TempDir,
    /// Where it takes mail, on 127.0.0.1.
    pub(crate) port: u16,
    sink_port: u16,
    _sink: Running,
}

impl Postfix {
    /// A folder for one, in which the bridge's sockets are to be made before it starts.
    pub(crate) fn new() -> Postfix {
        let folder = TempDir::new().expect("a folder");
        // Its processes run as other users.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("to set");
        for name in ["queue", "data", "conf", "mail"] {
            fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        for name in ["data", "mail"] {
            let owned = Command::new("chown").arg("postfix").arg(folder.path().join(name)).status();
            assert!(owned.expect("chown").success());
        }
        let (port, sink_port) = (free_port(), free_port());
        let mut sink = Command::new("/usr/sbin/smtp-sink");
        let files = folder.path().join("mail/m");
        sink.args(["-u", "postfix", "-d"]).arg(files).args([&format!("127.0.0.1:{sink_port}"), "10"]);
        let sink = Running::start(&mut sink);
        Postfix { folder, port, sink_port, _sink: sink }
    }

    /// The folder for the bridge's sockets.
    pub(crate) fn sockets(&self) -> PathBuf {
        self.folder.path().join("queue/postroom")
    }

    /// Starts it with these lines of main.cf; mail for the bridge's domains goes to the sink.
    pub(crate) fn start_with_sink(&self, lines: &str) {
        self.start(&format!("{lines}\nvirtual_transport = smtp:[127.0.0.1]:{}", self.sink_port));
    }

    /// Starts it with these lines of main.cf. Mail from 127.0.0.1 may go anywhere; `swaks` comes from another address.
    pub(crate) fn start(&self, lines: &str) {
        let path = self.folder.path().display();
        let sink = self.sink_port;
        let main = format!(
            "{lines}\ncompatibility_level = 3.6\nqueue_directory = {path}/queue\ndata_directory = {path}/data\n\
             command_directory = /usr/sbin\ndaemon_directory = /usr/lib/postfix/sbin\nmail_owner = postfix\n\
             myhostname = mail.example.net\nmydestination =\nmynetworks = 127.0.0.1\ninet_interfaces = loopback-only\n\
             inet_protocols = ipv4\n\
             smtpd_sasl_auth_enable = yes\nmaillog_file = {path}/log\nmaillog_file_prefixes = {path}\n\
             default_transport = smtp:[127.0.0.1]:{sink}\nrelay_domains =\nbiff = no\nalias_maps =\n"
        );
        let service = |name: &str, kind: &str, private: &str, chroot: &str, limit: &str, command: &str| {
            format!("{name} {kind} {private} - {chroot} - {limit} {command}\n")
        };
        let mut master = service(&format!("127.0.0.1:{}", self.port), "inet", "n", "y", "-", "smtpd");
        for (name, limit, command) in [
            ("cleanup", "0", "cleanup"),
            ("rewrite", "-", "trivial-rewrite"),
            ("proxymap", "-", "proxymap"),
            ("anvil", "1", "anvil"),
            ("tlsmgr", "1", "tlsmgr"),
            ("bounce", "0", "bounce"),
            ("defer", "0", "bounce"),
            ("error", "-", "error"),
            ("retry", "-", "error"),
            ("smtp", "-", "smtp"),
            ("lmtp", "-", "lmtp"),
        ] {
            let private = if name == "cleanup" { "n" } else { "-" };
            master += &service(name, "unix", private, "n", limit, command);
        }
        master += "qmgr unix n - n 300 1 qmgr\npostlog unix-dgram n - n - 1 postlogd\n";
        fs::write(self.folder.path().join("conf/main.cf"), main).expect("to write");
        fs::write(self.folder.path().join("conf/master.cf"), master).expect("to write");
        let started = self.control("start");
        assert_eq!(started.code, Some(0), "{started:?} {}", self.log());
        until("Postfix takes mail", || TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok());
    }

    fn control(&self, what: &str) -> Finished {
        let conf = self.folder.path().join("conf");
        finish(Command::new("/usr/sbin/postfix").arg("-c").arg(conf).arg(what))
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// What was delivered to the sink, once there is a message with this text in it: with lines of `smtp-sink` above it.
    pub(crate) fn delivered(&self, text: &str) -> String {
        let folder = self.folder.path().join("mail");
        until("a message is delivered", || {
            let files = fs::read_dir(&folder).ok()?.filter_map(Result::ok);
            let mut texts = files.filter_map(|file| fs::read_to_string(file.path()).ok());
            texts.find(|found| found.contains(text))
        })
    }

    /// Talks SMTP to it with `swaks`.
    pub(crate) fn swaks(&self, arguments: &[&str]) -> Finished {
        let mut command = Command::new("swaks");
        command.args(["--server", &format!("127.0.0.1:{}", self.port), "--helo", "client.example"]);
        command.args(["--local-interface", "127.0.0.2"]);
        finish(command.args(arguments))
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let _ = self.control("stop");
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}
