//! The document of a dialect.

use serde_json::{Map, Value, json};

use super::refusal;
use super::schema::{Schemas, set};
use crate::dialect::fault_of;
use crate::wire::http::Method;
use crate::wire::shape::{ADDRESS, ID, Member, NAME, SELECTOR, Shape, has};
use crate::wire::{Auth, Content, Route, Surface, Takes};

/// The parameters that stand in paths.
const IN_PATHS: &[Member] = &[
    has("id", ID),
    has("token_id", ID),
    has("name", NAME),
    has("domain", NAME),
    has("alias", NAME),
    has("selector", SELECTOR),
    has("address", ADDRESS),
    has("email", ADDRESS),
    has("list", Shape::Word(&["safelist", "blocklist"])),
    has("listname", Shape::Word(&["safelist", "blocklist", "whitelist", "blacklist"])),
];

/// The document.
pub(super) fn describe(dialect: &Surface, base_url: &str) -> Value {
    let mut schemas = Schemas::default();
    let fault = schemas.of(fault_of(dialect));
    let mut paths: Map<String, Value> = Map::new();
    for route in dialect.routes {
        let operation = operation(dialect, route, &mut schemas, &fault);
        let at = paths.entry(route.path).or_insert_with(|| json!({}));
        set(at, &route.method.as_str().to_lowercase(), operation);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": format!("Postroom, the {} dialect", dialect.name),
            "version": env!("CARGO_PKG_VERSION"),
            "description": format!(
                "{} What no schema says, and what differs from the published interface, stands in docs/dialects/{}.md. \
                 A GET route answers HEAD as well.",
                super::credential(dialect.auth), dialect.name
            ),
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": base_url }],
        "security": [{ "key": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "key": scheme(dialect.auth) },
            "schemas": schemas.into_value(),
        },
    })
}

fn operation(dialect: &Surface, route: &Route, schemas: &mut Schemas, fault: &Value) -> Value {
    let mut parameters: Vec<Value> = names(route.path).map(|name| in_path(name, schemas)).collect();
    let mut responses = Map::new();
    let mut operation = json!({ "operationId": id(route), "tags": [dialect.name] });
    if let Some(contract) = route.contract {
        set(&mut operation, "summary", json!(contract.summary));
        parameters.extend(contract.query.iter().map(|member| parameter(member, "query", schemas)));
        if let Some(body) = body(contract.takes, schemas) {
            set(&mut operation, "requestBody", body);
        }
        for (status, content) in contract.answers.into_iter().flatten() {
            responses.insert(status.to_string(), answer(content, schemas));
        }
    }
    responses.extend(refusal::answers(dialect, route, fault));
    if route.method == Method::POST && !route.is_open() {
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "1 to 255 printable ASCII characters; a repeat with the same key gets the first answer.",
            "schema": { "type": "string" }, "example": "order-4711",
        }));
    }
    set(&mut operation, "parameters", parameters.into());
    set(&mut operation, "responses", responses.into());
    if let Some(need) = route.needs {
        set(&mut operation, "x-scope", need.to_string().into());
    }
    if route.is_open() {
        set(&mut operation, "security", json!([]));
    }
    operation
}

fn in_path(name: &str, schemas: &mut Schemas) -> Value {
    match IN_PATHS.iter().find(|member| member.name == name) {
        Some(member) => parameter(member, "path", schemas),
        None => json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }),
    }
}

fn parameter(member: &Member, place: &str, schemas: &mut Schemas) -> Value {
    let mut schema = schemas.of(&member.shape);
    // An empty one is as if it were left out.
    if !member.is_required && !matches!(member.shape, Shape::Text { least: 0, .. }) {
        schema = json!({ "anyOf": [schema, { "type": "string", "maxLength": 0 }] });
    }
    let mut parameter =
        json!({ "name": member.name, "in": place, "required": member.is_required, "schema": schema });
    if !member.text.is_empty() {
        set(&mut parameter, "description", json!(member.text));
    }
    if member.is_required {
        set(&mut parameter, "example", member.shape.example());
    }
    parameter
}

fn body(takes: Takes, schemas: &mut Schemas) -> Option<Value> {
    Some(match takes {
        Takes::Nothing => return None,
        Takes::Json(shape) | Takes::MaybeJson(shape) => json!({
            "required": matches!(takes, Takes::Json(_)),
            "content": { "application/json": { "schema": schemas.of(shape), "example": shape.example() } },
        }),
        Takes::Form(fields) => {
            let is_required = fields.iter().any(|field| field.is_required);
            let form = json!({ "schema": schemas.object(fields.iter(), false) });
            json!({
                "required": is_required,
                "content": { "multipart/form-data": form, "application/x-www-form-urlencoded": form },
            })
        }
    })
}

fn answer(content: Content, schemas: &mut Schemas) -> Value {
    let mut answer = json!({ "description": "Done." });
    match content {
        Content::Nothing => {}
        Content::Json(shape) => {
            let json = json!({ "schema": schemas.of(shape), "example": shape.example() });
            set(&mut answer, "content", json!({ "application/json": json }));
        }
        Content::Text(kind) => {
            set(&mut answer, "content", json!({ kind: { "schema": { "type": "string" } } }));
        }
    }
    answer
}

fn scheme(auth: Auth) -> Value {
    match auth {
        Auth::Basic { .. } => json!({ "type": "http", "scheme": "basic" }),
        Auth::Header(names) => {
            json!({ "type": "apiKey", "in": "header", "name": names.first().copied().unwrap_or_default() })
        }
        Auth::Bearer | Auth::Session { .. } | Auth::None => json!({ "type": "http", "scheme": "bearer" }),
    }
}

/// The parameters in a path.
fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|rest| rest.split('}').next())
}

/// `get_postroom_v1_domains_name`: unique within a dialect, because its routes are.
fn id(route: &Route) -> String {
    let words = route.path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let words: Vec<&str> = words.collect();
    format!("{}_{}", route.method.as_str().to_lowercase(), words.join("_"))
}
