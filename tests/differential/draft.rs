//! A tag list that is being spoilt: DKIM's and DMARC's records have one syntax (RFC 6376 section 3.2).

use super::dice::Dice;

/// The names of the mutations that made a case: they stand in `explained.tsv`.
pub(super) type Names = Vec<&'static str>;

/// A record before it is written down.
pub(super) struct Draft {
    pub(super) tags: Vec<(String, String)>,
    /// What stands between two tags.
    pub(super) separator: &'static str,
    pub(super) names: Names,
}

impl Draft {
    /// The tags of a record that is right.
    pub(super) fn of(record: &str) -> Draft {
        let tags = record.split("; ").map(|tag| {
            let (name, value) = tag.split_once('=').unwrap();
            (name.to_owned(), value.to_owned())
        });
        Draft { tags: tags.collect(), separator: "; ", names: Vec::new() }
    }

    pub(super) fn named(&mut self, name: &'static str) -> &mut Draft {
        self.names.push(name);
        self
    }

    /// Gives a tag this value, at the end if it is not there.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        match self.tags.iter_mut().find(|(other, _)| other == name) {
            Some((_, old)) => value.clone_into(old),
            None => self.tags.push((name.to_owned(), value.to_owned())),
        }
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.tags.retain(|(other, _)| other != name);
    }

    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.tags.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// What can be done to any tag list.
    pub(super) fn mutate(&mut self, dice: &mut Dice) {
        let any = dice.below(self.tags.len().max(1));
        match dice.below(9) {
            0 => {
                self.named("version left out").remove("v");
            }
            1 => {
                let odd = dice.pick(&["DKIM2", "dkim1", "dmarc1", "DKIM", "DMARC2", "1", "DKIM1 DKIM1", ""]);
                self.named("version other").set("v", odd);
            }
            2 if !self.tags.is_empty() => {
                self.tags.rotate_left(1);
                self.names.push("version last");
            }
            3 if any < self.tags.len() => {
                let twin = self.tags[any].clone();
                let at = dice.place(self.tags.len());
                self.named("tag twice").tags.insert(at, twin);
            }
            4 if any < self.tags.len() => {
                let name = self.tags[any].0.to_ascii_uppercase();
                self.named("tag name in capitals").tags[any].0 = name;
            }
            5 => {
                let at = dice.place(self.tags.len());
                let (name, value) =
                    [("x", "1"), ("zz", ""), ("n", "a note, plainly"), ("q_1", "a=b"), ("r", "r")]
                        [dice.below(5)];
                self.named("unknown tag").tags.insert(at, (name.to_owned(), value.to_owned()));
            }
            6 if any < self.tags.len() => {
                let (before, after) = (dice.pick(&["", " ", "\t"]), dice.pick(&["", " ", "  "]));
                let tag = &mut self.tags[any];
                *tag = (format!("{}{before}", tag.0), format!("{after}{}{before}", tag.1));
                self.names.push("white space around =");
            }
            7 => {
                let odd = dice.pick(&["1x", "-a", "a b", "", "x-y"]);
                self.named("tag name odd").tags.push((odd.to_owned(), "1".to_owned()));
            }
            _ => {
                self.separator = dice.pick(&[";", " ; ", ";\t", ";\r\n ", ",", " ", ";;", "; ; "]);
                self.names.push("separator");
            }
        }
    }

    /// The record, written down.
    pub(super) fn written(&self) -> Vec<u8> {
        let tags: Vec<String> = self.tags.iter().map(|(name, value)| format!("{name}={value}")).collect();
        tags.join(self.separator).into_bytes()
    }
}

/// What hands, forms and editors do to a text.
pub(super) fn spoil(text: &mut Vec<u8>, names: &mut Names, dice: &mut Dice) {
    let at = dice.below(text.len().max(1)).min(text.len());
    let put = |text: &mut Vec<u8>, at: usize, what: &[u8]| _ = text.splice(at..at, what.iter().copied());
    let replaced =
        |text: &[u8], what: &str, by: &str| String::from_utf8_lossy(text).replace(what, by).into_bytes();
    names.push(match dice.below(15) {
        0 => {
            *text = [b"\"", text.as_slice(), b"\""].concat();
            "quotes around"
        }
        1 => {
            put(text, at, b"\"");
            "quote inside"
        }
        2 => {
            *text = replaced(text, ";", "\\;");
            "escaped semicolons"
        }
        3 => {
            put(
                text,
                at,
                dice.pick(&["\u{201c}", "\u{a0}", "\u{200b}", "\u{feff}", "&quot;", "ü"]).as_bytes(),
            );
            "from an editor"
        }
        4 => {
            text.extend(dice.pick(&[";", "; ", " ;", ";;", " ", "\r\n", "\t"]).as_bytes());
            "something after"
        }
        5 => {
            put(text, 0, dice.pick(&[";", " ", "\t", "\r\n", "_x IN TXT ", "; "]).as_bytes());
            "something before"
        }
        6 if !text.is_empty() => {
            text[at] ^= 1 << dice.below(8);
            "bit changed"
        }
        7 if !text.is_empty() => {
            text.remove(at);
            "octet removed"
        }
        8 => {
            put(text, at, dice.pick(&[" ", "  ", "\t", "\r\n ", "\n"]).as_bytes());
            "white space inside"
        }
        9 => {
            put(text, at, &[[0, b';', b'=', b'A', 0xff, b'+', b'/', 0x7f, b'!', 0x0b, 0x0c][dice.below(11)]]);
            "octet added"
        }
        10 => {
            text.truncate(at);
            "cut short"
        }
        11 => {
            text.truncate(255);
            "cut at 255"
        }
        12 => {
            text.make_ascii_lowercase();
            "small letters"
        }
        13 => {
            text.make_ascii_uppercase();
            "capital letters"
        }
        _ => {
            let again = text.clone();
            text.extend(again);
            "written twice"
        }
    });
}

/// The text as the strings of a TXT record: the same value, however it is split.
pub(super) fn split(text: &[u8], dice: &mut Dice) -> Vec<Vec<u8>> {
    let most = match dice.below(6) {
        0 => 64,
        1 => 1 + dice.below(40),
        _ => 255,
    };
    let mut strings: Vec<Vec<u8>> = text.chunks(most).map(<[u8]>::to_vec).collect();
    if strings.is_empty() || dice.hits(12) {
        strings.insert(dice.place(strings.len()), Vec::new());
    }
    strings
}
