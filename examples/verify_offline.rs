//! Judging a zone that a script stands in for: no network, no database, no clock.
//!
//! First one answer by the pure function, then a domain's records by the whole engine, which also asks where a
//! missing record may have gone. `NetworkResolver` in place of the script asks the real DNS.
//!
//! `cargo run --example verify_offline`

use std::error::Error;
use std::net::Ipv4Addr;
use std::time::Duration;

use postroom::dns::{Answer, Outcome, RecordData, ScriptedResolver, Server};
use postroom::settings::DmarcPolicy;
use postroom::verify::{
    self, Code, DkimExpectation, DmarcExpectation, Expectation, MxExpectation, SpfExpectation, Verdict, judge,
};

/// The RSA key whose private half signs, as it stands in `p=`.
const KEY: &str = include_str!("../tests/fixtures/dkim/rsa-1024.p");

fn main() -> Result<(), Box<dyn Error>> {
    // What must be published. The key is compared as a number, so its spelling does not matter.
    let dkim = Expectation::Dkim(DkimExpectation {
        name: "pr1._domainkey.example.com".parse()?,
        key: KEY.parse()?,
        others: vec![],
    });
    let spf = Expectation::Spf(SpfExpectation {
        name: "example.com".parse()?,
        mechanisms: vec!["include:spf.mail.example.net".to_owned()],
        addresses: Vec::new(),
        whole: "v=spf1 include:spf.mail.example.net ~all".to_owned(),
    });
    let dmarc = Expectation::Dmarc(DmarcExpectation {
        name: "_dmarc.example.com".parse()?,
        policy: DmarcPolicy::None,
        whole: "v=DMARC1; p=none".to_owned(),
    });
    let mx = Expectation::Mx(MxExpectation {
        name: "example.com".parse()?,
        host: "mx.mail.example.net".parse()?,
        priority: 10,
    });

    // One answer, judged: a pure function of what is expected and what was seen.
    let seen = Answer {
        server: Server::from("a resolver"),
        chain: vec![],
        outcome: Outcome::of_records(
            vec![RecordData::txt(&["\u{201c}v=DMARC1; p=none\u{201d}"])],
            Duration::from_mins(5),
        ),
    };
    let finding = judge::answer(&dmarc, &seen);
    println!("{}\n", finding.text);
    assert_eq!((finding.verdict, finding.code), (Verdict::Fail, Some(Code::SmartQuotes)));

    // A domain, looked at: our key went to the doubled name, SPF lacks us, DMARC and MX are right.
    let dns = ScriptedResolver::new()
        .txt("pr1._domainkey.example.com.example.com", &["v=DKIM1; k=rsa; p=", KEY.trim_ascii()])
        .txt("example.com", &["v=spf1 mx ~all"])
        .txt("spf.mail.example.net", &["v=spf1 ip4:192.0.2.10 -all"])
        .txt("_dmarc.example.com", &["v=DMARC1; p=reject"])
        .mx("example.com", 10, "mx.mail.example.net")
        .a("mx.mail.example.net", Ipv4Addr::new(192, 0, 2, 10));
    let looks = verify::look(&"example.com".parse()?, &[dkim, spf, dmarc, mx], &dns);
    for look in &looks {
        let code = look.finding.code.map_or("-", Code::as_str);
        println!("{:<9} {code}\n          {}", look.finding.verdict.as_str(), look.finding.text);
        if let Some(code) = look.finding.code {
            println!("          {} {}", code.meaning(), code.mend());
        }
    }
    let codes: Vec<Option<Code>> = looks.iter().map(|look| look.finding.code).collect();
    assert_eq!(codes, [Some(Code::RecordAtDoubledName), Some(Code::SpfMechanismMissing), None, None]);
    Ok(())
}
