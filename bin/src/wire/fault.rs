//! What can go wrong with a request, before a surface gives it its shape.

use std::borrow::Cow;

use super::http::StatusCode;

/// What went wrong, before a dialect gives it its shape.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// No credential.
    #[error("the credential is missing")]
    CredentialMissing,
    /// A credential that opens nothing.
    #[error("the credential is unknown or revoked")]
    CredentialInvalid,
    /// More than one credential, so that it is not clear who calls.
    #[error("the request carries more than one credential; send one")]
    CredentialTwice,
    /// A browser sent it from a page of another site, with a credential that browsers send by themselves.
    #[error("the request was sent from another site")]
    CrossSite,
    /// No such route.
    #[error("there is no such route")]
    NoRoute,
    /// The route does not take this method; these it takes.
    #[error("this route takes {0} only")]
    Method(String),
    /// The body is larger than the route takes.
    #[error("the body is larger than this route takes")]
    TooLarge,
    /// The body did not arrive whole.
    #[error("the body did not arrive whole, or not in time")]
    Incomplete,
    /// The body is in a format, or the answer is asked in one, that the route does not have.
    #[error("{0}")]
    Format(Cow<'static, str>),
    /// The body is not JSON; why, with line and column.
    #[error("{0}")]
    Json(String),
    /// An input of the wire that breaks a rule of the wire.
    #[error("{field} {reason}")]
    Input {
        /// Its name on the wire.
        field: &'static str,
        /// What is wrong with it, as a predicate: "must be a number".
        reason: String,
        /// More on it, where there is more to say.
        detail: Option<String>,
    },
    /// The operator has switched this off.
    #[error("the operator of this server has switched off {0}")]
    SwitchedOff(&'static str),
    /// It is there, and this caller may not work on it.
    #[error("{0}")]
    Denied(Cow<'static, str>),
    /// Too many requests of a kind at once; come again after so many seconds.
    #[error("too many at once; try again in {0} s")]
    Busy(u32),
    /// More requests than the account's rate allows, or more failed authentications than the address's; come again after
    /// so many seconds.
    #[error("too many requests; try again in {0} s")]
    RateLimited(u32),
    /// An `Idempotency-Key` that will not do; why, as a predicate.
    #[error("Idempotency-Key {0}")]
    Idempotency(String),
    /// The request is being answered, under this `Idempotency-Key`, for whoever sent it before.
    #[error("a request with this Idempotency-Key is being answered; ask again when it is done")]
    StillRunning,
    /// The library's word.
    #[error(transparent)]
    Library(#[from] postroom::error::Error),
}

impl Fault {
    /// An input of the wire that breaks a rule.
    pub fn input(field: &'static str, reason: impl std::fmt::Display) -> Fault {
        Fault::Input { field, reason: reason.to_string(), detail: None }
    }
}

/// The status of what is nobody's input: the same in every dialect.
pub fn store_status(error: &postroom::error::StoreError) -> StatusCode {
    use postroom::error::StoreTrouble;
    match error.trouble() {
        StoreTrouble::Full => StatusCode::INSUFFICIENT_STORAGE,
        StoreTrouble::Busy => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
