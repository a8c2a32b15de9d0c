//! The SQL of the last known time.

use super::Known;
use crate::clock::Timestamp;
use crate::db::engine::Conn;
use crate::db::statements::Statements as _;
use crate::db::{moment, moment_if_any};
use crate::error::Error;

/// The last known time; none in a database that nobody has opened yet.
pub(super) fn find(conn: Conn<'_>) -> Result<Option<Known>, Error> {
    conn.one("SELECT at, held_until FROM known_time", [], |row| {
        Ok(Known { at: moment(row, "at")?, held_until: moment_if_any(row, "held_until")? })
    })
}

pub(super) fn keep(conn: Conn<'_>, known: Known) -> Result<(), Error> {
    conn.run(
        "INSERT INTO known_time (id, at, held_until) VALUES (1, ?1, ?2)
         ON CONFLICT (id) DO UPDATE SET at = excluded.at, held_until = excluded.held_until",
        (known.at.millis(), known.held_until.map(Timestamp::millis)),
    )
    .map(drop)
}
