//! Databases for tests on a server, which the variable `POSTROOM_TEST_DB` names. Making one takes a tenth of a second, so each is used
//! again: by the next test that needs one, emptied.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

use super::server::Server;
use crate::db::locked;
use crate::error::Error;

/// The variable that names a server for tests, by the URL of a database on it that stays empty.
const VARIABLE: &str = "POSTROOM_TEST_DB";

/// Empties every table, without a look at what refers to what, and begins each count of ids anew.
const EMPTY: &str = "SET session_replication_role = replica;
    DO $$ DECLARE t record; BEGIN
        FOR t IN SELECT c.relname, c.relkind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'S') AND c.relname <> 'schema_history'
        LOOP
            IF t.relkind = 'S' THEN PERFORM setval(quote_ident(t.relname)::regclass, 1, false);
            ELSE EXECUTE format('DELETE FROM %I', t.relname); END IF;
        END LOOP;
    END $$;
    SET session_replication_role = DEFAULT";

/// Those that no test has now.
static FREE: OnceLock<Mutex<HashMap<String, Vec<String>>>> = OnceLock::new();
static MADE: AtomicU32 = AtomicU32::new(0);

/// A database that one test has. The next one gets it emptied.
pub(in crate::db) struct Temporary {
    server: String,
    url: String,
}

impl Temporary {
    /// A database on the server that the variable names; none if it names none.
    pub(in crate::db) fn wanted() -> Option<Result<Temporary, Error>> {
        let server = std::env::var(VARIABLE).ok().filter(|url| !url.is_empty())?;
        let free = locked(FREE.get_or_init(Mutex::default)).get_mut(&server).and_then(Vec::pop);
        Some(if let Some(url) = free {
            batch(&url, EMPTY).map(|()| Temporary { server, url })
        } else {
            let name = format!("postroom_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
            batch(&server, &format!("CREATE DATABASE {name}"))
                .map(|()| Temporary { url: with_name(&server, &name), server })
        })
    }

    pub(in crate::db) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let (server, url) = (std::mem::take(&mut self.server), std::mem::take(&mut self.url));
        locked(FREE.get_or_init(Mutex::default)).entry(server).or_default().push(url);
    }
}

fn batch(url: &str, sql: &str) -> Result<(), Error> {
    let server = Server::of(url).map_err(|e| super::link::Failure::other(e.to_string()))?;
    let lent = server.take()?;
    lent.conn()?.batch(sql)
}

/// The URL with another database in it.
fn with_name(url: &str, name: &str) -> String {
    let (place, query) = url.split_once('?').map_or((url, None), |(place, query)| (place, Some(query)));
    let hosts = place.find("://").map_or(0, |at| at + 3);
    let end = place[hosts..].find('/').map_or(place.len(), |at| hosts + at);
    let query = query.map_or_else(String::new, |query| format!("?{query}"));
    format!("{}/{name}{query}", &place[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_gets_another_database() {
        assert_eq!(with_name("postgres://u@h:1/d?a=b", "e"), "postgres://u@h:1/e?a=b");
        assert_eq!(with_name("postgres://u@h", "e"), "postgres://u@h/e");
    }
}
