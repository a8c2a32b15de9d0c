//! The part of the page "Password" that shows one's passkeys, with its forms.

use maud::{Markup, html};
use postroom::administrator::passkey::{
    self, MOST_LABEL_CHARS, MOST_PASSKEYS, NoRelyingParty, Passkey, RelyingParty,
};

use super::shown::{Shown, proof_fields};
use crate::console::form::{Fields, Refused};
use crate::console::part::{counted, time};

/// What is said where passkeys cannot be used. The script hides the first sentence, and shows the second where it is true.
pub(super) fn needs(what: &str) -> Markup {
    html! {
        p data-needs-script { (what) " needs JavaScript, which is off in this browser." }
        p data-no-passkeys hidden { "This browser has no passkeys. Use a newer one." }
    }
}

/// Why there are no passkeys here, and what to do.
fn nowhere(why: &NoRelyingParty) -> Markup {
    html! {
        section.card {
            h2 { "Passkeys" }
            p { "Passkeys cannot be used here: " (why) ". Whoever runs the server sets " code { "public_url" } " to an HTTPS address with a name, or on \
                 this machine to one with " code { "localhost" } "." }
        }
    }
}

/// What the page says of passkeys.
pub(super) fn section(shown: &Shown, base_url: &str, refused: Option<&Refused>) -> Markup {
    if let Err(why) = RelyingParty::of(base_url) {
        return nowhere(&why);
    }
    let own = shown.own.as_ref().map(|(own, ..)| own);
    let has_room = shown.passkeys.len() < MOST_PASSKEYS as usize;
    html! {
        section.card {
            h2 { "Passkeys" }
            p { "A passkey signs you in with your device's fingerprint, face or PIN, or with a security key: no name, no password and no code." }
            @if own.is_some() { (list(shown)) }
            @if !shown.may_change_passkeys {
                p { strong { "This session began more than 15 minutes ago. " @if own.is_some() { "Sign out and in" } @else { "Open a new login link" }
                    ", and come back here to add or remove a passkey." } }
            } @else if own.is_none() {
                (add(shown, refused))
            }
        }
        @if own.is_some() {
            div.grid {
                @if shown.may_change_passkeys {
                    section.card {
                        h2 { "Add a passkey" }
                        @if has_room { (add(shown, refused)) }
                        @else { p { "You have " (counted(u64::from(MOST_PASSKEYS), "passkey")) ", which is the most. Remove one first." } }
                    }
                }
                @if !shown.passkeys.is_empty() {
                    (rename_form(shown, refused))
                    @if shown.may_change_passkeys { (remove_form(shown, refused)) }
                }
            }
        }
    }
}

fn list(shown: &Shown) -> Markup {
    let now = shown.frame.now;
    html! {
        @if shown.passkeys.is_empty() { p { "You have none yet." } } @else {
            table.table {
                caption.visually-hidden { "Your passkeys" }
                thead { tr { th scope="col" { "Name" } th scope="col" { "Added" } th scope="col" { "Last used" } } }
                tbody {
                    @for one in &shown.passkeys {
                        tr {
                            td { span.name { (one.name) } }
                            td data-label="Added" { (time(one.created_at, now)) }
                            td data-label="Last used" { @match one.used_at { Some(at) => (time(at, now)), None => "never" } }
                        }
                    }
                }
            }
        }
    }
}

fn label_field(fields: &Fields<'_>, there: &str) -> Markup {
    let hint = "Where it is kept, such as \"my phone\". The audit log shows the name as well.";
    fields.field("label", "Name of the passkey", hint, |control| html! {
        input type="text" id=(control.id) name=(control.name) value=(fields.value("label", there)) required autocomplete="off"
            maxlength=(MOST_LABEL_CHARS) aria-describedby=[control.described] aria-invalid=[control.is_wrong.then_some("true")] autofocus[control.is_wrong];
    })
}

/// The form that leads to the page where the browser makes a passkey.
fn add(shown: &Shown, refused: Option<&Refused>) -> Markup {
    let frame = &shown.frame;
    let own = shown.own.as_ref().map(|(own, ..)| own);
    let known: &[&str] = match own {
        None => &["name", "label"],
        Some(own) if passkey::needs_password(own) => &["label", "current", "code"],
        Some(_) => &["label"],
    };
    let fields = Fields::of("add", known, refused);
    html! {
        (needs("Adding a passkey"))
        div data-passkeys hidden {
            (frame.form(&frame.to("/password/passkeys"), &html! {
                (fields.top())
                @if own.is_none() {
                    (fields.field("name", "Your name", "Letters, digits, dots, hyphens and underscores. The name of the account is added to it.", |control| html! {
                        input type="text" id=(control.id) name=(control.name) value=(fields.value("name", "")) required autocomplete="username"
                            autocapitalize="none" spellcheck="false" maxlength="64" aria-describedby=[control.described]
                            aria-invalid=[control.is_wrong.then_some("true")] autofocus[control.is_wrong];
                    }))
                }
                (label_field(&fields, ""))
                @if own.is_some_and(passkey::needs_password) { (proof_fields(&fields)) }
                button.primary { "Add a passkey" }
            }))
        }
    }
}

fn choice(fields: &Fields<'_>, passkeys: &[Passkey]) -> Markup {
    let ids: Vec<String> = passkeys.iter().map(|one| one.id.to_string()).collect();
    let all: Vec<(&str, &str)> =
        ids.iter().zip(passkeys).map(|(id, one)| (id.as_str(), one.name.as_str())).collect();
    fields.choice("passkey", "Passkey", "", "", &all)
}

fn rename_form(shown: &Shown, refused: Option<&Refused>) -> Markup {
    let fields = Fields::of("rename", &["label"], refused);
    html! {
        section.card {
            h2 { "Rename a passkey" }
            (shown.frame.form(&shown.frame.to("/password/passkeys/rename"), &html! {
                (fields.top())
                (choice(&fields, &shown.passkeys))
                (label_field(&fields, ""))
                button { "Rename" }
            }))
        }
    }
}

fn remove_form(shown: &Shown, refused: Option<&Refused>) -> Markup {
    let own = shown.own.as_ref().map(|(own, ..)| own);
    let needs_password = own.is_some_and(passkey::needs_password);
    let fields = Fields::of("remove", if needs_password { &["current", "code"] } else { &[] }, refused);
    let is_last = !needs_password && shown.passkeys.len() == 1;
    html! {
        section.card {
            h2 { "Remove a passkey" }
            @if is_last {
                p { strong { "This is your last way in." } " If you remove it, you are signed out, and your name is free. To come back you need a login link: \
                     whoever runs the server prints one in its shell." }
            } @else {
                p { "Your other sessions end." }
            }
            (shown.frame.form(&shown.frame.to("/password/passkeys/remove"), &html! {
                (fields.top())
                (choice(&fields, &shown.passkeys))
                @if needs_password { (proof_fields(&fields)) }
                @if is_last { (fields.mark("sure", "yes", "I shall sign in by a login link", false)) }
                button.danger { "Remove" }
            }))
        }
    }
}
