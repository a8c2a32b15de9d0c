//! The server behind the real nginx and the real Caddy, as `postroom setup` configures them.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use crate::harness::process::{PATIENCE, Site};

/// A proxy that runs until this is dropped.
struct Proxy(Child);

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its number").port()
}

/// The status of a request from `source` with this key, through the proxy, with fields that the client forges.
fn status(port: u16, source: &str, key: &str, insecure: bool) -> String {
    let scheme = if insecure { "https" } else { "http" };
    let output = Command::new("curl")
        .args(["-sk", "-o", "/dev/null", "-w", "%{http_code}", "--interface", source])
        .args(["-H", "Host: desk.example.net", "-H", &format!("Authorization: Bearer {key}")])
        .args(["-H", "X-Forwarded-For: 127.0.0.2", "-H", "Forwarded: for=127.0.0.2"])
        .arg(format!("{scheme}://127.0.0.1:{port}/postroom/v1/keys"))
        .output()
        .expect("curl runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Starts the server, the proxy before it, and asks from two addresses with a key that one of them may use.
fn stands_before_the_server(kind: &str, start: impl FnOnce(&Path, &str, u16) -> Child, is_tls: bool) {
    let site = Site::new().with("POSTROOM_TRUSTED_PROXIES", "127.0.0.1,::1");
    let server = site.serve();
    let setup = [
        "setup",
        "--host",
        "desk.example.net",
        "--resolver",
        "127.0.0.1:9",
        "--proxy",
        kind,
        "--to",
        "x.toml",
    ];
    let set_up = site.run(&setup);
    assert_eq!(set_up.code, Some(0), "{set_up:?}");
    assert!(set_up.stdout.contains("127.0.0.1:8025"), "{set_up:?}");
    let configuration = set_up.stdout.replace("127.0.0.1:8025", server.address());
    let made = ["key", "create", "--account", "default", "--network", "127.0.0.2/32", "--json"];
    let key = site.run(&made).json()["api_key"].as_str().expect("a key").to_owned();
    let port = free_port();
    let folder = site.file("proxy");
    fs::create_dir(&folder).expect("a folder");
    let _proxy = Proxy(start(&folder, &configuration, port));
    let began = Instant::now();
    while status(port, "127.0.0.2", &key, is_tls) != "200" {
        assert!(
            began.elapsed() < PATIENCE,
            "{kind} does not answer: {}",
            status(port, "127.0.0.2", &key, is_tls)
        );
        thread::sleep(Duration::from_millis(100));
    }
    // Another client with the same key, which says that it is the first one.
    assert_eq!(status(port, "127.0.0.3", &key, is_tls), "401");
    assert_eq!(status(port, "127.0.0.2", &key, is_tls), "200");
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "needs nginx and curl: tests/run installs them")]
fn behind_nginx_the_client_is_who_nginx_says() {
    stands_before_the_server("nginx", nginx, true);
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "needs caddy and curl: tests/run installs them")]
fn behind_caddy_the_client_is_who_caddy_says() {
    stands_before_the_server("caddy", caddy, false);
}

/// nginx with the configuration as it stands, but for ports, certificate and log.
fn nginx(folder: &Path, configuration: &str, port: u16) -> Child {
    let certified =
        rcgen::generate_simple_self_signed(vec!["desk.example.net".to_owned()]).expect("a certificate");
    let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    fs::write(&cert, certified.cert.pem()).expect("a file");
    fs::write(&key, certified.signing_key.serialize_pem()).expect("a file");
    let place = folder.display();
    let configuration = configuration
        .replace("listen 80;", &format!("listen 127.0.0.1:{};", free_port()))
        .replace("listen [::]:80;", "")
        .replace("listen 443 ssl;", &format!("listen 127.0.0.1:{port} ssl;"))
        .replace("listen [::]:443 ssl;", "")
        .replace("/etc/letsencrypt/live/desk.example.net/fullchain.pem", &cert.display().to_string())
        .replace("/etc/letsencrypt/live/desk.example.net/privkey.pem", &key.display().to_string())
        .replace("/var/log/nginx/postroom.log", &format!("{place}/access.log"));
    let whole = format!(
        "daemon off; pid {place}/pid; error_log {place}/error.log;\nevents {{}}\nhttp {{\n\
         client_body_temp_path {place}/a; proxy_temp_path {place}/b; fastcgi_temp_path {place}/c;\n\
         uwsgi_temp_path {place}/d; scgi_temp_path {place}/e;\n{configuration}}}\n"
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, whole).expect("a file");
    Command::new("/usr/sbin/nginx").arg("-p").arg(folder).arg("-c").arg(&file).spawn().expect("nginx runs")
}

/// Caddy with the configuration as it stands, but for the address: over plain HTTP it asks nobody for a certificate.
fn caddy(folder: &Path, configuration: &str, port: u16) -> Child {
    let address = format!("http://127.0.0.1:{port}, http://desk.example.net:{port} {{");
    let configuration = configuration.replacen("desk.example.net {", &address, 1);
    let file = folder.join("Caddyfile");
    fs::write(&file, format!("{{\n\tadmin off\n}}\n{configuration}")).expect("a file");
    let mut command = Command::new("caddy");
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(&file);
    command.env("HOME", folder).env("XDG_DATA_HOME", folder).env("XDG_CONFIG_HOME", folder);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("caddy runs")
}
