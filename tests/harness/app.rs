//! The App in process: a database of its own, a scripted DNS, and a clock that stands still until it is moved.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use postroom::account::Caller;
use postroom::administrator::{self, HashedPassword, TotpKey};
use postroom::clock::{ManualClock, Timestamp};
use postroom::db::{Options, Postroom, ReadTx, WriteTx};
use postroom::dkim::{self, KeyKind, KeyPair};
use postroom::dns::{RecordData, Resolver, ScriptedResolver};
use postroom::domain::{self, Details, Domain};
use postroom::error::Error;
use postroom::event::{self, Event, Search};
use postroom::id::{AccountId, ApiKeyId, DomainId};
use postroom::key::KeyRequest;
use postroom::name::{DnsName, DomainName};
use postroom::provision::{self, NewDomain};
use postroom::secret::{PlainSecret, SecretKind};
use postroom::session::{self, Browser};
use postroom::settings::Settings;
use postroom::{account, claim, key, login, signing};
use postroom_server::app::App;
use postroom_server::console::SURFACE;
use postroom_server::wire::http::{BodyFault, HeaderMap, HeaderName, HeaderValue, Method, Request};
use postroom_server::wire::limit::{Limits, Ticks};
use postroom_server::wire::{Auth, Switches};
use serde_json::Value;

use super::mail;
use super::sql::{self, Sql, SqlRow};

/// What the clock says at first: 2026-11-21T10:00:00.120Z.
pub(crate) const START_MILLIS: i64 = 1_795_255_200_120;
/// How many domains a test can make without waiting for a key pair.
const SPARES: u32 = 40;
/// The header field of a key.
pub(crate) const KEY_FIELD: &str = "MailPace-Organization-Token";

/// A password that is taken for one.
pub(crate) const PASSWORD: &str = "four words in a row";

/// Making a pair takes a tenth of a second and more, so one does for every domain of every test.
static PAIR: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::generate(KeyKind::default()).unwrap());
/// Another one, for what must tell two keys apart.
static OTHER_PAIR: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::generate(KeyKind::default()).unwrap());

/// A key of an account, with its secret.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) account: AccountId,
    pub(crate) id: ApiKeyId,
    pub(crate) secret: String,
}

impl Key {
    /// Who calls with it.
    pub(crate) fn operator(&self) -> Caller {
        Caller::operator(self.account)
    }

    /// A domain, as its account's operator sees it in this transaction.
    pub(crate) fn own<'t>(&self, tx: &ReadTx<'t>, id: DomainId) -> Result<Domain<'t>, Error> {
        domain::find(tx, &self.operator(), id)
    }
}

/// The App and all that it stands on.
pub(crate) struct TestApp {
    pub(crate) app: App,
    pub(crate) postroom: Arc<Postroom>,
    pub(crate) dns: Arc<ScriptedResolver>,
    pub(crate) clock: Arc<ManualClock>,
    /// Last, so that the files go after what has them open.
    _database: sql::Database,
    dir: tempfile::TempDir,
}

/// The operator's decisions in tests: the defaults of `mail.example.net`.
pub(crate) fn settings() -> Settings {
    Settings::for_server(&"mail.example.net".parse::<DnsName>().unwrap())
}

/// Opens a database with these settings, and fills its pool with `spares` copies of the one pair.
pub(crate) fn open(file: &Path, settings: Settings, clock: Arc<ManualClock>, spares: u32) -> Postroom {
    let mut key_file = file.as_os_str().to_owned();
    key_file.push(".key");
    let options = Options { master_key_file: Some(key_file.into()), settings, clock };
    let postroom = Postroom::open(sql::place(file), options).unwrap();
    if spares > 0 {
        let pair = &*PAIR;
        postroom.write(|tx| (0..spares).try_for_each(|_| dkim::pool::add(tx, pair))).unwrap();
    }
    postroom
}

/// Puts the other pair into the pool.
pub(crate) fn add_other_pair(postroom: &Postroom) {
    let pair = &*OTHER_PAIR;
    postroom.write(|tx| dkim::pool::add(tx, pair)).unwrap();
}

impl TestApp {
    pub(crate) fn new() -> TestApp {
        TestApp::with(settings(), SPARES)
    }

    pub(crate) fn with(settings: Settings, spares: u32) -> TestApp {
        // The operator's own mail host, as every deployment has it in the DNS.
        let dns = Arc::new(ScriptedResolver::new().a("mx.mail.example.net", [192, 0, 2, 25].into()));
        TestApp::asking(dns.clone(), dns, settings, spares)
    }

    /// One whose App asks `resolver`, whatever the script says.
    pub(crate) fn asking(
        resolver: Arc<dyn Resolver>,
        dns: Arc<ScriptedResolver>,
        settings: Settings,
        spares: u32,
    ) -> TestApp {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(START_MILLIS)));
        let file = dir.path().join("postroom.db");
        let database = sql::Database::at(&file);
        let postroom = Arc::new(open(&file, settings, clock.clone(), spares));
        let app = App::new(postroom.clone(), resolver).limited(Limits::none());
        TestApp { app, postroom, dns, clock, _database: database, dir }
    }

    /// Has every key sign, as if its record had been seen, with nothing known of the record.
    pub(crate) fn first_key_signs(&self) {
        self.sql().execute("UPDATE dkim_key SET activated_at = 1", []).unwrap();
    }

    /// The same with a folder of mailboxes.
    pub(crate) fn with_mail(self) -> TestApp {
        std::fs::create_dir(self.mail_dir()).unwrap();
        let deliverer = mail::deliverer(&self.postroom, &self.mail_dir(), true);
        TestApp { app: self.app.keeping(Arc::new(deliverer)), ..self }
    }

    /// The folder of mailboxes.
    pub(crate) fn mail_dir(&self) -> PathBuf {
        self.dir.path().join("mail")
    }

    /// The same at another base URL.
    pub(crate) fn at(self, base_url: &str) -> TestApp {
        TestApp { app: self.app.at(base_url), ..self }
    }

    /// The same with other things switched on and off.
    pub(crate) fn switched(self, switches: Switches) -> TestApp {
        TestApp { app: self.app.switched(switches), ..self }
    }

    /// The same with so many requests a second for each account, by the clock of the test.
    pub(crate) fn limited(self, requests_per_second: u32) -> TestApp {
        let limits = Limits::new(requests_per_second, 1, Ticks::of(self.clock.clone()));
        TestApp { app: self.app.limited(limits), ..self }
    }

    /// A new account of the operator's own, whose names act without proof, and its first key.
    pub(crate) fn account(&self, name: &str) -> Key {
        let id = self.postroom.write(|tx| account::create_trusted(tx, name)).unwrap().id;
        self.key_of(id)
    }

    /// A new account of a tenant, whose names act when they are proved, and its first key.
    pub(crate) fn tenant(&self, name: &str) -> Key {
        let key = self.account(name);
        signing::distrust(&self.postroom, name).unwrap();
        key
    }

    /// Publishes the challenge of this account's claim to a name.
    pub(crate) fn publish_challenge(&self, key: &Key, name: &str) {
        let claim =
            self.postroom.read(|tx| claim::find(tx, &key.operator(), &name.parse().unwrap())).unwrap();
        self.dns.set(claim.challenge.name.as_str(), vec![txt(&claim.challenge.value)]);
    }

    /// Another key of this account.
    pub(crate) fn key_of(&self, account: AccountId) -> Key {
        let (key, secret) = self.postroom.write(|tx| key::create(tx, account, None)).unwrap();
        Key { account, id: key.id, secret: secret.reveal().to_owned() }
    }

    /// Another key of this account, with these limits.
    #[expect(clippy::needless_pass_by_value, reason = "callers make it for this call alone")]
    pub(crate) fn limited_key(&self, account: AccountId, request: KeyRequest) -> Key {
        let operator = Caller::operator(account);
        let (key, secret) =
            self.postroom.write(|tx| key::create_for(tx, &operator, None, request.clone())).unwrap();
        Key { account, id: key.id, secret: secret.reveal().to_owned() }
    }

    /// Whoever holds this key.
    pub(crate) fn caller(&self, key: &Key) -> Caller {
        let secret = PlainSecret::parse(SecretKind::AccountKey, &key.secret).unwrap();
        self.postroom.read(|tx| key::authenticate(tx, &secret)).unwrap().unwrap()
    }

    pub(crate) fn revoke(&self, key: &Key) {
        self.postroom.write(|tx| key::revoke(tx, key.id)).unwrap();
    }

    /// A session of somebody who used this link.
    pub(crate) fn signed_in(&self, link: &PlainSecret) -> String {
        let browser = Browser { agent: None, address: IpAddr::V4(Ipv4Addr::LOCALHOST) };
        let session = self.postroom.write(|tx| session::sign_in(tx, link, browser, None));
        session.unwrap().unwrap().1.reveal().to_owned()
    }

    /// A session of an administrator of this account.
    pub(crate) fn session(&self, account: AccountId) -> String {
        let operator = Caller::operator(account);
        let (_, link) = self.postroom.write(|tx| login::create_for_account(tx, &operator)).unwrap();
        self.signed_in(&link)
    }

    /// Lets whoever has this session sign in with [`PASSWORD`] as well: the key of their codes, and a recovery code.
    pub(crate) fn give_password(&self, session: &str, name: &str) -> (TotpKey, String) {
        let secret = PlainSecret::parse(SecretKind::Session, session).unwrap();
        let hash = HashedPassword::of(name, PASSWORD).unwrap();
        let given = self.postroom.write(|tx| {
            let by = session::find(tx, &secret)?.unwrap();
            let (made, key) = administrator::begin(tx, &by, name, &hash)?;
            let codes = administrator::confirm(tx, &by, made.id, &key.code(tx.now())?)?;
            Ok::<_, Error>((key, codes[0].reveal().to_owned()))
        });
        given.unwrap()
    }

    /// Makes so many domains below one, whose keys come later.
    pub(crate) fn domains_below(&self, key: &Key, parent: &str, count: u32) {
        let make = |tx: &WriteTx<'_>| {
            (0..count).try_for_each(|number| {
                let name: DomainName = format!("n{number}.{parent}").parse().unwrap();
                let new = NewDomain { key_later: true, ..NewDomain::named(&name) };
                provision::create(tx, &key.operator(), &new).map(drop)
            })
        };
        self.postroom.write(make).unwrap();
    }

    /// Signs in with a password.
    pub(crate) fn enter(&self, name: &str, password: &str, code: &str) -> Reply {
        let field = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let form = format!("name={}&password={}&code={}", field(name), field(password), field(code));
        let headers = [("Content-Type", "application/x-www-form-urlencoded")];
        self.send("POST /console/sign-in", &headers, form.as_bytes())
    }

    /// A session of the administrator of this domain, by a link that `maker` made.
    pub(crate) fn domain_session(&self, maker: &Caller, id: DomainId) -> String {
        let made = self.postroom.write(|tx| login::create(tx, maker, &domain::find(tx, maker, id)?));
        self.signed_in(&made.unwrap().1)
    }

    /// A session of the operator.
    pub(crate) fn operator_session(&self) -> String {
        let (_, link) = self.postroom.write(login::create_for_operator).unwrap();
        self.signed_in(&link)
    }

    /// What the forms of a session's pages carry now.
    pub(crate) fn form_token(&self, session: &str) -> String {
        let secret = PlainSecret::parse(SecretKind::Session, session).unwrap();
        let found = self.postroom.read(|tx| session::find(tx, &secret)).unwrap();
        secret.form_token(found.and_then(|found| found.account))
    }

    /// A request of somebody who is signed in to the console; a form carries the session's token.
    pub(crate) fn visit(&self, session: &str, line: &str, form: &str) -> Reply {
        let (name, value) = credential(SURFACE.auth, session).unwrap();
        let token = self.form_token(session);
        let body =
            if line.starts_with("POST ") { format!("form_token={token}&{form}") } else { String::new() };
        let headers = [(name, value.as_str()), ("Content-Type", "application/x-www-form-urlencoded")];
        self.send(line, &headers, body.as_bytes())
    }

    /// A request without a body.
    pub(crate) fn call(&self, key: &Key, line: &str) -> Reply {
        self.send(line, &[(KEY_FIELD, &key.secret)], b"")
    }

    /// A request with a JSON body.
    pub(crate) fn call_with(&self, key: &Key, line: &str, body: &Value) -> Reply {
        self.call_text(key, line, &body.to_string())
    }

    /// A request with any text for a JSON body.
    pub(crate) fn call_text(&self, key: &Key, line: &str, body: &str) -> Reply {
        let headers = [(KEY_FIELD, key.secret.as_str()), ("Content-Type", "application/json")];
        self.send(line, &headers, body.as_bytes())
    }

    /// Any request; `line` is `METHOD path?query`.
    pub(crate) fn send(&self, line: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        self.send_body(line, headers, Ok(body.to_vec()))
    }

    pub(crate) fn send_body(
        &self,
        line: &str,
        headers: &[(&str, &str)],
        body: Result<Vec<u8>, BodyFault>,
    ) -> Reply {
        send_to(&self.app, line, headers, body)
    }

    /// Makes a domain through the API, and returns its id.
    pub(crate) fn domain(&self, key: &Key, name: &str) -> i64 {
        let made = self.call_with(key, "POST /api/v1/domains", &serde_json::json!({"domain": {"url": name}}));
        assert_eq!(made.status, 201, "{made:?}");
        made.json()["id"].as_i64().unwrap()
    }

    /// What there is to show of a domain now.
    pub(crate) fn details(&self, key: &Key, id: DomainId) -> Details {
        self.postroom.read(|tx| key.own(tx, id).map(Domain::into_details)).unwrap()
    }

    /// Makes a token through the API, and returns its id and its secret.
    pub(crate) fn token(&self, key: &Key, id: i64) -> (i64, String) {
        let made = self.call(key, &format!("POST /api/v1/domains/{id}/api_tokens"));
        assert_eq!(made.status, 201, "{made:?}");
        let made = made.json();
        (made["id"].as_i64().unwrap(), made["token"].as_str().unwrap().to_owned())
    }

    /// Publishes what the API says of a domain: its key's record and the return path's.
    pub(crate) fn publish(&self, key: &Key, id: i64) {
        let domain = self.call(key, &format!("GET /api/v1/domains/{id}")).json();
        let text = |field: &str| domain[field].as_str().unwrap().to_owned();
        let (url, target) = (text("url"), &self.postroom.settings().return_path_host);
        let key_name = format!("{}._domainkey.{url}", text("dkim_selector"));
        self.dns.set(&key_name, vec![txt(&text("dkim_string"))]);
        self.dns.set(&format!("mailer.{url}"), vec![RecordData::Cname(target.clone())]);
    }

    pub(crate) fn advance_minutes(&self, minutes: u64) {
        self.clock.advance(Duration::from_mins(minutes));
    }

    pub(crate) fn advance(&self, hours: u64) {
        self.clock.advance(Duration::from_hours(hours));
    }

    /// The audit log of an account, the oldest first, as `action subject`.
    pub(crate) fn actions(&self, account: AccountId) -> Vec<String> {
        self.events(account).iter().map(|event| format!("{} {}", event.action(), event.subject())).collect()
    }

    /// The audit log of an account, the oldest first.
    pub(crate) fn events(&self, account: AccountId) -> Vec<Event> {
        let search = Search { account: Some(account), ..Search::default() };
        let read = self.postroom.read(|tx| event::newest(tx, &search, 1000));
        let mut events: Vec<Event> = read.unwrap_or_else(|e: Error| panic!("{e}"));
        events.reverse();
        events
    }

    /// The database once more, as another process has it.
    pub(crate) fn reopened(&self) -> Postroom {
        open(&self.file(), settings(), self.clock.clone(), 0)
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.dir.path().join("postroom.db")
    }

    /// A connection that knows nothing of the library.
    pub(crate) fn sql(&self) -> Sql {
        Sql::open(&sql::place(&self.file()))
    }

    /// The same to the file of SQLite's, for what only SQLite has.
    pub(crate) fn sqlite(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.file()).unwrap()
    }

    /// The one value that a statement of the test's own brings.
    pub(crate) fn value<T: rusqlite::types::FromSql>(&self, sql: &str) -> T {
        self.sql().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// Every row of every table: what must not differ where nothing may have changed.
    pub(crate) fn dump(&self) -> BTreeMap<String, Vec<String>> {
        let sql = self.sql();
        let names = sql.tables();
        assert!(names.len() > 8, "the dump sees every table: {names:?}");
        let rows = |table: &String| {
            let mut rows: Vec<String> =
                sql.rows(&format!("SELECT * FROM {table}"), []).unwrap().iter().map(SqlRow::shown).collect();
            rows.sort();
            rows
        };
        names.iter().map(|table| (table.clone(), rows(table))).collect()
    }
}

/// A TXT record of this text, split as it must be.
pub(crate) fn txt(text: &str) -> RecordData {
    let strings: Vec<&str> =
        text.as_bytes().chunks(255).map(|chunk| std::str::from_utf8(chunk).unwrap()).collect();
    RecordData::txt(&strings)
}

/// The value of `Authorization` for this user and password (RFC 7617).
pub(crate) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// The header field in which a secret is sent to a surface; none where a form carries it, or nothing does.
pub(crate) fn credential(auth: Auth, secret: &str) -> Option<(&'static str, String)> {
    match auth {
        Auth::Header(names) => Some((names[0], secret.to_owned())),
        Auth::Bearer => Some(("Authorization", format!("Bearer {secret}"))),
        Auth::Basic { user } => Some(("Authorization", basic(user, secret))),
        Auth::Session { cookie } => Some(("Cookie", format!("{cookie}={secret}"))),
        Auth::None => None,
    }
}

/// What the App answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// The body as JSON; every reply must say that it is that.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json; charset=utf-8"), "{self:?}");
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Everything that a client can tell two replies apart by, but the request's id.
    pub(crate) fn visible(&self) -> (u16, Vec<(String, String)>, String) {
        let mut headers: Vec<(String, String)> = self
            .headers
            .iter()
            .filter(|(name, _)| *name != "x-request-id")
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        headers.sort();
        (self.status, headers, self.text().to_owned())
    }

    /// Asserts a status and a body.
    #[track_caller]
    pub(crate) fn is(&self, status: u16, body: &Value) {
        assert_eq!((self.status, self.json()), (status, body.clone()));
    }
}

/// What an App answers, held to its contract.
pub(crate) fn send_to(
    app: &App,
    line: &str,
    headers: &[(&str, &str)],
    body: Result<Vec<u8>, BodyFault>,
) -> Reply {
    let (method, target) = line.split_once(' ').unwrap();
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let mut fields = HeaderMap::new();
    for (name, value) in headers {
        fields.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
    }
    let kind = fields.get("content-type").and_then(|kind| kind.to_str().ok()).map(str::to_owned);
    let sent = body.clone().unwrap_or_default();
    let response = app.answer(&Request {
        method: Method::from_bytes(method.as_bytes()).unwrap(),
        path: path.to_owned(),
        query: query.map(str::to_owned),
        headers: fields,
        body,
        peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
    });
    let body = response.body.into_whole().unwrap();
    let reply = Reply { status: response.status.as_u16(), headers: response.headers, body };
    super::contract::hold(method, path, kind.as_deref(), &sent, &reply);
    reply
}
