//! `/openapi`: a document in `OpenAPI` 3.1 for each dialect, made from its table of routes and what each says of itself, and a
//! page that lists them all. The page is `docs/openapi.md`.

mod document;
mod refusal;
mod schema;

use std::fmt::Write;

use serde_json::Value;

use super::health;
use crate::dialect::DIALECTS;
use crate::wire::http::{Method, Response, StatusCode, header};
use crate::wire::{Anybody, Auth, Call, Fault, Surface, open};

/// The surface.
pub(super) const SURFACE: Surface = Surface {
    name: "openapi",
    prefixes: &["/openapi"],
    auth: Auth::None,
    routes: &[open(Method::GET, "/openapi", index), open(Method::GET, "/openapi/{file}", one)],
    render: |fault, _| health::render(fault),
};

/// What a document may load: nothing.
const POLICY: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'";

/// The document of a dialect at this base URL; none if there is no such dialect.
pub fn document(name: &str, base_url: &str) -> Option<Value> {
    let dialect = DIALECTS.iter().find(|dialect| dialect.name == name)?;
    Some(document::describe(dialect, base_url))
}

/// The document of a dialect, by the name of its file.
fn one(call: &Call<'_, Anybody>) -> Result<Response, Fault> {
    let name = call.param("file").strip_suffix(".json").unwrap_or_default();
    let document = document(name, call.base_url).ok_or(Fault::NoRoute)?;
    Ok(Response::json(StatusCode::OK, &document))
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
             <table>\n<tr><th>Method</th><th>Path</th><th>What it does</th><th>Scope of an API key</th></tr>\n",
            credential(dialect.auth),
            path_of(call.base_url),
        );
        for route in dialect.routes {
            let summary = route.contract.map_or("", |contract| contract.summary);
            let need = route.needs.map_or_else(|| "none".to_owned(), |need| need.to_string());
            let _ = writeln!(
                page,
                "<tr><td>{}</td><td><code>{}</code></td><td>{summary}</td><td>{need}</td></tr>",
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
