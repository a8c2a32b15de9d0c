//! Any octets as the TXT records of a DMARC policy.

#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use postroom::dns::{Answer, Outcome, RecordData, Server, TxtData};
use postroom::settings::DmarcPolicy;
use postroom::verify::{DmarcExpectation, Expectation, judge};

fuzz_target!(|octets: &[u8]| {
    let record = |octets: &[u8]| RecordData::Txt(TxtData::new(vec![octets.to_vec()]));
    let records: Vec<RecordData> = octets.split(|octet| *octet == 0xff).map(record).collect();
    let outcome = Outcome::of_records(records, Duration::from_secs(300));
    let answer = Answer { server: Server::from("fuzz"), chain: Vec::new(), outcome };
    for policy in [DmarcPolicy::None, DmarcPolicy::Reject] {
        let name = "_dmarc.example.com".parse().expect("a name");
        let expected =
            Expectation::Dmarc(DmarcExpectation { name, policy, whole: format!("v=DMARC1; p={policy}") });
        let finding = judge::answer(&expected, &answer);
        assert!(finding.text.len() < 4096, "{}", finding.text);
        assert!(
            !finding.verdict.passes() || octets.windows(6).any(|octets| octets == b"DMARC1"),
            "{}",
            finding.text
        );
    }
});
