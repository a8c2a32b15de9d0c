//! Header fields of the shape `value; name=value; name="value"`: Content-Type (RFC 9110 section 5.6.6) and
//! Content-Disposition (RFC 7578 section 4.2).

/// A parsed header field of that shape.
pub(super) struct Headed {
    value: String,
    parameters: Vec<(String, Vec<u8>)>,
}

impl Headed {
    /// Parses a field. `None` if it is malformed, or if it names a parameter twice, because two parsers could take different
    /// values.
    pub(super) fn parse(field: &[u8]) -> Option<Headed> {
        let end = field.iter().position(|octet| *octet == b';').unwrap_or(field.len());
        let (value, mut rest) = field.split_at(end);
        let value =
            str::from_utf8(value.trim_ascii()).ok().filter(|value| is_token(value.as_bytes(), b"/"))?;
        let mut parameters: Vec<(String, Vec<u8>)> = Vec::new();
        while let Some(after) = rest.strip_prefix(b";") {
            let after = after.trim_ascii_start();
            // An empty parameter, between two semicolons or after the last one.
            if after.is_empty() || after.starts_with(b";") {
                rest = after;
                continue;
            }
            let equals = after.iter().position(|octet| *octet == b'=')?;
            let (name, after) = after.split_at(equals);
            let name = str::from_utf8(name.trim_ascii_end())
                .ok()
                .filter(|name| is_token(name.as_bytes(), b""))?
                .to_ascii_lowercase();
            let (content, after) = content(after.strip_prefix(b"=")?.trim_ascii_start())?;
            if parameters.iter().any(|(known, _)| *known == name) {
                return None;
            }
            parameters.push((name, content));
            rest = after.trim_ascii_start();
        }
        rest.is_empty().then(|| Headed { value: value.to_owned(), parameters })
    }

    /// Whether the field's value is this one, without regard to case.
    pub(super) fn is(&self, value: &str) -> bool {
        self.value.eq_ignore_ascii_case(value)
    }

    /// The value of a parameter. `name` must be in lower case.
    pub(super) fn parameter(&self, name: &str) -> Option<&[u8]> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, content)| content.as_slice())
    }
}

/// The value of a parameter (a token or a quoted string), and the rest of the field after it.
fn content(field: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let Some(quoted) = field.strip_prefix(b"\"") else {
        let end = field.iter().position(|octet| *octet == b';').unwrap_or(field.len());
        let (token, rest) = field.split_at(end);
        let token = token.trim_ascii_end();
        // This takes more than a token, because boundaries contain unquoted slashes and colons, but nothing that can be read
        // in two ways.
        let plain = !token.is_empty() && token.iter().all(|o| o.is_ascii_graphic() && *o != b'"');
        return plain.then(|| (token.to_vec(), rest));
    };
    let mut content = Vec::new();
    let mut octets = quoted.iter().enumerate();
    while let Some((at, octet)) = octets.next() {
        match octet {
            b'"' => return Some((content, quoted.get(at + 1..)?)),
            b'\\' => content.push(*octets.next()?.1),
            _ => content.push(*octet),
        }
    }
    None
}

/// Whether these octets are a token (RFC 9110 section 5.6.2), where the octets in `besides` are allowed as well.
pub(crate) fn is_token(octets: &[u8], besides: &[u8]) -> bool {
    let is_token = |octet: &u8| {
        octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(octet) || besides.contains(octet)
    };
    !octets.is_empty() && octets.iter().all(is_token)
}
