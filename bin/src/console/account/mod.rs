//! The pages of an account as a whole.

pub(super) mod keys;
pub(super) mod log;
pub(super) mod usage;

use maud::{Markup, html};

use super::frame::Frame;

/// The pages of an account.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tab {
    Keys,
    Usage,
}

/// The links to the pages of an account.
fn tabs(frame: &Frame, here: Tab) -> Markup {
    let all = [(Tab::Keys, "/account", "API keys"), (Tab::Usage, "/account/usage", "Usage")];
    html! {
        nav.tabs aria-label="Pages of the account" {
            ul { @for (tab, path, word) in all { li { a href=(frame.to(path)) aria-current=[(tab == here).then_some("page")] { (word) } } } }
        }
    }
}
