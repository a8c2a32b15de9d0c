//! The encodings of parameters, on every method.

use super::*;

/// The PEM of a key of 2048 bits, in PKCS#1.
const PEM: &str = include_str!("../../fixtures/pem/002-2048.pem");

#[test]
fn a_parameter_may_stand_in_the_query_an_urlencoded_a_multipart_or_a_json_body() {
    let (app, key) = start();
    let sent = [
        call(&app, &key, "POST /v1/dkim/keys?signing_domain=example.com&selector=q"),
        call_with(
            &app,
            &key,
            "POST /v1/dkim/keys",
            "application/x-www-form-urlencoded",
            b"signing_domain=example.com&selector=u",
        ),
        call_form(&app, &key, "POST /v1/dkim/keys", &[("signing_domain", DOMAIN), ("selector", "m")]),
        call_with(
            &app,
            &key,
            "POST /v1/dkim/keys",
            "multipart/form-data; boundary=\"a b\"",
            multipart("a b", &[("signing_domain", DOMAIN), ("selector", "quoted")]).as_bytes(),
        ),
        call_with(
            &app,
            &key,
            "POST /v1/dkim/keys",
            "application/json",
            br#"{"signing_domain":"example.com","selector":"j"}"#,
        ),
        call(
            &app,
            &key,
            "POST /v1/dkim/keys?signing_domain=nobody.example&signing_domain=example.com&selector=last",
        ),
    ];
    for (reply, selector) in sent.iter().zip(["q", "u", "m", "quoted", "j", "last"]) {
        assert_eq!(reply.status, 200, "{selector}: {reply:?}");
        assert_eq!(reply.json()["selector"], selector);
    }
}

#[test]
fn get_and_delete_take_bodies_too_and_an_empty_one_is_none() {
    let (app, key) = start();
    make(&app, &key, DOMAIN, "s1");
    let form = "application/x-www-form-urlencoded";
    let listed = call_with(&app, &key, "GET /v1/dkim/keys", form, b"selector=s1");
    assert_eq!(listed.json()["items"].as_array().unwrap().len(), 1);
    let deleted =
        call_form(&app, &key, "DELETE /v1/dkim/keys", &[("signing_domain", DOMAIN), ("selector", "s1")]);
    deleted.is(200, &message("success"));
    for kind in [form, "application/json", "multipart/form-data; boundary=x"] {
        let listed = call_with(&app, &key, "GET /v1/dkim/keys", kind, b"");
        assert_eq!(listed.status, 200, "{kind}: {listed:?}");
    }
}

#[test]
fn a_key_is_imported_as_a_text_or_as_a_file_and_the_file_wins() {
    let (app, key) = start();
    let file = |selector: &str, text: &str, file: &str| {
        let disposition = "Content-Disposition: form-data";
        let body = format!(
            "{}--xYz\r\n{disposition}; name=\"pem\"; filename=\"key.pem\"\r\nContent-Type: application/octet-stream\r\n\r\n\
             {file}\r\n--xYz--\r\n",
            multipart("xYz", &[("signing_domain", DOMAIN), ("selector", selector), ("pem", text)])
                .trim_end_matches("--xYz--\r\n"),
        );
        call_with(&app, &key, "POST /v1/dkim/keys", "multipart/form-data; boundary=xYz", body.as_bytes())
    };
    let fields = [("signing_domain", DOMAIN), ("selector", "text"), ("pem", PEM)];
    let as_text = call_form(&app, &key, "POST /v1/dkim/keys", &fields);
    assert_eq!(as_text.status, 200, "{as_text:?}");
    let as_file = file("file", "what the client calls it: b'...'", PEM);
    assert_eq!(as_file.status, 200, "{as_file:?}");
    assert_eq!(as_text.json()["dns_record"]["value"], as_file.json()["dns_record"]["value"]);
    let wrong = file("wrong", PEM, "no key at all");
    wrong.is(400, &message("failed to import domain key: failed to parse PEM"));
    let events = app.actions(key.account);
    assert_eq!(events.iter().filter(|event| event.starts_with("dkim_key.imported")).count(), 2, "{events:?}");
}

#[test]
fn a_bad_pem_is_refused_in_the_words_of_its_kind() {
    let (app, key) = start();
    let import = |pem: &str| {
        let fields = [("signing_domain", DOMAIN), ("selector", "s1"), ("pem", pem)];
        call_form(&app, &key, "POST /v1/dkim/keys", &fields)
    };
    import("lorem ipsum").is(400, &message("failed to import domain key: failed to parse PEM"));
    let not_pkcs1 = "failed to import domain key: failed to parse private key: key must be PKCS1 format";
    for other in ["PRIVATE KEY", "EC PRIVATE KEY", "CERTIFICATE", "PUBLIC KEY"] {
        let pem = format!("-----BEGIN {other}-----\nMAA=\n-----END {other}-----\n");
        import(&pem).is(400, &message(not_pkcs1));
    }
    let weak = import(include_str!("../../fixtures/pem/127-512-bits.pem"));
    let text = weak.json()["message"].as_str().unwrap().to_owned();
    assert!(
        weak.status == 400 && text.starts_with("failed to import domain key: ") && text.contains("bits"),
        "{text}"
    );
    assert_eq!(keys_of(&app, &key, DOMAIN).len(), 1);
}

#[test]
fn broken_multipart_is_400_whatever_is_wrong_with_it() {
    let (app, key) = start();
    let mixed = "multipart/form-data; boundary=x";
    let part = |name: usize| format!("--x\r\nContent-Disposition: form-data; name=\"f{name}\"\r\n\r\nv\r\n");
    let many: String = (0..1000).map(part).chain(["--x--\r\n".to_owned()]).collect();
    for (kind, body) in [
        (mixed, "--x\r\n".to_owned()),
        (mixed, "no boundary in it".to_owned()),
        (mixed, part(1)),
        (mixed, many),
        (mixed, "--x\r\nContent-Disposition: form-data\r\n\r\nv\r\n--x--\r\n".to_owned()),
        ("multipart/form-data", multipart("x", &[("selector", "s1")])),
        ("multipart/form-data; boundary=", multipart("x", &[("selector", "s1")])),
        ("text/plain", "selector=s1".to_owned()),
        ("application/json", "[1]".to_owned()),
        ("application/json", "{".to_owned()),
    ] {
        let reply = call_with(&app, &key, "POST /v1/dkim/keys", kind, body.as_bytes());
        let text = reply.json()["message"].as_str().unwrap().to_owned();
        let start: String = body.chars().take(60).collect();
        assert!(reply.status == 400 && !text.starts_with("Missing"), "{kind} {start:?}: {text}");
    }
}

#[test]
fn a_text_that_is_sent_as_a_file_is_a_text() {
    let (app, key) = start();
    let child = "news.example.com";
    app.domain(&key, child);
    let as_file = |line: &str, fields: &[(&str, &str)]| {
        let body = multipart("xYz", fields).replace("\r\n\r\n", "; filename=\"blob\"\r\n\r\n");
        call_with(&app, &key, line, "multipart/form-data; boundary=xYz", body.as_bytes())
    };
    let own = as_file(&format!("PUT /v3/domains/{child}/dkim_authority"), &[("self", "true")]);
    assert_eq!((own.status, &own.json()["changed"]), (200, &json!(false)), "its own keys sign, as before");
    let fields = [("signing_domain", DOMAIN), ("selector", "weak"), ("bits", "3072")];
    as_file("POST /v1/dkim/keys", &fields).is(400, &message("bits must be 1024 or 2048"));
}
