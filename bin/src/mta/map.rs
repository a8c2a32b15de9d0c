//! The socket `map`: Postfix's look-up tables by its socketmap protocol (`socketmap_table(5)`).

use std::fmt::Write;
use std::sync::Arc;

use postroom::address::EmailAddress;
use postroom::db::{Postroom, ReadTx};
use postroom::error::Error;
use postroom::inbound::Downstream;
use postroom::mail;
use tracing::error;

use super::{Found, Protocol, Step, netstring, take};

/// The space behind it is needed.
const NOT_FOUND: &str = "NOTFOUND ";

/// A connection to the maps.
pub struct Map {
    postroom: Arc<Postroom>,
}

impl Map {
    /// The maps of this database.
    pub fn new(postroom: Arc<Postroom>) -> Map {
        Map { postroom }
    }
}

impl Protocol for Map {
    fn step(&mut self, input: &mut Vec<u8>) -> Step {
        let (answer, used) = match netstring::read(input) {
            Found::Part => return Step::More,
            Found::Broken => return Step::Close,
            Found::Whole(request, used) => (answer(&self.postroom, request), used),
        };
        take(input, used);
        Step::Answer(netstring::write(answer.as_bytes()))
    }
}

/// The answer to `MAP KEY`. Trouble with the database is `TEMP`, never "not found", for that would refuse mail for good.
fn answer(postroom: &Postroom, request: &[u8]) -> String {
    // A key that is no text is the key of nothing.
    let request = String::from_utf8_lossy(request);
    let (map, key) = request.split_once(' ').unwrap_or((&request, ""));
    let look_up = match map {
        "domain" => domain,
        "recipient" => recipient,
        "transport" => transport,
        _ => return "PERM no such map".to_owned(),
    };
    match postroom.read(|tx| look_up(tx, key)) {
        Ok(Some(value)) => format!("OK {value}"),
        Ok(None) => NOT_FOUND.to_owned(),
        Err(trouble) => {
            error!(map, %trouble, "a look-up failed; the mail server tries again");
            "TEMP the database could not be asked".to_owned()
        }
    }
}

fn domain(tx: &ReadTx<'_>, key: &str) -> Result<Option<String>, Error> {
    let Ok(name) = key.parse() else { return Ok(None) };
    Ok(mail::is_ours(tx, &name)?.then(|| "1".to_owned()))
}

fn recipient(tx: &ReadTx<'_>, key: &str) -> Result<Option<String>, Error> {
    let Ok(address) = key.parse() else { return Ok(None) };
    Ok(mail::addressee(tx, &address)?.map(|_| "1".to_owned()))
}

fn transport(tx: &ReadTx<'_>, key: &str) -> Result<Option<String>, Error> {
    let Ok(address) = key.parse::<EmailAddress>() else { return Ok(None) };
    // What comes back to a return path goes to the first sender, whatever the domain's route is by now.
    if mail::is_return_path(&address) {
        return Ok(None);
    }
    let servers = mail::onward(tx, address.domain())?;
    Ok((!servers.is_empty()).then(|| next_hops(&servers)))
}

/// As `transport(5)` has it: brackets, so that no MX is looked up; the first that answers takes the mail. Mail waits where none of them
/// leads only where it says.
fn next_hops(servers: &[Downstream]) -> String {
    let sound: Vec<&Downstream> = servers.iter().filter(|server| !server.misleads()).collect();
    if sound.is_empty() {
        return "retry:4.3.5 The downstream address of this domain is no host name".to_owned();
    }
    let mut text = String::from("smtp:");
    for (at, server) in sound.into_iter().enumerate() {
        let host = server.target.trim_start_matches('[').trim_end_matches([']', '.']);
        // Writing to a String cannot fail.
        let _ = write!(text, "{}[{host}]:{}", if at == 0 { "" } else { ", " }, server.port);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_goes_on_to_no_stored_server_whose_name_is_read_as_another_address() {
        let server =
            |target: &str| Downstream { priority: 1, weight: 1, port: 25, target: target.to_owned() };
        let [sound, misleading] = [server("mx.example.net."), server("0x7f.1")];
        assert_eq!(next_hops(&[misleading.clone(), sound]), "smtp:[mx.example.net]:25");
        assert!(next_hops(&[misleading]).starts_with("retry:4.3.5 "));
    }
}
