//! `/openapi`: a document in `OpenAPI` 3.1 for each dialect, made from its table of routes, and a page that lists them all. The
//! page is `docs/openapi.md`.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::health;
use crate::dialect::DIALECTS;
use crate::wire::http::{Method, Response, StatusCode, header};
use crate::wire::{Anybody, Auth, Call, Fault, Route, Surface, open};

/// The surface.
pub(super) const SURFACE: Surface = Surface {
    name: "openapi",
    prefixes: &["/openapi"],
    auth: Auth::None,
    routes: &[open(Method::GET, "/openapi", index), open(Method::GET, "/openapi/{file}", document)],
    render: health::render,
};

/// What a document may load: nothing.
const POLICY: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'";

/// The document of a dialect.
fn document(call: &Call<'_, Anybody>) -> Result<Response, Fault> {
    let name = call.param("file").strip_suffix(".json").unwrap_or_default();
    let dialect = DIALECTS.iter().find(|dialect| dialect.name == name).ok_or(Fault::NoRoute)?;
    Ok(Response::json(StatusCode::OK, &describe(dialect, call.base_url)))
}

/// A page with every route of every dialect. It needs nothing from elsewhere.
#[expect(clippy::unnecessary_wraps, reason = "the form of every handler")]
fn index(call: &Call<'_, Anybody>) -> Result<Response, Fault> {
    let mut page = String::from(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Postroom's interfaces</title>\n</head>\n<body>\n<h1>Postroom's interfaces</h1>\n",
    );
    for dialect in DIALECTS {
        let name = dialect.name;
        // Writing to a String cannot fail. All texts are constants of this program, without a character special in HTML.
        let _ = write!(
            page,
            "<h2 id=\"{name}\">{name}</h2>\n<p>{} <a href=\"{}/openapi/{name}.json\">{name}.json</a></p>\n\
             <table>\n<tr><th>Method</th><th>Path</th><th>Scope of an API key</th></tr>\n",
            credential(dialect.auth),
            path_of(call.base_url),
        );
        for route in dialect.routes {
            let need = route.needs.map_or_else(|| "none".to_owned(), |need| need.to_string());
            let _ = writeln!(
                page,
                "<tr><td>{}</td><td><code>{}</code></td><td>{need}</td></tr>",
                route.method, route.path
            );
        }
        page.push_str("</table>\n");
    }
    page.push_str("</body>\n</html>\n");
    let response = Response { body: page.into(), ..Response::json(StatusCode::OK, &()) };
    Ok(response
        .with(header::CONTENT_TYPE, "text/html; charset=utf-8")
        .with(header::CONTENT_SECURITY_POLICY, POLICY))
}

/// The path of a base URL, below which everything is.
fn path_of(base_url: &str) -> &str {
    let rest = base_url.split_once("://").map_or(base_url, |(_, rest)| rest);
    rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default()
}

fn describe(dialect: &Surface, base_url: &str) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in dialect.routes {
        let at = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Value::Object(methods) = at {
            methods.insert(route.method.as_str().to_lowercase(), operation(dialect, route));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": format!("Postroom, the {} dialect", dialect.name),
            "version": env!("CARGO_PKG_VERSION"),
            "description": format!(
                "{} What no schema says, and what differs from the published interface, stands in docs/dialects/{}.md.",
                credential(dialect.auth), dialect.name
            ),
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": base_url }],
        "security": [{ "key": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "key": scheme(dialect.auth) },
            "schemas": { "Fault": fault(dialect) },
        },
    })
}

fn operation(dialect: &Surface, route: &Route) -> Value {
    let parameters: Vec<Value> = names(route.path)
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    let refused = |text: &str| {
        json!({
            "description": text,
            "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Fault" } } },
        })
    };
    let done = json!({ "description": "Done.", "content": { "application/json": {}, "text/plain": {} } });
    let mut operation = json!({
        "operationId": id(route),
        "tags": [dialect.name],
        "parameters": parameters,
        "responses": {
            "2XX": done,
            "4XX": refused("The request is refused; the body says why."),
            "5XX": refused("The server could not do this now."),
        },
    });
    if let Value::Object(members) = &mut operation {
        if let Some(need) = route.needs {
            members.insert("x-scope".to_owned(), need.to_string().into());
        }
        if route.is_open() {
            members.insert("security".to_owned(), json!([]));
        }
        if [Method::POST, Method::PUT, Method::PATCH].contains(&route.method) {
            members.insert("requestBody".to_owned(), body(dialect));
        }
        if route.method == Method::POST {
            let key = json!({
                "name": "Idempotency-Key", "in": "header", "required": false,
                "description": "A repeat with the same key gets the first answer.",
                "schema": { "type": "string", "minLength": 1, "maxLength": 255 },
            });
            if let Some(Value::Array(parameters)) = members.get_mut("parameters") {
                parameters.push(key);
            }
        }
    }
    operation
}

/// What a body may be: a form where the credential is that of a form's interface, else JSON.
fn body(dialect: &Surface) -> Value {
    let object = json!({ "schema": { "type": "object" } });
    let content = match dialect.auth {
        Auth::Basic { .. } => {
            json!({ "multipart/form-data": object, "application/x-www-form-urlencoded": object })
        }
        _ => json!({ "application/json": object }),
    };
    json!({ "required": false, "content": content })
}

/// The shape of a fault, read from one.
fn fault(dialect: &Surface) -> Value {
    let response = (dialect.render)(&Fault::NoRoute);
    let body = response.body.into_whole().ok().and_then(|body| serde_json::from_slice(&body).ok());
    schema(&body.unwrap_or(Value::Null))
}

/// The schema of a value: its members are there, and there may be more.
fn schema(value: &Value) -> Value {
    match value {
        Value::Object(members) => json!({
            "type": "object",
            "required": members.keys().collect::<Vec<_>>(),
            "properties": members.iter().map(|(name, value)| (name.clone(), schema(value))).collect::<Map<_, _>>(),
        }),
        Value::Array(_) => json!({ "type": "array" }),
        Value::String(_) => json!({ "type": "string" }),
        Value::Number(_) => json!({ "type": "integer" }),
        Value::Bool(_) => json!({ "type": "boolean" }),
        // What is null in one fault is something else in another.
        Value::Null => json!({}),
    }
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

/// Where the credential stands, in a sentence.
fn credential(auth: Auth) -> String {
    match auth {
        Auth::Bearer => "The API key stands in Authorization: Bearer.".to_owned(),
        Auth::Basic { user } => {
            format!("The API key is the password of the user {user} in Authorization: Basic.")
        }
        Auth::Header(names) => format!("The API key stands in the header field {}.", names.join(" or ")),
        Auth::Session { .. } | Auth::None => "There is no API key.".to_owned(),
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
