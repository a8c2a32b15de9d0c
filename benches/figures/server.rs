//! The real binary, started and stopped.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::client::{Connection, Question};

/// A server that runs until this is dropped.
pub(crate) struct Server {
    process: Child,
    pub(crate) address: SocketAddr,
    /// From before the process was made until its first answer was here.
    pub(crate) started_in: Duration,
}

impl Server {
    /// Serves `file` on a free port, and keeps so many spare keys: the binary that was built beside this bench, or the one at the path
    /// in `POSTROOM_BINARY`.
    ///
    /// Logs are made as always, and go nowhere: a terminal's speed is no matter of the server's.
    pub(crate) fn start(file: &Path, spare_keys: u32) -> Result<Server, Box<dyn Error>> {
        let started = Instant::now();
        let binary = std::env::var_os("POSTROOM_BINARY");
        let mut process = Command::new(binary.unwrap_or_else(|| env!("CARGO_BIN_EXE_postroom").into()))
            .args(["serve", "--json", "--listen", "127.0.0.1:0", "--db"])
            .arg(file)
            .env_clear()
            // As the package's unit has it.
            .env("MALLOC_ARENA_MAX", "64")
            .env("POSTROOM_DKIM_SPARE_KEYS", spare_keys.to_string())
            // Every key that is made is one of the same domain's.
            .env("POSTROOM_DKIM_MOST_KEYS", u32::MAX.to_string())
            .env("POSTROOM_RATE_LIMIT", "0")
            .env("POSTROOM_CONNECTIONS_PER_ADDRESS", "1000")
            // The DNS is never asked; with a resolver named, the system's need not be known either.
            .env("POSTROOM_RESOLVERS", "127.0.0.1:53")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut line = String::new();
        let stdout = process.stdout.take().ok_or("the server has no output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let told: serde_json::Value = serde_json::from_str(&line)?;
        let url = told.get("url").and_then(|url| url.as_str()).ok_or("the server tells no URL")?;
        let address = url.strip_prefix("http://").ok_or("the URL is not http")?.parse()?;
        Connection::open(address)?.time(&Question::health())?;
        Ok(Server { process, address, started_in: started.elapsed() })
    }

    /// The octets of the process that are in memory.
    pub(crate) fn resident(&self) -> Result<u64, Box<dyn Error>> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("there is no VmRSS")?;
        let kibibytes: u64 = line.trim().trim_end_matches("kB").trim_end().parse()?;
        Ok(kibibytes * 1024)
    }
}

impl Drop for Server {
    /// With SIGTERM, as an operator would, so that the next start finds the database closed.
    fn drop(&mut self) {
        let id = self.process.id().to_string();
        if !Command::new("kill").arg(id).status().is_ok_and(|status| status.success()) {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}
