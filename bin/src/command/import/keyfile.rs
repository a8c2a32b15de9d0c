//! A private key out of a file.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use postroom::dkim::KeyPair;

/// More than any key has; the library says what is too long.
const MAX_OCTETS: u64 = 64 * 1024;

/// The key pair in a file, or why there is none.
pub(super) fn read(file: &Path) -> Result<KeyPair, String> {
    let mut pem = Vec::new();
    let read = File::open(file).and_then(|file| file.take(MAX_OCTETS).read_to_end(&mut pem));
    read.map_err(|error| format!("{}: {error}", file.display()))?;
    KeyPair::import_any(&pem).map_err(|reason| format!("{}: {reason}", file.display()))
}
