//! The catalogue: every sentence of the set-up page in each of its languages. The files stand in `words`; English has the
//! sentences of findings from the library.

use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use postroom::verify::Code;

/// Each language with its words, English first: it is what is shown where nothing else was asked for.
const FILES: [(&str, &str); 4] = [
    ("en", include_str!("words/en.ftl")),
    ("de", include_str!("words/de.ftl")),
    ("fr", include_str!("words/fr.ftl")),
    ("es", include_str!("words/es.ftl")),
];

static ALL: LazyLock<[Words; FILES.len()]> =
    LazyLock::new(|| FILES.map(|(language, text)| Words::read(language, text)));

/// The words of one language.
pub(super) struct Words {
    /// Its code (BCP 47).
    pub(super) language: &'static str,
    bundle: FluentBundle<FluentResource>,
}

impl Words {
    fn read(language: &'static str, text: &str) -> Words {
        // A line that cannot be read is left out; a test reads every file.
        let words = FluentResource::try_new(text.to_owned()).unwrap_or_else(|(words, _)| words);
        let mut bundle = FluentBundle::new_concurrent(language.parse().into_iter().collect());
        // Names and records are copied: no invisible marks may stand around them.
        bundle.set_use_isolating(false);
        let _ = bundle.add_resource(words);
        Words { language, bundle }
    }

    /// Every language, in the order in which they are offered.
    pub(super) fn all() -> &'static [Words] {
        &*ALL
    }

    /// Those of this language, if there are any.
    pub(super) fn of(language: &str) -> Option<&'static Words> {
        ALL.iter().find(|words| words.language == language)
    }

    /// The best for somebody whose browser sends this `Accept-Language` (RFC 9110 section 12.5.4).
    pub(super) fn accepted(field: Option<&str>) -> Option<&'static Words> {
        let mut wanted: Vec<(f32, &str)> = field?
            .split(',')
            .filter_map(|range| {
                let mut parts = range.split(';').map(str::trim);
                let language = parts.next()?.split('-').next()?;
                let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Ok(1.0), str::parse);
                weight.ok().filter(|weight| *weight > 0.0).map(|weight| (weight, language))
            })
            .collect();
        // Those of the same weight stay in their order.
        wanted.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        wanted.into_iter().find_map(|(_, language)| Words::of(&language.to_ascii_lowercase()))
    }

    /// The first language, for who asked for none that there is.
    pub(super) fn usual() -> &'static Words {
        let [first, ..] = &*ALL;
        first
    }

    /// A sentence.
    pub(super) fn say(&self, id: &str) -> String {
        self.with(id, &[])
    }

    /// A sentence with these values in it.
    pub(super) fn with(&self, id: &str, values: &[(&str, &str)]) -> String {
        self.found(id, None, values).unwrap_or_else(|| id.to_owned())
    }

    /// A sentence with these numbers in it, which may decide its form: each language has plurals of its own.
    pub(super) fn counted(&self, id: &str, numbers: &[(&str, u64)]) -> String {
        let mut arguments = FluentArgs::new();
        for (name, number) in numbers {
            arguments.set(*name, *number);
        }
        self.formatted(id, None, &arguments).unwrap_or_else(|| id.to_owned())
    }

    /// What is wrong with a record, and what to do.
    pub(super) fn finding(&self, code: Code) -> (String, String) {
        let id = format!("finding-{}", code.as_str());
        let [meaning, mend] = [None, Some("mend")].map(|part| self.found(&id, part, &[]));
        (meaning.unwrap_or_else(|| code.meaning().to_owned()), mend.unwrap_or_else(|| code.mend().to_owned()))
    }

    fn found(&self, id: &str, part: Option<&str>, values: &[(&str, &str)]) -> Option<String> {
        let mut arguments = FluentArgs::new();
        for (name, value) in values {
            arguments.set(*name, *value);
        }
        self.formatted(id, part, &arguments)
    }

    fn formatted(&self, id: &str, part: Option<&str>, arguments: &FluentArgs<'_>) -> Option<String> {
        let message = self.bundle.get_message(id)?;
        let pattern = match part {
            None => message.value()?,
            Some(part) => message.get_attribute(part)?.value(),
        };
        Some(self.bundle.format_pattern(pattern, Some(arguments), &mut Vec::new()).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The identifiers of a file, with the values that each takes.
    fn sentences(text: &str) -> Vec<(String, Vec<String>)> {
        let lines =
            text.lines().filter(|line| !line.starts_with(['#', ' ']) && !line.starts_with("finding-"));
        lines
            .filter_map(|line| line.split_once(" = "))
            .map(|(id, pattern)| {
                let mut values: Vec<_> =
                    pattern.split("{ $").skip(1).filter_map(|rest| rest.split(' ').next()).collect();
                values.sort_unstable();
                (id.to_owned(), values.into_iter().map(str::to_owned).collect())
            })
            .collect()
    }

    #[test]
    fn every_language_has_every_sentence_with_the_same_values() {
        let [(_, english), others @ ..] = FILES;
        for (language, text) in others {
            assert_eq!(sentences(text), sentences(english), "{language}");
        }
        for (language, text) in FILES {
            assert!(FluentResource::try_new(text.to_owned()).is_ok(), "{language} cannot be read");
        }
    }

    #[test]
    fn every_code_of_a_finding_is_said_in_every_language_and_no_other_is() {
        for (language, text) in FILES.iter().skip(1) {
            let words = Words::of(language).unwrap();
            for code in Code::ALL {
                let id = format!("finding-{}", code.as_str());
                for part in [None, Some("mend")] {
                    let said = words.found(&id, part, &[]);
                    assert!(said.is_some_and(|said| said.len() > 5), "{language}: {id} {part:?}");
                }
            }
            assert_eq!(text.matches("\nfinding-").count(), Code::ALL.len(), "{language}");
        }
    }

    #[test]
    fn a_language_is_chosen_by_weight_and_by_its_first_part() {
        let chosen = |field| Words::accepted(Some(field)).map(|words| words.language);
        assert_eq!(chosen("de-AT,de;q=0.9,en;q=0.8"), Some("de"));
        assert_eq!(chosen("en;q=0.5, FR;q=0.7"), Some("fr"));
        assert_eq!(chosen("pl, es;q=0.2"), Some("es"));
        assert_eq!(chosen("es;q=0, en"), Some("en"));
        assert_eq!(chosen("pl, *"), None);
        assert_eq!(chosen(";;,=,q=x"), None);
    }

    #[test]
    fn a_number_decides_the_form_of_its_sentence_in_every_language() {
        let said = |language, id, numbers: &[(&str, u64)]| Words::of(language).unwrap().counted(id, numbers);
        for (language, one, three) in [
            ("en", "1 of 5 records is right", "3 of 5 records are right"),
            ("de", "1 von 5 Einträgen stimmt", "3 von 5 Einträgen stimmen"),
            ("fr", "1 enregistrement sur 5 est juste", "3 enregistrements sur 5 sont justes"),
            ("es", "1 de 5 registros es correcto", "3 de 5 registros son correctos"),
        ] {
            assert_eq!(said(language, "some-right", &[("right", 1), ("all", 5)]), one);
            assert_eq!(said(language, "some-right", &[("right", 3), ("all", 5)]), three);
            assert_ne!(
                said(language, "wait", &[("seconds", 1)]),
                said(language, "wait", &[("seconds", 2)]).replace('2', "1")
            );
        }
    }

    #[test]
    fn values_stand_in_sentences_as_they_are() {
        let said = Words::of("fr").unwrap().with("title", &[("domain", "example.com")]);
        assert_eq!(said, "Enregistrements DNS de example.com");
    }
}
