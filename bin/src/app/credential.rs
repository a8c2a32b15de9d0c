//! The credential of a request: the one API key or session that it carries, in the place that its surface has for it.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use postroom::secret::{PlainSecret, SecretKind};

use super::SURFACES;
use crate::wire::http::{HeaderValue, Request};
use crate::wire::{Auth, Fault};

/// The API key or the session that a request carries; a malformed one is refused before the database is asked.
///
/// A request with two different keys is refused: the sender may mean one of them, and we would take the other. In a field
/// that belongs to another surface, only a well-formed API key counts, because a proxy may use `Authorization` for itself.
pub(super) fn credential(auth: Auth, request: &Request) -> Result<PlainSecret, Fault> {
    let own = fields(auth);
    let mut values = values(own, request);
    let value = values.next().ok_or(Fault::CredentialMissing)?;
    let secret = parse(auth, value)?;
    if values.any(|another| another != value) {
        return Err(Fault::CredentialTwice);
    }
    let is_another =
        |other: Auth, value| parse(other, value).is_ok_and(|key| key.reveal() != secret.reveal());
    for other in SURFACES.iter().map(|surface| surface.auth) {
        // Bearer and Basic use the same field, and it has been read above.
        let elsewhere = fields(other);
        if elsewhere != own && self::values(elsewhere, request).any(|value| is_another(other, value)) {
            return Err(Fault::CredentialTwice);
        }
    }
    Ok(secret)
}

/// The header fields in which a credential can stand.
fn fields(auth: Auth) -> &'static [&'static str] {
    match auth {
        Auth::Header(names) => names,
        Auth::Bearer | Auth::Basic { .. } => &["authorization"],
        Auth::Session { .. } => &["cookie"],
        Auth::None => &[],
    }
}

/// The values of these header fields of a request, without the blank ones.
fn values<'a>(
    fields: &'static [&'static str],
    request: &'a Request,
) -> impl Iterator<Item = &'a HeaderValue> {
    let all = fields.iter().flat_map(|name| request.headers.get_all(*name));
    all.filter(|value| !value.as_bytes().trim_ascii().is_empty())
}

/// The API key or the session in a header field's value.
fn parse(auth: Auth, value: &HeaderValue) -> Result<PlainSecret, Fault> {
    let text = value.to_str().map_err(|_| Fault::CredentialInvalid)?.trim();
    let text: Cow<'_, str> = match auth {
        Auth::Header(_) => text.into(),
        Auth::Bearer => of_scheme("bearer", text)?.into(),
        Auth::Basic { user } => password(user, of_scheme("basic", text)?)?.into(),
        Auth::Session { cookie } => return session(cookie, text)?.ok_or(Fault::CredentialMissing),
        Auth::None => return Err(Fault::CredentialMissing),
    };
    if text.is_empty() {
        return Err(Fault::CredentialMissing);
    }
    PlainSecret::parse(SecretKind::AccountKey, &text).map_err(|_| Fault::CredentialInvalid)
}

/// The session in a `Cookie` field (RFC 6265 section 4.2). Two different ones are refused.
fn session(cookie: &str, text: &str) -> Result<Option<PlainSecret>, Fault> {
    let pairs = text.split(';').filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(name, _)| *name == cookie).map(|(_, value)| value);
    let Some(value) = values.next() else { return Ok(None) };
    if values.any(|another| another != value) {
        return Err(Fault::CredentialTwice);
    }
    PlainSecret::parse(SecretKind::Session, value).map(Some).map_err(|_| Fault::CredentialInvalid)
}

/// The text after the scheme's name. The name is compared without regard to case (RFC 9110 section 11.1).
fn of_scheme<'a>(scheme: &str, text: &'a str) -> Result<&'a str, Fault> {
    match text.split_once(' ') {
        Some((name, rest)) if name.eq_ignore_ascii_case(scheme) => Ok(rest.trim()),
        _ => Err(Fault::CredentialInvalid),
    }
}

/// The password of `user`: everything after the first colon (RFC 7617 section 2).
///
/// The padding may be missing, because some clients leave it out: the text has only one meaning without it.
fn password(user: &str, encoded: &str) -> Result<String, Fault> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let pair = LENIENT.decode(encoded).ok().and_then(|octets| String::from_utf8(octets).ok());
    match pair.as_deref().and_then(|pair| pair.split_once(':')) {
        Some((name, password)) if name == user => Ok(password.to_owned()),
        _ => Err(Fault::CredentialInvalid),
    }
}

#[cfg(test)]
mod tests;
