//! Bodies as clients send them, broken bodies, and random bodies.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use futures_util::{FutureExt, stream};
use proptest::prelude::*;

use super::*;
use crate::wire::http::{BodyFault, HeaderMap, HeaderValue, Method, header};

const URLENCODED: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data; boundary=b";
const JSON: &str = "application/json";

fn request(query: Option<&str>, content_type: Option<&str>, body: impl Into<Vec<u8>>) -> Request {
    let mut headers = HeaderMap::new();
    if let Some(value) = content_type {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    Request {
        method: Method::GET,
        path: "/".to_owned(),
        query: query.map(str::to_owned),
        headers,
        body: Ok(body.into()),
        peer: Ipv4Addr::LOCALHOST.into(),
    }
}

fn read(content_type: &str, body: impl Into<Vec<u8>>) -> Result<Form, Fault> {
    Form::read(&request(None, Some(content_type), body))
}

/// What is wrong with a body.
fn fault(content_type: &str, body: impl Into<Vec<u8>>) -> String {
    read(content_type, body).expect_err("a fault").to_string()
}

/// A part of a body whose boundary is `b`, with these parameters after `form-data`.
fn part(parameters: &str, content: &str) -> String {
    format!("--b\r\nContent-Disposition: form-data; {parameters}\r\n\r\n{content}\r\n")
}

/// A whole body of one part.
fn one(parameters: &str, content: &str) -> String {
    part(parameters, content) + "--b--\r\n"
}

#[test]
fn a_parameter_is_read_from_wherever_it_stands() {
    let cases = [
        (Some("selector=s1&x="), None, ""),
        (None, Some(URLENCODED), "selector=s1&x="),
        (None, Some("Application/X-WWW-Form-Urlencoded; charset=UTF-8"), "x=&selector=s1"),
        (None, Some(JSON), r#"{"selector": "s1", "x": "", "none": null}"#),
        (None, Some("application/json; charset=utf-8"), r#"{"x": "", "selector": "s1"}"#),
        (Some("x="), Some(URLENCODED), "selector=s1"),
        (Some("selector=s1&x"), Some(URLENCODED), ""),
        (Some("selector=s1&x"), Some(MULTIPART), "\r\n"),
        (Some("selector=s1&x"), Some(JSON), " "),
        (Some("selector=s1&&x"), Some("image/png"), ""),
        // Duplicates: the last in one place counts, and the body overrides the query.
        (Some("selector=s0&selector=s1&x"), None, ""),
        (Some("selector=s0&x"), Some(URLENCODED), "selector=s0&selector=s1"),
        (Some("selector=s0&x"), Some(JSON), r#"{"selector": "s0", "selector": "s1"}"#),
        (Some("s%65lector=s%31&x"), Some(URLENCODED), ""),
    ];
    for (query, content_type, body) in cases {
        let form = Form::read(&request(query, content_type, body)).unwrap();
        assert_eq!(form.get("selector"), Some("s1"), "{query:?} {content_type:?} {body}");
        assert_eq!(form.get("x"), Some(""), "{query:?} {content_type:?} {body}");
        assert_eq!((form.get("none"), form.file("selector")), (None, None));
    }
    let both = part("name=\"selector\"", "s0") + &one("name=\"selector\"", "s1");
    let form = Form::read(&request(Some("selector=q&x"), Some(MULTIPART), both)).unwrap();
    assert_eq!((form.get("selector"), form.get("x")), (Some("s1"), Some("")));
}

#[test]
fn a_value_keeps_its_octets() {
    let pem = "-----BEGIN RSA PRIVATE KEY-----\nMIIB+/=\n-----END RSA PRIVATE KEY-----\n";
    let urlencoded: String = form_urlencoded::Serializer::new(String::new()).append_pair("pem", pem).finish();
    assert_eq!(read(URLENCODED, urlencoded).unwrap().get("pem"), Some(pem));
    assert_eq!(read(MULTIPART, one("name=\"pem\"", pem)).unwrap().get("pem"), Some(pem));
    for content in ["", "\r\n", "-- b", "\r\n--a", "a\r\n\r\nb", " "] {
        assert_eq!(read(MULTIPART, one("name=a", content)).unwrap().get("a"), Some(content), "{content:?}");
    }
    let form = read(JSON, r#"{"bits": 2048, "self": true, "x": "é"}"#).unwrap();
    assert_eq!((form.get("bits"), form.get("self"), form.get("x")), (Some("2048"), Some("true"), Some("é")));
    assert_eq!(read(URLENCODED, "a=b=c+d%2B").unwrap().get("a"), Some("b=c d+"));
}

#[test]
fn boundaries_and_parameters_are_read_as_clients_write_them() {
    for content_type in [
        "multipart/form-data; boundary=b",
        "multipart/form-data; boundary=\"b\"",
        "multipart/form-data;boundary=b;",
        "Multipart/Form-Data; charset=utf-8; Boundary = b",
        "multipart/form-data; BOUNDARY=\"\\b\" ; charset=\"a;b\"",
    ] {
        let form = read(content_type, one("name=\"a\"", "1"));
        assert_eq!(form.expect(content_type).get("a"), Some("1"), "{content_type}");
    }
    for boundary in
        ["----WebKitFormBoundaryAbC", "------formdata-undici-093971946006", "a/b:c?d=e", "'()+_,-./:=?"]
    {
        let body = one("name=\"a\"", "1").replace("--b", &format!("--{boundary}"));
        let form = read(&format!("multipart/form-data; boundary=\"{boundary}\""), body.clone());
        assert_eq!(form.expect(boundary).get("a"), Some("1"));
        let form = read(&format!("multipart/form-data; boundary={boundary}"), body);
        assert_eq!(form.expect(boundary).get("a"), Some("1"));
    }
    for parameters in [
        "name=\"pem\"; filename=\"server.key\"",
        "filename=\"server.key\"; name=\"pem\"",
        "name=pem; filename=server.key",
        "NAME=pem; FileName=\"a\\\"b; name=c\"",
        "name=\"pem\"; filename*=UTF-8''s%C3%A9.key",
        "name=\"pem\"; filename=\"sé.key\"; filename*=UTF-8''s%C3%A9.key",
        "name=\"pem\"; filename=\"\"",
    ] {
        let form = read(MULTIPART, one(parameters, "x")).expect(parameters);
        assert_eq!((form.get("pem"), form.file("pem")), (Some("x"), Some(&b"x"[..])), "{parameters}");
    }
    let loose =
        "\r\n--b \t\r\ncontent-disposition:form-data;name=a\r\nContent-Type: text/plain\r\n\r\n1\r\n--b--";
    assert_eq!(read(MULTIPART, loose).unwrap().get("a"), Some("1"));
    assert!(read(MULTIPART, "--b--\r\n").unwrap().fields.is_empty());
    assert!(
        read(MULTIPART, one("name=\"pem\"; filename=\"\"", "")).unwrap().fields.is_empty(),
        "no file chosen"
    );
}

#[test]
fn a_file_goes_before_a_text_of_the_same_name() {
    let (text, file) = (part("name=\"pem\"", "server.key"), part("name=\"pem\"; filename=\"k\"", "KEY"));
    for body in [text.clone() + &file, file.clone() + &text] {
        let form = read(MULTIPART, body + "--b--\r\n").unwrap();
        assert_eq!((form.get("pem"), form.octets("pem")), (Some("server.key"), Some(&b"KEY"[..])));
    }
    let form = read(MULTIPART, text + "--b--").unwrap();
    assert_eq!((form.octets("pem"), form.octets("no")), (Some(&b"server.key"[..]), None));
    let file = Form::read(&request(Some("pem=q"), Some(MULTIPART), file + "--b--")).unwrap();
    assert_eq!(file.octets("pem"), Some(&b"KEY"[..]));
    let octets =
        [&b"--b\r\nContent-Disposition: form-data; name=pem; filename=k\r\n\r\n"[..], b"\xFF\0\n\r\n--b--"];
    let form = read(MULTIPART, octets.concat()).unwrap();
    assert_eq!((form.get("pem"), form.file("pem")), (None, Some(&b"\xFF\0\n"[..])), "it is no text");
}

/// Bodies with their content type, and what is wrong with each.
fn assert_refused(cases: Vec<(&str, String, &str)>) {
    for (content_type, body, expected) in cases {
        let brief: String = body.chars().take(200).collect();
        assert_eq!(fault(content_type, body), expected, "{content_type}\n{brief}");
    }
}

#[test]
fn a_body_of_no_known_form_is_refused_with_its_own_words() {
    let type_list =
        "the Content-Type must be multipart/form-data, application/x-www-form-urlencoded or application/json";
    assert_refused(vec![
        ("text/plain", "a=b".into(), type_list),
        ("multipart/mixed; boundary=b", one("name=a", "1"), type_list),
        ("nonsense;;=", "a".into(), "the Content-Type is malformed (RFC 9110 section 8.3)"),
        (
            "multipart/form-data; boundary=b; boundary=c",
            "a".into(),
            "the Content-Type is malformed (RFC 9110 section 8.3)",
        ),
        (
            "multipart/form-data; boundary=\"b",
            "a".into(),
            "the Content-Type is malformed (RFC 9110 section 8.3)",
        ),
        (
            "multipart/form-data",
            one("name=a", "1"),
            "the Content-Type multipart/form-data lacks its boundary",
        ),
        (
            "multipart/form-data; boundary=\"\"",
            one("name=a", "1"),
            "the boundary must be 1 to 70 characters (RFC 2046 section 5.1.1)",
        ),
        (URLENCODED, "a=%FF".into(), "the parameter a is not UTF-8"),
        (URLENCODED, "%FF=a".into(), "the name of a parameter in the body is not UTF-8"),
        (JSON, "[]".into(), "the body must be an object"),
        (JSON, r#"{"a": ["b"]}"#.into(), "the parameter a must be a single value"),
    ]);
    let long = format!("{}=%FF", "é".repeat(1000));
    assert_eq!(fault(URLENCODED, long), format!("the parameter {}… is not UTF-8", "é".repeat(64)));
    let none = Form::read(&request(None, None, "a=b")).expect_err("a fault");
    assert_eq!(none.to_string(), "the body needs one Content-Type");
    let query = Form::read(&request(Some("a=%FF"), None, "")).expect_err("a fault");
    assert_eq!(query.to_string(), "the parameter a is not UTF-8");
    assert!(matches!(read(JSON, "{"), Err(Fault::Json(_))));
}

#[test]
fn a_broken_multipart_body_is_refused_with_its_own_words() {
    let head_malformed = "the head of a part is malformed (RFC 7578 section 4.8)";
    let disposition_malformed = "a part's Content-Disposition must be a well-formed form-data";
    let with_head = |head: &str| format!("--b\r\n{head}\r\n\r\n1\r\n--b--");
    assert_refused(vec![
        (MULTIPART, "a".into(), "the body does not begin with its boundary"),
        (
            MULTIPART,
            format!("preamble\r\n{}", one("name=a", "1")),
            "the body does not begin with its boundary",
        ),
        (MULTIPART, one("name=a", "1").replace("--b", "--c"), "the body does not begin with its boundary"),
        (MULTIPART, part("name=a", "1"), "the final boundary is missing"),
        (
            MULTIPART,
            "--b\r\nContent-Disposition: form-data; name=a\r\n".into(),
            "the final boundary is missing",
        ),
        (MULTIPART, "--b".into(), "a boundary does not end its line"),
        (MULTIPART, "--bc\r\n".into(), "a boundary does not end its line"),
        (MULTIPART, part("name=a", "1") + "--b-\r\n", "a boundary does not end its line"),
        (MULTIPART, one("name=a", "1").replace("\r\n", "\n"), "a boundary does not end its line"),
        (MULTIPART, one("name=a", "1") + &one("name=b", "2"), "something follows the final boundary"),
        (MULTIPART, part("name=a", "1").repeat(1000) + "--b--", "the body has more than 64 parts"),
        (
            MULTIPART,
            "--b\r\nContent-Disposition: form-data; name=a\r\n--b--".into(),
            "a part has no empty line after its head",
        ),
        (MULTIPART, "--b\r\n\r\nvalue\r\n--b--".into(), "a part has no empty line after its head"),
        (
            MULTIPART,
            with_head(&format!("X: {}", "x".repeat(100_000))),
            "the head of a part is longer than 8192 octets",
        ),
        (MULTIPART, with_head("Content-Type: text/plain"), "a part has no Content-Disposition"),
        (MULTIPART, one("filename=a", "1"), "a part has no name"),
        (MULTIPART, one("name*=a", "1"), "a part has no name"),
        (MULTIPART, one("filename=\"a; name=b\"", "1"), "a part has no name"),
        (MULTIPART, one("name=a; name=b", "1"), disposition_malformed),
        (MULTIPART, one("name=\"a", "1"), disposition_malformed),
        (MULTIPART, one("name=", "1"), disposition_malformed),
        (MULTIPART, with_head("Content-Disposition: attachment; name=a"), disposition_malformed),
        (
            MULTIPART,
            with_head("Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b"),
            "a part has two Content-Dispositions",
        ),
        (MULTIPART, with_head("Content-Disposition: form-data;\r\n name=a"), head_malformed),
        (MULTIPART, with_head("Content-Disposition : form-data; name=a"), head_malformed),
        (MULTIPART, with_head("nonsense"), head_malformed),
        // Some parsers end the head at a lone LF, and then read the next part as the value of this one.
        (
            MULTIPART,
            format!("--b\r\nContent-Disposition: form-data; name=a\n\n1\r\n{}", one("name=b", "2")),
            "a part has no empty line after its head",
        ),
        (MULTIPART, with_head("Content-Disposition: form-data; name=a\n\nX: y"), head_malformed),
        (
            MULTIPART,
            with_head("Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64"),
            "a part has a Content-Transfer-Encoding, which forms do not have",
        ),
    ]);
    let latin = [&b"--b\r\nContent-Disposition: form-data; name=selector\r\n\r\n\xE9\r\n--b--"[..]].concat();
    assert_eq!(fault(MULTIPART, latin), "the parameter selector is not UTF-8");
    let latin = [&b"--b\r\nContent-Disposition: form-data; name=\"\xE9\"\r\n\r\n1\r\n--b--"[..]].concat();
    assert_eq!(fault(MULTIPART, latin), "the name of a part is not UTF-8");
}

#[test]
fn a_body_that_did_not_come_is_told_as_such() {
    for (body, expected) in [(BodyFault::TooLarge, "larger"), (BodyFault::Incomplete, "whole")] {
        let request = Request { body: Err(body), ..request(None, Some(MULTIPART), "") };
        assert!(Form::read(&request).expect_err("a fault").to_string().contains(expected));
    }
}

#[test]
fn the_time_grows_with_the_size_and_not_with_its_square() {
    // Bodies that take minutes if a search starts again at every octet, or if every name is compared with all others.
    let boundary = "-".repeat(69) + "x";
    let hostile = [
        (
            format!("multipart/form-data; boundary={boundary}"),
            format!("--{boundary}\r\n{}", "-".repeat(1 << 20)),
        ),
        (MULTIPART.to_owned(), format!("--b\r\n{}", "\r\n--".repeat(1 << 18))),
        (MULTIPART.to_owned(), "--b\r\n".to_owned() + &"a: b\r\n".repeat(1 << 17) + "\r\n\r\n--b--"),
        (URLENCODED.to_owned(), "&".repeat(1 << 20)),
        (URLENCODED.to_owned(), (0..100_000).map(|n| n.to_string()).collect::<Vec<_>>().join("&")),
    ];
    for (content_type, body) in hostile {
        let began = Instant::now();
        let _ = read(&content_type, body);
        assert!(began.elapsed() < Duration::from_secs(15), "{content_type}: {:?}", began.elapsed());
    }
}

/// The parts of a body as another reader has them: name, whether it is a file, octets.
fn theirs(body: &[u8]) -> Option<Vec<(String, bool, Vec<u8>)>> {
    let chunk = Ok::<_, std::convert::Infallible>(body.to_vec());
    let mut reader = multer::Multipart::new(stream::iter([chunk]), "b");
    let mut parts = Vec::new();
    while let Some(part) = reader.next_field().now_or_never()?.ok()? {
        let (name, file) = (part.name()?.to_owned(), part.file_name().is_some());
        parts.push((name, file, part.bytes().now_or_never()?.ok()?.to_vec()));
    }
    Some(parts)
}

/// The parts of a form as our own parser reads them.
fn ours(body: &[u8]) -> Option<Vec<(String, bool, Vec<u8>)>> {
    let part = |(name, content)| match content {
        Content::Text(text) => (name, false, text.into_bytes()),
        Content::File(octets) => (name, true, octets),
    };
    Some(multipart::parts(body, b"b").ok()?.into_iter().map(part).collect())
}

/// Pieces that bodies are made of, whole and broken.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(b"--b".to_vec()),
        Just(b"\r\n--b".to_vec()),
        Just(b"--".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"Content-Disposition: form-data; name=a".to_vec()),
        Just(b"; filename=\"".to_vec()),
        Just(b"; name=".to_vec()),
        Just(b"\"".to_vec()),
        Just(b"\\".to_vec()),
        prop::collection::vec(any::<u8>(), 0..8),
    ]
}

proptest! {
    #[test]
    fn no_body_makes_it_panic(
        pieces in prop::collection::vec(piece(), 0..24),
        query in ".{0,40}",
        kind in prop::sample::select(vec![URLENCODED, MULTIPART, JSON, "text/plain"]),
    ) {
        let _ = Form::read(&request(Some(&query), Some(kind), pieces.concat()));
    }

    #[test]
    fn no_content_type_makes_it_panic(kind in "[ -~é]{0,60}", rest in "[ -~é]{0,60}") {
        for kind in [kind, format!("multipart/form-data;{rest}"), format!("multipart/form-data; boundary={rest}")] {
            let _ = read(&kind, "--b\r\n");
        }
    }

    #[test]
    fn another_reader_finds_the_same_parts(
        parts in prop::collection::vec(
            ("[a-z_]{1,8}", prop::option::of("[a-zA-Z0-9._]{1,8}"), "[ -~\r\n]{0,40}", any::<bool>()), 0..6
        ),
        preface in any::<bool>(),
    ) {
        let mut body = if preface { "\r\n".to_owned() } else { String::new() };
        let mut expected = Vec::new();
        for (name, filename, content, quoted) in parts {
            let content = content.replace("--b", "--c");
            let quote = if quoted { "\"" } else { "" };
            let parameters = match &filename {
                Some(filename) => format!("name={quote}{name}{quote}; filename={quote}{filename}{quote}"),
                None => format!("name={quote}{name}{quote}"),
            };
            body += &part(&parameters, &content);
            expected.push((name, filename.is_some(), content.into_bytes()));
        }
        body += "--b--\r\n";
        prop_assert_eq!(ours(body.as_bytes()), Some(expected.clone()));
        prop_assert_eq!(theirs(body.as_bytes()), Some(expected));
    }

    #[test]
    fn what_is_taken_of_broken_bodies_another_reader_takes_as_well(
        pieces in prop::collection::vec(piece(), 0..12),
    ) {
        let body = [b"--b\r\nContent-Disposition: form-data; name=a", pieces.concat().as_slice(), b"\r\n--b--"].concat();
        if let Some(ours) = ours(&body) {
            // A file that was not chosen is no part for us.
            let unchosen = |(_, file, octets): &(String, bool, Vec<u8>)| *file && octets.is_empty();
            let mut theirs = theirs(&body);
            let _ = theirs.as_mut().map(|parts| parts.retain(|part| !unchosen(part)));
            let ours: Vec<_> = ours.into_iter().filter(|part| !unchosen(part)).collect();
            prop_assert_eq!(theirs, Some(ours), "{:?}", String::from_utf8_lossy(&body));
        }
    }
}
