//! The parameters of a request, from each place where a client may put them: the query, and a body that is urlencoded,
//! multipart or a JSON object. This does not depend on the method.
//!
//! - A parameter in the body overrides one of the same name in the query.
//! - If one place has several parameters of one name, the last counts.
//! - A parameter may come both as a text and as a file; [`Form::octets`] then takes the file.

mod multipart;
mod parameter;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;

use percent_encoding::percent_decode;

use self::parameter::Headed;
pub(crate) use self::parameter::is_token;
use crate::wire::Fault;
use crate::wire::http::Request;
use crate::wire::json::Json;

/// How many characters of a client's parameter name an error text repeats.
const SHOWN_CHARS: usize = 64;
/// The most different parameters of a request: many times what any route takes, and little memory.
const MAX_PARAMETERS: usize = 256;

/// The parameters of a request.
#[derive(Debug, Default)]
pub struct Form {
    fields: HashMap<String, Field>,
}

/// What came under one name.
#[derive(Debug, Default)]
struct Field {
    texts: Vec<String>,
    file: Option<Vec<u8>>,
}

/// A value as it stands in a body.
#[derive(Debug, PartialEq)]
enum Content {
    Text(String),
    File(Vec<u8>),
}

impl Form {
    /// Reads the query and the body. An empty body has no parameters, whatever its content type.
    pub fn read(request: &Request) -> Result<Form, Fault> {
        let mut form = Form::default();
        if let Some(query) = &request.query {
            form.add_urlencoded(query.as_bytes(), "query")?;
        }
        let body = request.body.as_ref().map_err(|fault| Fault::from(*fault))?;
        if !body.iter().all(u8::is_ascii_whitespace) {
            form.add_body(request, body)?;
        }
        Ok(form)
    }

    /// The text under this name, or else the file, for some clients send a text as one.
    pub fn get(&self, name: &str) -> Option<&str> {
        let field = self.fields.get(name)?;
        let of_file = || str::from_utf8(field.file.as_deref()?).ok();
        field.texts.last().map(String::as_str).or_else(of_file)
    }

    /// Every text under this name, in order: those of the query first.
    pub fn all(&self, name: &str) -> &[String] {
        self.fields.get(name).map_or(&[], |field| &field.texts)
    }

    /// The file under this name.
    pub fn file(&self, name: &str) -> Option<&[u8]> {
        self.fields.get(name)?.file.as_deref()
    }

    /// The file under this name, or else the text.
    pub fn octets(&self, name: &str) -> Option<&[u8]> {
        self.file(name).or_else(|| self.get(name).map(str::as_bytes))
    }

    /// Every name under which texts came, with these, in the order of the names.
    pub fn texts(&self) -> Vec<(&str, &[String])> {
        let mut all: Vec<(&str, &[String])> =
            self.fields.iter().map(|(name, field)| (name.as_str(), &field.texts[..])).collect();
        all.sort_unstable_by_key(|(name, _)| *name);
        all
    }

    fn add_body(&mut self, request: &Request, body: &[u8]) -> Result<(), Fault> {
        let mut types = request.headers.get_all("content-type").iter();
        let (Some(kind), None) = (types.next(), types.next()) else {
            return Err(malformed("the body needs one Content-Type"));
        };
        let kind = Headed::parse(kind.as_bytes())
            .ok_or_else(|| malformed("the Content-Type is malformed (RFC 9110 section 8.3)"))?;
        if kind.is("application/x-www-form-urlencoded") {
            self.add_urlencoded(body, "body")
        } else if kind.is("multipart/form-data") {
            let boundary = kind
                .parameter("boundary")
                .ok_or_else(|| malformed("the Content-Type multipart/form-data lacks its boundary"))?;
            for (name, content) in multipart::parts(body, boundary)? {
                self.add(name, content)?;
            }
            Ok(())
        } else if kind.is("application/json") {
            self.add_json(body)
        } else {
            Err(malformed(
                "the Content-Type must be multipart/form-data, application/x-www-form-urlencoded or \
                 application/json",
            ))
        }
    }

    /// Reads pairs as the URL Standard does (section 5.1), except that octets that are not UTF-8 are refused and not
    /// replaced.
    fn add_urlencoded(&mut self, octets: &[u8], place: &str) -> Result<(), Fault> {
        for pair in octets.split(|octet| *octet == b'&').filter(|pair| !pair.is_empty()) {
            let mut halves = pair.splitn(2, |octet| *octet == b'=');
            let (name, value) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
            let name = decoded(name)
                .ok_or_else(|| malformed(format!("the name of a parameter in the {place} is not UTF-8")))?;
            let value = decoded(value).ok_or_else(|| not_utf8(&name))?;
            self.add(name, Content::Text(value))?;
        }
        Ok(())
    }

    fn add_json(&mut self, body: &[u8]) -> Result<(), Fault> {
        let Json::Object(object) = Json::parse(body).map_err(Fault::Json)? else {
            return Err(Fault::Json("the body must be an object".to_owned()));
        };
        object.each(|name, value| {
            let text = match value {
                // `null` counts as a missing parameter.
                Json::Null => return Ok(()),
                Json::String(text) => text.into_owned(),
                Json::Bool(flag) => flag.to_string(),
                Json::Number(number) => number.to_string(),
                Json::Array(_) | Json::Object(_) => {
                    return Err(malformed(format!("the parameter {} must be a single value", shown(&name))));
                }
            };
            self.add(name.into_owned(), Content::Text(text))
        })
    }

    fn add(&mut self, name: String, content: Content) -> Result<(), Fault> {
        if self.fields.len() == MAX_PARAMETERS && !self.fields.contains_key(&name) {
            return Err(malformed(format!("the request has more than {MAX_PARAMETERS} parameters")));
        }
        let field = self.fields.entry(name).or_default();
        match content {
            Content::Text(text) => field.texts.push(text),
            Content::File(octets) => field.file = Some(octets),
        }
        Ok(())
    }
}

/// A name or a value with `+` and percent-encoding decoded.
fn decoded(octets: &[u8]) -> Option<String> {
    let spaced: Vec<u8> = octets.iter().map(|octet| if *octet == b'+' { b' ' } else { *octet }).collect();
    String::from_utf8(percent_decode(&spaced).collect()).ok()
}

fn malformed(why: impl Into<Cow<'static, str>>) -> Fault {
    Fault::Format(why.into())
}

fn not_utf8(name: &str) -> Fault {
    malformed(format!("the parameter {} is not UTF-8", shown(name)))
}

/// A name as an error text shows it: a long one is cut.
fn shown(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", name.get(..end).unwrap_or_default()).into(),
        None => name.into(),
    }
}
