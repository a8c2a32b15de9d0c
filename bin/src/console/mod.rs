//! The console: pages for people, at `/console`. The page on it is `docs/console.md`.
//!
//! A page is made on the server and works without a script. Its handler reads or changes what the dialects do too, by the same
//! operations of the library, and shapes the answer with `frame`, `part` and `form`.

mod account;
mod asset;
mod back;
mod chart;
mod claims;
mod domain;
mod form;
mod frame;
mod help;
mod listed;
mod live;
mod login;
mod operator;
mod overview;
mod part;
mod password;
mod refusal;
mod session;
mod setup;
mod sheet;
mod stale;

use crate::wire::http::Method;
use crate::wire::{Auth, OpenLooking, Surface, desk, looking_page, open, open_looking, page};

pub use asset::path as asset_path;
pub use login::login_url;
pub(crate) use operator::elsewhere;
pub use setup::setup_url;
pub(crate) use stale::give_back;

/// The cookie that holds a session's secret. The prefix has browsers take it from us alone, over TLS or loopback.
pub const COOKIE: &str = "__Host-postroom";

const LOGIN: &str = "/console/login";

/// The surface.
pub const SURFACE: Surface = Surface {
    name: "console",
    // Whoever opens the server's bare address in a browser is looking for the console.
    prefixes: &["/console", "/setup", "/"],
    auth: Auth::Session { cookie: COOKIE },
    routes: &[
        open(Method::GET, "/", login::lead),
        open(Method::GET, "/console/assets/{version}/{file}", asset::show),
        open(Method::GET, LOGIN, login::show),
        open(Method::POST, LOGIN, login::sign_in),
        open(Method::GET, password::SIGN_IN, password::ask),
        open(Method::POST, password::SIGN_IN, password::enter).guessing(),
        open(Method::POST, password::CHALLENGE, password::challenge),
        open(Method::POST, password::BY_PASSKEY, password::enter_by_passkey),
        open(Method::GET, setup::PATH, setup::show),
        open(Method::GET, "/setup/zone", setup::zone),
        open(Method::GET, "/setup/live", setup::live),
        open_looking(Method::POST, "/setup/check", OpenLooking { whose: setup::whose, answer: setup::check }),
        page(Method::GET, "/console", overview::show),
        page(Method::GET, "/console/domains", domain::list::show).for_account(),
        page(Method::POST, "/console/domains", domain::list::add).for_account(),
        page(Method::GET, "/console/domains/bulk", domain::bulk::show).for_account(),
        page(Method::POST, "/console/domains/bulk", domain::bulk::add).for_account(),
        page(Method::POST, "/console/domains/chosen", domain::chosen::act).for_account(),
        page(Method::GET, "/console/domains/export", domain::chosen::sheet).for_account(),
        page(Method::GET, "/console/domains/{name}", domain::show::show),
        looking_page(Method::POST, "/console/domains/{name}/check", domain::show::check),
        page(Method::GET, "/console/domains/{name}/live", live::follow),
        page(Method::GET, "/console/domains/{name}/advice", domain::advice::show),
        looking_page(Method::POST, "/console/domains/{name}/advice", domain::advice::look),
        page(Method::GET, "/console/domains/{name}/log", domain::log::show),
        page(Method::GET, "/console/domains/{name}/zone", domain::show::zone),
        page(Method::GET, "/console/domains/{name}/keys", domain::keys::show),
        page(Method::POST, "/console/domains/{name}/keys", domain::keys::create).slow(),
        page(Method::POST, "/console/domains/{name}/keys/import", domain::keys::import).slow(),
        looking_page(
            Method::POST,
            "/console/domains/{name}/keys/{selector}/activate",
            domain::keys::activate,
        ),
        page(Method::POST, "/console/domains/{name}/keys/{selector}/deactivate", domain::keys::deactivate),
        page(Method::POST, "/console/domains/{name}/keys/{selector}/delete", domain::keys::delete),
        page(Method::POST, "/console/domains/{name}/rotation", domain::keys::start_rotation).slow(),
        page(Method::POST, "/console/domains/{name}/rotation/abort", domain::keys::abort_rotation),
        page(Method::POST, "/console/domains/{name}/rotation/every", domain::keys::set_rotation_interval),
        page(Method::GET, "/console/domains/{name}/access", domain::access::show),
        page(Method::POST, "/console/domains/{name}/tokens", domain::access::create_token),
        page(Method::POST, "/console/domains/{name}/tokens/{token_id}/rename", domain::access::rename_token),
        page(Method::POST, "/console/domains/{name}/tokens/{token_id}/revoke", domain::access::revoke_token),
        page(Method::POST, "/console/domains/{name}/links", domain::access::create_link),
        page(Method::POST, "/console/domains/{name}/setup-links", domain::access::create_setup_link),
        page(
            Method::POST,
            "/console/domains/{name}/setup-links/{link_id}/revoke",
            domain::access::revoke_setup_link,
        ),
        page(Method::GET, "/console/domains/{name}/mail", domain::mail::show),
        looking_page(Method::POST, "/console/domains/{name}/mail/route", domain::mail::set_route),
        page(Method::POST, "/console/domains/{name}/mail/alias", domain::mail::add_alias),
        page(Method::POST, "/console/domains/{name}/mail/alias/remove", domain::mail::remove_alias),
        page(Method::POST, "/console/domains/{name}/mail/label", domain::mail::set_label),
        looking_page(Method::POST, "/console/domains/{name}/mail/downstream", domain::mail::set_downstream),
        page(Method::POST, "/console/domains/{name}/mail/filtering", domain::mail::set_filtering),
        page(Method::GET, "/console/domains/{name}/deliveries", domain::deliveries::show),
        looking_page(
            Method::POST,
            "/console/domains/{name}/deliveries/{delivery}/again",
            domain::deliveries::again_now,
        )
        .calling(),
        page(Method::GET, "/console/domains/{name}/lists", domain::lists::show),
        page(Method::POST, "/console/domains/{name}/lists/add", domain::lists::add),
        page(Method::POST, "/console/domains/{name}/lists/remove", domain::lists::remove),
        page(Method::GET, "/console/domains/{name}/recipients", domain::recipients::show),
        page(Method::POST, "/console/domains/{name}/recipients", domain::recipients::save),
        page(Method::POST, "/console/domains/{name}/recipients/remove", domain::recipients::remove),
        page(Method::GET, "/console/domains/{name}/quarantine", domain::quarantine::list),
        page(Method::GET, "/console/domains/{name}/quarantine/{message}", domain::quarantine::show),
        looking_page(
            Method::POST,
            "/console/domains/{name}/quarantine/{message}/release",
            domain::quarantine::release,
        )
        .calling(),
        page(Method::POST, "/console/domains/{name}/quarantine/{message}/delete", domain::quarantine::delete),
        page(Method::GET, "/console/domains/{name}/reports", domain::reports::list),
        page(Method::GET, "/console/domains/{name}/reports/{report}", domain::reports::show),
        page(Method::GET, "/console/domains/{name}/danger", domain::danger::show).for_account(),
        page(Method::POST, "/console/domains/{name}/rename", domain::danger::rename).for_account(),
        page(Method::POST, "/console/domains/{name}/transfer", domain::danger::transfer).for_operator(),
        page(Method::POST, "/console/domains/{name}/delete", domain::danger::delete).for_account(),
        page(Method::GET, "/console/claims", claims::list).for_account(),
        page(Method::POST, "/console/claims", claims::create).slow().for_account(),
        page(Method::GET, "/console/claims/{name}", claims::show),
        looking_page(Method::POST, "/console/claims/{name}/check", claims::check),
        page(Method::POST, "/console/claims/{name}/delete", claims::delete).for_account(),
        page(Method::GET, "/console/account", account::keys::show).for_account(),
        page(Method::POST, "/console/account/keys", account::keys::create).for_account(),
        page(Method::POST, "/console/account/keys/{key}/rotate", account::keys::rotate).for_account(),
        page(Method::POST, "/console/account/keys/{key}/revoke", account::keys::revoke).for_account(),
        page(Method::POST, "/console/account/links", account::keys::create_link).for_account(),
        page(Method::GET, "/console/account/usage", account::usage::show).for_account(),
        page(Method::GET, "/console/log", account::log::show).for_account(),
        page(Method::GET, "/console/log/export", account::log::export).for_account(),
        desk(Method::GET, "/console/help", help::list),
        desk(Method::GET, "/console/help/{code}", help::show),
        desk(Method::GET, "/console/sessions", session::show),
        desk(Method::POST, "/console/sessions/end", session::end),
        desk(Method::POST, "/console/sign-out", session::sign_out),
        desk(Method::GET, "/console/password", password::show).for_account(),
        desk(Method::POST, "/console/password", password::begin).for_account().guessing(),
        desk(Method::POST, "/console/password/confirm", password::confirm).for_account(),
        desk(Method::POST, "/console/password/change", password::change).for_account().guessing(),
        desk(Method::POST, "/console/password/codes", password::renew).for_account().guessing(),
        desk(Method::POST, "/console/password/remove", password::remove).for_account(),
        desk(Method::POST, "/console/password/passkeys", password::offer).for_account().guessing(),
        desk(Method::POST, "/console/password/passkeys/add", password::add_made).for_account(),
        desk(Method::POST, "/console/password/passkeys/rename", password::rename_passkey).for_account(),
        desk(Method::POST, "/console/password/passkeys/remove", password::remove_passkey)
            .for_account()
            .guessing(),
        desk(Method::GET, "/console/accounts", operator::show).for_operator(),
        desk(Method::POST, "/console/accounts/open", operator::open_account).for_operator(),
    ],
    render: refusal::render,
};
