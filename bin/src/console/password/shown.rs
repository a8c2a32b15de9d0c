//! What the page "Password" shows of whoever has opened it.

use maud::{Markup, html};
use postroom::administrator::passkey::{self, Passkey};
use postroom::administrator::{self, Administrator, SignInName, codes_left};
use postroom::error::Error;

use crate::console::form::Fields;
use crate::console::frame::Frame;
use crate::wire::{Call, SignedIn};

/// A call of somebody who is signed in, with or without an account.
pub(super) type Visitor<'a> = Call<'a, SignedIn<()>>;

/// What the page "Password" shows.
pub(super) struct Shown {
    pub(super) frame: Frame,
    /// Who has the session, if they came with a password or a passkey, their name, and how many recovery codes they have left.
    pub(super) own: Option<(Administrator, SignInName, u64)>,
    pub(super) passkeys: Vec<Passkey>,
    /// Whether passkeys may be added and removed in this session now.
    pub(super) may_change_passkeys: bool,
    /// Everybody of the account who signs in without a link.
    pub(super) all: Vec<Administrator>,
    /// Whether the session is young enough for a first password.
    pub(super) is_fresh: bool,
}

impl Shown {
    pub(super) fn read(call: &Visitor<'_>) -> Result<Shown, Error> {
        let session = &call.caller.session;
        call.read(|tx| {
            let own = match administrator::own(tx, session)? {
                Some(own) => {
                    let (name, left) = (administrator::sign_in_name(tx, &own)?, codes_left(tx, own.id)?);
                    Some((own, name, left))
                }
                None => None,
            };
            Ok(Shown {
                frame: Frame::of(tx, call)?,
                passkeys: passkey::list(tx, session)?,
                may_change_passkeys: passkey::is_open(tx, session, own.as_ref().map(|(own, ..)| own)),
                own,
                all: administrator::list(tx, session)?,
                is_fresh: administrator::is_fresh(tx, session),
            })
        })
    }
}

/// The fields by which somebody with a password shows who they are.
pub(super) fn proof_fields(fields: &Fields<'_>) -> Markup {
    let secret = |name: &str, label: &str, kind: &str, complete: &str| {
        fields.field(name, label, "", |control| html! {
            input type=(kind) id=(control.id) name=(control.name) required autocomplete=(complete) maxlength="300"
                aria-describedby=[control.described] aria-invalid=[control.is_wrong.then_some("true")] autofocus[control.is_wrong];
        })
    };
    html! { (secret("current", "Password of now", "password", "current-password")) (secret("code", "Code", "text", "one-time-code")) }
}
