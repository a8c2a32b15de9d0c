//! Advice in JSON: the native dialect's reply and the command line's.

use postroom::advisory::{Advice, AdviceCode, Topic};
use postroom::name::DomainName;
use serde_json::{Value, json};

use super::finding::action_json;
use crate::wire::shape::{MAYBE_TEXT, NAME, Shape, TEXT, has};

const PIECE: Shape = Shape::object(
    "Advice",
    &[&[
        has("topic", Shape::Words(|| Topic::ALL.iter().map(|topic| topic.as_str()).collect())),
        has("grade", Shape::Word(&["good", "note", "improve", "unknown"])),
        has("code", MAYBE_TEXT).text("a code of docs/advice.md"),
        has("name", NAME),
        has("text", TEXT),
        has("action", Shape::Maybe(&super::finding::ACTION)),
    ]],
);
/// What [`advice_json`] writes.
pub(crate) const ADVICE: Shape =
    Shape::object("DomainAdvice", &[&[has("domain", NAME), has("advice", Shape::List(&PIECE))]]);

/// A domain, and what else would help its mail to arrive.
pub fn advice_json(domain: &DomainName, advice: &[(Topic, Advice)]) -> Value {
    let advice = advice.iter().map(|(topic, advice)| {
        json!({
            "topic": topic.as_str(),
            "grade": advice.grade.as_str(),
            "code": advice.code.map(AdviceCode::as_str),
            "name": advice.name.as_str(),
            "text": advice.text,
            "action": advice.action.as_ref().map(action_json),
        })
    });
    json!({ "domain": domain.as_str(), "advice": advice.collect::<Vec<_>>() })
}
