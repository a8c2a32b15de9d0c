//! Any octets as SPF records that include each other: grammar, evaluation, walk and merging.

#![no_main]

use std::net::IpAddr;

use libfuzzer_sys::fuzz_target;
use postroom::dns::{RecordData, ScriptedResolver, TxtData};
use postroom::spf::{self, Mechanism, Query};

/// The domains whose records the parts of the input become.
const NAMES: [&str; 4] = ["example.com", "a.example", "b.example", "c.example"];

fuzz_target!(|octets: &[u8]| {
    let mut dns =
        ScriptedResolver::new().a("d.example", [192, 0, 2, 1].into()).mx("d.example", 10, "d.example");
    for (record, name) in octets.split(|octet| *octet == 0xff).zip(NAMES) {
        let record = [b"v=spf1 ", record].concat();
        let _ = spf::SpfRecord::parse(&record);
        let merged = spf::merge(&[String::from_utf8_lossy(&record)], &["include:a.example"]);
        assert!(merged.starts_with("v=spf1 include:a.example"), "{merged}");
        dns =
            dns.record(name, RecordData::Txt(TxtData::new(record.chunks(255).map(<[u8]>::to_vec).collect())));
    }
    for ip in ["192.0.2.1", "2001:db8::1"].map(|ip| ip.parse::<IpAddr>().expect("an address")) {
        let evaluation = spf::check_host(&dns, &Query::new(ip, "jo@example.com", "mail.example.net"));
        assert!(evaluation.lookups <= 11 && evaluation.void_lookups <= 3, "{evaluation:?}");
    }
    let ours: Mechanism = "include:a.example".parse().expect("a mechanism");
    let _ = spf::reaches(&dns, &NAMES[0].parse().expect("a name"), &[ours]);
    // Each evaluation asks for no more than the limits let it.
    assert!(dns.asked().len() < 1_000, "{}", dns.asked().len());
});
