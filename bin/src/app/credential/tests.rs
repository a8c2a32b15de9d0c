//! Where a credential stands, and in which forms it is taken.

use super::*;
use crate::wire::http::{HeaderMap, Method, header};

const BASIC: Auth = Auth::Basic { user: "api" };

fn request(authorization: Option<&str>) -> Request {
    let mut headers = HeaderMap::new();
    if let Some(value) = authorization {
        headers.insert(header::AUTHORIZATION, value.parse().unwrap());
    }
    Request {
        method: Method::GET,
        path: "/".to_owned(),
        query: None,
        headers,
        body: Ok(Vec::new()),
        peer: std::net::Ipv4Addr::LOCALHOST.into(),
    }
}

/// `user:password` as a client encodes it.
fn encoded(pair: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(pair)
}

fn key() -> String {
    PlainSecret::generate(SecretKind::AccountKey).unwrap().reveal().to_owned()
}

#[test]
fn the_password_of_the_one_user_is_the_credential() {
    let key = key();
    // `pair` may end in padding; `bare` never does.
    let pair = encoded(format!("api:{key}").as_bytes());
    let bare = pair.trim_end_matches('=');
    for value in [
        format!("Basic {pair}"),
        format!("basic {pair}"),
        format!("BASIC   {pair} "),
        format!("Basic {bare}"),
    ] {
        let found = credential(BASIC, &request(Some(&value))).unwrap_or_else(|e| panic!("{value}: {e}"));
        assert_eq!(found.reveal(), key, "{value}");
    }
}

#[test]
fn padding_may_be_left_out_and_a_colon_is_part_of_a_password() {
    for (pair, password) in
        [("api:a", "a"), ("api:ab", "ab"), ("api:abc", "abc"), ("api:a:b:", "a:b:"), ("api:", "")]
    {
        let padded = encoded(pair.as_bytes());
        assert_eq!(super::password("api", &padded).unwrap(), password);
        assert_eq!(super::password("api", padded.trim_end_matches('=')).unwrap(), password);
    }
}

#[test]
fn whatever_is_no_basic_credential_of_the_user_is_refused() {
    let key = key();
    let of = |pair: &str| format!("Basic {}", encoded(pair.as_bytes()));
    for value in [
        of(&format!("API:{key}")),
        of(&format!(":{key}")),
        of(&format!("api {key}")),
        of(&format!("api::{key}")),
        of(&format!("api: {key}")),
        of(&key),
        of("api:nonsense"),
        format!("Basic {}", encoded(b"api:\xFF")),
        format!("Bearer {key}"),
        format!("Basic api:{key}"),
        "Basic".to_owned(),
        "Basic !!!!".to_owned(),
        "Basic YXBpOg===".to_owned(),
        "Basic YXBp Og==".to_owned(),
        encoded(format!("api:{key}").as_bytes()),
    ] {
        let found = credential(BASIC, &request(Some(&value)));
        assert!(matches!(found, Err(Fault::CredentialInvalid)), "{value}: {:?}", found.err());
    }
}

#[test]
fn no_field_and_an_empty_password_are_no_credential() {
    let empty = format!("Basic {}", encoded(b"api:"));
    for value in [None, Some(empty.as_str())] {
        let found = credential(BASIC, &request(value));
        assert!(matches!(found, Err(Fault::CredentialMissing)), "{value:?}");
    }
}

#[test]
fn a_bearer_credential_stands_after_its_scheme() {
    let key = key();
    let found = credential(Auth::Bearer, &request(Some(&format!("bearer {key}"))));
    assert_eq!(found.unwrap().reveal(), key);
    let found = credential(Auth::Bearer, &request(Some(&format!("Basic {}", encoded(b"api:x")))));
    assert!(matches!(found, Err(Fault::CredentialInvalid)));
}
