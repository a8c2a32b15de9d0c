//! Maildirs: a folder for each mailbox, a file for each message (<https://cr.yp.to/proto/maildir.html>).

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use postroom::clock::Timestamp;
use postroom::id::AccountId;
use postroom::mail::DeliveryId;

/// Tells apart the files of this process.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// The file in a domain's folder that says which account's mail lies there. No mailbox's folder begins with a dot.
const OWNER: &str = ".account";
/// The file that is locked while a folder is moved.
const LOCK: &str = ".lock";

/// How much of a domain's name stands in that of the folder that is moved aside: a file's name has 255 octets at most.
const MOST_OF_NAME: usize = 200;

/// Sees to it that a domain's folder is this account's. One that is another account's, which had the name before, is moved aside, so that
/// nobody gets the mail of who had a name before. A folder of which nobody has said whose it is, is this account's.
pub(crate) fn own(root: &Path, domain: &Path, account: AccountId, now: Timestamp) -> io::Result<()> {
    let folder = root.join(domain);
    let is_own = || match fs::read_to_string(folder.join(OWNER)) {
        Ok(text) => Ok(Some(text.trim() == account.to_string())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    };
    if is_own()? == Some(true) {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(root)?;
    // Two deliveries that find it so at the same time, in whichever process, must not move it twice.
    let lock =
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(root.join(LOCK))?;
    match lock.lock() {
        // As on file systems of some networks.
        Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
        locked => locked?,
    }
    match is_own()? {
        Some(true) => return Ok(()),
        Some(false) => {
            let name = domain.to_string_lossy();
            let name = name.get(..MOST_OF_NAME).unwrap_or(&name);
            let aside = format!(".former-{name}-{}", now.millis());
            fs::rename(&folder, root.join(aside))?;
        }
        None => {}
    }
    DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    let part = folder.join(format!("{OWNER}.part"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    file.write_all(account.to_string().as_bytes())?;
    file.sync_all()?;
    fs::rename(&part, folder.join(OWNER))?;
    sync(&folder)?;
    sync(root)
}

/// Keeps a message in the folder `place` below `root`; when this returns, it is on disk. Returns whether it was not there yet.
///
/// One that is there already, read or unread, stays as it is: a delivery that is repeated keeps nothing twice.
pub(crate) fn keep(
    root: &Path,
    place: &Path,
    id: &DeliveryId,
    top: &str,
    message: &[u8],
) -> io::Result<bool> {
    let folder = root.join(place);
    make(root, place)?;
    let kept = folder.join("new").join(id.as_str());
    if kept.exists() || was_read(&folder, id)? {
        return Ok(false);
    }
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let part = folder.join("tmp").join(format!("{id}.{}.{number}", std::process::id()));
    let done = write(&part, top, message).and_then(|()| fs::rename(&part, &kept));
    if done.is_err() {
        // What cannot be removed is removed by whoever reads the mailbox: that is what tmp is for.
        let _ = fs::remove_file(&part);
    }
    done?;
    sync(&folder.join("new"))?;
    Ok(true)
}

/// Whether a reader of the mailbox has moved it, and put flags behind its name.
fn was_read(folder: &Path, id: &DeliveryId) -> io::Result<bool> {
    for entry in fs::read_dir(folder.join("cur"))? {
        let name = entry?.file_name();
        let rest = name.as_encoded_bytes().strip_prefix(id.as_str().as_bytes());
        if rest.is_some_and(|rest| !rest.first().is_some_and(u8::is_ascii_alphanumeric)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Lines end with LF in a Maildir, as everywhere on such a machine.
fn write(file: &Path, top: &str, message: &[u8]) -> io::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    let mut writer = BufWriter::new(file);
    writer.write_all(top.as_bytes())?;
    for line in message.split_inclusive(|octet| *octet == b'\n') {
        match line.strip_suffix(b"\r\n") {
            Some(line) => writer.write_all(line).and_then(|()| writer.write_all(b"\n"))?,
            None => writer.write_all(line)?,
        }
    }
    writer.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

/// Makes a mailbox, and the folders above it, if they are not there.
fn make(root: &Path, place: &Path) -> io::Result<()> {
    // `new` is made last, so that what is there is whole.
    if root.join(place).join("new").is_dir() {
        return Ok(());
    }
    let mut folder = root.to_owned();
    let mut above = vec![folder.clone()];
    for part in place {
        folder.push(part);
        above.push(folder.clone());
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700);
    for part in ["tmp", "cur", "new"] {
        builder.create(folder.join(part))?;
    }
    above.iter().rev().try_for_each(|folder| sync(folder))
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_kept_once_also_after_it_was_read() {
        let root = tempfile::tempdir().unwrap();
        let place = Path::new("example.com/jo");
        let id = DeliveryId::of("", "jo@example.com", b"x");
        let keep = || keep(root.path(), place, &id, "Return-Path: <>\n", b"From: a\r\n\r\nx\r\n").unwrap();
        assert!(keep());
        assert!(!keep());
        let folder = root.path().join(place);
        let file = folder.join("new").join(id.as_str());
        assert_eq!(fs::read_to_string(&file).unwrap(), "Return-Path: <>\nFrom: a\n\nx\n");
        for flags in [":2,", ":2,S", ",S=12:2,RS"] {
            let moved = folder.join("cur").join(format!("{id}{flags}"));
            fs::rename(&file, &moved).unwrap();
            assert!(!keep(), "{flags}");
            fs::rename(&moved, &file).unwrap();
        }
        assert_eq!(fs::read_dir(folder.join("tmp")).unwrap().count(), 0);
        fs::remove_file(&file).unwrap();
        fs::write(folder.join("cur").join(format!("{id}x:2,")), "").unwrap();
        assert!(keep(), "another message's name only begins like this one");
    }

    #[test]
    fn who_gets_a_name_later_does_not_get_the_mail_of_who_had_it() {
        let root = tempfile::tempdir().unwrap();
        let (domain, place) = (Path::new("example.com"), Path::new("example.com/jo"));
        let kept = |number: i64, text: &str| {
            own(root.path(), domain, AccountId::new(number), Timestamp::from_millis(number)).unwrap();
            let id = DeliveryId::of("", "jo@example.com", text.as_bytes());
            keep(root.path(), place, &id, "", text.as_bytes()).unwrap();
            fs::read_dir(root.path().join(place).join("new")).unwrap().count()
        };
        // Mail from before it was written down whose it is.
        make(root.path(), place).unwrap();
        fs::write(root.path().join("example.com/jo/new/old"), "").unwrap();
        assert_eq!((kept(1, "a"), kept(1, "b")), (2, 3));
        assert_eq!((kept(2, "c"), kept(2, "d")), (1, 2));
        let aside = root.path().join(".former-example.com-2/jo/new");
        assert_eq!(fs::read_dir(aside).unwrap().count(), 3, "nothing is lost");
        assert_eq!(kept(1, "a"), 1, "who has it again begins anew");
    }

    #[test]
    fn the_folder_of_the_longest_name_is_moved_aside_too() {
        let root = tempfile::tempdir().unwrap();
        let label = "a".repeat(62);
        let domain = [&*label, &*label, &*label, &label[..56], "example"].join(".");
        assert_eq!(domain.len(), 253);
        for account in [1, 2, 1] {
            let now = Timestamp::from_millis(1_800_000_000_000 + account);
            own(root.path(), Path::new(&domain), AccountId::new(account), now).unwrap();
        }
        let names = fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name());
        assert_eq!(names.filter(|name| name.to_string_lossy().starts_with(".former-a")).count(), 2);
    }

    #[test]
    fn a_folder_of_another_account_is_moved_once_however_many_deliveries_find_it() {
        let root = tempfile::tempdir().unwrap();
        let own = |account| {
            own(root.path(), Path::new("example.com"), AccountId::new(account), Timestamp::from_millis(0))
        };
        own(1).unwrap();
        std::thread::scope(|scope| {
            let all: Vec<_> = (0..8).map(|_| scope.spawn(|| own(2))).collect();
            assert!(all.into_iter().all(|one| one.join().unwrap().is_ok()));
        });
        let names =
            fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        assert_eq!(names, [".former-example.com-0", ".lock", "example.com"]);
    }

    #[test]
    fn a_mailbox_that_cannot_be_made_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("example.com"), "").unwrap();
        let id = DeliveryId::of("", "jo@example.com", b"x");
        assert!(keep(root.path(), Path::new("example.com/jo"), &id, "", b"x").is_err());
    }
}
