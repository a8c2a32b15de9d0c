//! Inputs: the end user on whose behalf the call is made, and the fields of bodies.

use crate::wire::json::{Json, Members, Object};
use crate::wire::shape::{Member, Shape, has};
use crate::wire::{Call, Fault, json_body};
use postroom::account::Caller;
use postroom::error::{Entity, Error};
use postroom::name::DomainName;
use postroom::route::Patch;
use postroom::tag::Tag;

/// An end user of the caller's.
pub(super) const USER: Shape = Shape::Text { format: "", least: 1, example: "user_123" };
/// The member of each body that says for whom the call is made.
pub(super) const BY_USER: &[Member] = &[has("user_id", USER)];
/// The parameter of each query that says for whom the call is made.
pub(super) const OF_USER: &[Member] = BY_USER;

/// The members that the routes read.
const FIELDS: &[&str] = &[
    "user_id",
    "domain",
    "organization_id",
    "id",
    "status",
    "observed_value",
    "forward_mode",
    "webhook_url",
    "webhook_secret",
    "forward_to_email",
    "recipients",
    "catch_all",
];

/// A body that was read, and the caller acting for the `user_id` in it.
pub(super) struct Input<'a> {
    pub(super) caller: Caller,
    body: Members<'a>,
}

impl<'a> Input<'a> {
    /// The body of a POST or PUT.
    pub(super) fn read(call: &'a Call<'_>) -> Result<Input<'a>, Fault> {
        let body = match json_body(call.request)? {
            Some(Json::Object(body)) => body.members(FIELDS),
            Some(_) => return Err(Fault::Json("it must be an object".to_owned())),
            None => Object::EMPTY.members(FIELDS),
        };
        let mut input = Input { caller: call.caller.clone(), body };
        let user = input.required("user_id")?;
        // Two different users in one call: one of them is a mistake, and we do not guess which.
        if queried_users(call).iter().any(|other| *other != user) {
            return Err(Fault::input("user_id", "is another one in the query than in the body"));
        }
        input.caller = call.caller.for_user(tag("user_id", &user)?);
        Ok(input)
    }

    /// A text that must be there.
    pub(super) fn required(&self, field: &'static str) -> Result<String, Fault> {
        match self.body.get(field) {
            None | Some(Json::Null) => Err(Fault::input(field, "is required")),
            Some(Json::String(text)) if text.is_empty() => Err(Fault::input(field, "is empty")),
            Some(Json::String(text)) => Ok(text.into_owned()),
            Some(_) => Err(Fault::input(field, "must be a string")),
        }
    }

    /// A text that may be left out or null.
    pub(super) fn optional(&self, field: &'static str) -> Result<Option<String>, Fault> {
        match self.body.get(field) {
            None | Some(Json::Null) => Ok(None),
            Some(_) => self.text(field).map(Some),
        }
    }

    /// A tag that may be left out or null.
    pub(super) fn optional_tag(&self, field: &'static str) -> Result<Option<Tag>, Fault> {
        self.optional(field)?.map(|text| tag(field, &text)).transpose()
    }

    /// A text that stays as it is when it is left out, and goes when it is null.
    pub(super) fn patch(&self, field: &'static str) -> Result<Patch<String>, Fault> {
        match self.body.get(field) {
            None => Ok(Patch::Keep),
            Some(Json::Null) => Ok(Patch::Clear),
            Some(_) => self.text(field).map(Patch::Set),
        }
    }

    /// Whether the field is there, with a value or null.
    pub(super) fn has(&self, field: &'static str) -> bool {
        self.body.get(field).is_some()
    }

    /// An integer that must be there.
    pub(super) fn integer(&self, field: &'static str) -> Result<i64, Fault> {
        match self.body.get(field) {
            None | Some(Json::Null) => Err(Fault::input(field, "is required")),
            // An integer past 2^63 is a number all right, and no row has it.
            Some(Json::Number(number)) if number.is_u64() => Ok(number.as_i64().unwrap_or(i64::MAX)),
            Some(value) => value.as_i64().ok_or_else(|| Fault::input(field, "must be an integer")),
        }
    }

    /// The domain that the body names.
    pub(super) fn domain(&self) -> Result<DomainName, Fault> {
        self.required("domain")?.trim().parse().map_err(|reason: postroom::name::InvalidName| Fault::Input {
            field: "domain",
            reason: "is invalid".to_owned(),
            detail: Some(reason.to_string()),
        })
    }

    fn text(&self, field: &'static str) -> Result<String, Fault> {
        match self.body.get(field) {
            Some(Json::String(text)) => Ok(text.into_owned()),
            _ => Err(Fault::input(field, "must be a string")),
        }
    }
}

/// The caller acting for the `user_id` in the query, of a GET.
pub(super) fn queried(call: &Call<'_>) -> Result<Caller, Fault> {
    let users = queried_users(call);
    let user = users.first().ok_or_else(|| Fault::input("user_id", "is required, in the query"))?;
    if users.iter().any(|other| other != user) {
        return Err(Fault::input("user_id", "is there twice, with different values"));
    }
    Ok(call.caller.for_user(tag("user_id", user)?))
}

/// The domain in the path; what is no name names no domain.
pub(super) fn path_domain(call: &Call<'_>) -> Result<DomainName, Fault> {
    call.param("domain").parse().map_err(|_| Fault::Library(Error::NotFound(Entity::Domain)))
}

fn queried_users(call: &Call<'_>) -> Vec<String> {
    let query = call.request.query.as_deref().unwrap_or_default();
    let pairs = form_urlencoded::parse(query.as_bytes());
    pairs.filter(|(key, _)| key == "user_id").map(|(_, value)| value.into_owned()).collect()
}

fn tag(field: &'static str, text: &str) -> Result<Tag, Fault> {
    text.parse().map_err(|reason: postroom::tag::InvalidTag| Fault::Input {
        field,
        reason: "is invalid".to_owned(),
        detail: Some(reason.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use crate::wire::shape::names_in_bodies;

    #[test]
    fn the_members_that_are_read_are_those_that_are_described() {
        let read = super::FIELDS.iter().copied().collect();
        assert_eq!(names_in_bodies(crate::dialect::lifecycle::DIALECT.routes), read);
    }
}
