//! What went wrong, as a page.

use maud::{Markup, html};
use postroom::error::Error;

use super::back;
use super::frame::{bare, base_path, see};
use super::part::encoded;
use super::password::SIGN_IN;
use super::stale;
use crate::wire::http::{Response, StatusCode, header};
use crate::wire::{Fault, PageFault, RequestPlace, store_status};

/// A fault as a page. It is the same page whoever asks, so that what is another's looks like what never was.
pub(super) fn render(fault: &Fault, place: &RequestPlace) -> Response {
    let base = base_path(&place.base_url);
    let page = |status, title: &str, content: &Markup| bare(status, title, base, content);
    let home = || html! { p { a href={ (base) "/console" } { "To the console" } } };
    let unreadable = |status| {
        let text = html! { p { "The form did not arrive as it should. Nothing was changed. Go back and send it again." } };
        page(status, "The form could not be read", &text)
    };
    let failed = |status| {
        page(status, "Something went wrong", &html! { p { "Nothing was changed. Try again in a while." } })
    };
    match fault {
        Fault::CredentialMissing | Fault::CredentialInvalid => signed_out(base, place),
        // It does not show why the link opens nothing.
        Fault::Page(PageFault::DeadLink) => page(
            StatusCode::NOT_FOUND,
            "This link does not work",
            &html! { p { "It may have been used already, or have expired. Ask whoever sent it for a new one." } },
        ),
        Fault::Page(PageFault::DeadSetupLink(language)) => super::setup::dead_link(language, base),
        Fault::CredentialTwice => page(
            StatusCode::BAD_REQUEST,
            "Two ways in at once",
            &html! { p { "The request carries more than one credential. Close the browser, and open a new login link." } },
        ),
        Fault::Page(PageFault::Passkey(why)) => page(
            StatusCode::UNPROCESSABLE_ENTITY,
            "The passkey does not sign you in",
            &html! {
                p role="alert" { (why) }
                p { a href={ (base) (SIGN_IN) } { "Back to the page that signs you in" } }
            },
        ),
        Fault::Page(PageFault::NoAccount) => see(&format!("{base}/console/accounts")),
        Fault::CrossSite => page(
            StatusCode::FORBIDDEN,
            "Sent from another site",
            &html! { p { "The form was sent from another site. Nothing was changed. Open the page here, and use its own form." } },
        ),
        Fault::Page(PageFault::StaleForm) => page(
            StatusCode::FORBIDDEN,
            stale::TITLE,
            &html! { p { (stale::WHY) " Go back, reload the page, and send the form again." } },
        ),
        Fault::NoRoute | Fault::Library(Error::NotFound(_)) => page(
            StatusCode::NOT_FOUND,
            "There is no such page",
            &html! { p { "Nothing is here, or it is not yours to see." } (home()) },
        ),
        // Somebody reloads the answer to a form, or has an old address of one.
        Fault::Method(_) if place.is_read => {
            let query = place.query.as_deref().map(|query| format!("?{query}")).unwrap_or_default();
            see(&format!("{base}{}{query}", back::page_of(&place.path)))
        }
        Fault::Method(_) => page(
            StatusCode::METHOD_NOT_ALLOWED,
            "Method not allowed",
            &html! { p { "This page does not take such a request." } (home()) },
        ),
        Fault::TooLarge => unreadable(StatusCode::PAYLOAD_TOO_LARGE),
        Fault::Busy(seconds) | Fault::Full(seconds) | Fault::RateLimited(seconds) => {
            let text = html! { p { "Too many requests came at once. Try again in " (seconds) " s." } };
            page(StatusCode::TOO_MANY_REQUESTS, "Too many requests", &text)
                .with(header::RETRY_AFTER, &seconds.to_string())
        }
        Fault::Denied(reason) => {
            page(StatusCode::FORBIDDEN, "Not allowed", &html! { p { (reason) } (home()) })
        }
        Fault::Library(
            error @ (Error::Conflict(_)
            | Error::InUse { .. }
            | Error::Limit { .. }
            | Error::Cap { .. }
            | Error::Taken { .. }
            | Error::NotClaimable { .. }),
        ) => page(
            StatusCode::CONFLICT,
            "This cannot be done now",
            &html! { p { (super::form::sentence(&error.to_string())) } (home()) },
        ),
        Fault::Library(Error::Invalid { reason, .. }) => page(
            StatusCode::UNPROCESSABLE_ENTITY,
            "This cannot be done so",
            &html! { p { (super::form::sentence(reason)) } (home()) },
        ),
        Fault::Library(Error::Store(error)) => failed(store_status(error)),
        Fault::Library(_) => failed(StatusCode::INTERNAL_SERVER_ERROR),
        _ => unreadable(StatusCode::BAD_REQUEST),
    }
}

fn signed_out(base: &str, place: &RequestPlace) -> Response {
    let back = back::of(place).map(|back| format!("?{}={}", back::BACK, encoded(&back))).unwrap_or_default();
    let content = html! {
        p { "You are not signed in here, or your session is over: a session ends after half an hour without use, and \
             after twelve hours." }
        h2 { "How to get in" }
        ul {
            li { "If you have a password or a passkey, " a href={ (base) (SIGN_IN) (back) } { "sign in with it" } "." }
            li { "If you have a login link, open it. It works once, for a few minutes. Whoever runs your mail, or the \
                  program that you manage it with, makes a new one." }
            li { "If you run this server, print a link in its shell: " code { "postroom login-link --operator" } ". For \
                  the administrators of an account it is " code { "postroom login-link --account NAME" } ", and for \
                  those of one domain " code { "postroom login-link example.com" } "." }
        }
    };
    bare(StatusCode::UNAUTHORIZED, "Sign in", base, &content)
}
