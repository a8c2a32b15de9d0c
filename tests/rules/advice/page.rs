//! The page of advice: `docs/advice.md`.

use std::fmt::Write;

use postroom::advisory::{Grade, Topic};

use super::{Case, folder_name};

const INTRO: &str = "\
# Advice: what else helps mail to arrive

<!-- Made of the table in lib/src/advisory/code.rs and the cases in tests/fixtures/advice by
     POSTROOM_BLESS=1 cargo test -p postroom-server --test suite -- rules::advice
     Do not edit: the text of a code is in that table, this page's words in tests/rules/advice/page.rs. -->

Beside the records that a domain must have there are things that help its mail to arrive, or keep it from being read on the way. No
status follows from them, and nothing of them is stored. They are looked at when somebody asks:

```sh no-test
postroom domain advise example.org
curl -s https://desk.example.net/postroom/v1/domains/example.org/advice -H \"Authorization: Bearer $KEY\"
```

In the console it is the page \"Advice\" of a domain, with the button \"Look now\".

| grade | what it means |
|---|---|
| `good` | It is as it should be. |
| `note` | Worth knowing. Mail arrives without it. |
| `improve` | Mail is refused, lost or distrusted somewhere because of it. |
| `unknown` | It cannot be told now. |

- A look asks recursive resolvers alone, and takes some seconds. The policy of MTA-STS is fetched by https from the domain's own web
  server: from no address that is not public, unless `egress.allow` has its network, without following redirects, and at most 64
  KiB of it. `advice.https = false` switches that off.
- Port 25 of the domain's mail hosts is tried only if the operator wants that: `advice.smtp = true`, or `--smtp` at the command line.
  Nothing is sent but EHLO, STARTTLS and what a TLS handshake needs. The certificate must name the host of the MX record, be in
  time, and come from an authority that browsers trust, or be the one that a TLSA record names which DNSSEC validates. Most senders
  take any certificate; those that insist on MTA-STS or DANE do not.
- DS and DNSKEY records are compared even where a resolver refuses the zone for its broken signatures: for these it is asked not to
  validate.
- Whether something is signed with DNSSEC is the word of the first resolver that answers. Name one in `dns.resolvers` that validates, on
  this machine or on a network that you trust.
- What concerns the sending addresses is the operator's to mend; without `sending.addresses` the addresses of `mx.host` are looked at.

The examples are of a domain `example.com` at a mail system `mail.example.net`. Each is taken from the case of that name in
`tests/fixtures/advice/`, beside a near miss that does not have the code.
";

/// The whole page.
pub(super) fn page(cases: &[Case]) -> String {
    let mut page = INTRO.to_owned();
    for topic in Topic::ALL {
        // Writing to a string does not fail.
        _ = write!(page, "\n## {} (`{}`)\n", topic.title(), topic.as_str());
        for case in cases.iter().filter(|case| case.topic == topic) {
            let grade = match case.shows.grade {
                Grade::Note => " (`note`)",
                Grade::Improve => " (`improve`)",
                Grade::Unknown | Grade::Good => "",
            };
            let (code, meaning, mend) = (case.code.as_str(), case.code.meaning(), case.code.mend());
            let text = &case.shows.text;
            _ = write!(
                page,
                "\n### {code}\n\n{meaning}{grade}\n\n**What to do:** {mend}\n\n```text\n{text}\n```\n"
            );
            _ = write!(page, "\nCase: `tests/fixtures/advice/{}/`\n", folder_name(case.code));
        }
    }
    page
}
