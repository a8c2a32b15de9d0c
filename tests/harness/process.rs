//! The real binary, run as an operator runs it: in a directory of its own, on a port of the system's choice, with
//! nothing of the environment that the tests run in.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::client::{Client, exchange};

/// Nothing here takes so long, unless it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A directory with a database in it, and the settings of every command that is run there.
pub(crate) struct Site {
    directory: TempDir,
    variables: Vec<(String, String)>,
}

impl Site {
    /// An empty directory. The hosts are set, so that no command warns of the machine's own name, and few spare
    /// keys are kept, so that tests do not spend their time on making keys that nobody uses; and tests may hurry.
    pub(crate) fn new() -> Site {
        let directory = TempDir::new().expect("a directory");
        let site = Site { directory, variables: Vec::new() };
        site.with("POSTROOM_MX_HOST", "mx.example.net")
            .with("POSTROOM_RETURN_PATH_HOST", "return-path.example.net")
            .with("POSTROOM_DKIM_SPARE_KEYS", "1")
            .with("POSTROOM_RATE_LIMIT", "0")
            .with("POSTROOM_FAILURE_LIMIT", "0")
    }

    /// Sets an environment variable of every command from now on.
    pub(crate) fn with(mut self, variable: &str, value: &(impl ToString + ?Sized)) -> Site {
        self.variables.retain(|(name, _)| name != variable);
        self.variables.push((variable.to_owned(), value.to_string()));
        self
    }

    /// A file in the directory.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The database.
    pub(crate) fn db(&self) -> PathBuf {
        self.file("postroom.db")
    }

    /// `postroom` with these arguments, in the directory, where its database is by default.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postroom"));
        command.args(arguments);
        self.settle(&mut command);
        command
    }

    /// `postroom serve` that may have so many open files.
    pub(crate) fn command_with_files(&self, files: u32) -> Command {
        let mut command = Command::new("sh");
        let script = format!("ulimit -n {files} && exec \"$0\" serve --json --listen 127.0.0.1:0");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_postroom")]);
        self.settle(&mut command);
        command
    }

    /// `postroom` with these arguments, which can write pipes alone: to files it is as if the disk was full.
    pub(crate) fn command_without_room(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("sh");
        let script = "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\"";
        command.args(["-c", script, env!("CARGO_BIN_EXE_postroom")]).args(arguments);
        self.settle(&mut command);
        command
    }

    /// Runs a command to its end, however that is.
    pub(crate) fn run(&self, arguments: &[&str]) -> Finished {
        finish(&mut self.command(arguments))
    }

    /// Runs a command that must succeed, and reads the JSON that it prints.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let finished = self.run(&[arguments, &["--json"]].concat());
        assert_eq!(finished.code, Some(0), "{arguments:?}: {finished:?}");
        finished.json()
    }

    /// Starts the server and waits until it listens.
    pub(crate) fn serve(&self) -> Server {
        self.serve_with(&[])
    }

    /// The same with more arguments.
    pub(crate) fn serve_with(&self, arguments: &[&str]) -> Server {
        Server::start(
            &mut self.command(&[&["serve", "--json", "--listen", "127.0.0.1:0"], arguments].concat()),
        )
    }

    fn settle(&self, command: &mut Command) {
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.current_dir(self.directory.path()).env_clear().env("PATH", path);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
    }
}

/// How a command ended, and what it printed.
#[derive(Debug)]
pub(crate) struct Finished {
    /// Its exit code; none if a signal ended it.
    pub(crate) code: Option<i32>,
    /// What it printed for programs.
    pub(crate) stdout: String,
    /// What it printed for people.
    pub(crate) stderr: String,
}

impl Finished {
    /// The JSON on stdout.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }
}

/// Runs a command to its end; one that does not end is killed, and the test fails.
pub(crate) fn finish(command: &mut Command) -> Finished {
    let mut running = Running::start(command);
    let status = running.wait();
    let (stdout, stderr) = (running.stdout.whole(), running.stderr.whole());
    Finished { code: status.code(), stdout, stderr }
}

/// A process with its output read as it comes; killed when dropped.
pub(crate) struct Running {
    child: Child,
    /// What it has printed so far.
    pub(crate) stdout: Output,
    /// What it has logged so far.
    pub(crate) stderr: Output,
}

impl Running {
    /// Starts it, with nothing on its standard input.
    pub(crate) fn start(command: &mut Command) -> Running {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let stdout = Output::of(child.stdout.take().expect("a pipe"));
        let stderr = Output::of(child.stderr.take().expect("a pipe"));
        Running { child, stdout, stderr }
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        until("the process ends", || self.child.try_wait().expect("a child"))
    }

    /// Whether it has ended, and how.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child")
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal, by name.
    pub(crate) fn signal(&self, name: &str) {
        assert!(self.send(name), "no SIG{name} to {}", self.id());
    }

    /// The same, for one that may have ended; whether it has not.
    pub(crate) fn send(&self, name: &str) -> bool {
        let script = format!("kill -s {name} {}", self.id());
        Command::new("sh").args(["-c", &script]).output().expect("a shell").status.success()
    }

    /// Ends it as a power cut would, as far as one process is concerned.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("to kill");
        self.child.wait().expect("to wait");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server that listens.
pub(crate) struct Server {
    /// Its process.
    pub(crate) process: Running,
    /// Its base URL.
    pub(crate) url: String,
    /// The API key that it told, if this was the first start on its database.
    pub(crate) key: Option<String>,
}

impl Server {
    /// Starts a command that serves and prints JSON, and waits until it can be asked.
    pub(crate) fn start(command: &mut Command) -> Server {
        let mut process = Running::start(command);
        let said = until("the server says where it is", || {
            let line = process.stdout.now().lines().next().map(serde_json::from_str::<Value>);
            let ended = process.ended();
            assert!(ended.is_none() || line.is_some(), "{ended:?}: {}", process.stderr.whole());
            line.and_then(Result::ok)
        });
        let text = |field: &str| said[field].as_str().map(str::to_owned);
        let url = text("url").expect("a URL");
        // Told is not yet served: a signal is taken by whoever is answered, and not before.
        if let Some(address) = url.strip_prefix("http://") {
            exchange(address, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        }
        Server { process, url, key: text("api_key") }
    }

    /// A client with the key of the first start.
    pub(crate) fn client(&self) -> Client {
        Client::new(&self.url, self.key.as_deref().expect("this is the first start"))
    }

    /// Its address without the scheme.
    pub(crate) fn address(&self) -> &str {
        self.url.split("://").nth(1).expect("a URL")
    }

    /// Stops it with SIGTERM and waits for its end.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.process.signal("TERM");
        self.process.wait()
    }
}

/// What comes out of a pipe.
#[derive(Clone)]
pub(crate) struct Output(Arc<(Mutex<Heard>, Condvar)>);

#[derive(Default)]
struct Heard {
    text: String,
    ended: bool,
}

impl Output {
    /// Reads a pipe to its end, beside the test.
    pub(crate) fn of(pipe: impl Read + Send + 'static) -> Output {
        let output = Output(Arc::default());
        let filled = output.clone();
        thread::spawn(move || {
            let mut lines = BufReader::new(pipe);
            let mut line = Vec::new();
            while lines.read_until(b'\n', &mut line).is_ok_and(|octets| octets > 0) {
                filled.change(|read| read.text.push_str(&String::from_utf8_lossy(&line)));
                line.clear();
            }
            filled.change(|read| read.ended = true);
        });
        output
    }

    /// What has come so far, in whole lines.
    pub(crate) fn now(&self) -> String {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).text.clone()
    }

    /// All of it, once the other end is closed.
    pub(crate) fn whole(&self) -> String {
        self.wait("the pipe is closed", |read| read.ended)
    }

    /// Waits until `text` has come.
    pub(crate) fn wait_for(&self, text: &str) -> String {
        self.wait(&format!("\"{text}\" is printed"), |read| read.text.contains(text))
    }

    fn change(&self, change: impl FnOnce(&mut Heard)) {
        change(&mut self.0.0.lock().unwrap_or_else(PoisonError::into_inner));
        self.0.1.notify_all();
    }

    fn wait(&self, what: &str, enough: impl Fn(&Heard) -> bool) -> String {
        let read = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.0.1.wait_timeout_while(read, PATIENCE, |read| !enough(read));
        let (read, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(!timeout.timed_out(), "waited in vain until {what}: {}", read.text);
        read.text.clone()
    }
}

/// Asks again and again, for what nobody tells by itself.
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(started.elapsed() < PATIENCE, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The text of a path.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("a path of ASCII")
}
