//! What a spam filter asks over HTTP: private keys, where it is to sign, and what the lists say of a message.
//!
//! The way to ask for keys is the one of a program called Vault, which rspamd knows (`use_vault`). It gives private keys out, so it is off
//! unless the operator turns it on, is on loopback alone, and wants a token. Keys that are not active, and those of names that may not
//! act, are not given out.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use postroom::address::EmailAddress;
use postroom::db::Postroom;
use postroom::dkim::{self, DisclosedKey};
use postroom::error::Error;
use postroom::list::Sender;
use postroom::mail::{self, Arrival};
use serde_json::{Value, json};
use subtle::ConstantTimeEq;
use tracing::{error, warn};
use zeroize::Zeroizing;

use crate::listen::{Admission, Answer, Entry, Lane};
use crate::wire::Fault;
use crate::wire::http::{Method, Request, Response, StatusCode, header};

/// The header field with the token, in the letters that clients use.
const TOKEN_FIELD: &str = "X-Vault-Token";
/// How many characters a token may have. Fewer could be guessed; a line of a header has no room for many more.
const TOKEN_CHARS: std::ops::RangeInclusive<usize> = 20..=512;

/// What a client must show to be given private keys.
pub struct VaultToken(Zeroizing<String>);

/// Why a file has no token.
#[derive(Debug, thiserror::Error)]
pub enum VaultTokenError {
    /// It cannot be read.
    #[error(
        "the token in {} cannot be read: {source}; make one by `(umask 077; openssl rand -hex 32 > {})`",
        file.display(), file.display()
    )]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others than its owner can read it.
    #[error("others can read the token in {}; run `chmod 600 {}`, and make a new one if anybody did", .0.display(), .0.display())]
    Open(PathBuf),
    /// It is no token.
    #[error("{} has no token: one line of 20 to 512 letters, digits and any of -._~+/=", .0.display())]
    Malformed(PathBuf),
}

impl VaultToken {
    /// Reads the token in `file`, which nobody but its owner may be able to read.
    pub fn read(file: &Path) -> Result<VaultToken, VaultTokenError> {
        let unreadable = |source| VaultTokenError::Unreadable { file: file.to_owned(), source };
        let opened = fs::File::open(file).map_err(unreadable)?;
        let found = opened.metadata().map_err(unreadable)?;
        if found.permissions().mode() & 0o077 != 0 {
            return Err(VaultTokenError::Open(file.to_owned()));
        }
        let mut text = Zeroizing::new(String::with_capacity(1024));
        match opened.take(1024).read_to_string(&mut text) {
            Err(error) if error.kind() != io::ErrorKind::InvalidData => return Err(unreadable(error)),
            _ => {}
        }
        let token = text.trim();
        let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-._~+/=".contains(&octet);
        if TOKEN_CHARS.contains(&token.len()) && token.bytes().all(is_plain) {
            Ok(VaultToken(Zeroizing::new(token.to_owned())))
        } else {
            Err(VaultTokenError::Malformed(file.to_owned()))
        }
    }

    /// The token, for the configuration of the one who is to show it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether this is the token; the time that it takes says nothing of where the two differ.
    fn is(&self, shown: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(shown).into()
    }
}

/// Answers a spam filter.
pub struct Vault {
    postroom: Arc<Postroom>,
    token: VaultToken,
}

/// What is asked for.
enum Asked {
    Keys(String),
    Verdict(String),
}

impl Vault {
    /// Gives keys of this database to whoever shows the token.
    pub fn new(postroom: Arc<Postroom>, token: VaultToken) -> Vault {
        Vault { postroom, token }
    }

    /// What a head asks for, or why that is refused.
    fn asked(&self, request: &Request) -> Result<Asked, Box<Response>> {
        let domain = request.path.strip_prefix("/v1/dkim/").filter(|domain| !domain.contains('/'));
        if domain.is_none() && request.path != "/rspamd/verdict" {
            return Err(
                refusal(StatusCode::NOT_FOUND, "there is /v1/dkim/{domain} and /rspamd/verdict").into()
            );
        }
        if request.method != Method::GET {
            let refused = refusal(StatusCode::METHOD_NOT_ALLOWED, "use GET");
            return Err(refused.with(header::ALLOW, "GET").into());
        }
        let Some(domain) = domain else {
            return Ok(Asked::Verdict(request.query.clone().unwrap_or_default()));
        };
        let shown: Vec<_> = request.headers.get_all(TOKEN_FIELD).iter().collect();
        match shown[..] {
            [shown] if self.token.is(shown.as_bytes()) => Ok(Asked::Keys(domain.to_owned())),
            _ => {
                warn!(peer = %request.peer, "private keys were asked for without their token");
                Err(refusal(StatusCode::FORBIDDEN, "permission denied").into())
            }
        }
    }

    fn answer(&self, asked: &Asked) -> Response {
        let answered = match asked {
            Asked::Keys(domain) => self.keys(domain),
            Asked::Verdict(query) => self.verdict(query),
        };
        match answered {
            Ok(Some(json)) => guarded(Response::json(StatusCode::OK, &json)),
            Ok(None) => refusal(StatusCode::BAD_REQUEST, "name a recipient: ?recipient=jo@example.com"),
            Err(trouble) => {
                error!(%trouble, "a spam filter could not be answered");
                refusal(StatusCode::SERVICE_UNAVAILABLE, "the database could not be asked")
            }
        }
    }

    /// The keys that sign for a domain, in the form of Vault's answers. A name that is no domain here has none.
    fn keys(&self, domain: &str) -> Result<Option<Value>, Error> {
        let keys = match domain.parse() {
            Ok(name) => self.postroom.read(|tx| dkim::disclose(tx, &name))?,
            Err(_) => Vec::new(),
        };
        let selector = |key: &DisclosedKey| {
            json!({
                "domain": key.domain.as_str(), "selector": key.selector.as_str(), "key": *key.text(),
                "alg": key.algorithm.to_string(),
            })
        };
        let selectors: Vec<Value> = keys.iter().map(selector).collect();
        Ok(Some(json!({ "data": { "selectors": selectors } })))
    }

    /// What the lists of all recipients say; none if no recipient is named.
    fn verdict(&self, query: &str) -> Result<Option<Value>, Error> {
        let (mut recipients, mut arrival, mut is_known) = (Vec::new(), Arrival::default(), true);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "recipient" => match value.parse::<EmailAddress>() {
                    Ok(address) => recipients.push(address),
                    // Nobody here, and so nobody whose lists agree with the others'.
                    Err(_) => is_known = false,
                },
                "sender" => arrival.sender = Sender::parse(&value),
                "from" => arrival.authors = Sender::authors([&value]),
                "ip" => arrival.client = value.parse().ok(),
                _ => {}
            }
        }
        if is_known && recipients.is_empty() {
            return Ok(None);
        }
        let outcome = self.postroom.read(|tx| mail::agreed(tx, &recipients, &arrival))?;
        let outcome = if is_known { outcome.as_str() } else { "none" };
        Ok(Some(json!({ "outcome": outcome })))
    }
}

impl Answer for Vault {
    fn enter(self: Arc<Self>, request: Request) -> Entry {
        match self.asked(&request) {
            Err(refused) => Entry::Answered(*refused),
            Ok(asked) => Entry::Admitted(Admission {
                lane: Lane::Reads,
                account: None,
                body_limit: 0,
                answer: Box::new(move |turn| match turn {
                    Ok(_) => self.answer(&asked),
                    Err(_) => refusal(StatusCode::SERVICE_UNAVAILABLE, "the bridge stops"),
                }),
                render: Arc::new(render),
            }),
        }
    }
}

fn render(fault: &Fault) -> Response {
    refusal(StatusCode::BAD_REQUEST, &fault.to_string())
}

/// A refusal in the form of Vault's.
fn refusal(status: StatusCode, reason: &str) -> Response {
    guarded(Response::json(status, &json!({ "errors": [reason] })))
}

/// Nobody between is to keep an answer.
fn guarded(response: Response) -> Response {
    response.with(header::CACHE_CONTROL, "no-store").with(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
}
