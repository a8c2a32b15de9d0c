//! Login links, from the command line to the browser's two requests.

use crate::harness::client::exchange;
use crate::harness::process::Site;

#[test]
fn a_link_of_the_command_line_signs_in_once_and_stands_in_no_log() {
    let site = Site::new();
    let server = site.serve_with(&["--log", "trace"]);
    server.client().create_domain("example.com");
    let made = site.json(&["login-link", "Example.com."]);
    assert_eq!(made["domain"], "example.com");
    assert!(made["expires_at"].is_string(), "{made}");
    let url = made["login_link"].as_str().expect("a link");
    let target = url.strip_prefix("http://127.0.0.1:8025").expect("the default address");
    let secret = target.strip_prefix("/console/login?link=").expect("the secret is in the query");
    let request = |head: &str, body: &str| {
        let length = body.len();
        let octets = format!(
            "{head} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nOrigin: null\r\nSec-Fetch-Site: same-origin\r\nContent-Length: {length}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\r\n{body}"
        );
        exchange(server.address(), octets.as_bytes())
    };
    // A program that follows links, and then a person.
    let seen = request(&format!("HEAD {target}"), "");
    assert!(seen.starts_with("HTTP/1.1 200 ") && seen.ends_with("\r\n\r\n"), "{seen}");
    let page = request(&format!("GET {target}"), "");
    assert!(page.contains(">Sign in to example.com</button>"), "{page}");
    let form = format!("link={secret}");
    let answered = request("POST /console/login?", &form);
    assert!(
        answered.starts_with("HTTP/1.1 303 ") && answered.contains("location: /console\r\n"),
        "{answered}"
    );
    let cookie = answered.split("__Host-postroom=").nth(1).and_then(|rest| rest.split(';').next()).unwrap();
    let signed_in = request(
        &format!("GET /console/domains/example.com HTTP/1.1\r\nCookie: __Host-postroom={cookie}\r\nX: "),
        "",
    );
    assert!(signed_in.contains("Why example.com is not active yet"), "{signed_in}");
    assert!(request("POST /console/login?", &form).starts_with("HTTP/1.1 404 "));
    assert!(request(&format!("GET {target}"), "").starts_with("HTTP/1.1 404 "));
    // Whatever else can be sent: a path that is none, a method that is none, a head that is refused, a long body.
    request(&format!("GET /console/{secret}"), "");
    request(&format!("PUT {target}"), "");
    request(&format!("GET {target}\r\nHost: y"), "");
    assert!(request("POST /console/login", &form.repeat(100)).starts_with("HTTP/1.1 413 "));

    let log = server.process.stderr.wait_for("status=413");
    assert!(log.contains("route=\"/console/login\" dialect=\"console\""), "{log}");
    assert!(!log.contains("prl_") && !log.contains("prs_") && !log.contains(&secret[4..]), "{log}");
    let audit = site.run(&["audit"]).stdout;
    assert!(audit.contains("login_link.created") && audit.contains("login_link.used"), "{audit}");
    assert!(!audit.contains("prl_"));
}

#[test]
fn a_link_begins_with_the_public_url_and_says_so_where_there_is_none() {
    let site = Site::new();
    let server = site.serve();
    server.client().create_domain("example.com");
    let bare = site.run(&["login-link", "example.com"]);
    assert_eq!(bare.code, Some(0), "{bare:?}");
    assert!(bare.stdout.starts_with("http://127.0.0.1:8025/console/login?link=prl_"), "{bare:?}");
    assert!(bare.stderr.contains("POSTROOM_PUBLIC_URL") && !bare.stderr.contains("prl_"), "{bare:?}");
    let site = site.with("POSTROOM_PUBLIC_URL", "https://desk.example.net/");
    let told = site.run(&["login-link", "example.com"]);
    assert!(told.stdout.starts_with("https://desk.example.net/console/login?link=prl_"), "{told:?}");
    assert_eq!(told.stderr, "");
    let unknown = site.run(&["login-link", "example.org"]);
    assert_eq!((unknown.code, unknown.stdout.as_str()), (Some(3), ""), "{unknown:?}");
    let wrong = site.with("POSTROOM_LOGIN_LINK_MINUTES", "0").run(&["login-link", "example.com"]);
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.stderr.contains("POSTROOM_LOGIN_LINK_MINUTES"), "{wrong:?}");
}

#[test]
fn a_link_leads_to_an_account_or_as_the_operator_to_all_of_them() {
    let site = Site::new();
    let _server = site.serve();
    let account = site.json(&["login-link", "--account", "default"]);
    assert_eq!(account["account"], "default");
    assert!(account["login_link"].as_str().unwrap().contains("/console/login?link=prl_"), "{account}");
    let operator = site.json(&["login-link", "--operator"]);
    assert_eq!(operator["operator"], true);
    assert_eq!(site.run(&["login-link", "--account", "nobody"]).code, Some(3));
    for wrong in [&["login-link"][..], &["login-link", "--operator", "example.com"]] {
        assert_eq!(site.run(wrong).code, Some(2), "{wrong:?}");
    }
}
