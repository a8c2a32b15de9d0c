//! JSON that a client sends, read where it lies: nothing is kept of it but what a handler asks for.
//!
//! A body is checked once, as a whole, and after that each value is a piece of its text. So the memory for a body is the body
//! itself and the texts that a handler takes from it, however many values the body has.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use serde_json::value::RawValue;

/// A value in a body.
#[derive(Clone, Debug)]
pub enum Json<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text. It is a piece of the body, unless it has escapes.
    String(Cow<'a, str>),
    /// A list, of which nothing is read yet.
    Array(Array<'a>),
    /// An object, of which nothing is read yet.
    Object(Object<'a>),
}

impl<'a> Json<'a> {
    /// The value that a body is. An error says where the body is not JSON.
    pub fn parse(body: &'a [u8]) -> Result<Json<'a>, String> {
        serde_json::from_slice::<Checked>(body).map_err(|e| e.to_string())?;
        let text: &RawValue = serde_json::from_slice(body).map_err(|e| e.to_string())?;
        Ok(Json::of(text))
    }

    /// The value of a text that was checked.
    fn of(raw: &'a RawValue) -> Json<'a> {
        let text = raw.get();
        let value = match text.as_bytes().first() {
            Some(b'{') => Some(Json::Object(Object(text))),
            Some(b'[') => Some(Json::Array(Array(text))),
            Some(b'"') => serde_json::from_str(text).ok().map(|Text(text)| Json::String(text)),
            Some(b't' | b'f') => serde_json::from_str(text).ok().map(Json::Bool),
            Some(b'n') => Some(Json::Null),
            _ => serde_json::from_str(text).ok().map(Json::Number),
        };
        // The check read every value, so none fails here.
        value.unwrap_or(Json::Null)
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        if let Json::String(text) = self { Some(text) } else { None }
    }

    /// The number, if it is a whole one from 0 on.
    pub fn as_u64(&self) -> Option<u64> {
        if let Json::Number(number) = self { number.as_u64() } else { None }
    }

    /// The number, if it is a whole one.
    pub fn as_i64(&self) -> Option<i64> {
        if let Json::Number(number) = self { number.as_i64() } else { None }
    }
}

/// A list in a body.
#[derive(Clone, Copy, Debug)]
pub struct Array<'a>(&'a str);

impl<'a> Array<'a> {
    /// Visits the items in their order, up to the first error.
    pub fn each<E>(self, mut visit: impl FnMut(Json<'a>) -> Result<(), E>) -> Result<(), E> {
        walk(self.0, &mut |_, value| visit(Json::of(value)))
    }
}

/// An object in a body.
#[derive(Clone, Copy, Debug)]
pub struct Object<'a>(&'a str);

impl<'a> Object<'a> {
    /// An object without members.
    pub const EMPTY: Object<'static> = Object("{}");

    /// Visits the members in their order, up to the first error.
    pub fn each<E>(self, mut visit: impl FnMut(Cow<'a, str>, Json<'a>) -> Result<(), E>) -> Result<(), E> {
        walk(self.0, &mut |name, value| visit(name, Json::of(value)))
    }

    /// The members with these names; others are passed over. Of several with one name the last counts.
    pub fn members(self, names: &'static [&'static str]) -> Members<'a> {
        let mut found: Vec<(&'static str, &'a RawValue)> = Vec::new();
        let mut visit = |name: Cow<'a, str>, value| {
            if let Some(name) = names.iter().find(|known| **known == name) {
                found.retain(|(before, _)| before != name);
                found.push((name, value));
            }
            Ok::<(), std::convert::Infallible>(())
        };
        let Ok(()) = walk(self.0, &mut visit);
        Members { names, found }
    }

    /// The members with these names. An error names a member that is none of them, or that is there twice.
    pub fn only(self, names: &'static [&'static str]) -> Result<Members<'a>, String> {
        let mut found: Vec<(&'static str, &'a RawValue)> = Vec::new();
        let mut visit = |name: Cow<'a, str>, value| {
            let known = names.iter().find(|known| **known == name);
            let Some(known) = known else {
                return Err(format!("unknown field `{name}`, expected one of {}", quoted(names)));
            };
            if found.iter().any(|(before, _)| before == known) {
                return Err(format!("duplicate field `{known}`"));
            }
            found.push((known, value));
            Ok(())
        };
        walk(self.0, &mut visit)?;
        Ok(Members { names, found })
    }

    /// The value of a type that says itself which members it has. An error says where the object differs.
    pub fn typed<T: DeserializeOwned>(self) -> Result<T, String> {
        serde_json::from_str(self.0).map_err(|e| e.to_string())
    }
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Some members of an object.
#[derive(Clone, Debug)]
pub struct Members<'a> {
    names: &'static [&'static str],
    found: Vec<(&'static str, &'a RawValue)>,
}

impl<'a> Members<'a> {
    /// The member with this name, which must be one of those that were asked for.
    pub fn get(&self, name: &'static str) -> Option<Json<'a>> {
        debug_assert!(self.names.contains(&name), "{name} was not asked for");
        self.found.iter().find(|(known, _)| *known == name).map(|(_, value)| Json::of(value))
    }
}

/// Visits the items of a list, or the members of an object, whose names the items of a list lack.
fn walk<'a, E>(text: &'a str, visit: &mut Visit<'_, 'a, E>) -> Result<(), E> {
    let mut failed = None;
    let walk = Walk { visit, failed: &mut failed };
    // The text was checked, so the only error is that of the visit.
    let _ = serde_json::Deserializer::from_str(text).deserialize_any(walk);
    failed.map_or(Ok(()), Err)
}

type Visit<'v, 'a, E> = dyn FnMut(Cow<'a, str>, &'a RawValue) -> Result<(), E> + 'v;

struct Walk<'w, 'v, 'a, E> {
    visit: &'w mut Visit<'v, 'a, E>,
    failed: &'w mut Option<E>,
}

impl<'a, E> Walk<'_, '_, 'a, E> {
    fn visit<D: serde::de::Error>(&mut self, name: Cow<'a, str>, value: &'a RawValue) -> Result<(), D> {
        (self.visit)(name, value).map_err(|error| {
            *self.failed = Some(error);
            D::custom("stopped")
        })
    }
}

impl<'a, E> Visitor<'a> for Walk<'_, '_, 'a, E> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list or an object")
    }

    fn visit_seq<A: SeqAccess<'a>>(mut self, mut items: A) -> Result<(), A::Error> {
        while let Some(value) = items.next_element()? {
            self.visit(Cow::Borrowed(""), value)?;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'a>>(mut self, mut members: A) -> Result<(), A::Error> {
        while let Some((Text(name), value)) = members.next_entry()? {
            self.visit(name, value)?;
        }
        Ok(())
    }
}

/// A text that is a piece of the body where it can be.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// A value that is well-formed: every text is read, every number is one that can be held, and nothing is nested too deep.
/// serde's own `IgnoredAny` would look at none of this.
struct Checked;

impl<'de> Deserialize<'de> for Checked {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Checked, D::Error> {
        value.deserialize_any(Checked)
    }
}

impl<'de> Visitor<'de> for Checked {
    type Value = Checked;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any valid JSON value")
    }

    fn visit_unit<E>(self) -> Result<Checked, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Checked, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Checked, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Checked, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Checked, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Checked, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Checked, A::Error> {
        while items.next_element::<Checked>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Checked, A::Error> {
        while members.next_entry::<Checked, Checked>()?.is_some() {}
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// The value as serde's own type has it.
    fn whole(json: Json<'_>) -> Value {
        match json {
            Json::Null => Value::Null,
            Json::Bool(flag) => flag.into(),
            Json::Number(number) => number.into(),
            Json::String(text) => text.into_owned().into(),
            Json::Array(array) => {
                let mut items = Vec::new();
                let Ok(()) = array.each(|item| {
                    items.push(whole(item));
                    Ok::<(), std::convert::Infallible>(())
                });
                items.into()
            }
            Json::Object(object) => {
                let mut members = serde_json::Map::new();
                let Ok(()) = object.each(|name, value| {
                    members.insert(name.into_owned(), whole(value));
                    Ok::<(), std::convert::Infallible>(())
                });
                members.into()
            }
        }
    }

    fn is_read_as_serde_reads_it(body: &[u8]) {
        let expected = serde_json::from_slice::<Value>(body).map_err(|e| e.to_string());
        assert_eq!(Json::parse(body).map(whole), expected, "{}", String::from_utf8_lossy(body));
    }

    #[test]
    fn a_body_is_taken_and_refused_as_serde_takes_and_refuses_it() {
        let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        let (taken, refused) = (deep(127), deep(128));
        for body in [
            "null",
            " true ",
            "-0",
            "1e2",
            "18446744073709551615",
            "1.5",
            "\"a\\u00e9\\n\"",
            "[]",
            "{}",
            "{\"a\":1,\"a\":[2,{\"b\":null}]}",
            "{\"\\u0061\":\"x\"}",
            "",
            " ",
            "tru",
            "01",
            "1e999",
            "\"\\ud800\"",
            "\"\n\"",
            "[1,]",
            "{\"a\"}",
            "{\"a\":1,}",
            "{1:2}",
            "[1] 2",
            "{\"a\":\"\\q\"}",
            "nan",
            &taken,
            &refused,
        ] {
            is_read_as_serde_reads_it(body.as_bytes());
        }
        is_read_as_serde_reads_it(b"{\"a\":\"\xff\"}");
        is_read_as_serde_reads_it(b"[\"\xc3\xa9\"]");
    }

    #[test]
    fn of_several_members_with_one_name_the_last_counts_and_others_are_passed_over() {
        let Ok(Json::Object(object)) = Json::parse(br#"{"a":1,"b":[{"a":9}],"\u0061":"two","c":null}"#)
        else {
            panic!("an object");
        };
        let members = object.members(&["a", "c", "d"]);
        assert_eq!(members.get("a").unwrap().as_str(), Some("two"));
        assert!(matches!(members.get("c"), Some(Json::Null)) && members.get("d").is_none());
    }

    #[test]
    fn a_visit_ends_at_its_first_error() {
        let Ok(Json::Array(array)) = Json::parse(b"[1,2,3]") else { panic!("a list") };
        let mut seen = 0;
        let ended = array.each(|item| {
            seen += 1;
            if item.as_u64() == Some(2) { Err("two") } else { Ok(()) }
        });
        assert_eq!((ended, seen), (Err("two"), 2));
    }

    proptest! {
        #[test]
        fn any_octets_are_read_as_serde_reads_them(
            pieces in proptest::collection::vec(
                prop_oneof![
                    Just("{"), Just("}"), Just("["), Just("]"), Just(","), Just(":"), Just("\"a\""), Just("\"\\u"),
                    Just("00e9\""), Just("1"), Just("-"), Just("."), Just("e5"), Just("true"), Just("null"), Just(" "),
                ],
                0..24,
            ),
            wild in proptest::collection::vec(any::<u8>(), 0..8),
        ) {
            is_read_as_serde_reads_it(pieces.concat().as_bytes());
            is_read_as_serde_reads_it(&[pieces.concat().as_bytes(), &wild].concat());
        }
    }
}
