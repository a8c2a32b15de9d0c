//! Shapes in the words of JSON Schema 2020-12, which `OpenAPI` 3.1 uses.

use serde_json::{Map, Value, json};

use crate::wire::shape::{Member, Shape};

/// The schemas of objects, by their names.
#[derive(Default)]
pub(super) struct Schemas(Map<String, Value>);

impl Schemas {
    /// All that have been asked for.
    pub(super) fn into_value(self) -> Value {
        Value::Object(self.0)
    }

    /// The schema of a shape. That of an object stands among the schemas with a name, once.
    pub(super) fn of(&mut self, shape: &Shape) -> Value {
        match shape {
            Shape::Any => json!({}),
            Shape::Text { format, least, .. } => {
                let mut schema = json!({ "type": "string" });
                if !format.is_empty() {
                    set(&mut schema, "format", json!(format));
                }
                if *least > 0 {
                    set(&mut schema, "minLength", json!(least));
                }
                schema
            }
            Shape::Word(words) => json!({ "type": "string", "enum": words }),
            Shape::Words(words) => json!({ "type": "string", "enum": words() }),
            Shape::Integer { least, most } => {
                let mut schema = json!({ "type": "integer", "minimum": least });
                // A larger number than any row can have is a number all the same.
                if *most < i64::MAX {
                    set(&mut schema, "maximum", json!(most));
                }
                schema
            }
            Shape::Number => json!({ "type": "number" }),
            Shape::Flag => json!({ "type": "boolean" }),
            Shape::Maybe(shape) => json!({ "anyOf": [self.of(shape), { "type": "null" }] }),
            Shape::Either(shapes) => {
                json!({ "anyOf": shapes.iter().map(|shape| self.of(shape)).collect::<Vec<_>>() })
            }
            Shape::List(of) => json!({ "type": "array", "items": self.of(of) }),
            Shape::Map(of) => json!({ "type": "object", "additionalProperties": self.of(of) }),
            Shape::Object { name, parts, is_closed } => {
                if !self.0.contains_key(*name) {
                    let schema = self.object(parts.iter().copied().flatten(), *is_closed);
                    self.0.insert((*name).to_owned(), schema);
                }
                json!({ "$ref": format!("#/components/schemas/{name}") })
            }
        }
    }

    /// The schema of an object with these members.
    pub(super) fn object<'m>(&mut self, members: impl Iterator<Item = &'m Member>, is_closed: bool) -> Value {
        let (mut properties, mut required) = (Map::new(), Vec::new());
        for member in members {
            let mut schema = self.of(&member.shape);
            if !member.text.is_empty() {
                set(&mut schema, "description", json!(member.text));
            }
            properties.insert(member.name.to_owned(), schema);
            if member.is_required {
                required.push(member.name);
            }
        }
        let mut schema = json!({ "type": "object", "properties": properties });
        if !required.is_empty() {
            set(&mut schema, "required", json!(required));
        }
        if is_closed {
            set(&mut schema, "additionalProperties", json!(false));
        }
        schema
    }
}

/// Sets a member of an object.
pub(super) fn set(object: &mut Value, name: &str, value: Value) {
    if let Value::Object(members) = object {
        members.insert(name.to_owned(), value);
    }
}
