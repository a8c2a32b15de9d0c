//! What pages see of the messages that are held back, and what they do with them.
//!
//! A message is found among the names in its folder, and never by a path that a client has sent. The folder of a domain may hold mail
//! from a time when its name was another account's: what was kept before the account held the name is not there.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use postroom::address::EmailAddress;
use postroom::clock::Timestamp;
use postroom::mail::{self, DeliveryId, Folder};
use tracing::error;

use super::Deliverer;
use super::held::Room;
use super::quarantine::{Held, Quarantine};
use crate::wire::{HeldMessage, HeldPage, HeldText, MailTrouble, Mailroom, PostedAgain, Whose};

/// The parts of a Maildir that have messages.
const PARTS: [&str; 2] = ["new", "cur"];
/// How many messages stand on a page.
const ON_A_PAGE: usize = 50;
/// The most messages of a domain that are looked at.
const MOST: usize = 20_000;
/// The most octets of a message that are read for a page.
const MOST_TEXT: u64 = 1024 * 1024;

/// A message's file.
struct Kept {
    mailbox: EmailAddress,
    file: PathBuf,
    at: Timestamp,
}

impl Mailroom for Deliverer {
    fn held(
        &self,
        whose: Whose<'_>,
        mailbox: Option<&EmailAddress>,
        page: usize,
    ) -> Result<HeldPage, MailTrouble> {
        let (mut kept, is_cut) = self.kept(whose, mailbox).map_err(|error| trouble(&error))?;
        kept.sort_by(|one, other| (other.at, &other.file).cmp(&(one.at, &one.file)));
        let first = page.saturating_mul(ON_A_PAGE);
        let has_more = kept.len() > first.saturating_add(ON_A_PAGE);
        let some = kept.into_iter().skip(first).take(ON_A_PAGE);
        let messages = some.filter_map(|kept| message(kept).transpose()).collect::<io::Result<_>>();
        Ok(HeldPage { messages: messages.map_err(|error| trouble(&error))?, has_more, is_cut })
    }

    fn read(
        &self,
        whose: Whose<'_>,
        mailbox: &EmailAddress,
        id: &str,
    ) -> Result<Option<HeldText>, MailTrouble> {
        let Some((held, kept)) = self.find(whose, mailbox, Folder::Quarantine, id)? else { return Ok(None) };
        let mut octets = Vec::new();
        let read =
            fs::File::open(held.file()).and_then(|file| file.take(MOST_TEXT + 1).read_to_end(&mut octets));
        read.map_err(|error| trouble(&error))?;
        let is_cut = octets.len() as u64 > MOST_TEXT;
        let message = message(kept).map_err(|error| trouble(&error))?;
        Ok(message.map(|message| HeldText {
            message,
            octets: super::quarantine::message_of(&octets),
            is_cut,
        }))
    }

    fn release(
        &self,
        whose: Whose<'_>,
        mailbox: &EmailAddress,
        id: &str,
    ) -> Result<Option<String>, MailTrouble> {
        let Some((held, _)) = self.find(whose, mailbox, Folder::Quarantine, id)? else { return Ok(None) };
        let _room = room(&held)?;
        let released = Quarantine::of(self, mailbox).release(&held);
        self.calls.write(&self.postroom);
        match released {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            released => released.map(Some).map_err(|error| trouble(&error)),
        }
    }

    fn delete(&self, whose: Whose<'_>, mailbox: &EmailAddress, id: &str) -> Result<bool, MailTrouble> {
        let Some((held, _)) = self.find(whose, mailbox, Folder::Quarantine, id)? else { return Ok(false) };
        match fs::remove_file(held.file()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            done => done.map(|()| true).map_err(|error| trouble(&error)),
        }
    }

    fn post_again(
        &self,
        whose: Whose<'_>,
        mailbox: &EmailAddress,
        delivery: &str,
    ) -> Result<PostedAgain, MailTrouble> {
        let Ok(id) = delivery.parse::<DeliveryId>() else { return Ok(PostedAgain::Gone) };
        let found = self.find(whose, mailbox, Folder::Inbox, delivery)?;
        let Some((held, _)) = found else { return Ok(PostedAgain::Gone) };
        let _room = room(&held)?;
        let opened = held.open().map_err(|error| trouble(&error))?;
        let Some((envelope, message)) = opened else { return Ok(PostedAgain::Gone) };
        let posted = Deliverer::post_again(self, &envelope, id, &message);
        self.calls.write(&self.postroom);
        match posted {
            Ok(None) => Ok(PostedAgain::NoWebhook),
            Ok(Some(reply)) if reply.starts_with('2') => Ok(PostedAgain::Taken),
            Ok(Some(reply)) => Ok(PostedAgain::NotTaken(reply)),
            Err(trouble) => {
                error!(%trouble, "a message could not be posted again");
                Err(MailTrouble::Failed)
            }
        }
    }
}

impl Deliverer {
    /// The message in this folder of this mailbox with this id.
    fn find(
        &self,
        whose: Whose<'_>,
        mailbox: &EmailAddress,
        folder: Folder,
        id: &str,
    ) -> Result<Option<(Held, Kept)>, MailTrouble> {
        self.look_for(whose, mailbox, folder, id).map_err(|error| trouble(&error))
    }

    fn look_for(
        &self,
        whose: Whose<'_>,
        mailbox: &EmailAddress,
        folder: Folder,
        id: &str,
    ) -> io::Result<Option<(Held, Kept)>> {
        fs::read_dir(&self.mail_dir)?;
        if mailbox.domain() != whose.domain {
            return Ok(None);
        }
        let folder = self.mail_dir.join(mail::place(mailbox, folder));
        for part in PARTS {
            let Some(names) = fs::read_dir(folder.join(part)).map(Some).or_else(gone)? else { continue };
            for entry in names {
                let entry = entry?;
                let file = entry.path();
                if Held::id_of(&file) != id {
                    continue;
                }
                let Some(at) = written_at(&entry)?.filter(|at| *at >= whose.since) else { return Ok(None) };
                let held = Held::read(&file).map(Some).or_else(gone)?;
                return Ok(held.map(|held| (held, Kept { mailbox: mailbox.clone(), file, at })));
            }
        }
        Ok(None)
    }

    /// The files of a domain's messages that are held back, and whether there are more than are looked at.
    fn kept(&self, whose: Whose<'_>, mailbox: Option<&EmailAddress>) -> io::Result<(Vec<Kept>, bool)> {
        // What cannot be read at all is told apart from a domain without mail.
        fs::read_dir(&self.mail_dir)?;
        let mailboxes = match mailbox {
            Some(mailbox) if mailbox.domain() == whose.domain => vec![mailbox.clone()],
            Some(_) => Vec::new(),
            None => entries(&self.mail_dir.join(mail::domain_place(whose.domain)))?
                .iter()
                .filter_map(|entry| mail::mailbox_at(whose.domain, entry.file_name().to_str()?))
                .collect(),
        };
        let mut all = Vec::new();
        for mailbox in mailboxes {
            let folder = self.mail_dir.join(mail::place(&mailbox, Folder::Quarantine));
            for part in PARTS {
                for entry in entries(&folder.join(part))? {
                    let Some(at) = written_at(&entry)? else { continue };
                    if at < whose.since {
                        continue;
                    }
                    if all.len() >= MOST {
                        return Ok((all, true));
                    }
                    all.push(Kept { mailbox: mailbox.clone(), file: entry.path(), at });
                }
            }
        }
        Ok((all, false))
    }
}

/// Room for a whole message in memory: as it is read, and as it came.
fn room(held: &Held) -> Result<Room, MailTrouble> {
    let octets = fs::metadata(held.file()).map_err(|error| trouble(&error))?.len();
    let room = usize::try_from(octets).ok().map(|octets| Room::take(None, 0, octets.saturating_mul(2)));
    room.and_then(Result::ok).ok_or(MailTrouble::Failed)
}

/// What is in a folder; nothing if the folder is not there.
fn entries(folder: &Path) -> io::Result<Vec<fs::DirEntry>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.take(MOST).collect(),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}

/// When a file was written; none if it is no file, or gone.
fn written_at(entry: &fs::DirEntry) -> io::Result<Option<Timestamp>> {
    let about = match entry.metadata() {
        Ok(about) => about,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let since = about.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    let millis = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    Ok(about.is_file().then(|| Timestamp::from_millis(millis)))
}

/// What a page shows of a message; none if somebody has taken it away meanwhile.
fn message(kept: Kept) -> io::Result<Option<HeldMessage>> {
    let held = Held::read(&kept.file).map(Some).or_else(gone)?;
    Ok(held.map(|held| HeldMessage {
        id: held.id,
        mailbox: kept.mailbox,
        recipient: held.recipient,
        sender: held.sender,
        summary: held.summary,
        kept_at: kept.at,
    }))
}

fn gone<T>(error: io::Error) -> io::Result<Option<T>> {
    if error.kind() == io::ErrorKind::NotFound { Ok(None) } else { Err(error) }
}

fn trouble(error: &io::Error) -> MailTrouble {
    let trouble = match error.kind() {
        io::ErrorKind::NotFound => return MailTrouble::NoFolder,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => MailTrouble::Denied,
        _ => MailTrouble::Failed,
    };
    error!(%error, "a page could not read or change the mailboxes");
    trouble
}
