//! `/openapi`: what describes the dialects, through the App in process.

use std::collections::BTreeSet;

use postroom_server::dialect::DIALECTS;
use serde_json::Value;

use crate::harness::app::TestApp;

#[test]
fn each_dialect_has_a_document_with_every_route_and_its_parameters() {
    let app = TestApp::new();
    for dialect in DIALECTS {
        let line = "GET /openapi/{file}".replace("{file}", &format!("{}.json", dialect.name));
        let reply = app.send(&line, &[], b"");
        assert_eq!(reply.status, 200, "{}", dialect.name);
        let document = reply.json();
        assert_eq!(document["openapi"], "3.1.0");
        let mut ids = BTreeSet::new();
        let mut count = 0;
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let route = dialect
                    .routes
                    .iter()
                    .find(|route| route.path == path && route.method.as_str().eq_ignore_ascii_case(method));
                let route = route.unwrap_or_else(|| panic!("{method} {path}"));
                let in_path = |parameter: &&Value| parameter["in"] == "path";
                let parameters = operation["parameters"].as_array().unwrap().iter().filter(in_path);
                let named: Vec<&str> =
                    parameters.map(|parameter| parameter["name"].as_str().unwrap()).collect();
                assert_eq!(named.len(), path.matches('{').count(), "{method} {path}");
                assert!(named.iter().all(|name| path.contains(&format!("{{{name}}}"))), "{method} {path}");
                assert_eq!(
                    operation["x-scope"].as_str().map(str::to_owned),
                    route.needs.map(|need| need.to_string())
                );
                assert!(ids.insert(operation["operationId"].to_string()), "{method} {path}");
                count += 1;
            }
        }
        assert_eq!(count, dialect.routes.len(), "{}", dialect.name);
    }
}

#[test]
fn a_fault_has_the_shape_that_the_document_says() {
    let app = TestApp::new();
    for dialect in DIALECTS {
        let document = app.send(&format!("GET /openapi/{}.json", dialect.name), &[], b"").json();
        let fault = app.send(&format!("GET {}/no/such", dialect.prefixes[0]), &[], b"").json();
        let members: BTreeSet<&String> = fault.as_object().unwrap().keys().collect();
        let schema = &document["components"]["schemas"]["Fault"];
        assert_eq!(schema["properties"].as_object().unwrap().keys().collect::<BTreeSet<_>>(), members);
    }
}

#[test]
fn the_index_names_every_document_and_loads_nothing() {
    let app = TestApp::new();
    for line in ["GET /openapi", "GET /openapi/"] {
        let reply = app.send(line, &[], b"");
        assert_eq!((reply.status, reply.header("content-type")), (200, Some("text/html; charset=utf-8")));
        let page = reply.text();
        assert!(DIALECTS.iter().all(|dialect| page.contains(&format!("/openapi/{}.json", dialect.name))));
        assert!(!page.contains("<script") && !page.contains("<link") && !page.contains("src="), "{page}");
    }
}

#[test]
fn there_is_no_other_document() {
    let app = TestApp::new();
    for file in ["console.json", "native", "native.yaml", ".json"] {
        assert_eq!(app.send(&format!("GET /openapi/{file}"), &[], b"").status, 404, "{file}");
    }
}
