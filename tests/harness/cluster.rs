//! A PostgreSQL cluster of a test's own: started, stopped, killed and followed by a standby. It needs Debian's `postgresql`.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A cluster in a folder of its own, on a port of loopback.
pub(crate) struct Cluster {
    folder: TempDir,
    port: u16,
}

impl Cluster {
    /// A new cluster, which runs.
    pub(crate) fn new() -> Cluster {
        let cluster = Cluster::place();
        let data = cluster.data();
        run(
            "initdb",
            &["-D", text(&data), "-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"],
        );
        cluster.set("max_connections = 100\nwal_level = replica\n");
        cluster.start();
        cluster
    }

    /// Has the cluster take connections with TLS alone from now on, with this certificate and key.
    pub(crate) fn want_tls(&self, certificate: &str, key: &str) {
        let data = self.data();
        std::fs::write(data.join("server.crt"), certificate).unwrap();
        std::fs::write(data.join("server.key"), key).unwrap();
        std::fs::write(data.join("pg_hba.conf"), "hostssl all all 127.0.0.1/32 trust\n").unwrap();
        let owned = Command::new("sh")
            .args(["-c", "chmod 600 server.key; if [ \"$(id -u)\" = 0 ]; then chown postgres server.*; fi"])
            .current_dir(&data)
            .status();
        assert!(owned.unwrap().success());
        self.crash();
        self.set("ssl = on\n");
        self.start();
    }

    /// A folder and a port for one.
    fn place() -> Cluster {
        let folder = tempfile::Builder::new().prefix("postroom-pg-").tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        // PostgreSQL does not run as root.
        let owned = Command::new("sh")
            .args(["-c", "chmod 755 \"$0\"; if [ \"$(id -u)\" = 0 ]; then chown postgres \"$0\"; fi"])
            .arg(folder.path())
            .status();
        assert!(owned.unwrap().success(), "the user postgres comes with Debian's postgresql");
        Cluster { folder, port }
    }

    /// A standby that follows this cluster, and has what was acknowledged before it is.
    pub(crate) fn standby(&self) -> Cluster {
        let standby = Cluster::place();
        let (data, port) = (standby.data(), self.port.to_string());
        run(
            "pg_basebackup",
            &["-D", text(&data), "-h", "127.0.0.1", "-p", &port, "-U", "postgres", "-R", "-c", "fast"],
        );
        standby.set("");
        standby.start();
        self.sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'");
        self.sql("postgres", "SELECT pg_reload_conf()");
        standby
    }

    /// Makes the standby a cluster of its own.
    pub(crate) fn promote(&self) {
        run("pg_ctl", &["-D", text(&self.data()), "-w", "promote"]);
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn set(&self, more: &str) {
        let settings = format!(
            "port = {}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\n{more}",
            self.port
        );
        let file = self.data().join("postgresql.auto.conf");
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        std::fs::write(file, format!("{kept}\n{settings}")).unwrap();
    }

    pub(crate) fn start(&self) {
        let (data, log) = (self.data(), self.folder.path().join("log"));
        run("pg_ctl", &["-D", text(&data), "-w", "-l", text(&log), "start"]);
    }

    /// Stops it as a crash would: nothing is finished.
    pub(crate) fn crash(&self) {
        run("pg_ctl", &["-D", text(&self.data()), "-m", "immediate", "stop"]);
    }

    /// Has every process of it stand still, as on a machine that hangs: the network goes on, and nobody answers.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Has them go on.
    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let Ok(file) = std::fs::read_to_string(self.data().join("postmaster.pid")) else { return };
        let id = file.lines().next().unwrap_or_default().to_owned();
        let _ = Command::new("kill").args([signal, &id]).status();
        let _ = Command::new("pkill").args([signal, "-P", &id]).status();
    }

    /// Runs SQL of the test's own.
    pub(crate) fn sql(&self, database: &str, sql: &str) {
        let url = format!("postgres://postgres@127.0.0.1:{}/{database}", self.port);
        postgres::Client::connect(&url, postgres::NoTls).unwrap().batch_execute(sql).unwrap();
    }

    /// Makes a database, and returns its URL.
    pub(crate) fn database(&self, name: &str) -> String {
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        format!("postgres://postgres@{}/{name}", self.address())
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.thaw();
        // It may be stopped already.
        let data = self.data();
        let _ = command("pg_ctl", &["-D", text(&data), "-m", "immediate", "stop"]).output();
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn command(program: &str, arguments: &[&str]) -> Command {
    let newest = std::fs::read_dir("/usr/lib/postgresql").unwrap().map(|entry| entry.unwrap().path()).max();
    let program = newest.expect("Debian's postgresql is installed").join("bin").join(program);
    let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let mut command = if is_root {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.args(arguments).current_dir("/");
    command
}

fn run(program: &str, arguments: &[&str]) {
    // What it starts keeps its output open, and nobody may wait for that.
    let status = command(program, arguments)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status();
    assert!(status.unwrap().success(), "{program} {arguments:?}");
}
