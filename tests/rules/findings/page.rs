//! The page of troubleshooting: `docs/findings.md`.

use std::fmt::Write;

use postroom::verify::{Code, Verdict};

use super::runner::{Case, folder_name};

/// What stands below the title of each of the groups, in their order.
const ABOUT: [&str; 8] = [
    "Nothing is at the name that was asked for, or not what was made for it. Where the same record stands at \
     one of the usual wrong places, the finding says which.",
    "The record is there, and its value was spoilt on its way through a form, a mail or an editor.",
    "Servers differ, fail or are silent. Most of these pass by themselves.",
    "The key record at `selector._domainkey` (RFC 6376, 8301, 8463). Keys are compared as numbers, so another \
     spelling of the same key is no mistake.",
    "The one `v=spf1` record at the domain itself (RFC 7208). What is wanted is always the record that is \
     there with our mechanism in it, never a second one.",
    "The record at `_dmarc` (RFC 9989). Where the domain has none, that of a domain above it counts.",
    "Where mail for the domain goes (RFC 5321 section 5.1, RFC 7505).",
    "The CNAME by which bounces come to us: its exact target, and no addresses in its place.",
];

const INTRO: &str = "\
# Findings: what is wrong with a record, and what to do

<!-- Made of the table in lib/src/record/finding.rs and the cases in tests/fixtures/findings by
     POSTROOM_BLESS=1 cargo test -p postroom-server findings
     Do not edit: the text of a code is in that table, the groups in lib/src/record/group.rs, this page's words in tests/rules/findings/page.rs. -->

A check asks the DNS for each record of a domain and comes to a finding: a verdict, a code where something is wrong, and
one sentence that says what was asked, what was seen, what is wanted, and the one thing to do. The code is stable; the
sentence is for people and may change.

| verdict | what it means | what follows |
|---|---|---|
| `pass` | The record is as it must be. | It is verified at once. |
| `warn` | It works, and there is something to mend. | It is verified; the warning is shown. |
| `fail` | It does not work, for certain. | What was never verified stays pending. What is verified stays so at first: see below. |
| `temporary` | It cannot be told now: a server fails or is silent, or servers differ. | Nothing. The status stays as it was, and it is asked again. |

- **What passes once stays verified through a bad day.** A verified record fails only after three checks that failed for \
certain, and 72 hours in which it was known to fail; both numbers can be configured. Until then it is shown with its \
problem, and the domain stays active. A temporary finding never counts among the three, nor do hours without a check.
- **A failed record passes again at the first check that sees it right.** Nobody has to start anew.
- **Receivers see what resolvers say.** A record is verified only where a recursive resolver has it; the zone's own name \
servers are asked beside, to tell why a resolver differs.
- A value in a sentence is cut after 100 octets, and octets that cannot be printed stand as `\\DDD`, in decimal.

The examples are of a domain `example.com` at a mail system `mail.example.net`. Each is taken from the case of that name in
`tests/fixtures/findings/`, beside a near miss that does not have the code.
";

/// The whole page.
pub(super) fn page(cases: &[Case]) -> String {
    let mut page = format!("{INTRO}\n## By group\n\n");
    for (title, codes) in Code::GROUPS {
        let codes: Vec<String> = codes.iter().map(|code| format!("[`{0}`](#{0})", code.as_str())).collect();
        // Writing to a string does not fail.
        _ = writeln!(page, "- **{title}**: {}", codes.join(", "));
    }
    for ((title, codes), about) in Code::GROUPS.iter().zip(ABOUT) {
        _ = write!(page, "\n## {title}\n\n{about}\n");
        for code in *codes {
            let case = cases.iter().find(|case| case.code == *code).unwrap();
            page.push_str(&entry(case));
        }
    }
    page
}

fn entry(case: &Case) -> String {
    let Case { code, shows, .. } = case;
    let verdict = match shows.finding.verdict {
        Verdict::Warn => " It works all the same (`warn`).",
        Verdict::Temporary => " Nothing follows from it (`temporary`).",
        Verdict::Pass | Verdict::Fail => "",
    };
    format!(
        "\n### {}\n\n{}{verdict}\n\n**What to do:** {}\n\n```text\n{}\n```\n\nCase: `tests/fixtures/findings/{}/`\n",
        code.as_str(),
        code.meaning(),
        code.mend(),
        shows.finding.text,
        folder_name(*code)
    )
}
