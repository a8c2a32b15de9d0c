//! Forms: their fields, and what is said beside a field whose content was not accepted.

use std::fmt::Display;

use maud::{Markup, html};
use postroom::error::Error;
use postroom::session::Role;

use super::frame::base_path;
use crate::wire::form::Form;
use crate::wire::http::{Response, StatusCode};
use crate::wire::{Call, Fault, SignedIn};

/// The field that says of which row of a table a form is.
const ROW: &str = "row";

/// What somebody entered that was not accepted, and why.
pub(super) struct Refused {
    /// Which form of the page it is.
    form: &'static str,
    /// The field that is wrong.
    field: String,
    /// A sentence.
    reason: String,
    /// Where to go on from here, and what that is called.
    way: Option<(String, &'static str)>,
    entered: Form,
}

impl Refused {
    /// What to say of a fault that the content of this form caused. A fault with another cause is given back.
    ///
    /// `first` is the field that a fault belongs to which names none of this form's.
    pub(super) fn of<By>(
        call: &Call<'_, SignedIn<By>>,
        form: &'static str,
        first: &str,
        entered: Form,
        fault: Fault,
    ) -> Result<Refused, Fault> {
        let mut way = None;
        let (field, reason) = match &fault {
            Fault::Input { field, reason, .. } => ((*field).to_owned(), format!("It {reason}.")),
            Fault::Library(Error::Invalid { field, reason }) => ((*field).to_owned(), sentence(reason)),
            Fault::Library(Error::Conflict(what)) => {
                (first.to_owned(), format!("This {what} exists already, here or in another account."))
            }
            Fault::Library(
                error @ (Error::InUse { .. }
                | Error::Limit { .. }
                | Error::Cap { .. }
                | Error::NotClaimable { .. }
                | Error::Wider { .. }),
            ) => (first.to_owned(), sentence(&error.to_string())),
            Fault::Library(error @ Error::Taken { .. }) if call.caller.session.role >= Role::Account => {
                way = Some((format!("{}/console/claims#claim", base_path(call.base_url)), "Claim it"));
                (first.to_owned(), sentence(&error.to_string()))
            }
            // A claim is the account's, and not for the administrators of one domain to make.
            Fault::Library(Error::Taken { name }) => {
                let reason = format!(
                    "{name} is taken by another account; if it is yours, ask an administrator of your account to claim it."
                );
                (first.to_owned(), reason)
            }
            _ => return Err(fault),
        };
        Ok(Refused { form, field, reason, way, entered })
    }

    /// What was entered is one's own and there already: its page is `place`.
    pub(super) fn own(self, reason: &str, place: String) -> Refused {
        Refused { reason: reason.to_owned(), way: Some((place, "Open it")), ..self }
    }

    /// The sentence, with the way to go on.
    fn said(&self) -> Markup {
        html! { (self.reason) @if let Some((place, word)) = &self.way { " " a href=(place) { (word) } } }
    }

    pub(super) fn is_of(&self, form: &str) -> bool {
        self.form == form
    }

    /// A text of the form as it was entered.
    pub(super) fn entered(&self, name: &str) -> Option<&str> {
        self.entered.get(name)
    }
}

/// A reason of the library's, as a sentence. It may begin with the name of a domain or of a setting, which stays as it is.
pub(super) fn sentence(reason: &str) -> String {
    let is_name = reason
        .split_whitespace()
        .next()
        .is_some_and(|word| word.trim_end_matches(['.', ':', ';', ',']).contains('.'));
    let mut chars = reason.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).filter(|_| !is_name);
    let first = first.unwrap_or_else(|| reason.chars().take(1).collect());
    let end = if reason.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{first}{}{end}", chars.as_str())
}

/// A form of a page, whose fields show again what was entered if that was not accepted.
pub(super) struct Fields<'a> {
    form: &'static str,
    /// Of which row, where each row of a table has such a form.
    row: Option<String>,
    refused: Option<&'a Refused>,
    /// The fields that show the reason themselves; for any other field the reason stands at the top.
    known: &'static [&'static str],
}

impl<'a> Fields<'a> {
    pub(super) fn of(
        form: &'static str,
        known: &'static [&'static str],
        refused: Option<&'a Refused>,
    ) -> Fields<'a> {
        Fields { form, row: None, refused: refused.filter(|refused| refused.is_of(form)), known }
    }

    /// A form that each row of a table has: the one of this row. It carries [`Fields::row`].
    pub(super) fn of_row(
        form: &'static str,
        row: impl Display,
        known: &'static [&'static str],
        refused: Option<&'a Refused>,
    ) -> Fields<'a> {
        let row = row.to_string();
        let refused = refused.filter(|refused| refused.is_of(form) && refused.entered(ROW) == Some(&row));
        Fields { form, row: Some(row), refused, known }
    }

    /// The field that says of which row the form is.
    pub(super) fn row(&self) -> Markup {
        html! { @if let Some(row) = &self.row { input type="hidden" name=(ROW) value=(row); } }
    }

    /// Whether what was entered in this form was not accepted, so that what holds the form must stand open.
    pub(super) fn is_refused(&self) -> bool {
        self.refused.is_some()
    }

    /// What was entered, or else what is there.
    pub(super) fn value(&self, name: &str, there: &str) -> String {
        self.refused.and_then(|refused| refused.entered(name)).unwrap_or(there).to_owned()
    }

    /// Whether a choice or a mark was made, or else is there.
    pub(super) fn is(&self, name: &str, value: &str, there: bool) -> bool {
        match self.refused {
            Some(refused) => refused.entered.all(name).iter().any(|given| given == value),
            None => there,
        }
    }

    fn reason(&self, name: &str) -> Option<Markup> {
        self.refused.filter(|refused| refused.field == name).map(Refused::said)
    }

    /// What is wrong with no field in particular.
    pub(super) fn top(&self) -> Markup {
        html! {
            @if let Some(refused) = self.refused && !self.known.contains(&refused.field.as_str()) {
                // Where no field is wrong, the reason itself is where the page begins.
                p.error role="alert" tabindex="-1" autofocus { (refused.said()) }
            }
        }
    }

    /// Whether one of these fields is wrong, so that what holds them must stand open.
    pub(super) fn is_wrong(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.reason(name).is_some())
    }

    fn id(&self, name: &str) -> String {
        match &self.row {
            Some(row) => format!("{}-{row}-{name}", self.form),
            None => format!("{}-{name}", self.form),
        }
    }

    /// A label, what `control` makes of an id and of what describes it, a hint, and what is wrong.
    pub(super) fn field(
        &self,
        name: &str,
        label: &str,
        hint: &str,
        control: impl FnOnce(&Control<'_>) -> Markup,
    ) -> Markup {
        let id = self.id(name);
        let reason = self.reason(name);
        let mut described: Vec<String> = Vec::new();
        if reason.is_some() {
            described.push(format!("{id}-error"));
        }
        if !hint.is_empty() {
            described.push(format!("{id}-hint"));
        }
        let described = (!described.is_empty()).then(|| described.join(" "));
        let control =
            control(&Control { id: &id, name, described: described.as_deref(), is_wrong: reason.is_some() });
        html! {
            div.field {
                label for=(id) { (label) }
                (control)
                @if let Some(reason) = reason { p.error id={ (id) "-error" } { (reason) } }
                @if !hint.is_empty() { p.hint id={ (id) "-hint" } { (hint) } }
            }
        }
    }

    /// A line of text.
    pub(super) fn text(&self, name: &str, label: &str, there: &str, hint: &str) -> Markup {
        self.input("text", name, label, there, hint, false)
    }

    /// A line of text that must be there.
    pub(super) fn needed(&self, name: &str, label: &str, there: &str, hint: &str) -> Markup {
        self.input("text", name, label, there, hint, true)
    }

    pub(super) fn input(
        &self,
        kind: &str,
        name: &str,
        label: &str,
        there: &str,
        hint: &str,
        must: bool,
    ) -> Markup {
        let value = self.value(name, there);
        self.field(name, label, hint, |control| {
            html! {
                input type=(kind) id=(control.id) name=(control.name) value=(value) required[must] autocomplete="off"
                    autocapitalize="none" spellcheck="false"
                    aria-describedby=[control.described] aria-invalid=[control.is_wrong.then_some("true")] autofocus[control.is_wrong];
            }
        })
    }

    /// Several lines of text.
    pub(super) fn lines(&self, name: &str, label: &str, there: &str, hint: &str) -> Markup {
        let value = self.value(name, there);
        self.field(name, label, hint, |control| {
            html! {
                // A first line break belongs to the markup and not to the text.
                textarea id=(control.id) name=(control.name) rows="6" spellcheck="false" autocapitalize="none"
                    aria-describedby=[control.described] aria-invalid=[control.is_wrong.then_some("true")] autofocus[control.is_wrong] { "\n" (value) }
            }
        })
    }

    /// One of several words.
    pub(super) fn choice(
        &self,
        name: &str,
        label: &str,
        there: &str,
        hint: &str,
        all: &[(&str, &str)],
    ) -> Markup {
        self.field(name, label, hint, |control| {
            html! {
                select id=(control.id) name=(control.name) aria-describedby=[control.described]
                    aria-invalid=[control.is_wrong.then_some("true")] autofocus[control.is_wrong] {
                    @for (value, word) in all {
                        option value=(value) selected[self.is(name, value, *value == there)] { (word) }
                    }
                }
            }
        })
    }

    /// A mark to set.
    pub(super) fn mark(&self, name: &str, value: &str, label: &str, there: bool) -> Markup {
        html! {
            label.check {
                input type="checkbox" name=(name) value=(value) checked[self.is(name, value, there)];
                span { (label) }
            }
        }
    }
}

/// The field of a mark without which nothing is done that cannot be undone.
const SURE: &str = "sure";

/// A button for what cannot be undone, with the mark that must be set before. `what` says what it comes to.
pub(super) fn sure(what: &str, label: &str) -> Markup {
    html! {
        label.check {
            input type="checkbox" name=(SURE) value="yes" required;
            span { (what) }
        }
        button.slight.danger { (label) }
    }
}

/// Refuses a form whose mark was not set.
pub(super) fn check_sure(form: &Form) -> Result<(), Error> {
    if form.get(SURE) == Some("yes") {
        Ok(())
    } else {
        Err(Error::invalid(SURE, "set the mark first: it cannot be undone"))
    }
}

/// The field that says after which of its kind the form was made.
const AFTER: &str = "after";

/// The field of a form that makes something, by which [`is_repeated`] knows the form again. `newest` names the newest that is there already.
pub(super) fn after(newest: impl Display) -> Markup {
    html! { input type="hidden" name=(AFTER) value=(newest); }
}

/// Whether a form was sent before, as by a reload of its answer: `newest` is another one by now. It must make no second one.
pub(super) fn is_repeated(form: &Form, newest: impl Display) -> bool {
    form.get(AFTER).is_some_and(|given| given != newest.to_string())
}

/// What the control of a field needs.
pub(super) struct Control<'a> {
    pub(super) id: &'a str,
    pub(super) name: &'a str,
    pub(super) described: Option<&'a str>,
    pub(super) is_wrong: bool,
}

/// A page with a form, which shows again what was not accepted.
pub(super) type Shown = fn(&Call<'_, SignedIn>, StatusCode, Option<&Refused>) -> Result<Response, Fault>;

/// Answers a form of a page. `work` does what it asks for; what is wrong with its content is shown by the page, beside the field
/// that it names, or else beside `first`.
pub(super) fn submit(
    call: &Call<'_, SignedIn>,
    page: Shown,
    (form, first): (&'static str, &str),
    work: impl FnOnce(&Form) -> Result<Response, Fault>,
) -> Result<Response, Fault> {
    let entered = Form::read(call.request)?;
    match work(&entered) {
        Ok(response) => Ok(response),
        Err(fault) => {
            let refused = Refused::of(call, form, first, entered, fault)?;
            page(call, StatusCode::UNPROCESSABLE_ENTITY, Some(&refused))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_becomes_a_sentence() {
        assert_eq!(sentence("it is empty"), "It is empty.");
        assert_eq!(sentence("Is it?"), "Is it?");
        assert_eq!(sentence("example.com is taken"), "example.com is taken.");
        assert_eq!(sentence("closed."), "Closed.");
        assert_eq!(sentence(""), ".");
    }
}
