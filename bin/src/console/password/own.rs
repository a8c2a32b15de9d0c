//! The page "Password": one's own password, chosen after signing in by a link and changed with itself, one's passkeys, and who else has
//! any of these.

use std::fmt::Write;

use maud::{Markup, PreEscaped, html};
use postroom::administrator::{
    self, Administrator, HashedPassword, LEAST_CHARS, RecoveryCode, SignInName, TotpKey,
};
use postroom::error::Error;
use postroom::id::AdministratorId;
use qrcode::{Color, QrCode};

use super::passkeys;
use super::shown::{Shown, Visitor, proof_fields};
use crate::console::form::{Fields, Refused, check_sure, sure};
use crate::console::frame::{Frame, Part, bare, base_path, see};
use crate::console::part::{Tone, counted, pill, time};
use crate::wire::Fault;
use crate::wire::form::Form;
use crate::wire::http::{Response, StatusCode};

pub(in crate::console) fn show(call: &Visitor<'_>) -> Result<Response, Fault> {
    answer(call, StatusCode::OK, None, None)
}

pub(super) fn answer(
    call: &Visitor<'_>,
    status: StatusCode,
    refused: Option<&Refused>,
    told: Option<&Markup>,
) -> Result<Response, Fault> {
    let shown = Shown::read(call)?;
    let content = html! {
        div.head { h1 { "Password and passkeys" } }
        @if let Some(told) = told { (told) }
        @if let Some((own, name, left)) = &shown.own { (who(&shown.frame, own, name, *left)) }
        (passkeys::section(&shown, call.base_url, refused))
        @match &shown.own {
            Some((own, ..)) if own.has_password => (manage(&shown.frame, refused)),
            _ => (begin_form(&shown, refused)),
        }
        (table(&shown, refused))
    };
    Ok(shown.frame.page_with(status, Part::Password, "Password and passkeys", &[], &content))
}

/// The page again, with what was not accepted.
pub(super) fn again(
    call: &Visitor<'_>,
    form: &'static str,
    first: &str,
    entered: Form,
    fault: Fault,
) -> Result<Response, Fault> {
    let refused = Refused::of(call, form, first, entered, fault)?;
    answer(call, StatusCode::UNPROCESSABLE_ENTITY, Some(&refused), None)
}

fn new_password(fields: &Fields<'_>) -> Markup {
    let secret = |name: &str, label: &str, hint: &str| {
        fields.field(name, label, hint, |control| html! {
            // What was typed is a secret: it is not shown again.
            input type="password" id=(control.id) name=(control.name) required autocomplete="new-password" maxlength="300"
                aria-describedby=[control.described] aria-invalid=[control.is_wrong.then_some("true")] autofocus[control.is_wrong];
        })
    };
    let hint = format!("At least {LEAST_CHARS} characters; a few words in a row are good.");
    html! { (secret("password", "New password", &hint)) (secret("repeated", "The same once more", "")) }
}

fn begin_form(shown: &Shown, refused: Option<&Refused>) -> Markup {
    let fields = Fields::of("begin", &["name", "password", "repeated"], refused);
    html! {
        section.card {
            h2 { "Sign in with a password" }
            p { @if shown.own.is_some() { "Choose a password" } @else { "Choose a name and a password" } ", and add a key to a program for one-time codes, such as one on your phone. From then on you sign in with \
                 them on the page " a href=(shown.frame.to("/sign-in")) { "Sign in" } ", and need no link." }
            @if shown.is_fresh {
                (shown.frame.form(&shown.frame.to("/password"), &html! {
                    (fields.top())
                    @if shown.own.is_none() {
                        (fields.field("name", "Name", "Letters, digits, dots, hyphens and underscores. The name of the account is added to it.", |control| html! {
                            input type="text" id=(control.id) name=(control.name) value=(fields.value("name", "")) required autocomplete="username"
                                autocapitalize="none" spellcheck="false" maxlength="64" aria-describedby=[control.described]
                                aria-invalid=[control.is_wrong.then_some("true")] autofocus[control.is_wrong];
                        }))
                    }
                    (new_password(&fields))
                    button.primary { "Go on" }
                }))
            } @else {
                p { strong { "This session began more than 15 minutes ago. " @if shown.own.is_some() { "Sign out and in" } @else { "Open a new login link" }
                    ", and come back here." } }
            }
        }
    }
}

fn who(frame: &Frame, own: &Administrator, name: &SignInName, left: u64) -> Markup {
    html! {
        section.card {
            p { "You sign in as " strong { (name) } ", since " (time(own.created_at, frame.now)) "."
                @if own.has_password {
                    " You have " (counted(left, "recovery code")) " left" @if left < 3 { " " (pill(Tone::Wait, "Few")) } "."
                }
            }
        }
    }
}

fn manage(frame: &Frame, refused: Option<&Refused>) -> Markup {
    let (change, renew) = (
        Fields::of("change", &["current", "code", "password", "repeated"], refused),
        Fields::of("renew", &["current", "code"], refused),
    );
    html! {
        div.grid {
            section.card {
                h2 { "Change the password" }
                p { "Your other sessions end." }
                (frame.form(&frame.to("/password/change"), &html! {
                    (change.top()) (proof_fields(&change)) (new_password(&change))
                    button { "Change the password" }
                }))
            }
            section.card {
                h2 { "Make new recovery codes" }
                p { "Those before are void then." }
                (frame.form(&frame.to("/password/codes"), &html! { (renew.top()) (proof_fields(&renew)) button { "Make new codes" } }))
            }
        }
    }
}

fn table(shown: &Shown, refused: Option<&Refused>) -> Markup {
    let frame = &shown.frame;
    let own = shown.own.as_ref().map(|(own, ..)| own.id);
    html! {
        section.card {
            h2 { "Who signs in without a link" }
            (Fields::of("put-out", &[], refused).top())
            @if shown.all.is_empty() { p { "Nobody yet." } } @else {
                table.table {
                    caption.visually-hidden { "Who signs in without a link" }
                    thead { tr { th scope="col" { "Name" } th scope="col" { "With" } th scope="col" { "Since" } th scope="col" { "Last signed in" } th scope="col" { span.visually-hidden { "Remove" } } } }
                    tbody {
                        @for one in &shown.all {
                            tr {
                                td { span.name { (one.name) } " " @if own == Some(one.id) { (pill(Tone::Good, "You")) } }
                                td data-label="With" { (ways(one)) }
                                td data-label="Since" { (time(one.created_at, frame.now)) }
                                td data-label="Last signed in" { @match one.used_at { Some(at) => (time(at, frame.now)), None => "never" } }
                                td {
                                    @if own == Some(one.id) {
                                        details {
                                            summary { "Remove" span.visually-hidden { " " (one.name) } }
                                            (frame.form(&frame.to("/password/remove"), &html! {
                                                input type="hidden" name="administrator" value=(one.id);
                                                (sure("I shall sign in by a login link", "Remove myself"))
                                            }))
                                        }
                                    } @else {
                                        (frame.form(&frame.to("/password/remove"), &html! {
                                            input type="hidden" name="administrator" value=(one.id);
                                            button.slight.danger { "Remove" span.visually-hidden { " " (one.name) } }
                                        }))
                                    }
                                }
                            }
                        }
                    }
                }
            }
            p.small { "Whoever is removed loses the password and every passkey, and is signed out. To let somebody else in, send them a login link." }
        }
    }
}

/// With what somebody signs in.
fn ways(one: &Administrator) -> String {
    let passkeys = counted(one.passkeys, "passkey");
    match (one.has_password, one.passkeys) {
        (true, 0) => "a password".to_owned(),
        (true, _) => format!("a password, {passkeys}"),
        (false, _) => passkeys,
    }
}

/// The password that was typed twice the same.
fn chosen(form: &Form) -> Result<&str, Error> {
    let (password, repeated) = (form.get("password").unwrap_or_default(), form.get("repeated"));
    if repeated == Some(password) {
        Ok(password)
    } else {
        Err(Error::invalid("repeated", "the two are not the same"))
    }
}

/// Makes somebody with a password, or gives somebody with passkeys one, and shows the key of their codes.
pub(in crate::console) fn begin(call: &Visitor<'_>) -> Result<Response, Fault> {
    let entered = Form::read(call.request)?;
    let session = &call.caller.session;
    let made = (|| {
        let own = call.read(|tx| administrator::own(tx, session))?.filter(|own| !own.has_password);
        let own = own.map(|own| own.name);
        let name = own.as_deref().or_else(|| entered.get("name")).unwrap_or_default();
        let password = HashedPassword::of(name, chosen(&entered)?)?;
        call.write(|tx| {
            let (made, key) = administrator::begin(tx, session, name, &password)?;
            let name = administrator::sign_in_name(tx, &made)?;
            Ok::<_, Error>((made, name, key))
        })
    })();
    match made {
        Ok((made, name, key)) => {
            let frame = call.read(|tx| Frame::of(tx, call))?;
            Ok(key_page(&frame, StatusCode::OK, made.id, Some((&name, &key)), false))
        }
        Err(error) => again(call, "begin", "name", entered, error.into()),
    }
}

fn key_page(
    frame: &Frame,
    status: StatusCode,
    id: AdministratorId,
    key: Option<(&SignInName, &TotpKey)>,
    is_wrong: bool,
) -> Response {
    let content = html! {
        div.head { h1 { "Add the key" } }
        section.card {
            @if let Some((name, key)) = key {
                p { "You will sign in as " strong { (name) } ". Scan this with your program for one-time codes, or type the key into it: six digits, every 30 seconds." }
                @let key = key.reveal();
                (qr(&format!("otpauth://totp/Postroom:{}?secret={}&issuer=Postroom", encoded(&name.to_string()), &*key)))
                div.secret { code data-copy="the key" { (*key) } }
            } @else {
                p { "If the program does not have the key, " a href=(frame.to("/password")) { "begin again" } ": the key is not shown twice." }
            }
            (frame.form(&frame.to("/password/confirm"), &html! {
                input type="hidden" name="administrator" value=(id);
                div.field {
                    label for="code" { "The code that the program shows now" }
                    input type="text" id="code" name="code" required inputmode="numeric" autocomplete="one-time-code" maxlength="10"
                        aria-invalid=[is_wrong.then_some("true")] autofocus[is_wrong] aria-describedby=[is_wrong.then_some("code-error")];
                    @if is_wrong { p.error #code-error { "This is not the code of this moment. Is the clock of the program right?" } }
                }
                button.primary { "Confirm" }
            }))
        }
    };
    frame.page_with(
        status,
        Part::Password,
        "Add the key",
        &[("Password".to_owned(), frame.to("/password"))],
        &content,
    )
}

/// A text in an address, percent-encoded.
fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// A QR code, dark on light in either colour scheme, as scanners want it.
fn qr(text: &str) -> Markup {
    let Ok(code) = QrCode::new(text) else { return html! {} };
    let (width, mut path) = (code.width(), String::new());
    for (at, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            // Writing to a String cannot fail.
            let _ = write!(path, "M{} {}h1v1h-1z", at % width + 4, at / width + 4);
        }
    }
    let side = width + 8;
    let drawn = format!(
        "<svg class=\"qr\" role=\"img\" aria-label=\"The key as a QR code\" viewBox=\"0 0 {side} {side}\" \
         shape-rendering=\"crispEdges\"><rect width=\"{side}\" height=\"{side}\" fill=\"#fff\"/><path d=\"{path}\" fill=\"#000\"/></svg>"
    );
    html! { (PreEscaped(drawn)) }
}

/// Takes the first code, and shows the recovery codes this once.
pub(in crate::console) fn confirm(call: &Visitor<'_>) -> Result<Response, Fault> {
    let form = Form::read(call.request)?;
    let id = administrator_of(&form)?;
    let code = form.get("code").unwrap_or_default();
    match call.write(|tx| administrator::confirm(tx, &call.caller.session, id, code)) {
        Ok(codes) => answer(
            call,
            StatusCode::OK,
            None,
            Some(&codes_of("You can sign in with your password now", &codes)),
        ),
        Err(Error::Invalid { field: "code", .. }) => {
            let frame = call.read(|tx| Frame::of(tx, call))?;
            Ok(key_page(&frame, StatusCode::UNPROCESSABLE_ENTITY, id, None, true))
        }
        Err(error) => Err(error.into()),
    }
}

fn codes_of(title: &str, codes: &[RecoveryCode]) -> Markup {
    html! {
        section.notice.good role="status" {
            h2 { (title) }
            p { "These recovery codes are shown this once. Each stands in for a one-time code, once: print them, or keep them where you keep passwords." }
            ul.codes { @for code in codes { li { code { (code.reveal()) } } } }
        }
    }
}

pub(super) fn administrator_of(form: &Form) -> Result<AdministratorId, Error> {
    let id = form.get("administrator").and_then(|id| id.parse().ok()).map(AdministratorId::new);
    id.ok_or_else(|| Error::invalid("administrator", "the form does not say whom it is about"))
}

/// What shows that whoever asks is who signed in.
pub(super) fn proof(call: &Visitor<'_>, form: &Form) -> Result<administrator::Proof, Error> {
    let known = call.read(|tx| administrator::known_by_session(tx, &call.caller.session))?;
    let (password, code) = (form.get("current").unwrap_or_default(), form.get("code").unwrap_or_default());
    known.check(password, code)?.ok_or_else(stale)
}

/// The page for somebody who has removed their last way in. `what` says what is removed.
pub(super) fn gone(call: &Visitor<'_>, what: &str) -> Response {
    let text = html! {
        p { (what) ", and you are signed out. To come back you need a login link." }
        p { "Whoever runs the server prints one in its shell: " code { "postroom login-link --account NAME" } ", or "
            code { "postroom login-link --operator" } "." }
    };
    bare(StatusCode::OK, "Your last way in is removed", base_path(call.base_url), &text)
}

pub(super) fn stale() -> Error {
    Error::invalid("current", "the password or the code is not right")
}

pub(in crate::console) fn change(call: &Visitor<'_>) -> Result<Response, Fault> {
    let entered = Form::read(call.request)?;
    let session = &call.caller.session;
    let done = (|| {
        let own = call.read(|tx| administrator::own(tx, session))?;
        let name = own.map(|own| own.name).unwrap_or_default();
        let new = HashedPassword::of(&name, chosen(&entered)?)?;
        let proof = proof(call, &entered)?;
        let is_changed = call.write(|tx| administrator::set_password(tx, session, &proof, &new))?;
        if is_changed { Ok(()) } else { Err(stale()) }
    })();
    match done {
        Ok(()) => {
            let told = html! { section.notice.good role="status" { p { "The password is changed, and your other sessions have ended." } } };
            answer(call, StatusCode::OK, None, Some(&told))
        }
        Err(error) => again(call, "change", "current", entered, error.into()),
    }
}

pub(in crate::console) fn renew(call: &Visitor<'_>) -> Result<Response, Fault> {
    let entered = Form::read(call.request)?;
    let session = &call.caller.session;
    let made = proof(call, &entered).and_then(|proof| {
        call.write(|tx| administrator::renew_codes(tx, session, &proof))?.ok_or_else(stale)
    });
    match made {
        Ok(codes) => {
            answer(call, StatusCode::OK, None, Some(&codes_of("You have new recovery codes", &codes)))
        }
        Err(error) => again(call, "renew", "current", entered, error.into()),
    }
}

pub(in crate::console) fn remove(call: &Visitor<'_>) -> Result<Response, Fault> {
    let entered = Form::read(call.request)?;
    let (id, session) = (administrator_of(&entered)?, &call.caller.session);
    let is_own = session.administrator == Some(id);
    let removed = (|| {
        if is_own {
            check_sure(&entered)?;
        }
        call.write(|tx| administrator::remove(tx, session, id))
    })();
    match removed {
        Ok(()) if is_own => Ok(gone(call, "Your password and your passkeys are removed")),
        Ok(()) => Ok(see(&format!("{}/console/password", base_path(call.base_url)))),
        Err(error) => again(call, "put-out", "session", entered, error.into()),
    }
}
