//! What can go wrong with a request, before a surface gives it its shape.

use std::borrow::Cow;

use super::http::{BodyFault, StatusCode};

/// What went wrong, before a dialect gives it its shape.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The request carries no credential.
    #[error("the credential is missing")]
    CredentialMissing,
    /// The credential is unknown or revoked.
    #[error("the credential is unknown or revoked")]
    CredentialInvalid,
    /// More than one credential, so that it is not clear who calls.
    #[error("the request carries more than one credential; send one")]
    CredentialTwice,
    /// A browser sent it from a page of another site, with a credential that browsers send by themselves.
    #[error("the request was sent from another site")]
    CrossSite,
    /// What only a page for people has: no dialect raises it.
    #[error(transparent)]
    Page(PageFault),
    /// The path has no route.
    #[error("there is no such route")]
    NoRoute,
    /// The route does not take the request's method; the text lists the methods that it takes.
    #[error("this route takes {0} only")]
    Method(String),
    /// The body is larger than the route takes.
    #[error("the body is larger than this route takes")]
    TooLarge,
    /// The body did not arrive whole.
    #[error("the body did not arrive whole, or not in time")]
    Incomplete,
    /// The route does not have the format of the body, or the format in which the answer was asked for.
    #[error("{0}")]
    Format(Cow<'static, str>),
    /// The body is encoded.
    #[error("the body is encoded; send it as it is, without Content-Encoding")]
    Encoded,
    /// The body is not JSON; the text says why, with line and column.
    #[error("{0}")]
    Json(String),
    /// A field of the request breaks a rule of its dialect.
    #[error("{field} {reason}")]
    Input {
        /// Its name on the wire.
        field: &'static str,
        /// What is wrong with it, as a predicate: "must be a number".
        reason: String,
        /// Further explanation, where it helps.
        detail: Option<String>,
    },
    /// The operator has switched this off.
    #[error("the operator of this server has switched off {0}")]
    SwitchedOff(&'static str),
    /// The thing exists, but this caller may not work on it.
    #[error("{0}")]
    Denied(Cow<'static, str>),
    /// Too many requests of a kind at once; the client may try again after so many seconds.
    #[error("too many at once; try again in {0} s")]
    Busy(u32),
    /// The server has no room for the request now: no memory, or no place in a queue; the client may try again after so many
    /// seconds.
    #[error("the server is full; try again in {0} s")]
    Full(u32),
    /// More requests than the account's rate allows, or more failed authentications than the address's rate allows; the
    /// client may try again after so many seconds.
    #[error("too many requests; try again in {0} s")]
    RateLimited(u32),
    /// An `Idempotency-Key` that cannot be used; the text says why, as a predicate.
    #[error("Idempotency-Key {0}")]
    Idempotency(String),
    /// An earlier request with this `Idempotency-Key` is still being answered.
    #[error("a request with this Idempotency-Key is being answered; ask again when it is done")]
    StillRunning,
    /// An error of the library.
    #[error(transparent)]
    Library(#[from] postroom::error::Error),
}

/// What went wrong with a page for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageFault {
    /// A form without the token of the session that sends it.
    #[error("the form is not one of this session's")]
    StaleForm,
    /// A link that opens nothing, or nothing any more.
    #[error("this link does not work")]
    DeadLink,
    /// A set-up link that opens nothing, or nothing any more, and the language of whoever opened it.
    #[error("this link does not work")]
    DeadSetupLink(&'static str),
    /// A passkey that signs nobody in, and why, as a sentence.
    #[error("{0}")]
    Passkey(String),
    /// The operator is signed in, and has not opened an account yet.
    #[error("no account is open")]
    NoAccount,
}
/// What a surface says beside its own words for a name that another account has: that there is a way to prove whose it is.
pub const CLAIM_IT: &str = "another account has it, or has proved a name above it; if it is yours, claim it by POST /postroom/v1/claims and prove it";

/// What a key is told that is limited to some domains, where it asks for what is the account's.
pub const OF_SOME_DOMAINS: &str = "it is limited to some domains, and this concerns all of the account";

/// How many seconds a client should wait that found no room.
const ROOM_AFTER_SECONDS: u32 = 1;

impl From<BodyFault> for Fault {
    fn from(fault: BodyFault) -> Fault {
        match fault {
            BodyFault::TooLarge => Fault::TooLarge,
            BodyFault::Incomplete => Fault::Incomplete,
            BodyFault::NoRoom => Fault::Full(ROOM_AFTER_SECONDS),
        }
    }
}

impl Fault {
    /// The caller's key does not allow this: why, with the key as "it".
    pub fn of_key(reason: &str) -> Fault {
        Fault::Denied(format!("this API key cannot do this: {reason}").into())
    }

    /// The fault of a field that breaks a rule.
    pub fn input(field: &'static str, reason: impl std::fmt::Display) -> Fault {
        Fault::Input { field, reason: reason.to_string(), detail: None }
    }
}

/// What a client is told of an error of the store. What the store itself says is for the log.
pub fn store_sentence(error: &postroom::error::StoreError) -> &'static str {
    use postroom::error::StoreTrouble;
    match error.trouble() {
        StoreTrouble::Damaged => {
            "what is stored of this is damaged, so it is not shown; ask the operator of the server, with the X-Request-Id"
        }
        StoreTrouble::Unknown => {
            "the connection to the database was lost, and it is not known whether this was done; look before you ask again, or \
             send an Idempotency-Key from the start"
        }
        _ => "the server could not do this; try again, or ask its operator with the X-Request-Id",
    }
}

/// The status for an error of the store, which no input causes: every dialect uses this one.
pub fn store_status(error: &postroom::error::StoreError) -> StatusCode {
    use postroom::error::StoreTrouble;
    match error.trouble() {
        StoreTrouble::Full => StatusCode::INSUFFICIENT_STORAGE,
        StoreTrouble::Busy
        | StoreTrouble::OutOfReach
        | StoreTrouble::NoDatabase
        | StoreTrouble::NotLetIn
        | StoreTrouble::Unknown
        | StoreTrouble::Gone => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// What every surface says where a tenant has as many unproved names and claims as it may.
pub fn unproved_limit(most: u64) -> String {
    format!(
        "the account has {most} unproved names and claims, as many as limits.unproved_claims allows; prove some, or give some up"
    )
}
