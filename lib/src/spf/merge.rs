//! Putting mechanisms into a domain's SPF record.

use super::record::{Directive, Mechanism};
use super::repair::{Repaired, repaired};

/// The one record that is to stand in place of `records`, with `ours` at its front.
///
/// Of one record all else stays as it is and where it is, but for terms that are among `ours` already, with
/// whatever qualifier. Of several, which receivers take for an error, the terms follow on each other, each once;
/// what can be there only once is the first record's that has it: `all`, which goes to the end, `redirect`, which
/// `all` makes useless, and `exp`. In a record that breaks the grammar the terms are repaired or left out. Without any record, it is one that ends in `~all`.
pub fn merge<R: AsRef<str>, M: AsRef<str>>(records: &[R], ours: &[M]) -> String {
    merge_repaired(records, ours).record
}

/// The one record that is to stand in place of `records`, by the rules of [`merge`], and the terms that were left out because
/// they are no terms of SPF.
pub(crate) fn merge_repaired<R: AsRef<str>, M: AsRef<str>>(records: &[R], ours: &[M]) -> Repaired {
    let repaired: Vec<Repaired> = records.iter().map(|text| repaired(text.as_ref())).collect();
    let texts: Vec<&str> = repaired.iter().map(|repaired| repaired.record.as_str()).collect();
    let mut merged: Vec<&str> = Vec::new();
    for term in ours {
        push(&mut merged, term.as_ref());
    }
    match texts.as_slice() {
        [] => merged.push("~all"),
        [only] => {
            let theirs: Vec<&str> =
                terms(only).filter(|term| !merged.iter().any(|ours| is_same(ours, term))).collect();
            merged.extend(theirs);
        }
        several => {
            let end = several.iter().flat_map(|text| terms(text)).find(|term| is_all(term));
            for term in several.iter().flat_map(|text| terms(text)).filter(|term| !is_all(term)) {
                let is_useless = is_modifier(term, "redirect=") && end.is_some();
                let is_second = ["redirect=", "exp="].iter().any(|name| {
                    is_modifier(term, name) && merged.iter().any(|other| is_modifier(other, name))
                });
                if !is_useless && !is_second {
                    push(&mut merged, term);
                }
            }
            merged.extend(end);
        }
    }
    let version = texts.first().and_then(|text| text.split(' ').next()).unwrap_or("v=spf1");
    let record = std::iter::once(version).chain(merged).collect::<Vec<_>>().join(" ");
    Repaired { record, dropped: repaired.into_iter().flat_map(|repaired| repaired.dropped).collect() }
}

/// The terms of a record, without its version.
fn terms(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').skip(1).filter(|term| !term.is_empty())
}

fn push<'a>(terms: &mut Vec<&'a str>, term: &'a str) {
    if !terms.iter().any(|other| is_same(other, term)) {
        terms.push(term);
    }
}

fn is_modifier(term: &str, name: &str) -> bool {
    term.split_at_checked(name.len()).is_some_and(|(front, _)| front.eq_ignore_ascii_case(name))
}

/// Whether two terms are the same mechanism, whatever their qualifiers, or the same text.
fn is_same(one: &str, other: &str) -> bool {
    match (mechanism(one), mechanism(other)) {
        (Some(Mechanism::Ip4(..) | Mechanism::Ip6(..)), Some(_)) => mechanism(one) == mechanism(other),
        _ => bare(one).eq_ignore_ascii_case(bare(other)),
    }
}

fn mechanism(term: &str) -> Option<Mechanism> {
    term.parse::<Directive>().ok().map(|directive| directive.mechanism)
}

/// A term without its qualifier, and without the last dot of its domain.
fn bare(term: &str) -> &str {
    let term = term.strip_prefix(['+', '-', '~', '?']).unwrap_or(term);
    term.strip_suffix('.').unwrap_or(term)
}

fn is_all(term: &str) -> bool {
    bare(term).eq_ignore_ascii_case("all")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: [&str; 1] = ["include:spf.example.net"];

    #[test]
    fn our_mechanism_is_put_at_the_front_of_the_record_that_is_there() {
        for (theirs, want) in [
            ("v=spf1 -all", "v=spf1 include:spf.example.net -all"),
            ("v=spf1", "v=spf1 include:spf.example.net"),
            ("v=spf1 mx  a ~all", "v=spf1 include:spf.example.net mx a ~all"),
            ("v=spf1 mx ~all include:spf.example.net", "v=spf1 include:spf.example.net mx ~all"),
            ("v=spf1 mx ?Include:SPF.example.net. -all", "v=spf1 include:spf.example.net mx -all"),
            ("V=SPF1 redirect=_spf.example.com", "V=SPF1 include:spf.example.net redirect=_spf.example.com"),
        ] {
            assert_eq!(merge(&[theirs], &OURS), want);
        }
    }

    #[test]
    fn an_address_is_the_same_however_it_is_written() {
        let merged = merge(
            &["v=spf1 ip6:2001:DB8:0::1/128 ip4:192.0.2.1/32 -all"],
            &["ip4:192.0.2.1", "ip6:2001:db8::1"],
        );
        assert_eq!(merged, "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all");
    }

    #[test]
    fn several_records_become_one_that_ends_once() {
        let merged = merge(
            &[
                "v=spf1 mx exp=a.example -all",
                "v=spf1 include:b.example mx redirect=c.example exp=d.example ~all",
            ],
            &OURS,
        );
        assert_eq!(merged, "v=spf1 include:spf.example.net mx exp=a.example include:b.example -all");
        let merged = merge(&["v=spf1 mx", "v=spf1 redirect=c.example"], &OURS);
        assert_eq!(merged, "v=spf1 include:spf.example.net mx redirect=c.example");
        assert_eq!(merge::<&str, _>(&[], &OURS), "v=spf1 include:spf.example.net ~all");
    }
}
