//! Where a mailbox lies in the file system, and under which name a message is kept in it.

use std::fmt::{self, Write};
use std::path::PathBuf;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use super::return_path::base32;
use crate::address::EmailAddress;
use crate::name::DomainName;

const ID_CHARS: usize = 26;
/// The most octets of a file's name on usual file systems.
const MAX_NAME_OCTETS: usize = 255;

/// The name of one message for one recipient. A repeated delivery has the same one, and no other delivery has it: the mail server's
/// Received field, with the name of its queue file, is a part of the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryId(String);

impl DeliveryId {
    /// The name for this sender (empty for `<>`), this recipient, and the message as the mail server hands it over.
    pub fn of(sender: &str, recipient: &str, message: &[u8]) -> DeliveryId {
        let mut hash = Sha256::new();
        for part in [sender.as_bytes(), b"\0", recipient.to_lowercase().as_bytes(), b"\0", message] {
            hash.update(part);
        }
        DeliveryId(format!("msg_{}", base32(&hash.finalize(), ID_CHARS)))
    }

    /// `msg_` and 26 letters and digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DeliveryId {
    type Err = InvalidDeliveryId;

    fn from_str(text: &str) -> Result<DeliveryId, InvalidDeliveryId> {
        let name = text.strip_prefix("msg_").filter(|name| name.len() == ID_CHARS);
        let is_base32 = |octet: u8| matches!(octet, b'a'..=b'z' | b'2'..=b'7');
        if name.is_some_and(|name| name.bytes().all(is_base32)) {
            Ok(DeliveryId(text.to_owned()))
        } else {
            Err(InvalidDeliveryId)
        }
    }
}

/// A text that names no delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the id of a delivery is msg_ and 26 letters and digits")]
pub struct InvalidDeliveryId;

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A part of a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folder {
    /// Where mail arrives.
    Inbox,
    /// Where mail is kept that a list blocks for this recipient, and that was taken because others got it.
    Blocked,
    /// Where mail is kept that was taken for spam.
    Quarantine,
}

impl Folder {
    /// Its name within the mailbox, as Maildir++ has it; empty for the mailbox itself.
    pub fn as_str(self) -> &'static str {
        match self {
            Folder::Inbox => "",
            Folder::Blocked => ".Blocked",
            Folder::Quarantine => ".Quarantine",
        }
    }
}

/// The folder of a mailbox, below the folder of all mail: `example.com/jo`, `example.com/jo/.Blocked`.
///
/// Octets outside `a-z0-9._=+-` are written as `%xx`, and so is a dot in front. So no address leads out of the folder, and no two
/// mailboxes share one.
pub fn place(mailbox: &EmailAddress, folder: Folder) -> PathBuf {
    let path = PathBuf::from(plain(mailbox.domain().as_str())).join(plain(mailbox.local()));
    if folder == Folder::Inbox { path } else { path.join(folder.as_str()) }
}

/// Whether a mailbox's folder can have its name. A local part of 64 octets always fits as it is written, but some letters are longer in lower
/// case: of U+023A two octets become three, and nine characters of the name.
pub(super) fn has_place(mailbox: &EmailAddress) -> bool {
    plain(mailbox.local()).len() <= MAX_NAME_OCTETS
}

/// The folder of a domain, below the folder of all mail.
pub fn domain_place(domain: &DomainName) -> PathBuf {
    plain(domain.as_str()).into()
}

/// The mailbox whose folder has this name in the folder of its domain; none if no mailbox's has.
pub fn mailbox_at(domain: &DomainName, folder: &str) -> Option<EmailAddress> {
    let (mut octets, mut rest) = (Vec::new(), folder.as_bytes());
    while let [octet, after @ ..] = rest {
        rest = after;
        if *octet == b'%' {
            let (digits, after) = rest.split_at_checked(2)?;
            octets.push(u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?);
            rest = after;
        } else {
            octets.push(*octet);
        }
    }
    let mailbox: EmailAddress = format!("{}@{domain}", String::from_utf8(octets).ok()?).parse().ok()?;
    // Only what a mailbox's folder is called: no other writing of the same name.
    (*mailbox.domain() == *domain && plain(mailbox.local()) == folder).then_some(mailbox)
}

fn plain(text: &str) -> String {
    let mut plain = String::new();
    for (at, octet) in text.bytes().enumerate() {
        match octet {
            b'.' if at == 0 => plain.push_str("%2e"),
            b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'=' | b'+' | b'-' => plain.push(octet.into()),
            // Writing to a String cannot fail.
            _ => _ = write!(plain, "%{octet:02x}"),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_mailbox_has_a_folder_of_its_own_that_leads_nowhere_else() {
        for (address, wanted) in [
            ("jo@example.com", "example.com/jo"),
            ("jo+x=y_z-1.a@example.com", "example.com/jo+x=y_z-1.a"),
            ("\"../../etc\"@example.com", "example.com/%22..%2f..%2fetc%22"),
            ("\".jo\"@example.com", "example.com/%22.jo%22"),
            ("a%2fb@example.com", "example.com/a%252fb"),
            ("j\u{f6}@example.com", "example.com/j%c3%b6"),
        ] {
            assert_eq!(place(&address.parse().unwrap(), Folder::Inbox), PathBuf::from(wanted), "{address}");
        }
        assert_eq!(plain(".."), "%2e.");
        assert_eq!(
            place(&"jo@example.com".parse().unwrap(), Folder::Blocked),
            PathBuf::from("example.com/jo/.Blocked")
        );
    }

    #[test]
    fn a_mailbox_is_told_by_its_folder_and_other_folders_are_none() {
        let domain = "example.com".parse().unwrap();
        for address in
            ["jo@example.com", "jo+x=y_z-1.a@example.com", "j\u{f6}@example.com", "a%2fb@example.com"]
        {
            let mailbox: EmailAddress = address.parse().unwrap();
            let place = place(&mailbox, Folder::Inbox);
            let folder = place.file_name().unwrap().to_str().unwrap();
            assert_eq!(mailbox_at(&domain, folder), Some(mailbox), "{address}");
        }
        for folder in
            ["", ".Quarantine", "..", "%2E.", "Jo", "a b", "%", "%4", "%zz", "jo%40example.org", "%ff", "%+1"]
        {
            assert_eq!(mailbox_at(&domain, folder), None, "{folder}");
        }
    }

    #[test]
    fn a_delivery_has_one_name_however_often_it_is_tried() {
        let id = DeliveryId::of("a@b.example", "Jo@example.com", b"x");
        assert_eq!(id, DeliveryId::of("a@b.example", "jo@EXAMPLE.com", b"x"));
        assert_eq!(id.as_str().len(), 30);
        assert_eq!(id.as_str().parse(), Ok(id.clone()));
        for bad in [
            "",
            "msg_",
            &id.as_str()[1..],
            &id.as_str()[..29],
            "msg_../../../../../../../../..",
            "msg_ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        ] {
            assert_eq!(bad.parse::<DeliveryId>(), Err(InvalidDeliveryId), "{bad}");
        }
        assert!(id.as_str().starts_with("msg_"));
        for other in [
            DeliveryId::of("", "jo@example.com", b"x"),
            DeliveryId::of("a@b.example", "bo@example.com", b"x"),
            DeliveryId::of("a@b.example", "jo@example.com", b"y"),
        ] {
            assert_ne!(id, other);
        }
    }

    proptest! {
        #[test]
        fn no_two_texts_have_one_folder(one in ".{1,20}", other in ".{1,20}") {
            prop_assert_eq!(plain(&one) == plain(&other), one == other);
            prop_assert!(!plain(&one).contains('/') && !plain(&one).starts_with('.'));
        }
    }
}
