//! A world with an owner and with those who may not see its domain, and a twin of it in which that domain never was.

use super::target::{HELD, Ids, NEVER, NEVER_IDS, Target, USER};
use crate::harness::app::{Key, Reply, TestApp, credential};
use crate::harness::mail;
use postroom::access::{KeyScope, KeyScopes};
use postroom::clock::Clock;
use postroom::domain;
use postroom::error::Error;
use postroom::id::DomainId;
use postroom::key::KeyRequest;
use postroom::login;
use postroom::mail::Folder;
use postroom::report;
use postroom::secret::{PlainSecret, SecretKind};
use postroom::setup_link;
use postroom::webhook::call::CallOutcome;
use postroom_server::wire::{Auth, Surface};
use serde_json::Value;
use std::time::Duration;

/// The page of a login link.
pub(super) const LOGIN: &str = "/console/login";

/// Whether the credential of a page is a link: the page asks for it in its query, and its form in the body.
pub(super) fn is_by_link(path: &str) -> bool {
    path == LOGIN || path.starts_with("/setup")
}

/// The field of a form that carries a login link.
const LINK_FIELD: &str = "link";

/// Whoever may not see the domain.
pub(crate) struct Foreigner {
    pub who: &'static str,
    pub secret: Option<String>,
    pub user: &'static str,
    /// A domain that it may see, or one that never was.
    pub own: Ids,
}

/// A world with an owner, and with or without the domain that is not to be seen.
pub(crate) struct World {
    pub app: TestApp,
    /// The key to which the domain is tied.
    pub owner: Key,
    /// Another key of the same account, and a domain that it may see.
    pub sibling: Key,
    /// A key of another account, and a domain of its own.
    pub stranger: Key,
    pub revoked: Key,
    pub expired: Key,
    /// A key of the owner's account that may be used from other networks than the test's.
    pub elsewhere: Key,
    /// Another key of the same account that may only read.
    pub reader: Key,
    /// A key of the same account that is limited to another domain.
    pub narrow: Key,
    pub domain_token: String,
    /// A login link of the victim's domain, and one that was used.
    pub link: String,
    pub used_link: String,
    /// A set-up link of the victim's domain.
    pub setup_link: String,
    pub victim: Ids,
    /// Sessions in the console: of the owner's administrator, of the operator, and of those who may not see the domain.
    pub owner_session: String,
    pub operator_session: String,
    pub stranger_session: String,
    pub sibling_session: String,
    pub orphan_session: String,
    pub ended_session: String,
    pub idle_session: String,
    /// Domains that the sibling and the stranger may see.
    pub siblings: Ids,
    pub strangers: Ids,
}

impl World {
    pub(crate) fn new(with_victim: bool) -> World {
        // At a name: at an address there are no passkeys.
        let app = TestApp::new().with_mail().at("http://localhost:8025");
        let owner = app.account("owner");
        let sibling = app.key_of(owner.account);
        let stranger = app.account("stranger");
        let revoked = app.key_of(owner.account);
        app.revoke(&revoked);
        let strangers = made(&app, &stranger, "strangers.example");
        let siblings = made(&app, &owner, "siblings.example");
        let soon = app.clock.now() + Duration::from_millis(1);
        let limited = |request| app.limited_key(owner.account, request);
        let expired = limited(KeyRequest { expires_at: Some(Some(soon)), ..KeyRequest::default() });
        let networks = Some(vec!["192.0.2.0/24".parse().unwrap(), "::/0".parse().unwrap()]);
        let elsewhere = limited(KeyRequest { networks, ..KeyRequest::default() });
        let scopes = Some(KeyScopes::new([KeyScope::ReadAll]));
        let reader = limited(KeyRequest { scopes, ..KeyRequest::default() });
        let domains = Some(Some([DomainId::new(siblings.domain)].into()));
        let narrow = limited(KeyRequest { domains, ..KeyRequest::default() });
        app.clock.advance(Duration::from_millis(1));
        let idle_session = app.session(owner.account);
        app.clock.advance(Duration::from_mins(30));
        let owner_session = app.session(owner.account);
        let ended_session = app.session(owner.account);
        assert_eq!(app.visit(&ended_session, "POST /console/sign-out", "").status, 200);
        let (stranger_session, operator_session) = (app.session(stranger.account), app.operator_session());
        app.visit(&operator_session, "POST /console/accounts/open", &format!("account={}", owner.account));
        let sibling_session = app.domain_session(&owner.operator(), DomainId::new(siblings.domain));
        // By a link of a key that was revoked when the link had been used.
        let gone = app.key_of(owner.account);
        let orphan_session = app.domain_session(&app.caller(&gone), DomainId::new(siblings.domain));
        app.revoke(&gone);
        let mut victim = Ids {
            domain: siblings.domain + 1,
            name: "victim.example",
            token: 1,
            record: 11,
            setup_link: 1,
            report: 1,
            session: NEVER,
        };
        let unknown = |kind| PlainSecret::generate(kind).unwrap().reveal().to_owned();
        let mut domain_token = unknown(SecretKind::DomainToken);
        let mut setup_link = unknown(SecretKind::SetupLink);
        let (mut link, mut used_link) = (unknown(SecretKind::LoginLink), unknown(SecretKind::LoginLink));
        if with_victim {
            let there = made(&app, &owner, victim.name);
            assert_eq!(
                (there.domain, there.record),
                (victim.domain, victim.record),
                "the twins have the same ids"
            );
            (victim.token, domain_token) = app.token(&owner, victim.domain);
            assert_eq!(victim.token, 1);
            app.postroom
                .write(|tx| {
                    let domain = domain::find(tx, &owner.operator(), DomainId::new(victim.domain))?;
                    domain::associate(tx, &owner.operator(), &domain, Some(owner.id))
                })
                .unwrap();
            (link, used_link, setup_link) = app
                .postroom
                .write(|tx| {
                    let domain = domain::find(tx, &owner.operator(), DomainId::new(victim.domain))?;
                    let (_, used) = login::create(tx, &owner.operator(), &domain)?;
                    login::consume(tx, &used)?;
                    let (_, link) = login::create(tx, &owner.operator(), &domain)?;
                    let (made, setup) =
                        setup_link::create(tx, &owner.operator(), &domain, Duration::from_hours(1))?;
                    assert_eq!(made.id.number(), victim.setup_link);
                    Ok::<_, Error>([link, used, setup].map(|secret| secret.reveal().to_owned()).into())
                })
                .unwrap();
            app.domain_session(&owner.operator(), DomainId::new(victim.domain));
            victim.session = app.value("SELECT max(id) FROM session");
        }
        file_report(&app, &owner, &victim, with_victim);
        World {
            app,
            owner,
            sibling,
            stranger,
            revoked,
            expired,
            elsewhere,
            reader,
            narrow,
            domain_token,
            link,
            used_link,
            setup_link,
            victim,
            owner_session,
            operator_session,
            stranger_session,
            sibling_session,
            orphan_session,
            ended_session,
            idle_session,
            siblings,
            strangers,
        }
    }

    /// Everybody who may not see the domain, by the secret that they bring, and a domain that they may see.
    pub(crate) fn foreigners(&self, dialect: &Surface) -> Vec<Foreigner> {
        let mut mistyped = self.owner.secret.clone();
        let last = if mistyped.pop() == Some('0') { '1' } else { '0' };
        mistyped.push(last);
        let unknown = PlainSecret::generate(SecretKind::AccountKey).unwrap().reveal().to_owned();
        let mut all: Vec<Foreigner> = [
            ("nobody", None, NEVER_IDS),
            ("garbage", Some("garbage".to_owned()), NEVER_IDS),
            ("a wrong checksum", Some(mistyped), NEVER_IDS),
            ("a key that never was", Some(unknown), NEVER_IDS),
            ("a revoked key", Some(self.revoked.secret.clone()), NEVER_IDS),
            ("an expired key", Some(self.expired.secret.clone()), NEVER_IDS),
            ("a key from a wrong network", Some(self.elsewhere.secret.clone()), NEVER_IDS),
            (
                "another key of the same account, which only reads",
                Some(self.reader.secret.clone()),
                self.siblings,
            ),
            ("a key of other domains", Some(self.narrow.secret.clone()), self.siblings),
            ("a domain token", Some(self.domain_token.clone()), NEVER_IDS),
            ("a login link that was used", Some(self.used_link.clone()), NEVER_IDS),
            ("a key of another account", Some(self.stranger.secret.clone()), self.strangers),
            ("another key of the same account", Some(self.sibling.secret.clone()), self.siblings),
        ]
        .into_iter()
        .map(|(who, secret, own)| Foreigner { who, secret, user: USER, own })
        .collect();
        if dialect.name == "console" {
            let unknown = PlainSecret::generate(SecretKind::Session).unwrap().reveal().to_owned();
            for (who, session, own) in [
                ("a session that never was", &unknown, NEVER_IDS),
                ("a session that was ended", &self.ended_session, NEVER_IDS),
                ("a session that was idle for too long", &self.idle_session, NEVER_IDS),
                ("a session by the link of a revoked key", &self.orphan_session, NEVER_IDS),
                ("a session of another account", &self.stranger_session, self.strangers),
                ("a session of another domain of the same account", &self.sibling_session, self.siblings),
            ] {
                all.push(Foreigner { who, secret: Some(session.clone()), user: USER, own });
            }
        }
        // In a dialect that has users, the key alone is not enough.
        if dialect.name == "lifecycle" {
            for (who, user) in
                [("the same key for another user", "another"), ("a user in capitals", "USER_123")]
            {
                let secret = Some(self.owner.secret.clone());
                all.push(Foreigner { who, secret, user, own: self.siblings });
            }
        }
        all
    }

    pub(crate) fn send(
        &self,
        dialect: &Surface,
        method: &str,
        target: &Target,
        secret: Option<&str>,
    ) -> Reply {
        self.send_with(dialect, method, target, secret, &[])
    }

    /// The same with more header fields.
    pub(crate) fn send_with(
        &self,
        dialect: &Surface,
        method: &str,
        target: &Target,
        secret: Option<&str>,
        more: &[(&str, &str)],
    ) -> Reply {
        let is_page = matches!(dialect.auth, Auth::Session { .. });
        let kind = if is_page { "application/x-www-form-urlencoded" } else { "application/json" };
        let mut headers = [&[("Content-Type", kind)], more].concat();
        let (mut line, mut body) = (format!("{method} {}", target.path), target.body.clone());
        let is_by_link = is_by_link(&target.path);
        let field = secret.filter(|_| !is_by_link).and_then(|secret| credential(dialect.auth, secret));
        headers.extend(field.as_ref().map(|(name, value)| (*name, value.as_str())));
        if let (true, Some(secret)) = (is_by_link, secret) {
            let form = format!("{LINK_FIELD}={secret}");
            if method == "POST" { body = form } else { line = format!("{line}?{form}") }
        } else if let (true, Some(secret)) = (is_page && !body.contains("form_token="), secret)
            && PlainSecret::parse(SecretKind::Session, secret).is_ok()
        {
            body = format!("form_token={}&{body}", self.app.form_token(secret));
        }
        self.app.send(&line, &headers, body.as_bytes())
    }
}

/// A domain of [`USER`].
fn made(app: &TestApp, key: &Key, name: &'static str) -> Ids {
    let details = app.v2_domain(key, name, USER);
    let id = |value: &Value| value["id"].as_i64().unwrap();
    let record = id(&details["dns"][0]);
    Ids { domain: id(&details["domain"]), name, record, ..NEVER_IDS }
}

/// Files a report about a message to the victim: in both worlds, for everybody of the account sees how much room is left. Where the
/// victim is there, a message to it is held back, and was posted.
fn file_report(app: &TestApp, owner: &Key, victim: &Ids, is_there: bool) {
    let recipient = format!("jo@{}", victim.name);
    let junk = report::NewReport {
        recipient: Some(&recipient),
        ..report::NewReport::of(report::ReportKind::FalseNegative, b"From: a@b.example\r\n\r\nBuy!\r\n")
    };
    let filed = app.postroom.write(|tx| report::file(tx, &owner.operator(), &junk)).unwrap();
    assert_eq!((filed.id.number(), filed.domain.is_some()), (victim.report, is_there));
    if is_there {
        let text = "From: a@b.example\n\nBuy!\n";
        mail::keep(&app.mail_dir(), &recipient, Folder::Quarantine, HELD, text);
        mail::post(app, DomainId::new(victim.domain), &recipient, HELD, CallOutcome::Answered(500));
    }
}
