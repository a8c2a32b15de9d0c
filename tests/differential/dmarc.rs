//! DMARC records that are spoilt.

use postroom::settings::DmarcPolicy;
use postroom::verify::{DmarcExpectation, Expectation};

use super::Case;
use super::dice::Dice;
use super::draft::{Draft, split, spoil};

const NAME: &str = "_dmarc.example.com";
/// A record that is right.
const RIGHT: &str = "v=DMARC1; p=quarantine; rua=mailto:dmarc@example.com";

/// One case.
pub(super) fn case(dice: &mut Dice) -> Case {
    let mut draft = Draft::of(RIGHT);
    for _ in 0..dice.below(4) {
        if dice.hits(3) { draft.mutate(dice) } else { retag(&mut draft, dice) }
    }
    let mut text = draft.written();
    let mut names = draft.names;
    for _ in 0..dice.below(5).saturating_sub(3) {
        spoil(&mut text, &mut names, dice);
    }
    let mut records = vec![split(&text, dice)];
    if dice.hits(12) {
        let another = dice.pick(&[
            "v=spf1 -all",
            "v=DMARC1; p=none",
            "v=DMARC1",
            "v=DMARC10; p=none",
            "v=DMARC1 ; p=reject",
            "v=dmarc1; p=none",
            "V=DMARC1; p=none",
            "v = DMARC1; p=none",
            " v=DMARC1; p=none",
            "some text",
        ]);
        records.push(split(another.as_bytes(), dice));
        names.push("another record");
    }
    let (policy, word) =
        if dice.hits(3) { (DmarcPolicy::None, "none") } else { (DmarcPolicy::Quarantine, "quarantine") };
    let whole = format!("v=DMARC1; p={word}");
    let mut case = Case::new(
        "dmarc",
        Expectation::Dmarc(DmarcExpectation { name: NAME.parse().unwrap(), policy, whole }),
        names,
    );
    case.key = Some(word);
    for strings in records {
        case.txt(NAME, strings);
    }
    case
}

fn retag(draft: &mut Draft, dice: &mut Dice) {
    match dice.below(13) {
        0 => draft.named("p").set("p", dice.pick(&["none", "reject", "REJECT", "Quarantine"])),
        1 => draft
            .named("p odd")
            .set("p", dice.pick(&["", "rejected", "monitor", "none none", "nõne", "reject!", "\"reject\""])),
        2 => draft.named("p left out").remove("p"),
        3 => draft.named("rua").set(
            "rua",
            dice.pick(&[
                "mailto:a@example.com,mailto:b@example.com",
                "mailto:a@example.com!10m",
                "MAILTO:a@example.com",
                "https://example.com/dmarc",
                "a@example.com",
                "",
                "mailto:",
            ]),
        ),
        4 => draft.named("rua left out").remove("rua"),
        5 => draft.named("sp").set("sp", dice.pick(&["none", "reject", "Reject", "x", ""])),
        6 => draft.named("np").set("np", dice.pick(&["none", "reject", "x"])),
        7 => draft.named("adkim").set("adkim", dice.pick(&["r", "s", "S", "x", ""])),
        8 => draft.named("fo").set("fo", dice.pick(&["0", "1", "d:s", "1:d:s", "0:1", "x"])),
        9 => draft
            .named("removed tag")
            .set(dice.pick(&["pct", "ri", "rf"]), dice.pick(&["100", "0", "afrf", "86400"])),
        10 => draft.named("psd").set("psd", dice.pick(&["y", "n", "u", "x"])),
        11 => draft.named("t").set("t", dice.pick(&["y", "n", "x"])),
        _ => draft.named("ruf").set("ruf", dice.pick(&["mailto:a@example.com", "x"])),
    }
}
