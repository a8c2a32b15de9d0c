//! The console: pages for people, at `/console`. The page on it is `docs/console.md`.
//!
//! So far there is one page, which opens a login link.

mod login;
mod page;

use postroom::error::Error;

use crate::wire::http::{Method, Response, StatusCode};
use crate::wire::{Auth, Fault, Surface, open, store_status};

pub use login::login_url;

/// The surface.
pub const SURFACE: Surface = Surface {
    name: "console",
    prefixes: &["/console"],
    auth: Auth::Form,
    routes: &[open(Method::GET, LOGIN, login::show), open(Method::POST, LOGIN, login::sign_in)],
    render,
};

const LOGIN: &str = "/console/login";

/// A fault as a page.
fn render(fault: &Fault) -> Response {
    match fault {
        // The page does not show whether a link never existed, was used, or has expired.
        Fault::CredentialMissing | Fault::CredentialInvalid | Fault::CredentialTwice => page::dead_link(),
        Fault::CrossSite => page::elsewhere(),
        Fault::NoRoute => page::nothing_here(),
        Fault::Method(_) => page::wrong_method(),
        Fault::TooLarge => page::unreadable(StatusCode::PAYLOAD_TOO_LARGE),
        Fault::Busy(seconds) | Fault::Full(seconds) | Fault::RateLimited(seconds) => page::later(*seconds),
        Fault::Library(Error::Store(error)) => page::failed(store_status(error)),
        Fault::Library(_) => page::failed(StatusCode::INTERNAL_SERVER_ERROR),
        _ => page::unreadable(StatusCode::BAD_REQUEST),
    }
}
