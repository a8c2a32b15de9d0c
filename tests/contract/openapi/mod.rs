//! `/openapi`: what describes the dialects, through the App in process.

use std::collections::{BTreeMap, BTreeSet};

use postroom_server::dialect::{DIALECTS, fault_of};
use postroom_server::wire::shape::Shape;
use postroom_server::wire::{Content, Takes};
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

/// The shapes of a dialect: of its bodies, its answers and its faults.
fn shapes(dialect: &postroom_server::wire::Surface) -> Vec<&'static Shape> {
    let mut shapes = vec![fault_of(dialect)];
    for route in dialect.routes {
        let contract = route.contract.unwrap_or_else(|| panic!("{} {}", route.method, route.path));
        if let Takes::Json(shape) | Takes::MaybeJson(shape) = contract.takes {
            shapes.push(shape);
        }
        for (_, content) in contract.answers.iter().flatten() {
            if let Content::Json(shape) = content {
                shapes.push(shape);
            }
        }
        assert!(contract.answers[0].is_some(), "{} {} has no answer", route.method, route.path);
    }
    shapes
}

/// The objects in a shape, by their names.
fn named(shape: &Shape, found: &mut BTreeMap<&'static str, String>) {
    match shape {
        Shape::Maybe(of) | Shape::List(of) | Shape::Map(of) => named(of, found),
        Shape::Either(shapes) => shapes.iter().for_each(|shape| named(shape, found)),
        Shape::Object { name, parts, .. } => {
            let written = format!("{shape:?}");
            let first = found.entry(name).or_insert_with(|| written.clone());
            assert_eq!(*first, written, "two objects are called {name}");
            parts.iter().copied().flatten().for_each(|member| named(&member.shape, found));
        }
        _ => {}
    }
}

#[test]
fn every_route_says_what_it_takes_and_answers_and_every_example_is_one() {
    for dialect in DIALECTS {
        let mut found = BTreeMap::new();
        for shape in shapes(dialect) {
            named(shape, &mut found);
            assert_eq!(shape.misfit(&shape.example(), true), None, "{}", dialect.name);
        }
        assert!(found.len() > 4, "{}: {found:?}", dialect.name);
    }
}

#[test]
fn every_reference_in_a_document_leads_to_a_schema_and_every_schema_is_used() {
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    found.insert(reference.clone());
                }
                members.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let app = TestApp::new();
    for dialect in DIALECTS {
        let document = app.send(&format!("GET /openapi/{}.json", dialect.name), &[], b"").json();
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        let schemas = document["components"]["schemas"].as_object().unwrap().keys();
        let schemas = schemas.map(|name| format!("#/components/schemas/{name}")).collect();
        assert_eq!(found, schemas, "{}", dialect.name);
    }
}

#[test]
fn every_refusal_in_a_document_has_an_example_that_the_dialect_itself_makes() {
    let app = TestApp::new();
    for dialect in DIALECTS {
        let document = app.send(&format!("GET /openapi/{}.json", dialect.name), &[], b"").json();
        let mut count = 0;
        for operation in
            document["paths"].as_object().unwrap().values().flat_map(|at| at.as_object().unwrap().values())
        {
            for (status, answer) in operation["responses"].as_object().unwrap() {
                let Some(examples) = answer["content"]["application/json"]["examples"].as_object() else {
                    continue;
                };
                assert!(status.starts_with(['4', '5']), "{status}");
                for example in examples.values() {
                    assert_eq!(fault_of(dialect).misfit(&example["value"], true), None, "{}", dialect.name);
                    count += 1;
                }
            }
        }
        assert!(count > dialect.routes.len(), "{}", dialect.name);
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
