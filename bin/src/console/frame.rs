//! The frame of every page: its head, the bar with the navigation, the way back, and what the browser may load.

use std::time::Duration;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use postroom::account;
use postroom::clock::Timestamp;
use postroom::db::ReadTx;
use postroom::domain;
use postroom::error::Error;
use postroom::session::{ConsoleSession, IDLE, Role};

use super::asset;
use crate::wire::http::{HeaderMap, Response, StatusCode, header};
use crate::wire::{Call, FORM_TOKEN, SignedIn};

/// Nothing but our own stylesheet, script and icon; no frame around us, and forms to ourselves alone.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The time at which a session was last used is kept to the minute or so.
const USED_TO: Duration = Duration::from_mins(1);

const LOGO: PreEscaped<&str> = PreEscaped(
    r#"<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linejoin="round" stroke-linecap="round" aria-hidden="true"><rect x="2.5" y="4" width="19" height="16" rx="3"/><path d="M2.5 10.5h5.5l1.5 2.5h5l1.5-2.5h5.5M8 7h8"/></svg>"#,
);

/// The parts of the console, as the bar shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Overview,
    Domains,
    Claims,
    Account,
    Log,
    Accounts,
    Help,
    Password,
    Sessions,
}

/// What a page needs to know of whoever looks at it.
pub(super) struct Frame {
    /// What stands before `/console` in addresses, where a proxy adds it.
    base: String,
    pub(super) session: ConsoleSession,
    form_token: String,
    /// The name of the account.
    account: Option<String>,
    /// The name of the domain, for its administrator.
    domain: Option<String>,
    pub(super) now: Timestamp,
}

/// The path in the base URL, without a last slash.
pub(super) fn base_path(base_url: &str) -> &str {
    let after = base_url.split_once("://").map_or("", |(_, rest)| rest);
    after.find('/').and_then(|at| after.get(at..)).unwrap_or_default().trim_end_matches('/')
}

/// The host in the base URL, with its port if that is named.
pub(super) fn base_host(base_url: &str) -> &str {
    let after = base_url.split_once("://").map_or(base_url, |(_, rest)| rest);
    after.split('/').next().unwrap_or_default()
}

impl Frame {
    pub(super) fn of<By>(tx: &ReadTx<'_>, call: &Call<'_, SignedIn<By>>) -> Result<Frame, Error> {
        let session = &call.caller.session;
        let account =
            session.account.map(|id| account::by_id(tx, id)).transpose()?.map(|account| account.name);
        let domain = match (session.domain, session.caller()) {
            (Some(id), Some(caller)) => Some(domain::find(tx, &caller, id)?.name.to_string()),
            _ => None,
        };
        Ok(Frame {
            base: base_path(call.base_url).to_owned(),
            session: session.clone(),
            form_token: call.caller.form_token.clone(),
            account,
            domain,
            now: tx.now(),
        })
    }

    /// The name of the account, if one is open.
    pub(super) fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// Whether whoever looks may do this.
    pub(super) fn is_for(&self, role: Role) -> bool {
        self.session.role >= role
    }

    /// An address of the console: what follows `/console`.
    pub(super) fn to(&self, path: &str) -> String {
        format!("{}/console{path}", self.base)
    }

    /// An address of a domain: what follows its name.
    pub(super) fn to_domain(&self, name: &str, path: &str) -> String {
        self.to(&format!("/domains/{name}{path}"))
    }

    /// A form of this session that POSTs to an address of the console.
    pub(super) fn form(&self, action: &str, content: &Markup) -> Markup {
        html! { form method="post" action=(action) { (self.token()) (content) } }
    }

    /// The field by which a form shows that it is this session's.
    pub(super) fn token(&self) -> Markup {
        html! { input type="hidden" name=(FORM_TOKEN) value=(self.form_token); }
    }

    /// A button that POSTs at once.
    pub(super) fn button(&self, action: &str, label: &str, class: &str) -> Markup {
        self.form(action, &html! { button class=(class) { (label) } })
    }

    /// A whole page. `trail` leads back, from the widest to the nearest; the title stands last by itself.
    pub(super) fn page(
        &self,
        part: Part,
        title: &str,
        trail: &[(String, String)],
        content: &Markup,
    ) -> Response {
        self.page_with(StatusCode::OK, part, title, trail, content)
    }

    pub(super) fn page_with(
        &self,
        status: StatusCode,
        part: Part,
        title: &str,
        trail: &[(String, String)],
        content: &Markup,
    ) -> Response {
        let content = html! {
            @if !trail.is_empty() {
                nav.trail aria-label="Where you are" {
                    ol { @for (name, path) in trail { li { a href=(path) { (name) } } } }
                }
            }
            (content)
        };
        whole(
            status,
            title,
            &self.base,
            &Chrome::english(),
            Some(&self.bar(part)),
            &html! { (content) (self.ending()) },
        )
        .with(header::REFERRER_POLICY, "same-origin")
    }

    /// What the script shows before the session ends, with what it needs to know when that is: a form that is sent later is lost (WCAG
    /// 2.2.1).
    fn ending(&self) -> Markup {
        let left = self.session.expires_at.since(self.now).as_secs();
        html! {
            section #ending.notice.wait aria-label="Your session" hidden data-idle=(IDLE.saturating_sub(USED_TO).as_secs()) data-left=(left)
                data-stay=(self.to("/help")) {
                p role="alert" {}
                button type="button" { "Stay signed in" }
            }
        }
    }

    fn bar(&self, part: Part) -> Markup {
        let mut parts: Vec<(Part, &str, String)> = Vec::new();
        match (&self.domain, &self.account) {
            (Some(domain), _) => parts.push((Part::Domains, "Domain", self.to_domain(domain, ""))),
            (None, Some(_)) => {
                parts.push((Part::Overview, "Overview", self.to("")));
                parts.push((Part::Domains, "Domains", self.to("/domains")));
                parts.push((Part::Claims, "Claims", self.to("/claims")));
                parts.push((Part::Account, "Account", self.to("/account")));
                parts.push((Part::Log, "Audit log", self.to("/log")));
            }
            (None, None) => {}
        }
        if self.is_for(Role::Operator) {
            parts.push((Part::Accounts, "All accounts", self.to("/accounts")));
        }
        parts.push((Part::Help, "Help", self.to("/help")));
        let role = role_name(self.session.role);
        let of = self.domain.as_ref().or(self.account.as_ref());
        html! {
            nav aria-label="Console" {
                ul {
                    @for (which, name, path) in &parts {
                        li { a href=(path) aria-current=[(*which == part).then_some("page")] { (name) } }
                    }
                }
            }
            div.who {
                span { (role) @if let Some(of) = of { " of " strong { (of) } } }
                @if self.is_for(Role::Account) {
                    a href=(self.to("/password")) aria-current=[(part == Part::Password).then_some("page")] { "Password" }
                }
                a href=(self.to("/sessions")) aria-current=[(part == Part::Sessions).then_some("page")] { "Sessions" }
                (self.form(&self.to("/sign-out"), &html! { button.link { "Sign out" } }))
            }
        }
    }
}

/// What people call a role.
pub(super) fn role_name(role: Role) -> &'static str {
    match role {
        Role::Domain => "Domain administrator",
        Role::Account => "Account administrator",
        Role::Operator => "Operator",
    }
}

/// A page for whoever is not signed in, or where that does not matter.
pub(super) fn bare(status: StatusCode, title: &str, base: &str, content: &Markup) -> Response {
    let content = html! { div.narrow { div.card { h1 { (title) } (content) } } };
    whole(status, title, base, &Chrome::english(), None, &content)
        .with(header::REFERRER_POLICY, "no-referrer")
}

/// A page for somebody who has no way into the console.
pub(super) fn handed(
    status: StatusCode,
    title: &str,
    base: &str,
    chrome: &Chrome,
    content: &Markup,
) -> Response {
    whole(status, title, base, chrome, None, content).with(header::REFERRER_POLICY, "no-referrer")
}

/// What stands around every page, in its language.
pub(super) struct Chrome {
    /// The language's code.
    pub(super) language: &'static str,
    /// What leads past the bar.
    pub(super) skip: String,
    /// What the script says, by name, where that is not English.
    pub(super) said: Vec<(&'static str, String)>,
}

impl Chrome {
    fn english() -> Chrome {
        Chrome { language: "en", skip: "Skip to the content".to_owned(), said: Vec::new() }
    }
}

fn whole(
    status: StatusCode,
    title: &str,
    base: &str,
    chrome: &Chrome,
    bar: Option<&Markup>,
    content: &Markup,
) -> Response {
    let asset = |file: &str| format!("{base}{}", asset::path(file));
    let page = html! {
        (DOCTYPE)
        html lang=(chrome.language) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                // Whoever hears the page learns first that the form was not accepted.
                title { @if status == StatusCode::UNPROCESSABLE_ENTITY { "Error: " } (title) " · Postroom" }
                link rel="icon" type="image/svg+xml" href=(asset("icon.svg"));
                link rel="stylesheet" href=(asset("console.css"));
                script defer src=(asset("console.js")) {}
            }
            body {
                a.skip href="#content" { (chrome.skip) }
                header.bar {
                    div.bar-in {
                        @if chrome.said.is_empty() { a.brand href=(format!("{base}/console")) { (LOGO) "Postroom" } }
                        @else { span.brand { (LOGO) "Postroom" } }
                        @if let Some(bar) = bar { (bar) }
                    }
                }
                main #content tabindex="-1" { (content) }
                p #said.visually-hidden role="status" aria-live="polite" {}
                @for (name, text) in &chrome.said { template data-word=(name) { (text) } }
                footer.foot { "Postroom " (env!("CARGO_PKG_VERSION")) }
            }
        }
    };
    Response { status, headers: HeaderMap::new(), body: page.into_string().into() }
        .with(header::CONTENT_TYPE, "text/html; charset=utf-8")
        .with(header::CONTENT_SECURITY_POLICY, POLICY)
}

/// The answer to a form that was accepted: look there now.
pub(super) fn see(path: &str) -> Response {
    Response { status: StatusCode::SEE_OTHER, headers: HeaderMap::new(), body: Vec::new().into() }
        .with(header::LOCATION, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_has_a_host_and_a_path_without_a_last_slash() {
        for (url, host, path) in [
            ("https://desk.example.net", "desk.example.net", ""),
            ("https://desk.example.net/", "desk.example.net", ""),
            ("http://127.0.0.1:8025/mail/desk/", "127.0.0.1:8025", "/mail/desk"),
        ] {
            assert_eq!((base_host(url), base_path(url)), (host, path));
        }
    }
}
