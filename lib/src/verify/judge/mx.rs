//! Judging MX records (RFC 5321 section 5.1, RFC 7505).

use crate::dns::{Answer, Outcome, RecordData};
use crate::name::DnsName;

use super::{Code, Expectation, Finding, Verdict, asked, missing};

/// Judges a definite answer to the question for a domain's MX records: `host` must be the most preferred.
pub(super) fn judge(expected: &Expectation, host: &DnsName, seen: &Answer) -> Finding {
    let Outcome::Found { records, .. } = &seen.outcome else {
        return Finding { code: Some(Code::MxMissing), ..missing(expected, seen) };
    };
    let mut exchanges: Vec<(u16, &DnsName)> = records
        .iter()
        .filter_map(|record| match record {
            RecordData::Mx { preference, exchange } => Some((*preference, exchange)),
            _ => None,
        })
        .collect();
    exchanges.sort_unstable();
    let shown = exchanges
        .iter()
        .map(|(preference, name)| format!("{preference} {name}."))
        .collect::<Vec<_>>()
        .join(", ");
    let finding = |verdict, code, what: &str, mend: &str| {
        let wanted = expected.wanted();
        let text =
            format!("{}: {what}; seen is \"{shown}\"; wanted is \"{wanted}\"; {mend}.", asked(expected));
        Finding::of(verdict, code, text, Some(shown.clone()))
    };
    // Names in answers have no last dot, so the root, which says "no mail" (RFC 7505 section 3), is empty.
    if let [(_, only)] = exchanges.as_slice()
        && only.as_str().is_empty()
    {
        let what = "a null MX tells the world that the domain takes no mail";
        return finding(Verdict::Fail, Code::MxNull, what, "replace it");
    }
    let Some((ours, _)) = exchanges.iter().find(|(_, name)| *name == host) else {
        if exchanges.iter().any(|(_, name)| is_address(name)) {
            let what = "an IP address stands where a host name must";
            return finding(Verdict::Fail, Code::MxIpLiteral, what, "name the host instead");
        }
        let what = "none of its mail hosts is ours";
        return finding(
            Verdict::Fail,
            Code::MxMissing,
            what,
            "add the one that is wanted, and remove the others",
        );
    };
    let foreign = exchanges.iter().filter(|(_, name)| *name != host).map(|(preference, _)| preference).min();
    match foreign {
        Some(theirs) if theirs < ours => {
            let what = "mail goes to another host first";
            finding(
                Verdict::Fail,
                Code::MxForeignPreferred,
                what,
                "remove the others, or give them a larger preference",
            )
        }
        Some(theirs) if theirs == ours => {
            let what = "another host shares the mail with ours";
            finding(Verdict::Warn, Code::MxForeignEqual, what, "remove it, or give it a larger preference")
        }
        _ => Finding::pass(format!("{}: mail comes to {host}, as wanted.", asked(expected)), shown),
    }
}

/// Whether a name is an IPv4 address typed into a form that took it for a name.
fn is_address(name: &DnsName) -> bool {
    name.as_str().parse::<std::net::Ipv4Addr>().is_ok()
}
