//! What an operator's monitoring sees of a running server.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::harness::bridge::{Bridged, start_at};
use crate::harness::process::{Running, Server, Site, finish, text, until};

/// A server with its metrics, and where they are.
fn watched(site: &Site) -> (Server, String) {
    let server = site.serve();
    let address = metrics_of(&server);
    (server, address)
}

/// Where the metrics of a server are that has them.
pub(super) fn metrics_of(server: &Server) -> String {
    let log = server.process.stderr.wait_for("the metrics are at /metrics");
    let line = log.lines().find(|line| line.contains("the metrics are at")).expect("a line");
    let address = line.split("address=").nth(1).and_then(|rest| rest.split_whitespace().next());
    address.expect("an address").to_owned()
}

fn site() -> Site {
    Site::new().with("POSTROOM_METRICS_LISTEN", "127.0.0.1:0")
}

/// A bridge beside it that has stored a message, and where its metrics are.
fn watched_bridge() -> (Bridged, String) {
    let site = site().with("POSTROOM_BRIDGE_METRICS", "127.0.0.1:0");
    let dir = site.file("sockets");
    let it = start_at(site, dir, "0");
    let address = it.address("the metrics are at /metrics");
    (it, address)
}

/// The status line and the body of a GET.
pub(super) fn get(address: &str, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).expect("to connect");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("to write");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("to read");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a body");
    (head.lines().next().unwrap_or_default().to_owned(), body.to_owned())
}

pub(super) fn value(metrics: &str, name: &str) -> f64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in:\n{metrics}")).parse().expect("a number")
}

#[test]
fn metrics_stand_on_an_address_of_their_own_and_count_requests_domains_and_things() {
    let site = site();
    let (server, address) = watched(&site);
    server.client().create_domain("example.com");
    server.client().get("/no/such/route");
    let (status, metrics) = get(&address, "/metrics");
    assert_eq!(status, "HTTP/1.1 200 OK");
    let created = "postroom_requests_total{route=\"/api/v1/domains\",status=\"201\",surface=\"mailpace\"}";
    assert!((value(&metrics, created) - 1.0).abs() < f64::EPSILON, "{metrics}");
    for (name, wanted) in [
        ("postroom_up", 1.0),
        ("postroom_domains{state=\"pending\"}", 1.0),
        ("postroom_accounts", 1.0),
        ("postroom_requests_waiting{lane=\"writes\"}", 0.0),
        ("postroom_log_lines_dropped_total", 0.0),
    ] {
        assert!((value(&metrics, name) - wanted).abs() < f64::EPSILON, "{name} in:\n{metrics}");
    }
    assert!(
        value(&metrics, "postroom_disk_free_bytes") > 0.0 && value(&metrics, "postroom_wal_bytes") >= 0.0
    );
    let key = server.key.as_deref().expect("a key");
    assert!(!metrics.contains(key) && !metrics.contains("example.com"), "nothing of a client's is in it");
    assert!(get(&address, "/other").0.starts_with("HTTP/1.1 404"));
    assert_eq!(server.client().get("/metrics").status, 404, "the dialects have no metrics beside them");
    assert!(server.stop().success());
}

#[test]
fn the_bridge_counts_deliveries_refusals_and_logins_on_an_address_of_its_own() {
    let (it, address) = watched_bridge();
    it.site.json(&["list", "add", "--domain", "example.com", "blocklist", "junk.example"]);
    let replies =
        it.deliver("a@b.example", &["jo@example.com", "bo@example.com"], "From: a@b.example\n\nHello\n");
    assert!(replies.iter().all(|reply| reply.starts_with("250")), "{replies:?}");
    it.deliver("a@junk.example", &["jo@example.com"], "From: a@b.example\n\nHello\n");
    let mut milter = it.milter();
    assert_eq!(milter.ask('M', b"<a@junk.example>\0").0, 'c');
    assert_eq!(milter.ask('R', b"<jo@example.com>\0").0, 'y');
    let (id, secret) = it.token("example.com");
    let login = |password: &str| {
        it.auth(&format!("AUTH\t1\tPLAIN\tresp={}\n", STANDARD.encode(format!("\0example.com\0{password}"))))
    };
    assert_eq!(login(&secret), format!("OK\t1\tuser={id}@example.com\n"));
    login("x");
    login("y");
    let (status, metrics) = get(&address, "/metrics");
    assert_eq!(status, "HTTP/1.1 200 OK");
    for (name, wanted) in [
        ("postroom_bridge_deliveries_total{mode=\"store\",outcome=\"delivered\"}", 2.0),
        ("postroom_bridge_deliveries_total{mode=\"blocked\",outcome=\"delivered\"}", 1.0),
        ("postroom_bridge_deliveries_total{mode=\"webhook\",outcome=\"deferred\"}", 0.0),
        ("postroom_bridge_list_refusals_total{tier=\"domain\"}", 1.0),
        ("postroom_bridge_logins_total{outcome=\"accepted\"}", 1.0),
        ("postroom_bridge_logins_total{outcome=\"refused\"}", 2.0),
        ("postroom_bridge_up", 1.0),
    ] {
        assert!((value(&metrics, name) - wanted).abs() < f64::EPSILON, "{name} in:\n{metrics}");
    }
    assert!(!metrics.contains("example.com") && !metrics.contains(&secret), "nothing of a tenant's is in it");
    Connection::open(it.site.db()).unwrap().execute_batch("ALTER TABLE alias RENAME TO gone").unwrap();
    assert!(value(&get(&address, "/metrics").1, "postroom_bridge_up").abs() < f64::EPSILON);
}

#[test]
fn a_server_that_stops_is_not_ready() {
    let site = Site::new();
    let server = site.serve();
    assert_eq!(server.client().get("/readyz").status, 200);
    let address = server.address().to_owned();
    server.process.signal("TERM");
    until("no connection is taken any more", || match TcpStream::connect(&address) {
        Err(_) => Some(()),
        Ok(mut stream) => {
            let _ = stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            let mut answer = String::new();
            let _ = stream.read_to_string(&mut answer);
            (answer.is_empty() || answer.starts_with("HTTP/1.1 503")).then_some(())
        }
    });
}

#[test]
fn a_change_of_a_status_is_logged_with_its_reason() {
    let site = Site::new().with("POSTROOM_DNS_MARK", "true");
    let server = site.serve();
    server.client().create_domain("example.com");
    // The operator's word, written by another process.
    let conn = Connection::open(site.db()).expect("a database");
    conn.execute_batch("UPDATE domain SET status = 'active'").expect("SQL");
    drop(conn);
    site.run(&["domain", "verify", "example.com"]);
    let log = server.process.stderr.wait_for("status has changed");
    let line = log.lines().find(|line| line.contains("status has changed")).expect("a line");
    for word in ["example.com", "from=\"active\"", "to=\"pending\"", "reason="] {
        assert!(line.contains(word), "{word} is missing in {line}");
    }
}

#[test]
fn audit_follow_prints_each_new_row_as_a_line_of_json() {
    let site = Site::new();
    let server = site.serve();
    server.client().create_domain("before.example");
    let following = Running::start(&mut site.command(&["audit", "--follow"]));
    // It begins at some moment after its start: what is written until it is seen must come.
    let mut number = 0;
    let line = until("a row is printed", || {
        number += 1;
        server.client().create_domain(&format!("d{number}.example"));
        following.stdout.now().lines().next().map(str::to_owned)
    });
    let row: Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!((&row["action"], &row["actor"]), (&json!("domain.created"), &json!("key:1")), "{row}");
    assert!(!following.stdout.now().contains("before.example"));
}

#[test]
fn the_server_makes_backups_by_itself_and_keeps_so_many() {
    let site = Site::new();
    assert!(site.serve().stop().success());
    fs::create_dir(site.file("backups")).expect("a folder");
    let old = ["2020-01-01T000000.000Z", "2020-01-02T000000.000Z"];
    let first = site.json(&["backup"])["backup"].as_str().expect("a file").to_owned();
    let site = site.with("POSTROOM_BACKUP_DIR", "backups").with("POSTROOM_BACKUP_KEEP", "2");
    for time in old {
        let file = site.file(&format!("backups/postroom-{time}.db"));
        fs::copy(site.file(&first), &file).expect("to copy");
        let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_hours(438_288);
        fs::File::options()
            .write(true)
            .open(&file)
            .and_then(|file| file.set_modified(long_ago))
            .expect("a time");
    }
    let server = site.serve();
    server.process.stderr.wait_for("an old backup is deleted");
    let names = || {
        let entries = fs::read_dir(site.file("backups")).expect("a folder");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect();
        names.sort();
        names
    };
    let made = names();
    assert_eq!((made.len(), made[0].contains(old[1])), (2, true), "{made:?}");
    let backup = site.file(&format!("backups/{}", made[1]));
    let restored = site.file("restored.db");
    site.json(&["restore", text(&backup), "--db", text(&restored), "--master-key-file", "postroom.db.key"]);
    assert!(server.stop().success());
    let again = site.serve();
    assert_eq!(names(), made, "the newest is not old enough for another one");
    drop(again);
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a root")
}

/// The names of metrics in a text.
fn named(text: &str) -> Vec<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let mut names: Vec<&str> =
        words.filter(|word| word.starts_with("postroom_") && !word.ends_with('_')).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[test]
fn alerts_and_the_dashboard_name_metrics_that_there_are() {
    let site = site();
    let (server, address) = watched(&site);
    server.client().create_domain("example.com");
    site.run(&["domain", "verify", "example.com"]);
    let (_bridge, of_bridge) = watched_bridge();
    let metrics = get(&address, "/metrics").1 + &get(&of_bridge, "/metrics").1;
    // A series that is there only when something is wrong.
    let known = |name: &str| {
        let name = name.trim_end_matches("_bucket").trim_end_matches("_count").trim_end_matches("_sum");
        metrics.contains(&format!("# TYPE {name} ")) || name == "postroom_record_problems"
    };
    for page in ["docs/operate/alerts.yml", "docs/operate/dashboard.json"] {
        let text = fs::read_to_string(root().join(page)).expect("a file");
        let names = named(&text);
        assert!(names.len() > 5, "{page}: {names:?}");
        for name in names {
            assert!(known(name), "{page} names {name}, which is in no metric:\n{metrics}");
        }
    }
    let dashboard = fs::read_to_string(root().join("docs/operate/dashboard.json")).expect("a file");
    let dashboard: Value = serde_json::from_str(&dashboard).expect("JSON");
    assert!(dashboard["panels"].as_array().is_some_and(|panels| panels.len() >= 8));
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "needs prometheus: tests/run installs it")]
fn promtool_and_prometheus_take_the_metrics_and_the_alerts() {
    let site = site();
    let (server, address) = watched(&site);
    server.client().create_domain("example.com");

    let (_bridge, of_bridge) = watched_bridge();

    for address in [&address, &of_bridge] {
        let mut promtool = Command::new("promtool");
        promtool.args(["check", "metrics"]);
        promtool.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = promtool.spawn().expect("promtool");
        let metrics = get(address, "/metrics").1;
        child.stdin.take().expect("a pipe").write_all(metrics.as_bytes()).expect("to write");
        let said = child.wait_with_output().expect("promtool");
        let words = String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned();
        assert!(said.status.success() && words.trim().is_empty(), "{words}");
    }

    let rules = root().join("docs/operate/alerts.yml");
    let checked = finish(Command::new("promtool").args(["check", "rules", text(&rules)]));
    assert_eq!(checked.code, Some(0), "{checked:?}");

    let config = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [\"{}\"]\nscrape_configs:\n  \
         - job_name: postroom\n    static_configs: [{{targets: [\"{address}\", \"{of_bridge}\"]}}]\n",
        rules.display()
    );
    fs::write(site.file("prometheus.yml"), config).expect("to write");
    let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
    let _prometheus = Running::start(Command::new("prometheus").current_dir(site.file("")).args([
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=data",
        &format!("--web.listen-address={free}"),
    ]));
    let ask = |path: &str| {
        TcpStream::connect(free).ok()?;
        let (_, body) = get(&free.to_string(), path);
        // A long answer comes in chunks, each with its length before it.
        let json: String = body.lines().filter(|line| line.contains(['{', '['])).collect();
        serde_json::from_str::<Value>(&json).ok()
    };
    until("Prometheus has scraped the server", || {
        let answer = ask("/api/v1/query?query=postroom_domains%7Bstate%3D%22pending%22%7D")?;
        (answer["data"]["result"][0]["value"][1] == "1").then_some(())
    });
    until("the rules are evaluated", || {
        let answer = ask("/api/v1/rules")?;
        let rules = answer["data"]["groups"][0]["rules"].as_array()?.clone();
        let is_well = rules.iter().all(|rule| rule["health"] == "ok");
        (rules.len() > 5 && is_well).then_some(())
    });
}
