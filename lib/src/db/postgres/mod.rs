//! PostgreSQL: a server, and a few connections that are kept to it. What only PostgreSQL has stands here, behind named calls.

mod ahead;
mod connection;
mod link;
mod schema;
mod server;
mod statement;
mod sweeper;
mod target;
mod temporary;
mod trips;
mod value;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub(super) use self::connection::Connection;
#[cfg(test)]
pub(super) use self::schema::MIGRATIONS;
pub(super) use self::server::{Lent, Server, Turn};
use self::target::Target;
pub(super) use self::temporary::Temporary;
use super::engine::TableColumn;
use super::open::OpenError;
use crate::clock::Timestamp;
use crate::db::named;
use crate::db::statements::Statements as _;
use crate::error::{Error, StoreError, StoreTrouble};

/// Which advisory lock of the database is held while it is opened: "Postroom" in ASCII. Whoever migrates it may take long.
const OPENING: &str =
    "SET lock_timeout = 60000; SELECT pg_advisory_lock(5795700229262208877); SET lock_timeout = 5000";
const OPENED: &str = "SELECT pg_advisory_unlock(5795700229262208877)";
/// Within which time a server that is well answers a look at whether it is there.
const READABLE_WITHIN: Duration = Duration::from_millis(1500);

/// A lock that is held while a database is made, migrated or given a master key.
pub(super) struct Opening<'a>(Lent<'a>);

impl Server {
    /// Reads the URL. Nothing is connected yet.
    pub(super) fn of(url: &str) -> Result<Server, OpenError> {
        let target = Target::read(url)
            .map_err(|reason| OpenError::Store { file: PathBuf::from(super::shown(url)), reason })?;
        Ok(Server::new(target))
    }

    /// How the database is shown: its URL without the password.
    pub(super) fn shown(&self) -> PathBuf {
        PathBuf::from(&self.target.shown)
    }

    /// Waits until nobody else opens the database.
    pub(super) fn opening(&self) -> Result<Opening<'_>, Error> {
        let lent = self.take()?;
        lent.conn()?.may_take_long();
        lent.conn()?.batch(OPENING).map_err(|error| match error {
            Error::Store(error) if error.trouble() == StoreTrouble::Busy => {
                let text = "another process has been making or migrating the database for a minute";
                StoreError::new(StoreTrouble::Busy, text).into()
            }
            other => other,
        })?;
        Ok(Opening(lent))
    }
}

/// A duty that no other server of the database does while this is there.
pub(super) struct Duty<'a> {
    lent: Lent<'a>,
    unlock: String,
}

impl Server {
    /// Takes a duty, if no other server has it. The server of the database gives it back by itself when the connection ends.
    pub(super) fn duty(&self, name: &str) -> Result<Option<Duty<'_>>, Error> {
        let lent = self.take()?;
        let lock = format!("SELECT pg_try_advisory_lock(1886352244, hashtext('{name}'))");
        let unlock = format!("SELECT pg_advisory_unlock(1886352244, hashtext('{name}'))");
        let is_taken = lent.conn()?.one(&lock, [], |row| row.get::<_, bool>(0))? == Some(true);
        Ok(is_taken.then_some(Duty { lent, unlock }))
    }

    /// How often this process has waited for an answer.
    pub(super) fn round_trips(&self) -> u64 {
        self.trips.flushes.load(std::sync::atomic::Ordering::Relaxed)
    }
}

impl Drop for Duty<'_> {
    fn drop(&mut self) {
        let _ = self.lent.conn().and_then(|conn| conn.batch(&self.unlock));
    }
}

impl Opening<'_> {
    pub(super) fn conn(&self) -> Result<&Connection, Error> {
        self.0.conn()
    }

    /// Brings the database to the newest schema.
    pub(super) fn migrate(&self, shown: &Path, now: Timestamp) -> Result<(), OpenError> {
        let conn = self.conn().map_err(|e| OpenError::of(shown, &e))?;
        schema::migrate(conn, shown, now)
    }
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        // If the connection is gone, so is the lock.
        let _ = self.0.conn().and_then(|conn| conn.batch(OPENED));
    }
}

impl Connection {
    /// The tables of the schema.
    pub(super) fn tables(&self) -> Result<Vec<String>, Error> {
        let sql = "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = current_schema() AND c.relkind = 'r' AND c.relname <> 'schema_history' ORDER BY c.relname";
        self.all(sql, [], |row| row.get(0))
    }

    /// The columns of every table, by the tables' names.
    pub(super) fn columns(&self) -> Result<Vec<TableColumn>, Error> {
        // The places of a key's columns are counted from 0.
        let sql = "SELECT c.relname, a.attname,
                 CAST(coalesce(array_position(CAST(i.indkey AS int2[]), a.attnum) + 1, 0) AS BIGINT),
                 a.atttypid IN (CAST('text' AS regtype), CAST('bytea' AS regtype))
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                 LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
             WHERE n.nspname = current_schema() AND c.relkind = 'r' AND c.relname <> 'schema_history'
             ORDER BY c.relname, a.attnum";
        self.all(sql, [], |row| {
            let (table, name, place_in_key) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(TableColumn { table, name, place_in_key, is_long: row.get(3)? })
        })
    }

    /// The number of the newest migration.
    pub(super) fn version(&self) -> Result<u32, Error> {
        Ok(self.one("SELECT max(version) FROM schema_history", [], |row| row.get(0))?.unwrap_or_default())
    }

    /// References between rows are checked when the transaction ends.
    pub(super) fn defer_references(&self) -> Result<(), Error> {
        self.batch("SET CONSTRAINTS ALL DEFERRED;")
    }

    /// The ids of the next new rows of a table, which nobody else gets.
    pub(super) fn next_ids(&self, table: &str, count: usize) -> Result<Vec<i64>, Error> {
        let sql = "SELECT nextval(pg_get_serial_sequence(:table, 'id')) FROM generate_series(1, CAST(:count AS BIGINT))";
        self.all(sql, named! { ":table": table, ":count": i64::try_from(count).unwrap_or(i64::MAX) }, |row| {
            row.get(0)
        })
    }

    /// The newest id that each table has given.
    pub(super) fn newest_ids(&self) -> Result<Vec<(String, i64)>, Error> {
        let sql = "SELECT CAST(table_name AS TEXT),
                 pg_sequence_last_value(CAST(pg_get_serial_sequence(quote_ident(table_name), 'id') AS regclass))
             FROM information_schema.columns
             WHERE table_schema = current_schema() AND column_name = 'id' AND is_identity = 'YES'";
        let newest = self.all(sql, [], |row| Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?)))?;
        Ok(newest.into_iter().filter_map(|(table, newest)| Some((table, newest?))).collect())
    }

    /// Has new rows get ids above all those that were put in with one, and above these.
    pub(super) fn count_ids_on(&self, newest: &[(String, i64)]) -> Result<(), Error> {
        self.batch(
            "DO $$ DECLARE t record; newest BIGINT; BEGIN
                FOR t IN SELECT table_name AS name FROM information_schema.columns
                    WHERE table_schema = current_schema() AND column_name = 'id' AND is_identity = 'YES'
                LOOP
                    EXECUTE format('SELECT max(id) FROM %I', t.name) INTO newest;
                    IF newest IS NOT NULL THEN
                        PERFORM setval(pg_get_serial_sequence(quote_ident(t.name), 'id'), newest);
                    END IF;
                END LOOP;
            END $$;",
        )?;
        for (table, newest) in newest.iter().filter(|(_, newest)| *newest > 0) {
            let sql = "SELECT setval(pg_get_serial_sequence(quote_ident(:table), 'id'), greatest(CAST(:newest AS BIGINT),
                     coalesce(pg_sequence_last_value(CAST(pg_get_serial_sequence(quote_ident(:table), 'id') AS regclass)), 1)))";
            self.run(sql, named! { ":table": table, ":newest": newest })?;
        }
        Ok(())
    }

    /// Has no trigger of ours run. One that counts would write its row once for every row that is put in, and the server keeps every
    /// version of that row until the transaction ends.
    pub(super) fn suspend_triggers(&self) -> Result<(), Error> {
        self.each_table("ALTER TABLE %I DISABLE TRIGGER USER")
    }

    /// Has them run again. References are checked before that, for a table that has checks to come cannot be changed.
    pub(super) fn resume_triggers(&self) -> Result<(), Error> {
        self.batch("SET CONSTRAINTS ALL IMMEDIATE;")?;
        self.each_table("ALTER TABLE %I ENABLE TRIGGER USER")
    }

    /// Runs a statement for each table, whose name stands for `%I`.
    fn each_table(&self, statement: &str) -> Result<(), Error> {
        self.batch(&format!(
            "DO $$ DECLARE t record; BEGIN
                FOR t IN SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema()
                LOOP EXECUTE format('{statement}', t.name); END LOOP;
            END $$;"
        ))
    }

    /// Reads all of every table.
    pub(super) fn damage(&self) -> Result<Vec<String>, Error> {
        let mut found = Vec::new();
        for table in self.tables()? {
            found.extend(self.damage_in(&table)?);
        }
        Ok(found)
    }

    /// Reads all of a table, as far as the server says what is damaged: it has checksums of its own, if the cluster has them.
    pub(super) fn damage_in(&self, table: &str) -> Result<Vec<String>, Error> {
        self.may_take_long();
        self.run(&format!("SELECT count(t) FROM {table} t"), []).map(|_| Vec::new())
    }

    /// Whether the server answers, at once.
    pub(super) fn check_at_once(&self) -> Result<(), Error> {
        self.check_readable(READABLE_WITHIN)
    }
}
