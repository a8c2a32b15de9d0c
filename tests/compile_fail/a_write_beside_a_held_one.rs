//! A session whose writes may be held does not lead to the database, where another write would wait for them.

use postroom::account;
use postroom::db::{Postroom, Session};
use postroom::error::Error;

fn main() {}

fn answer(session: &Session<'_>) -> Result<(), Error> {
    session.write(|tx| account::create(tx, "held").map(drop))?;
    let postroom: &Postroom = session;
    postroom.write(|tx| account::create(tx, "beside").map(drop))
}

fn reach<'a>(session: &'a Session<'a>) -> &'a Postroom {
    session.postroom
}
