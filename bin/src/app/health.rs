//! `/healthz` and `/readyz`: whether the service is well, for load balancers and for people. The page is `docs/health.md`.

use postroom::error::{Error, StoreTrouble};
use serde_json::json;

use crate::wire::http::{Method, Response, StatusCode, header};
use crate::wire::{Anybody, Auth, Call, Fault, Surface, open};

/// The surface.
pub(super) const SURFACE: Surface = Surface {
    name: "health",
    prefixes: &["/healthz", "/readyz"],
    auth: Auth::None,
    // A server that stops takes no connection any more, and so is not ready by itself.
    routes: &[open(Method::GET, "/healthz", show), open(Method::GET, "/readyz", show_ready)],
    render: |fault, _| render(fault),
};

/// Answers whether the database can be read. It does not wait for a writer, a name server or another request.
fn show(call: &Call<'_, Anybody>) -> Result<Response, Fault> {
    call.session.check_readable()?;
    Ok(Response::json(StatusCode::OK, &json!({ "status": "ok" })))
}

/// Answers whether the server can do all of its work: read the database, and seal what is secret.
fn show_ready(call: &Call<'_, Anybody>) -> Result<Response, Fault> {
    let shown = show(call)?;
    if call.session.has_master_key()? {
        return Ok(shown);
    }
    let body = json!({ "status": "the newest master key is not on this machine" });
    Ok(Response::json(StatusCode::SERVICE_UNAVAILABLE, &body))
}

/// A fault in plain JSON: `{"status":"database unreadable"}` or `{"status":"database file gone"}` if the database failed, `{"error":"text"}` for any other fault.
pub(super) fn render(fault: &Fault) -> Response {
    let status = match fault {
        Fault::Library(error) => {
            let is_gone = matches!(error, Error::Store(error) if error.trouble() == StoreTrouble::Gone);
            let body =
                json!({ "status": if is_gone { "database file gone" } else { "database unreadable" } });
            return Response::json(StatusCode::SERVICE_UNAVAILABLE, &body);
        }
        Fault::CredentialMissing | Fault::CredentialInvalid => StatusCode::UNAUTHORIZED,
        Fault::CrossSite | Fault::SwitchedOff(_) | Fault::Denied(_) => StatusCode::FORBIDDEN,
        Fault::NoRoute => StatusCode::NOT_FOUND,
        Fault::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
        Fault::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Fault::Incomplete => StatusCode::REQUEST_TIMEOUT,
        Fault::Full(_) => StatusCode::SERVICE_UNAVAILABLE,
        Fault::Busy(_) | Fault::RateLimited(_) => StatusCode::TOO_MANY_REQUESTS,
        Fault::StillRunning => StatusCode::CONFLICT,
        _ => StatusCode::BAD_REQUEST,
    };
    let response = Response::json(status, &json!({ "error": fault.to_string() }));
    match fault {
        Fault::Busy(seconds) | Fault::Full(seconds) | Fault::RateLimited(seconds) => {
            response.with(header::RETRY_AFTER, &seconds.to_string())
        }
        _ => response,
    }
}
