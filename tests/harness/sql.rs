//! SQL of the tests' own, to look behind the library, on whichever engine the tests run: SQLite, or the PostgreSQL server that the
//! variable `POSTROOM_TEST_DB` names. It is written as SQLite takes it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex};

use bytes::{BufMut, BytesMut};
use postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use rusqlite::types::{FromSql, Value, ValueRef};

/// The URL of an empty database on the server for tests; none where they run on SQLite.
pub(crate) fn server() -> Option<String> {
    std::env::var("POSTROOM_TEST_DB").ok().filter(|url| !url.is_empty())
}

/// The databases on the server: those that no test has now, and which file each of the others stands for.
#[derive(Default)]
struct Databases {
    free: Vec<String>,
    taken: HashMap<PathBuf, String>,
}

static DATABASES: LazyLock<Mutex<Databases>> = LazyLock::new(Mutex::default);
static MADE: AtomicU32 = AtomicU32::new(0);

/// A database for one test, which would be in this file. Making one takes a tenth of a second on a server, so the next test gets it
/// emptied.
pub(crate) struct Database(PathBuf);

impl Database {
    pub(crate) fn at(file: &Path) -> Database {
        if let Some(server) = server() {
            let free = DATABASES.lock().unwrap().free.pop();
            let url = free.unwrap_or_else(|| make(&server));
            DATABASES.lock().unwrap().taken.insert(file.to_owned(), url);
        }
        Database(file.to_owned())
    }
}

/// What names the database that stands for this file.
pub(crate) fn place(file: &Path) -> PathBuf {
    DATABASES.lock().unwrap().taken.get(file).map_or_else(|| file.to_owned(), PathBuf::from)
}

impl Drop for Database {
    fn drop(&mut self) {
        let mut databases = DATABASES.lock().unwrap();
        // One of a test that failed is kept as it is.
        if let Some(url) = databases.taken.remove(&self.0)
            && !std::thread::panicking()
            && empty(&url).is_ok()
        {
            databases.free.push(url);
        }
    }
}

/// A new database on the server.
fn make(server: &str) -> String {
    let name = format!("tests_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
    let mut client = postgres::Client::connect(server, postgres::NoTls).unwrap();
    client.batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
    let (place, _) = server.rsplit_once('/').unwrap();
    format!("{place}/{name}")
}

/// Empties every table, without a look at what refers to what, and begins each count of ids anew. Fails if a test has renamed one.
fn empty(url: &str) -> Result<(), postgres::Error> {
    let mut client = postgres::Client::connect(url, postgres::NoTls)?;
    client.batch_execute(
        "SET session_replication_role = replica;
         SELECT 1 FROM domain, record, api_key, idempotency, domain_token LIMIT 1;
         DO $$ DECLARE t record; BEGIN
             FOR t IN SELECT c.relname, c.relkind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'S') AND c.relname <> 'schema_history'
             LOOP
                 IF t.relkind = 'S' THEN PERFORM setval(quote_ident(t.relname)::regclass, 1, false);
                 ELSE EXECUTE format('DELETE FROM %I', t.relname); END IF;
             END LOOP;
         END $$",
    )
}

/// A connection that knows nothing of the library.
pub(crate) enum Sql {
    File(rusqlite::Connection),
    Server(std::cell::RefCell<postgres::Client>),
}

impl Sql {
    pub(crate) fn open(place: &Path) -> Sql {
        match place.to_str().filter(|place| place.starts_with("postgres")) {
            Some(url) => Sql::Server(postgres::Client::connect(url, postgres::NoTls).unwrap().into()),
            None => Sql::File(rusqlite::Connection::open(place).unwrap()),
        }
    }

    /// Runs a statement, and returns how many rows it touched.
    pub(crate) fn execute(&self, sql: &str, args: impl Args) -> Result<usize, String> {
        match self {
            Sql::File(conn) => {
                conn.execute(sql, rusqlite::params_from_iter(args.values())).map_err(|e| e.to_string())
            }
            Sql::Server(client) => {
                let args: Vec<Arg> = args.values().into_iter().map(Arg).collect();
                let args: Vec<&(dyn ToSql + Sync)> =
                    args.iter().map(|arg| arg as &(dyn ToSql + Sync)).collect();
                let touched = client.borrow_mut().execute(&on_a_server(sql), &args);
                touched.map(|touched| usize::try_from(touched).unwrap()).map_err(|e| format!("{e:?}"))
            }
        }
    }

    /// Runs statements without parameters.
    pub(crate) fn execute_batch(&self, sql: &str) -> Result<(), String> {
        match self {
            Sql::File(conn) => conn.execute_batch(sql).map_err(|e| e.to_string()),
            Sql::Server(client) => {
                client.borrow_mut().batch_execute(&on_a_server(sql)).map_err(|e| format!("{e:?}"))
            }
        }
    }

    /// Every row.
    pub(crate) fn rows(&self, sql: &str, args: impl Args) -> Result<Vec<SqlRow>, String> {
        match self {
            Sql::File(conn) => {
                let mut statement = conn.prepare(sql).map_err(|e| e.to_string())?;
                let columns = statement.column_count();
                let rows = statement.query_map(rusqlite::params_from_iter(args.values()), |row| {
                    (0..columns).map(|at| row.get(at)).collect::<Result<_, _>>().map(SqlRow)
                });
                rows.and_then(Iterator::collect).map_err(|e| e.to_string())
            }
            Sql::Server(client) => {
                let args: Vec<Arg> = args.values().into_iter().map(Arg).collect();
                let args: Vec<&(dyn ToSql + Sync)> =
                    args.iter().map(|arg| arg as &(dyn ToSql + Sync)).collect();
                let rows =
                    client.borrow_mut().query(&on_a_server(sql), &args).map_err(|e| format!("{e:?}"))?;
                Ok(rows
                    .iter()
                    .map(|row| SqlRow((0..row.len()).map(|at| received(row, at)).collect()))
                    .collect())
            }
        }
    }

    /// The first row.
    pub(crate) fn query_row<T>(
        &self,
        sql: &str,
        args: impl Args,
        read: impl FnOnce(&SqlRow) -> rusqlite::Result<T>,
    ) -> Result<T, String> {
        let rows = self.rows(sql, args)?;
        read(rows.first().ok_or("there is no row")?).map_err(|e| e.to_string())
    }

    /// The tables that there are.
    pub(crate) fn tables(&self) -> Vec<String> {
        let sql = match self {
            Sql::File(_) => "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name",
            Sql::Server(_) => {
                "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = CAST('public' AS regnamespace) ORDER BY 1"
            }
        };
        self.rows(sql, []).unwrap().iter().map(|row| row.get(0).unwrap()).collect()
    }
}

/// What SQLite's SQL is on a server, as far as tests need it.
fn on_a_server(sql: &str) -> String {
    let mut sql = sql.replace('?', "$").replace("AS BLOB)", "AS BYTEA)");
    while let Some(at) = sql.find("zeroblob(") {
        let end = at + sql[at..].find(')').unwrap();
        let octets = &sql[at + "zeroblob(".len()..end];
        sql = format!("{}decode(repeat('00', {octets}), 'hex'){}", &sql[..at], &sql[end + 1..]);
    }
    sql = sql.replace("sum(entries)", "CAST(sum(entries) AS BIGINT)");
    sql.replace("group_concat(id)", "string_agg(CAST(id AS TEXT), ',')")
}

/// One row.
pub(crate) struct SqlRow(Vec<Value>);

impl SqlRow {
    pub(crate) fn get<T: FromSql>(&self, column: usize) -> rusqlite::Result<T> {
        let value = &self.0[column];
        T::column_result(ValueRef::from(value)).map_err(|_| {
            rusqlite::Error::InvalidColumnType(
                column,
                "a column".to_owned(),
                ValueRef::from(value).data_type(),
            )
        })
    }

    /// All of it, as it can be compared.
    pub(crate) fn shown(&self) -> String {
        self.0.iter().map(|value| format!("{value:?}")).collect::<Vec<_>>().join("|")
    }
}

fn received(row: &postgres::Row, at: usize) -> Value {
    let columns = row.columns();
    let found: Option<Value> = match *columns[at].type_() {
        Type::INT8 => row.get::<_, Option<i64>>(at).map(Value::Integer),
        Type::INT4 => row.get::<_, Option<i32>>(at).map(|number| Value::Integer(number.into())),
        Type::BOOL => row.get::<_, Option<bool>>(at).map(|is| Value::Integer(is.into())),
        Type::NUMERIC => row.get::<_, Option<Sum>>(at).map(|sum| Value::Integer(sum.0)),
        Type::BYTEA => row.get::<_, Option<Vec<u8>>>(at).map(Value::Blob),
        _ => row.get::<_, Option<String>>(at).map(Value::Text),
    };
    found.unwrap_or(Value::Null)
}

/// A sum, which PostgreSQL sends as digits to the base of 10,000 behind their number, the weight of the first, the sign and the scale.
struct Sum(i64);

impl<'a> postgres::types::FromSql<'a> for Sum {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Sum, Box<dyn std::error::Error + Sync + Send>> {
        let words: Vec<i64> =
            raw.chunks_exact(2).map(|pair| i16::from_be_bytes([pair[0], pair[1]]).into()).collect();
        let digit = |place: i64| usize::try_from(place).ok().and_then(|at| words[4..].get(at)).unwrap_or(&0);
        Ok(Sum((0..=words[1]).fold(0, |sum, place| sum * 10_000 + digit(place))))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::NUMERIC
    }
}

/// The values of a statement's parameters.
pub(crate) trait Args {
    fn values(self) -> Vec<Value>;
}

impl Args for [Value; 0] {
    fn values(self) -> Vec<Value> {
        Vec::new()
    }
}

impl<T: Clone + Into<Value>> Args for [T; 1] {
    fn values(self) -> Vec<Value> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<A: Into<Value>, B: Into<Value>> Args for (A, B) {
    fn values(self) -> Vec<Value> {
        vec![self.0.into(), self.1.into()]
    }
}

/// A value on its way to a server.
#[derive(Debug)]
struct Arg(Value);

impl ToSql for Arg {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match (&self.0, ty) {
            (Value::Null, _) => return Ok(IsNull::Yes),
            (Value::Integer(number), &Type::INT4) => out.put_i32((*number).try_into()?),
            (Value::Integer(number), _) => out.put_i64(*number),
            (Value::Text(text), _) => out.put_slice(text.as_bytes()),
            (Value::Blob(octets), _) => out.put_slice(octets),
            (Value::Real(_), _) => return Err("no test has such a number".into()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
