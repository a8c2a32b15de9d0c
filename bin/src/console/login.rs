//! The page that opens a login link.
//!
//! People send a link in a mail or a chat, where programs open it before people do; so GET shows a button, and only POST uses
//! the link up. The secret is in the query, because the published interface returns a URL, and proxies and monitors hide
//! queries more often than paths. Our own log has neither. The form sends the secret in the body, so that the address of the
//! next page does not contain it.
//!
//! The secret also proves that the form is ours: nobody can send a valid form without it. In addition the App refuses a form
//! from another site, so that nobody is signed in against their will.

use postroom::login;
use postroom::secret::{PlainSecret, SecretKind};

use super::{LOGIN, page};
use crate::wire::http::Response;
use crate::wire::{Anybody, Call, Fault};

/// The parameter that carries the secret.
const SECRET: &str = "link";

/// The address that opens this link, below the base URL that clients use.
pub fn login_url(base_url: &str, secret: &PlainSecret) -> String {
    // A secret has only letters, digits and an underscore, so nothing needs percent-encoding.
    format!("{}{LOGIN}?{SECRET}={}", base_url.trim_end_matches('/'), secret.reveal())
}

/// Shows what a link opens, with the button that uses it up.
pub(super) fn show(call: &Call<'_, Anybody>) -> Result<Response, Fault> {
    let secret = secret(call.request.query.as_deref().unwrap_or_default().as_bytes())?;
    let domain = call.read(|tx| login::peek(tx, &secret))?.ok_or(Fault::CredentialInvalid)?;
    Ok(page::button(&domain.name, SECRET, &secret))
}

/// Uses a link up.
pub(super) fn sign_in(call: &Call<'_, Anybody>) -> Result<Response, Fault> {
    let secret = secret(call.request.body.as_deref().unwrap_or_default())?;
    // The read comes first, so that a request without a valid link never takes the only lock for writing.
    call.read(|tx| login::peek(tx, &secret))?.ok_or(Fault::CredentialInvalid)?;
    let domain = call.write(|tx| login::consume(tx, &secret))?.ok_or(Fault::CredentialInvalid)?;
    Ok(page::signed_in(&domain.name))
}

/// The secret in a query or a form. It must be there exactly once, with a correct checksum.
fn secret(urlencoded: &[u8]) -> Result<PlainSecret, Fault> {
    let mut all = form_urlencoded::parse(urlencoded).filter(|(name, _)| name == SECRET);
    let (_, text) = all.next().ok_or(Fault::CredentialMissing)?;
    if all.next().is_some() {
        return Err(Fault::CredentialTwice);
    }
    PlainSecret::parse(SecretKind::LoginLink, &text).map_err(|_| Fault::CredentialInvalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_stands_once_and_whole() {
        let made = PlainSecret::generate(SecretKind::LoginLink).unwrap();
        let text = made.reveal();
        let found = |query: String| secret(query.as_bytes()).map(|found| found.reveal().to_owned()).ok();
        assert_eq!(found(format!("link={text}")).as_deref(), Some(text));
        assert_eq!(found(format!("utm=mail&link={text}&x=y")).as_deref(), Some(text));
        let cut = text.get(..40).unwrap();
        for bad in [
            format!("link={text}&link={text}"),
            format!("link={cut}"),
            format!("links={text}"),
            String::new(),
        ] {
            assert_eq!(found(bad), None);
        }
    }

    #[test]
    fn the_address_of_a_link_is_below_the_base_url() {
        let secret = PlainSecret::generate(SecretKind::LoginLink).unwrap();
        let url = login_url("https://desk.example.net/", &secret);
        assert_eq!(url, format!("https://desk.example.net/console/login?link={}", secret.reveal()));
    }
}
