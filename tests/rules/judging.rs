//! Judging one server's answer: a row for each rule, and a near miss beside it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use postroom::dns::{Answer, Outcome, RecordData, TxtData};
use postroom::verify::{Code, DkimExpectation, Expectation, Finding, Verdict, judge};

use super::answers::{
    KEY_NAME, KEYS, TARGET, cname, cname_expected, expecting, fixture, found, key_expected, p, said, value,
};
use crate::harness::app::txt;

fn judged(expected: &Expectation, records: Vec<RecordData>) -> Finding {
    judge::answer(expected, &said("resolver", found(records)))
}

#[track_caller]
fn is(finding: &Finding, verdict: Verdict, code: Option<Code>) {
    assert_eq!((finding.verdict, finding.code), (verdict, code), "{}", finding.text);
}

#[test]
fn a_key_record_in_any_lawful_spelling_passes() {
    let p = p();
    let spaced: String =
        p.as_bytes().chunks(64).flat_map(|c| [std::str::from_utf8(c).unwrap(), " \t"]).collect();
    for value in [
        value(),
        format!("{};", value()),
        format!("{}; ", value()),
        format!("  v = DKIM1 ;\tk = rsa ; p = {p} "),
        format!("p={p}"),
        format!("k=rsa; p={p}"),
        format!("p={p}; k=rsa"),
        format!("v=DKIM1;k=rsa;p={p}"),
        format!("v=DKIM1; k=rsa; p={spaced}"),
        format!("v=DKIM1; p={}\r\n {}", &p[..100], &p[100..]),
        format!("v=DKIM1; h=sha256; p={p}"),
        format!("v=DKIM1; h=sha1:sha256; p={p}"),
        format!("v=DKIM1; s=*; p={p}"),
        format!("v=DKIM1; s=email; p={p}"),
        format!("v=DKIM1; t=s; p={p}"),
        format!("v=DKIM1; t=; p={p}"),
        format!("v=DKIM1; n=a note; x_unknown=1; p={p}; foo=bar"),
        format!("v=DKIM1; P=upper; p={p}"),
    ] {
        is(&judged(&key_expected(), vec![txt(&value)]), Verdict::Pass, None);
    }
}

#[test]
fn the_strings_of_a_record_are_joined_with_nothing_between() {
    let value = value();
    for at in [1, 18, 100, 200, 255, 400] {
        let (front, back) = value.split_at(at);
        is(&judged(&key_expected(), vec![RecordData::txt(&[front, "", back])]), Verdict::Pass, None);
    }
}

/// What is wrong with a value, by the code that says so.
fn wrong_values() -> Vec<(String, Code)> {
    let (value, p) = (value(), p());
    let other = KEYS.other.record_value();
    vec![
        (format!("v=DKIM1; h=sha1; p={p}"), Code::DkimHashNotAllowed),
        (format!("v=DKIM1; h=; p={p}"), Code::DkimHashNotAllowed),
        (format!("v=DKIM1; s=tlsrpt; p={p}"), Code::DkimServiceNotEmail),
        (format!("v=DKIM1; k=ed25519; p={p}"), Code::DkimWrongAlgorithm),
        (format!("v=DKIM1; k=RSA2; p={p}"), Code::DkimWrongAlgorithm),
        ("v=DKIM1; k=rsa; p=".to_owned(), Code::DkimRevoked),
        ("v=DKIM1; k=rsa; p= ;".to_owned(), Code::DkimRevoked),
        (format!("v=DKIM2; p={p}"), Code::DkimSyntax),
        (format!("v=dkim1; p={p}"), Code::DkimSyntax),
        (format!("v=; p={p}"), Code::DkimSyntax),
        (format!("v=DKIM1; p={p};; k=rsa"), Code::DkimSyntax),
        (format!("v=DKIM1; P={p}"), Code::DkimSyntax),
        ("v=DKIM1; k=rsa".to_owned(), Code::DkimSyntax),
        ("v=DKIM1; p=????".to_owned(), Code::DkimSyntax),
        ("v=DKIM1; p=AAAA".to_owned(), Code::DkimSyntax),
        (format!("v=DKIM1; k=rsa; p={}", &p[..390]), Code::ValueCutShort),
        (format!("v=DKIM1 k=rsa p={p}"), Code::SemicolonsMissing),
        (format!("v=DKIM1, k=rsa, p={p}"), Code::SemicolonsMissing),
        // The bare RSAPublicKey of PKCS#1: the DER has 24 octets, 32 of Base64, before it.
        (format!("v=DKIM1; k=rsa; p={}", &p[32..]), Code::DkimSyntax),
        // What ends in something that is no Base64 is nothing to rspamd, and what begins so is cut short at OpenDKIM.
        (format!("v=DKIM1; k=rsa; p={p}."), Code::DkimSyntax),
        (format!("v=DKIM1; k=rsa; p={p}="), Code::DkimSyntax),
        (format!("v=DKIM1; k=rsa; p=={p}"), Code::DkimSyntax),
        // OpenDKIM reads 1024 octets.
        (format!("v=DKIM1; n={}; k=rsa; p={p}", "x".repeat(700)), Code::DkimSyntax),
        (format!("v=DKIM1; n=\u{fc}; p={p}"), Code::DkimSyntax),
        (format!("v=DKIM1; -a=1; p={p}"), Code::DkimSyntax),
        (
            format!("v=DKIM1; p={p}; p={}", KEYS.other.record_value().split_once("p=").unwrap().1),
            Code::DkimKeyIsPrevious,
        ),
        ("v=spf1 mx ~all".to_owned(), Code::DkimSyntax),
        ("hello".to_owned(), Code::DkimSyntax),
        (String::new(), Code::DkimSyntax),
        (format!("\"{value}\""), Code::QuotesInValue),
        (value.replace(';', "\\;"), Code::EscapedSemicolons),
        (format!("\u{201c}{value}\u{201d}"), Code::SmartQuotes),
        (value[..255].to_owned(), Code::ValueTruncatedAt255),
        (value.to_lowercase(), Code::ValueLowercased),
        (other, Code::DkimKeyIsPrevious),
        (format!("v=DKIM1; p={}", fixture("rsa-512")), Code::DkimKeyTooShort),
        (format!("v=DKIM1; p={}", fixture("rsa-768")), Code::DkimKeyTooShort),
        (format!("v=DKIM1; p={}", fixture("rsa-1024")), Code::DkimKeyMismatch),
    ]
}

#[test]
fn a_value_that_only_some_receivers_verify_with_works_with_a_warning_that_names_them() {
    let p = p();
    let (all, mail_dkim, dkimpy) = ("RFC 6376 forbids", "Mail::DKIM", "dkimpy");
    for (value, who) in [
        (format!("k=rsa; v=DKIM1; p={p}"), all),
        (format!("k=rsa; p={p}; v=DKIM1"), all),
        (format!("v=DKIM1; k=rsa; p={p}AAAA"), all),
        (format!("v=DKIM1; k=rsa; p={}\"{}", &p[..99], &p[99..]), all),
        (format!("{}\" \"{}", &value()[..200], &value()[200..]), all),
        (format!("v=DKIM1; h=SHA256; p={p}"), mail_dkim),
        // Without the NULL of RFC 3279 section 2.3.1.
        (format!("v=DKIM1; k=rsa; p={}", without_parameters()), dkimpy),
        (format!("v=DKIM1; h=sha1 : sha256 ; p={p}"), mail_dkim),
        (format!("v=DKIM1; k=rsa; p={}!{}", &p[..99], &p[99..]), mail_dkim),
        (format!("v=DKIM1; k=rsa; p={}\\{}", &p[..9], &p[9..]), mail_dkim),
        (format!("v=DKIM1; g=; p={p}"), mail_dkim),
        (format!("v=DKIM1; s=tlsrpt:email; p={p}"), dkimpy),
        (format!("v=DKIM1; k=rsa; k=rsa; p={p}"), dkimpy),
        (format!("v=DKIM1; p={p}; p={p}"), dkimpy),
        (format!("v=DKIM1; 1x=1; p={p}"), dkimpy),
        (format!("v=DKIM1; k=RSA; p={p}"), dkimpy),
        (format!("v=DKIM1; k=r sa; p={p}"), dkimpy),
        (format!("v=DK IM1; k=rsa; p={p}"), dkimpy),
        (format!("v=DKIM1;\x0bk=rsa; p={p}"), all),
        (format!("v=DKIM1; s=EMAIL; p={p}"), dkimpy),
        (format!("v=DKIM1; t=y; s=tlsrpt:*; p={p}"), dkimpy),
        (format!("v=DKIM1; k=rsa; p={p}; n={}; g=jo", "x".repeat(700)), mail_dkim),
    ] {
        let finding = judged(&key_expected(), vec![txt(&value)]);
        is(&finding, Verdict::Warn, Some(Code::WorksAtSomeReceivers));
        assert!(finding.text.contains(who), "{value:.60}: {}", finding.text);
    }
}

/// The key without the parameters of its algorithm, which are two octets behind the object identifier.
fn without_parameters() -> String {
    let der = STANDARD.decode(p()).unwrap();
    let (oid, bits) = (&der[6..17], &der[19..]);
    let mut body = [&[0x30, 11], oid, bits].concat();
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    body.splice(0..0, [0x30, 0x82, length[0], length[1]]);
    STANDARD.encode(body)
}

#[test]
fn an_ed25519_key_without_its_padding_works_at_some_receivers() {
    const KEY: &str = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    let name = KEY_NAME.parse().unwrap();
    let expected = DkimExpectation { name, key: KEY.parse().unwrap(), others: Vec::new() };
    let expected = Expectation::Dkim(expected);
    is(&judged(&expected, vec![txt(KEY)]), Verdict::Pass, None);
    let bare = KEY.trim_end_matches('=');
    is(&judged(&expected, vec![txt(bare)]), Verdict::Warn, Some(Code::WorksAtSomeReceivers));
    is(&judged(&expected, vec![txt(&format!("{KEY}="))]), Verdict::Fail, Some(Code::DkimSyntax));
    is(&judged(&expected, vec![txt(&format!("{bare}!="))]), Verdict::Fail, Some(Code::DkimSyntax));
}

#[test]
fn a_value_that_is_wrong_fails_by_its_own_code() {
    for (value, code) in wrong_values() {
        let finding = judged(&key_expected(), vec![txt(&value)]);
        assert_eq!(
            (finding.verdict, finding.code),
            (Verdict::Fail, Some(code)),
            "{value:.60}: {}",
            finding.text
        );
    }
}

#[test]
fn a_sentence_says_what_was_asked_seen_wanted_and_to_do_and_is_no_wall() {
    for (value, code) in wrong_values() {
        let text = judged(&key_expected(), vec![txt(&value)]).text;
        assert!(text.starts_with(&format!("TXT {KEY_NAME}: ")), "{text}");
        assert!(
            text.contains("; seen is \"") && text.contains("; wanted is \"v=DKIM1; k=rsa; p=MII"),
            "{text}"
        );
        assert!(text.ends_with('.') && text.len() < 700, "{} {text}", text.len());
        // Typographic quotation marks are shown as they are: nobody knows them by their octets.
        let is_shown = |c: char| matches!(c, ' '..='~' | '\u{2018}'..='\u{201e}');
        assert!(text.chars().all(is_shown), "{}: {text}", code.as_str());
    }
}

#[test]
fn two_key_records_fail_even_if_one_is_right_and_one_record_twice_is_one() {
    let two = judged(&key_expected(), vec![txt(&value()), txt("v=DKIM1; p=")]);
    is(&two, Verdict::Fail, Some(Code::DkimMultiple));
    is(&judged(&key_expected(), vec![txt(&value()), txt(&value())]), Verdict::Pass, None);
}

#[test]
fn a_testing_flag_warns() {
    let with = |flags: &str| judged(&key_expected(), vec![txt(&format!("v=DKIM1; t={flags}; p={}", p()))]);
    is(&with("y"), Verdict::Warn, Some(Code::DkimTesting));
    is(&with("s:y"), Verdict::Warn, Some(Code::DkimTesting));
    is(&with("yes"), Verdict::Pass, None);
}

#[test]
fn a_key_of_our_own_of_1024_bits_warns_and_one_of_2048_does_not() {
    let weak = judged(&expecting(&KEYS.weak), vec![txt(&KEYS.weak.record_value())]);
    is(&weak, Verdict::Warn, Some(Code::DkimKeyWeak));
    is(&judged(&key_expected(), vec![txt(&value())]), Verdict::Pass, None);
}

#[test]
fn a_mismatch_names_our_own_key_that_is_published_instead() {
    let finding = judged(&key_expected(), vec![txt(&KEYS.other.record_value())]);
    assert!(finding.text.contains("selector old"), "{}", finding.text);
    let Expectation::Dkim(mut alone) = key_expected() else { unreachable!() };
    alone.others.clear();
    let finding = judged(&Expectation::Dkim(alone), vec![txt(&KEYS.other.record_value())]);
    is(&finding, Verdict::Fail, Some(Code::DkimKeyMismatch));
}

#[test]
fn near_misses_of_the_mangled_values_are_not_taken_for_them() {
    let value = value();
    let code = |text: &str| judged(&key_expected(), vec![txt(text)]).code;
    assert_eq!(code(&format!("{}A", &value[..254])), Some(Code::DkimSyntax), "255 octets, but not ours");
    assert_eq!(code(&value[..150]), Some(Code::ValueCutShort), "cut, but not where forms cut");
    assert_eq!(code(&value.to_lowercase().replacen('v', "V", 1)), Some(Code::DkimSyntax));
    assert_eq!(
        code(&value.replace(';', "\\")),
        Some(Code::SemicolonsMissing),
        "a backslash and no semicolon"
    );
    assert_eq!(code(&format!("'{value}'")), Some(Code::DkimSyntax), "no typographic quote");
}

#[test]
fn no_record_is_missing_and_an_alias_that_leads_nowhere_is_told() {
    for absent in [Outcome::NoData { remaining: None }, Outcome::NxDomain { remaining: None }] {
        for expected in [key_expected(), cname_expected()] {
            let finding = judge::answer(&expected, &said("resolver", absent.clone()));
            is(&finding, Verdict::Fail, Some(Code::RecordMissing));
        }
        let chain = vec!["gone.example.org".parse().unwrap()];
        let finding = judge::answer(&key_expected(), &Answer { chain, ..said("resolver", absent) });
        is(&finding, Verdict::Fail, Some(Code::CnameIntoNothing));
        assert!(finding.text.contains("an alias (CNAME) of gone.example.org"), "{}", finding.text);
    }
}

#[test]
fn a_key_behind_aliases_passes() {
    let chain = vec!["a.example.net".parse().unwrap(), "b.example.net".parse().unwrap()];
    let seen = Answer { chain, ..said("resolver", found(vec![txt(&value())])) };
    is(&judge::answer(&key_expected(), &seen), Verdict::Pass, None);
}

#[test]
fn a_cname_passes_with_the_exact_target_case_and_last_dot_aside() {
    for right in [TARGET, "RETURN-PATH.mail.Example.NET", "return-path.mail.example.net."] {
        is(&judged(&cname_expected(), vec![cname(right)]), Verdict::Pass, None);
    }
    for wrong in
        ["mail.example.net", "xreturn-path.mail.example.net", "return-path.mail.example.net.example.org", ""]
    {
        is(&judged(&cname_expected(), vec![cname(wrong)]), Verdict::Fail, Some(Code::CnameWrongTarget));
    }
    for added in
        ["return-path.mail.example.net.example.com", "return-path.mail.example.net.mailer.example.com"]
    {
        is(&judged(&cname_expected(), vec![cname(added)]), Verdict::Fail, Some(Code::DomainAddedToTarget));
    }
    let both = judged(&cname_expected(), vec![cname(TARGET), cname("other.example")]);
    is(&both, Verdict::Fail, Some(Code::CnameWrongTarget));
}

#[test]
fn a_servers_trouble_is_temporary_and_a_circle_of_aliases_is_not() {
    let detail = |text: &str| text.to_owned();
    for expected in [key_expected(), cname_expected()] {
        for (outcome, code) in [
            (Outcome::ServFail { detail: detail("") }, Code::Servfail),
            (Outcome::ServFail { detail: detail("no reachable authority") }, Code::Servfail),
            (Outcome::ServFail { detail: detail("DNSSEC bogus: signature expired") }, Code::DnssecBogus),
            (Outcome::Refused { detail: detail("") }, Code::Refused),
            (Outcome::Timeout, Code::Timeout),
            (Outcome::Malformed { detail: detail("short") }, Code::MalformedAnswer),
            (Outcome::Unreachable { detail: detail("no route") }, Code::Unreachable),
        ] {
            is(&judge::answer(&expected, &said("resolver", outcome)), Verdict::Temporary, Some(code));
        }
        is(&judge::answer(&expected, &said("r", Outcome::CnameLoop)), Verdict::Fail, Some(Code::CnameLoop));
    }
}

#[test]
fn octets_that_are_no_text_fail_in_peace() {
    for octets in
        [vec![0xff; 300], vec![0], b"v=DKIM1; p=\xff\xff".to_vec(), vec![b'='; 255], vec![b';'; 255]]
    {
        let finding = judged(&key_expected(), vec![RecordData::Txt(TxtData::new(vec![octets]))]);
        is(&finding, Verdict::Fail, Some(Code::DkimSyntax));
    }
}

#[test]
fn no_change_of_one_character_of_p_passes() {
    let (value, start) = (value(), "v=DKIM1; k=rsa; p=".len());
    let mut passing = Vec::new();
    for at in start..value.len() {
        // Every character that can stand in a TXT record; white space would be dropped, and nothing with it.
        for octet in b'!'..=b'~' {
            let mut octets = value.clone().into_bytes();
            if octets[at] == octet {
                continue;
            }
            octets[at] = octet;
            let seen = RecordData::Txt(TxtData::new(vec![octets]));
            if judged(&key_expected(), vec![seen]).verdict.passes() {
                passing.push((at - start, char::from(octet)));
            }
        }
    }
    assert_eq!(passing, [], "{} changes pass", passing.len());
}

#[test]
fn no_other_length_of_p_passes() {
    let p = p();
    for at in 0..p.len() {
        let mut shorter = p.clone();
        shorter.remove(at);
        is(
            &judged(&key_expected(), vec![txt(&format!("v=DKIM1; p={shorter}"))]),
            Verdict::Fail,
            Some(Code::DkimSyntax),
        );
        let mut longer = p.clone();
        longer.insert(at, 'A');
        assert!(!judged(&key_expected(), vec![txt(&format!("v=DKIM1; p={longer}"))]).verdict.passes());
    }
}
