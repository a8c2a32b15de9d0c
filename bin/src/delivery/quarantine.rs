//! What is held back: the messages in the folders `.Quarantine` of the mailboxes, listed, read and let through.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use postroom::address::EmailAddress;
use postroom::mail::{Arrival, Folder, Head, Summary, place};

use super::Deliverer;
use super::deliver::{Envelope, Recipient};

/// The messages that are held back for one mailbox.
pub struct Quarantine<'a> {
    deliverer: &'a Deliverer,
    folder: PathBuf,
}

/// A message that is held back.
pub struct Held {
    /// The name of its delivery.
    pub id: String,
    /// The recipient, as the client gave it.
    pub recipient: String,
    /// The sender of the envelope; empty for `<>`.
    pub sender: String,
    /// What it says of itself.
    pub summary: Summary,
    file: PathBuf,
}

impl<'a> Quarantine<'a> {
    /// Those of this mailbox.
    pub fn of(deliverer: &'a Deliverer, mailbox: &EmailAddress) -> Quarantine<'a> {
        Quarantine { deliverer, folder: deliverer.mail_dir.join(place(mailbox, Folder::Quarantine)) }
    }

    /// All of them, by their names.
    pub fn list(&self) -> io::Result<Vec<Held>> {
        let mut all = Vec::new();
        for part in ["new", "cur"] {
            let entries = match fs::read_dir(self.folder.join(part)) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            for entry in entries {
                let entry = entry?;
                // A reader of the mailbox may keep folders of its own beside the messages, and may take one away at any moment.
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    continue;
                }
                match Held::read(&entry.path()) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    held => all.push(held?),
                }
            }
        }
        all.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(all)
    }

    /// The one with this name.
    pub fn find(&self, id: &str) -> io::Result<Option<Held>> {
        Ok(self.list()?.into_iter().find(|held| held.id == id))
    }

    /// Delivers it by the domain's route of now, and forgets it if that was done. Returns the reply, as a mail server would be told.
    ///
    /// `NotFound` if it is gone, because somebody else has released it meanwhile: two do not deliver it at the same time.
    pub fn release(&self, held: &Held) -> io::Result<String> {
        let _claimed = held.claim()?;
        let Some((envelope, message)) = held.open()? else {
            return Ok("550 5.1.3 The recipient is no address at a mail domain".to_owned());
        };
        let arrival = Arrival { is_released: true, ..Arrival::default() };
        let reply = self.deliverer.deliver_as(&arrival, &envelope, &message).pop().unwrap_or_default();
        if reply.starts_with('2') {
            fs::remove_file(&held.file)?;
        }
        Ok(reply)
    }
}

impl Held {
    /// The id of the delivery whose message is in this file.
    pub(crate) fn id_of(file: &Path) -> &str {
        let name = file.file_name().and_then(OsStr::to_str).unwrap_or_default();
        name.split([':', ',']).next().unwrap_or_default()
    }

    pub(crate) fn read(file: &Path) -> io::Result<Held> {
        let mut octets = Vec::new();
        fs::File::open(file)?.take(Head::MAX_OCTETS as u64).read_to_end(&mut octets)?;
        let (top, message) = parts(&octets);
        let field = |name: &str| {
            let lines = top.lines().filter_map(|line| line.split_once(": "));
            lines
                .filter(|(each, _)| *each == name)
                .map(|(_, value)| value.to_owned())
                .next()
                .unwrap_or_default()
        };
        Ok(Held {
            id: Held::id_of(file).to_owned(),
            recipient: field("Delivered-To"),
            sender: field("Return-Path").trim_matches(['<', '>']).to_owned(),
            summary: Head::read(&message).summary(),
            file: file.to_owned(),
        })
    }

    /// Its envelope and the message as it came; none if the recipient is no address.
    pub(crate) fn open(&self) -> io::Result<Option<(Envelope, Vec<u8>)>> {
        let message = message_of(&fs::read(&self.file)?);
        let Ok(address) = self.recipient.parse() else { return Ok(None) };
        let recipients = vec![Recipient { text: self.recipient.clone(), address }];
        let is_8bit = !message.is_ascii();
        // What came with it goes on with it, for its header may be in UTF-8 (RFC 6531 section 3.6).
        let is_utf8 = Head::read(&message).came_with_utf8();
        Ok(Some((Envelope { sender: self.sender.clone(), is_8bit, is_utf8, recipients }, message)))
    }

    /// Its file, for nobody else who claims it until this is dropped, whichever process that is in.
    fn claim(&self) -> io::Result<fs::File> {
        let file = fs::File::open(&self.file)?;
        match file.lock() {
            // As on file systems of some networks.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
            locked => locked?,
        }
        if file.metadata()?.nlink() == 0 { Err(io::ErrorKind::NotFound.into()) } else { Ok(file) }
    }

    /// Where it lies.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// The message, with the two lines above it that say for whom it is held.
    pub fn text(&self) -> io::Result<Vec<u8>> {
        fs::read(&self.file)
    }
}

/// The message as it came, of what a file has.
pub(crate) fn message_of(octets: &[u8]) -> Vec<u8> {
    parts(octets).1
}

/// The two lines that are put on top of a message that is kept, and the message as it came, with CR and LF.
fn parts(octets: &[u8]) -> (String, Vec<u8>) {
    let mut lines = octets.split_inclusive(|octet| *octet == b'\n');
    let top: Vec<&[u8]> = lines.by_ref().take(2).collect();
    let mut message = Vec::with_capacity(octets.len());
    for line in lines {
        let bare = line.strip_suffix(b"\n").unwrap_or(line);
        message.extend_from_slice(bare.strip_suffix(b"\r").unwrap_or(bare));
        message.extend_from_slice(b"\r\n");
    }
    (String::from_utf8_lossy(&top.concat()).into_owned(), message)
}
