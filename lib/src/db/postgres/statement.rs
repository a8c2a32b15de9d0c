//! Our SQL in PostgreSQL's words.
//!
//! The statements of the `table.rs` files keep to what SQLite and PostgreSQL share. The few things that are said differently are
//! translated here, once for a text: parameters, lists in JSON, the greater of two values, a hint to SQLite's planner.

/// A statement as PostgreSQL takes it, and which parameter stands in which place.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Translated {
    pub(super) text: String,
    /// The parameters of `$1`, `$2` and so on: a name with its colon, or a number.
    pub(super) places: Vec<Parameter>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Parameter {
    Name(String),
    Number(usize),
}

pub(super) fn translate(sql: &str) -> Translated {
    let mut translated = Translated { text: String::with_capacity(sql.len() + 16), places: Vec::new() };
    let mut rest = sql;
    let mut next = 1;
    while let Some(first) = rest.chars().next() {
        if first == '\'' {
            rest = translated.copy(rest, literal(rest));
        } else if first == ':' && rest[1..].starts_with(|c: char| c.is_ascii_alphabetic()) {
            let octets = 1 + word(&rest[1..]);
            let (name, after) = rest.split_at(octets);
            translated.parameter(Parameter::Name(name.to_owned()));
            rest = after;
        } else if first == '?' {
            let octets = rest[1..].bytes().take_while(u8::is_ascii_digit).count();
            let number = rest[1..=octets].parse().unwrap_or(next);
            next = number + 1;
            translated.parameter(Parameter::Number(number));
            rest = &rest[1 + octets..];
        } else if first.is_ascii_alphabetic() || first == '_' {
            rest = translated.word(rest);
        } else {
            rest = translated.copy(rest, first.len_utf8());
        }
    }
    translated
}

impl Translated {
    /// Copies so many octets, and returns what is left.
    fn copy<'a>(&mut self, rest: &'a str, octets: usize) -> &'a str {
        let (copied, left) = rest.split_at(octets);
        self.text.push_str(copied);
        left
    }

    fn parameter(&mut self, parameter: Parameter) {
        let place = self.places.iter().position(|known| *known == parameter).unwrap_or_else(|| {
            self.places.push(parameter);
            self.places.len() - 1
        });
        self.text.push('$');
        self.text.push_str(&(place + 1).to_string());
    }

    /// Writes the word with which `rest` begins, or what PostgreSQL has in its place.
    fn word<'a>(&mut self, rest: &'a str) -> &'a str {
        let octets = word(rest);
        let (found, after) = rest.split_at(octets);
        match found {
            "json_each" if after.starts_with('(') => {
                self.text.push_str("jsonb_array_elements_text(CAST(");
                let inner = inside(after);
                let argument = translate_into(self, &after[1..=inner]);
                self.text.push_str(&argument);
                self.text.push_str(" AS JSONB))");
                &after[inner + 2..]
            }
            // With two arguments they are no aggregates.
            "max" | "min" if after.starts_with('(') && has_comma(&after[1..=inside(after)]) => {
                self.text.push_str(if found == "max" { "greatest" } else { "least" });
                after
            }
            "BLOB" => {
                self.text.push_str("BYTEA");
                after
            }
            // SQLite's does not regard the case of ASCII letters.
            "LIKE" => {
                self.text.push_str("ILIKE");
                after
            }
            // A hint to SQLite's planner, with the name of an index.
            "INDEXED" if after.starts_with(" BY ") => {
                let name = &after[4..];
                &name[word(name)..]
            }
            _ => {
                self.text.push_str(found);
                after
            }
        }
    }
}

/// Translates a part, whose parameters take their places among those of the whole.
fn translate_into(whole: &mut Translated, part: &str) -> String {
    let mut translated = Translated { text: String::new(), places: std::mem::take(&mut whole.places) };
    let mut rest = part;
    while let Some(first) = rest.chars().next() {
        if first == ':' || first == '?' {
            let octets = 1 + word(&rest[1..]);
            let (name, after) = rest.split_at(octets);
            let parameter = match name[1..].parse() {
                Ok(number) if first == '?' => Parameter::Number(number),
                _ => Parameter::Name(name.to_owned()),
            };
            translated.parameter(parameter);
            rest = after;
        } else {
            rest = translated.copy(rest, first.len_utf8());
        }
    }
    whole.places = translated.places;
    translated.text
}

/// How many octets the word has with which this begins.
fn word(text: &str) -> usize {
    text.bytes().take_while(|octet| octet.is_ascii_alphanumeric() || *octet == b'_').count()
}

/// How many octets the text literal has with which this begins. A doubled quotation mark ends one, and begins the next.
fn literal(text: &str) -> usize {
    text[1..].find('\'').map_or(text.len(), |end| end + 2)
}

/// How many octets stand between the parenthesis with which this begins and the one that closes it.
fn inside(text: &str) -> usize {
    let mut depth = 0_u32;
    for (at, octet) in text.bytes().enumerate() {
        match octet {
            b'(' => depth += 1,
            b')' if depth == 1 => return at - 1,
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    text.len().saturating_sub(1)
}

/// Whether there is a comma outside of parentheses.
fn has_comma(text: &str) -> bool {
    let mut depth = 0_i32;
    text.bytes().any(|octet| {
        match octet {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        octet == b',' && depth == 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(sql: &str) -> String {
        translate(sql).text
    }

    #[test]
    fn a_parameter_has_one_place_however_often_it_stands_there() {
        let translated = translate("SELECT :a, :b_2, :a, 'it''s :c ?' FROM t WHERE x = ':d'");
        assert_eq!(translated.text, "SELECT $1, $2, $1, 'it''s :c ?' FROM t WHERE x = ':d'");
        assert_eq!(translated.places, [Parameter::Name(":a".to_owned()), Parameter::Name(":b_2".to_owned())]);
        let translated = translate("SELECT ?2, ?1, ?2");
        assert_eq!(translated.text, "SELECT $1, $2, $1");
        assert_eq!(translated.places, [Parameter::Number(2), Parameter::Number(1)]);
        assert_eq!(translate("a = ? AND b = ?").places, [Parameter::Number(1), Parameter::Number(2)]);
    }

    #[test]
    fn what_the_engines_say_differently_is_translated_and_nothing_else() {
        for (sql, expected) in [
            (
                "SELECT n.value FROM json_each(:n) n WHERE a = :b",
                "SELECT n.value FROM jsonb_array_elements_text(CAST($1 AS JSONB)) n WHERE a = $2",
            ),
            (
                "SELECT value FROM json_each(?1)",
                "SELECT value FROM jsonb_array_elements_text(CAST($1 AS JSONB))",
            ),
            ("SET a = max(coalesce(a, 0), ?2)", "SET a = greatest(coalesce(a, 0), $1)"),
            ("SELECT max(a), min(coalesce(b, 0))", "SELECT max(a), min(coalesce(b, 0))"),
            (r"d.name LIKE :t ESCAPE '\'", r"d.name ILIKE $1 ESCAPE '\'"),
            ("FROM d INDEXED BY d_by_name WHERE max_domains", "FROM d  WHERE max_domains"),
            ("VALUES (CAST(?1 AS BLOB))", "VALUES (CAST($1 AS BYTEA))"),
            ("'max(a, b)' || ümlaut", "'max(a, b)' || ümlaut"),
            ("SELECT ''", "SELECT ''"),
        ] {
            assert_eq!(text(sql), expected);
        }
    }
}
