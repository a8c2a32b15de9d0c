//! A private rspamd: Debian's configuration with a folder of its own for what is changed, on a port of loopback. It asks nobody on the
//! network.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use tempfile::TempDir;

use super::process::{Running, until};

/// What asks others, or learns.
const OFF: [&str; 20] = [
    "arc",
    "asn",
    "bayes_expiry",
    "dmarc",
    "fuzzy_check",
    "greylist",
    "hfilter",
    "history_redis",
    "mid",
    "mx_check",
    "neural",
    "once_received",
    "phishing",
    "ratelimit",
    "rbl",
    "replies",
    "reputation",
    "rspamd_update",
    "spf",
    "surbl",
];

/// A filter that a mail server asks by its milter protocol.
pub(crate) struct Rspamd {
    folder: TempDir,
    /// Where it is asked, on 127.0.0.1.
    pub(crate) port: u16,
    _process: Running,
}

impl Rspamd {
    /// Starts it with these files below `/etc/rspamd`.
    pub(crate) fn start(files: &[(&str, &str)]) -> Rspamd {
        let folder = TempDir::new().unwrap();
        let file = |name: &str| folder.path().join(name);
        // Its workers run as another user.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["conf", "conf/local.d", "data"] {
            fs::create_dir(file(name)).unwrap();
        }
        assert!(Command::new("chown").arg("_rspamd").arg(file("data")).status().unwrap().success());
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let path = folder.path().display();
        let options = format!(
            "pidfile = \"{path}/data/pid\";\nfilters = \"dkim,regexp\";\nurl_tld = \"{path}/conf/tld\";\n\
             dns {{ nameserver = [\"127.0.0.1:9\"]; timeout = 0.05s; retransmits = 1; }}\n"
        );
        let proxy = format!(
            "bind_socket = \"127.0.0.1:{port}\";\nupstream \"local\" {{ self_scan = yes; default = yes; }}\ncount = 1;\n"
        );
        for (name, text) in [
            ("local.d/options.inc", &*options),
            ("local.d/worker-proxy.inc", &proxy),
            ("local.d/logging.inc", "log_buffered = false;\n"),
            ("local.d/worker-normal.inc", "count = -1;\n"),
            ("local.d/worker-controller.inc", "count = -1;\n"),
            // The whole list takes seconds to compile.
            ("tld", "com\nexample\n"),
        ]
        .into_iter()
        .chain(files.iter().copied())
        {
            fs::write(file("conf").join(name), text).unwrap();
        }
        for module in OFF {
            fs::write(file(&format!("conf/local.d/{module}.conf")), "enabled = false;\n").unwrap();
        }
        let mut command = Command::new("rspamd");
        command.args(["-f", "-u", "_rspamd", "-g", "_rspamd", "-c", "/etc/rspamd/rspamd.conf"]);
        command.arg(format!("--var=LOCAL_CONFDIR={path}/conf"));
        for name in ["DBDIR", "RUNDIR", "LOGDIR"] {
            command.arg(format!("--var={name}={path}/data"));
        }
        let process = Running::start(&mut command);
        let rspamd = Rspamd { folder, port, _process: process };
        until("rspamd listens", || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok());
        rspamd
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("data/rspamd.log")).unwrap_or_default()
    }
}
