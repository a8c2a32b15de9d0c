//! The App on another HTTP server, `tiny_http`: for a trusted tool on the loopback interface, and nowhere else.
//!
//! Whoever reaches this port can end the process with one request, have one request taken for two, and hold
//! threads and memory without end: `docs/decisions/http-server.md` measures it. `postroom serve` has a listener
//! with limits. What this shows is that the App needs no particular server.
//!
//! `cargo run --example tiny_http [DATABASE]`; without a file the database is gone afterwards.
//! `cargo run --example tiny_http -- --self-test` asks itself two questions and exits.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use postroom::db::{Options, Postroom};
use postroom::dkim::pool;
use postroom::dns::{self, NetworkResolver, Resolver, ScriptedResolver};
use postroom::secret::PlainSecret;
use postroom::settings::Settings;
use postroom::{account, key};
use postroom_server::app::App;
use postroom_server::wire::http::{BodyFault, HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use tiny_http::Server;

/// How many threads answer: as many requests at a time, and whoever comes later waits.
const THREADS: usize = 4;

fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1).as_deref() {
        Some("--self-test") => self_test(),
        Some(file) => serve(Path::new(file)),
        None => serve(&tempfile::tempdir()?.path().join("postroom.db")),
    }
}

fn serve(file: &Path) -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let (postroom, secret) = open(file)?;
    // As `postroom serve` does: two servers on one file is one too many.
    let _claim = postroom.claim()?;
    let app = app(&postroom, Arc::new(NetworkResolver::new(dns::DnsSettings::default())?));
    let server = listen(8026)?;
    println!("serving http://{}", server.server_addr());
    if let Some(secret) = secret {
        println!("the database is new; its API key, shown this once: {}", secret.reveal());
    }
    thread::scope(|scope| {
        scope.spawn(|| work_behind(&app, &postroom));
        answer_all(&server, &app);
    });
    Ok(())
}

/// Asks the App two questions over a real socket.
fn self_test() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let (postroom, secret) = open(&directory.path().join("postroom.db"))?;
    let secret = secret.ok_or("the new database has an account already")?;
    let app = app(&postroom, Arc::new(ScriptedResolver::new()));
    let server = listen(0)?;
    let address = server.server_addr().to_ip().ok_or("the server has no address")?;
    thread::scope(|scope| {
        scope.spawn(|| answer_all(&server, &app));
        let told = [("/healthz", None), ("/api/v1/domains", Some(&secret))].map(|(path, secret)| {
            let status = ask(address, path, secret).map_err(|e| e.to_string());
            if status == Ok(200) { Ok(()) } else { Err(format!("GET {path}: {status:?}")) }
        });
        // Whatever was answered: the scope ends when its threads do.
        (0..THREADS).for_each(|_| server.unblock());
        told.into_iter().collect::<Result<(), String>>()
    })?;
    println!("self-test: tiny_http carries the App: /healthz and /api/v1/domains answered 200");
    Ok(())
}

/// The database, and the key of its first account if it is new.
fn open(file: &Path) -> Result<(Arc<Postroom>, Option<PlainSecret>), Box<dyn Error>> {
    let settings = Settings::for_server(&"mail.example.net".parse()?);
    let postroom = Postroom::open(file, Options::new(settings))?;
    let secret = postroom.write(|tx| {
        if !account::list(tx)?.is_empty() {
            return Ok(None);
        }
        let account = account::create(tx, "default")?;
        key::create(tx, account.id, None).map(|(_, secret)| Some(secret))
    })?;
    Ok((Arc::new(postroom), secret))
}

fn app(postroom: &Arc<Postroom>, resolver: Arc<dyn Resolver>) -> App {
    App::new(Arc::clone(postroom), resolver)
}

/// The loopback interface is not for the caller to choose: see the page on the HTTP server.
fn listen(port: u16) -> Result<Server, Box<dyn Error>> {
    Server::http((Ipv4Addr::LOCALHOST, port)).map_err(|e| format!("127.0.0.1:{port}: {e}").into())
}

/// Answers on [`THREADS`] threads, until each of them is unblocked.
fn answer_all(server: &Server, app: &App) {
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Ok(request) = server.recv() {
                    if let Err(error) = answer(app, request) {
                        tracing::warn!(%error, "an answer was not sent");
                    }
                }
            });
        }
    });
}

fn answer(app: &App, mut request: tiny_http::Request) -> std::io::Result<()> {
    let Some((method, path, query)) = target(&request) else {
        return request.respond(tiny_http::Response::empty(400));
    };
    let body = body(&mut request, app.body_limit(&method, &path));
    let headers = headers(&request);
    let peer = request.remote_addr().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), SocketAddr::ip);
    let answer = app.answer(&Request { method, path, query, headers, body, peer });
    request.respond(rendered(answer))
}

/// The method, and the target in origin form; none if they are not what the App takes.
fn target(request: &tiny_http::Request) -> Option<(Method, String, Option<String>)> {
    let method = Method::from_bytes(request.method().as_str().as_bytes()).ok()?;
    let url = request.url().strip_prefix('/').map(|_| request.url())?;
    let (path, query) = url.split_once('?').map_or((url, None), |(path, query)| (path, Some(query)));
    Some((method, path.to_owned(), query.map(str::to_owned)))
}

fn headers(request: &tiny_http::Request) -> HeaderMap {
    let fields = request.headers().iter().filter_map(|field| {
        let name = HeaderName::from_bytes(field.field.as_str().as_str().as_bytes()).ok()?;
        Some((name, HeaderValue::from_str(field.value.as_str()).ok()?))
    });
    let mut headers = HeaderMap::new();
    // Not `collect`, which keeps only the last of several fields with one name.
    fields.for_each(|(name, value)| _ = headers.append(name, value));
    headers
}

/// The body, of which no more is kept than `limit`.
fn body(request: &mut tiny_http::Request, limit: usize) -> Result<Vec<u8>, BodyFault> {
    let told = request.body_length();
    if told.is_some_and(|told| told > limit) {
        return Err(BodyFault::TooLarge);
    }
    let mut body = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    request.as_reader().take(most).read_to_end(&mut body).map_err(|_| BodyFault::Incomplete)?;
    if body.len() > limit {
        return Err(BodyFault::TooLarge);
    }
    // tiny_http takes the end of the connection for the end of the body.
    if told.is_some_and(|told| told > body.len()) { Err(BodyFault::Incomplete) } else { Ok(body) }
}

fn rendered(answer: Response) -> tiny_http::Response<std::io::Cursor<Vec<u8>>> {
    let fields = answer.headers.iter().filter_map(|(name, value)| {
        tiny_http::Header::from_bytes(name.as_str().as_bytes(), value.as_bytes()).ok()
    });
    // This server wants to know the length before it begins, so what could be made piece by piece is made at once.
    let (status, body) = match answer.body.into_whole() {
        Ok(body) => (answer.status.as_u16(), body),
        Err(_) => (500, Vec::new()),
    };
    let mut rendered = tiny_http::Response::from_data(body);
    fields.for_each(|field| rendered.add_header(field));
    rendered.with_status_code(status)
}

/// What `postroom serve` also does beside answering: spare DKIM keys, and when keys were last used.
fn work_behind(app: &App, postroom: &Postroom) {
    loop {
        let worked =
            pool::fill(postroom).and_then(|made| app.note_uses().and_then(|()| app.forget()).map(|()| made));
        if let Err(error) = &worked {
            tracing::warn!(%error, "the work behind the App was not done");
        }
        if !matches!(worked, Ok(true)) {
            thread::sleep(Duration::from_secs(1));
        }
    }
}

/// Sends one request, and returns the status of its answer.
fn ask(address: SocketAddr, path: &str, secret: Option<&PlainSecret>) -> Result<u16, Box<dyn Error>> {
    let credential =
        secret.map(|s| format!("MailPace-Organization-Token: {}\r\n", s.reveal())).unwrap_or_default();
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\n{credential}Connection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).ok_or("no status line")?;
    Ok(status.parse()?)
}
