//! The page that signs in, with a passkey or with a name, a password and a code; and signing in with those.

use maud::html;
use postroom::administrator::{self, SignInName};
use postroom::session::Browser;

use super::{SIGN_IN, by_passkey};
use crate::console::back::{self, BACK};
use crate::console::frame::{bare, base_path};
use crate::console::session::{cookie_of, welcome};
use crate::wire::form::Form;
use crate::wire::http::{Response, StatusCode};
use crate::wire::{Anybody, Call, Fault, NAME_FIELD};

#[expect(clippy::unnecessary_wraps, reason = "the form of every handler")]
pub(in crate::console) fn ask(call: &Call<'_, Anybody>) -> Result<Response, Fault> {
    Ok(page(call, StatusCode::OK, "", call.query(BACK).as_deref(), false))
}

fn page(
    call: &Call<'_, Anybody>,
    status: StatusCode,
    name: &str,
    came_from: Option<&str>,
    is_refused: bool,
) -> Response {
    let base = base_path(call.base_url);
    let came_from = came_from.and_then(back::checked);
    let wrong = is_refused.then_some("refused");
    let form = html! {
        (by_passkey::button(call.base_url, came_from))
        @if is_refused {
            p.error #refused role="alert" { "The name, the password or the code is not right. A code works once, and for half a minute or so." }
        }
        form method="post" action={ (base) (SIGN_IN) } {
            @if let Some(back) = came_from { input type="hidden" name=(BACK) value=(back); }
            div.field {
                label for="name" { "Name" }
                input type="text" id="name" name=(NAME_FIELD) value=(name) required autocomplete="username" autocapitalize="none" spellcheck="false"
                    maxlength="400" aria-describedby={ "name-hint" @if is_refused { " refused" } };
                p.hint #name-hint { "Such as jo@acme, with the name of your account. The operator's has no @." }
            }
            div.field {
                label for="password" { "Password" }
                input type="password" id="password" name="password" required autocomplete="current-password" maxlength="300" aria-describedby=[wrong];
            }
            div.field {
                label for="code" { "Code" }
                input type="text" id="code" name="code" required autocomplete="one-time-code" autocapitalize="none" spellcheck="false" maxlength="40"
                    aria-describedby={ "code-hint" @if is_refused { " refused" } };
                p.hint #code-hint { "Six digits from your program for one-time codes, or a recovery code." }
            }
            button { "Sign in with a password" }
        }
        p.small.soft { "If you cannot sign in here, ask whoever runs the server for a login link." }
    };
    bare(status, "Sign in", base, &form)
}

/// Signs in, and ends the session that the browser had.
pub(in crate::console) fn enter(call: &Call<'_, Anybody>) -> Result<Response, Fault> {
    let form = Form::read(call.request)?;
    let text = |field: &str| form.get(field).unwrap_or_default();
    let name = SignInName::of(text(NAME_FIELD));
    let known = call.read(|tx| administrator::known(tx, &name))?;
    let proof = known.check(text("password"), text("code"))?;
    let refused = || Ok(page(call, StatusCode::UNPROCESSABLE_ENTITY, text(NAME_FIELD), form.get(BACK), true));
    let Some(proof) = proof else { return refused() };
    let browser = Browser { agent: call.request.header("user-agent"), address: call.request.peer };
    let earlier = cookie_of(call.request);
    let entered = call.write(|tx| administrator::enter(tx, &proof, browser, earlier.as_ref()))?;
    let Some((session, secret)) = entered else { return refused() };
    Ok(welcome(call, &session, &secret, form.get(BACK)))
}
