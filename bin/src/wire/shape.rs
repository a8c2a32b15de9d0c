//! What a JSON value on the wire looks like, as a value of the program: the descriptions of the interfaces are made from it, and
//! the tests hold every answer against it.
//!
//! A shape stands beside the function that writes or reads the value. It is no second reader: a handler reads what it needs and
//! says in its own words what is wrong with it. So that the two cannot drift apart, the tests compare each answer that any of
//! them gets, and each body that was accepted, with the shape ([`Shape::misfit`]).

use serde_json::{Value, json};

/// The shape of a value.
#[derive(Debug)]
pub enum Shape {
    /// Whatever there is.
    Any,
    /// A text.
    Text {
        /// The name that JSON Schema has for its form; empty if there is none.
        format: &'static str,
        /// The fewest characters.
        least: u64,
        /// One of its kind.
        example: &'static str,
    },
    /// One of some words.
    Word(&'static [&'static str]),
    /// One of some words that the library lists.
    Words(fn() -> Vec<&'static str>),
    /// A whole number between two others, which it may be as well.
    Integer {
        /// The least.
        least: i64,
        /// The most.
        most: i64,
    },
    /// A number.
    Number,
    /// True or false.
    Flag,
    /// A value, or null.
    Maybe(&'static Shape),
    /// One of several.
    Either(&'static [&'static Shape]),
    /// A list.
    List(&'static Shape),
    /// An object with members of any name.
    Map(&'static Shape),
    /// An object with known members.
    Object {
        /// What it is called, once in a description.
        name: &'static str,
        /// Its members: several lists, so that objects can share some.
        parts: &'static [&'static [Member]],
        /// Whether there are no others.
        is_closed: bool,
    },
}

/// A member of an object, or a parameter.
#[derive(Debug)]
pub struct Member {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub shape: Shape,
    /// Whether it is always there.
    pub is_required: bool,
    /// What there is to say of it; mostly nothing.
    pub text: &'static str,
}

/// Any text.
pub const TEXT: Shape = Shape::Text { format: "", least: 0, example: "text" };
/// A text that is not empty.
pub const SOME_TEXT: Shape = Shape::Text { format: "", least: 1, example: "text" };
/// A time (RFC 3339).
pub const TIME: Shape = Shape::Text { format: "date-time", least: 1, example: "2026-11-21T10:00:00.120Z" };
/// A domain name, also of a record.
pub const NAME: Shape = Shape::Text { format: "", least: 1, example: "example.com" };
/// An e-mail address.
pub const ADDRESS: Shape = Shape::Text { format: "", least: 1, example: "user@example.com" };
/// A selector of a DKIM key.
pub const SELECTOR: Shape = Shape::Text { format: "", least: 1, example: "pr1" };
/// A URL.
pub const URL: Shape = Shape::Text { format: "", least: 1, example: "https://example.net/hook" };
/// The number of a row.
pub const ID: Shape = Shape::Integer { least: 1, most: i64::MAX };
/// How many there are.
pub const COUNT: Shape = Shape::Integer { least: 0, most: i64::MAX };
/// A port, a priority or a weight.
pub const SHORT: Shape = Shape::Integer { least: 0, most: 65_535 };
/// A text or null.
pub const MAYBE_TEXT: Shape = Shape::Maybe(&TEXT);
/// A time or null.
pub const MAYBE_TIME: Shape = Shape::Maybe(&TIME);
/// A list of texts.
pub const TEXTS: Shape = Shape::List(&TEXT);

/// A member that is always there.
pub const fn has(name: &'static str, shape: Shape) -> Member {
    Member { name, shape, is_required: true, text: "" }
}

/// A member that may be left out.
pub const fn may(name: &'static str, shape: Shape) -> Member {
    Member { name, shape, is_required: false, text: "" }
}

impl Member {
    /// Says something about it.
    #[must_use]
    pub const fn text(self, text: &'static str) -> Member {
        let Member { name, shape, is_required, .. } = self;
        Member { name, shape, is_required, text }
    }
}

impl Shape {
    /// An object of these members.
    pub const fn object(name: &'static str, parts: &'static [&'static [Member]]) -> Shape {
        Shape::Object { name, parts, is_closed: false }
    }

    /// An object of these members and no others.
    pub const fn closed(name: &'static str, parts: &'static [&'static [Member]]) -> Shape {
        Shape::Object { name, parts, is_closed: true }
    }

    /// Where a value does not fit, in words; none if it does. With `exactly`, a member that the shape does not have is a misfit.
    pub fn misfit(&self, value: &Value, exactly: bool) -> Option<String> {
        let fits = match (self, value) {
            (Shape::Any, _) | (Shape::Number, Value::Number(_)) | (Shape::Flag, Value::Bool(_)) => true,
            (Shape::Maybe(shape), value) => {
                return if value.is_null() { None } else { shape.misfit(value, exactly) };
            }
            (Shape::Text { format, least, .. }, Value::String(text)) => {
                let is_time = || text.parse::<postroom::clock::Timestamp>().is_ok();
                text.chars().count() as u64 >= *least && (*format != "date-time" || is_time())
            }
            (Shape::Word(words), Value::String(text)) => words.contains(&text.as_str()),
            (Shape::Words(words), Value::String(text)) => words().contains(&text.as_str()),
            (Shape::Integer { least, most }, Value::Number(number)) => {
                number.as_i64().is_some_and(|number| (*least..=*most).contains(&number))
            }
            (Shape::Either(shapes), value) => {
                let misfits: Vec<String> =
                    shapes.iter().filter_map(|shape| shape.misfit(value, exactly)).collect();
                return (misfits.len() == shapes.len()).then(|| misfits.join("; or "));
            }
            (Shape::List(of), Value::Array(items)) => {
                let mut found = items.iter().enumerate();
                return found.find_map(|(at, item)| Some(format!("[{at}]{}", of.misfit(item, exactly)?)));
            }
            (Shape::Map(of), Value::Object(members)) => {
                let mut found = members.iter();
                return found
                    .find_map(|(name, value)| Some(format!(".{name}{}", of.misfit(value, exactly)?)));
            }
            (Shape::Object { name: of, parts, is_closed }, Value::Object(members)) => {
                for Member { name, shape, is_required, .. } in parts.iter().copied().flatten() {
                    match members.get(*name) {
                        Some(value) => {
                            if let Some(misfit) = shape.misfit(value, exactly) {
                                return Some(format!(".{name}{misfit}"));
                            }
                        }
                        None if *is_required => return Some(format!(" ({of}) lacks {name}")),
                        None => {}
                    }
                }
                let is_known =
                    |name: &String| parts.iter().copied().flatten().any(|member| member.name == name);
                let unknown = members.keys().find(|name| !is_known(name)).filter(|_| exactly || *is_closed);
                return unknown.map(|name| format!(" ({of}) has {name} besides"));
            }
            _ => false,
        };
        (!fits).then(|| format!(" is {value}, not {self:?}"))
    }

    /// A value of this shape.
    pub fn example(&self) -> Value {
        match self {
            Shape::Any => Value::Null,
            Shape::Text { example, .. } => json!(example),
            Shape::Word(words) => json!(words.first()),
            Shape::Words(words) => json!(words().first()),
            Shape::Integer { least, .. } => json!(least),
            Shape::Number => json!(1),
            Shape::Flag => json!(true),
            Shape::Maybe(shape) => shape.example(),
            Shape::Either(shapes) => shapes.first().map_or(Value::Null, |shape| shape.example()),
            Shape::List(of) => json!([of.example()]),
            Shape::Map(of) => json!({ "name": of.example() }),
            Shape::Object { parts, .. } => {
                let members = parts.iter().copied().flatten();
                members.map(|member| (member.name.to_owned(), member.shape.example())).collect()
            }
        }
    }
}

/// The names of the members that the JSON bodies of these routes may have, on every level: for comparison with what is read.
#[cfg(test)]
pub(crate) fn names_in_bodies(routes: &[super::Route]) -> std::collections::BTreeSet<&'static str> {
    fn add(shape: &Shape, names: &mut std::collections::BTreeSet<&'static str>) {
        match shape {
            Shape::Maybe(of) | Shape::List(of) | Shape::Map(of) => add(of, names),
            Shape::Either(shapes) => shapes.iter().for_each(|shape| add(shape, names)),
            Shape::Object { parts, .. } => parts.iter().copied().flatten().for_each(|member| {
                names.insert(member.name);
                add(&member.shape, names);
            }),
            _ => {}
        }
    }
    let mut names = std::collections::BTreeSet::new();
    for contract in routes.iter().filter_map(|route| route.contract) {
        if let super::Takes::Json(shape) | super::Takes::MaybeJson(shape) = contract.takes {
            add(shape, &mut names);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const INNER: Shape = Shape::closed("Inner", &[&[has("a", TIME), may("b", Shape::Word(&["x", "y"]))]]);
    const OUTER: Shape = Shape::object(
        "Outer",
        &[
            &[has("in", Shape::List(&INNER)), has("n", Shape::Maybe(&SHORT))],
            &[may("m", Shape::Map(&Shape::Flag))],
        ],
    );

    #[test]
    fn an_example_fits_and_what_lacks_a_member_or_has_another_value_does_not() {
        let example = OUTER.example();
        assert_eq!(OUTER.misfit(&example, true), None);
        let misfit = |text: &str, exactly| OUTER.misfit(&serde_json::from_str(text).unwrap(), exactly);
        assert_eq!(misfit(r#"{"in":[],"n":null}"#, true), None);
        assert_eq!(misfit(r#"{"in":[],"n":null,"more":1}"#, false), None);
        for (text, exactly) in [
            (r#"{"in":[],"n":null,"more":1}"#, true),
            (r#"{"in":[]}"#, false),
            (r#"{"in":[],"n":65536}"#, false),
            (r#"{"in":[],"n":1.5}"#, false),
            (r#"{"in":[{"a":"yesterday"}],"n":1}"#, false),
            (r#"{"in":[{"a":"2026-11-21T10:00:00Z","b":"z"}],"n":1}"#, false),
            (r#"{"in":[{"a":"2026-11-21T10:00:00Z","c":"x"}],"n":1}"#, false),
            (r#"{"in":[],"n":1,"m":{"any":"true"}}"#, false),
            (r"[]", false),
        ] {
            assert!(misfit(text, exactly).is_some(), "{text}");
        }
    }
}
