//! New databases of both engines are alike: their tables, columns, references, indexes and checks. It needs a PostgreSQL server, which
//! `POSTROOM_TEST_DB` names.

use std::collections::BTreeSet;

use postroom::db::{Options, Postroom};
use postroom::export;

use crate::harness::app::{TestApp, settings};
use crate::harness::sql::{Sql, server};

/// What stands in the first column, as a set.
fn texts(sql: &Sql, query: &str) -> BTreeSet<String> {
    sql.rows(query, []).unwrap().iter().map(|row| row.get(0).unwrap()).collect()
}

/// What is in the one and not in the other.
fn differ(sqlite: &BTreeSet<String>, postgres: &BTreeSet<String>, what: &str) {
    assert!(!sqlite.is_empty(), "{what} are found");
    let (missing, more): (Vec<_>, Vec<_>) =
        (sqlite.difference(postgres).collect(), postgres.difference(sqlite).collect());
    assert!(
        missing.is_empty() && more.is_empty(),
        "{what}: only SQLite has {missing:?}, only PostgreSQL {more:?}"
    );
}

#[test]
fn new_databases_of_both_engines_have_the_same_tables_columns_references_indexes_and_checks() {
    if server().is_none() {
        return;
    }
    let app = TestApp::new();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("postroom.db");
    Postroom::open(&file, Options::new(settings())).unwrap();
    let (sqlite, postgres) = (Sql::open(&file), app.sql());
    let ours = "t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND t.name NOT LIKE 'refinery%'";
    let theirs = "n.nspname = 'public' AND c.relkind = 'r' AND c.relname <> 'schema_history'";
    differ(
        &texts(
            &sqlite,
            &format!(
                "SELECT t.name || '.' || c.name || ' ' ||
                     CASE lower(c.type) WHEN 'integer' THEN 'bigint' WHEN 'blob' THEN 'bytea' ELSE lower(c.type) END
                     || CASE WHEN c.\"notnull\" = 1 OR c.pk > 0 THEN ' not null' ELSE '' END
                 FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE {ours}"
            ),
        ),
        &texts(
            &postgres,
            &format!(
                "SELECT c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
                     || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
                 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped WHERE {theirs}"
            ),
        ),
        "columns",
    );
    differ(
        &texts(
            &sqlite,
            &format!(
                "SELECT t.name || '.' || f.\"from\" || ' to ' || f.\"table\" || ' ' || lower(f.on_delete)
                 FROM sqlite_schema t JOIN pragma_foreign_key_list(t.name) f WHERE {ours}"
            ),
        ),
        &texts(
            &postgres,
            &format!(
                "SELECT c.relname || '.' || a.attname || ' to ' || o.relname || ' ' ||
                     CASE k.confdeltype WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set null' ELSE 'no action' END
                 FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
                     JOIN pg_class o ON o.oid = k.confrelid
                     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[1]
                 WHERE k.contype = 'f' AND {theirs}"
            ),
        ),
        "references",
    );
    differ(
        &texts(&sqlite, "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL"),
        &texts(
            &postgres,
            "SELECT CAST(indexname AS TEXT) FROM pg_indexes WHERE schemaname = 'public' AND indexname NOT LIKE '%\\_key'
                 AND indexname NOT LIKE '%\\_pkey' UNION SELECT CAST(indexname AS TEXT) FROM pg_indexes
             WHERE schemaname = 'public' AND indexname LIKE '%\\_by\\_key'",
        ),
        "indexes",
    );
    differ(
        &texts(&sqlite, "SELECT name FROM sqlite_schema WHERE type = 'trigger'"),
        &texts(&postgres, "SELECT CAST(tgname AS TEXT) FROM pg_trigger WHERE NOT tgisinternal"),
        "triggers",
    );
    // A check is written differently in each; there are as many.
    let checks = |table: &String| {
        let sql: String = sqlite
            .query_row(
                "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?1",
                [table.clone()],
                |row| row.get(0),
            )
            .unwrap();
        format!("{table} {}", sql.matches("CHECK (").count())
    };
    differ(
        &sqlite.tables().iter().filter(|name| !name.contains("sqlite") && !name.contains("refinery")).map(checks).collect(),
        &texts(
            &postgres,
            &format!(
                "SELECT c.relname || ' ' || count(k.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                     LEFT JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'c'
                 WHERE {theirs} GROUP BY c.relname"
            ),
        ),
        "checks",
    );
}

#[test]
fn a_schema_that_is_made_later_hides_no_table() {
    if server().is_none() {
        return;
    }
    let app = TestApp::new();
    app.account("acme");
    let of_role = |statement: &str| {
        let sql = format!("DO $$ BEGIN EXECUTE format('{statement} SCHEMA %I', current_user); END $$");
        app.sql().execute_batch(&sql).unwrap();
    };
    of_role("CREATE");
    let opened = app.reopened();
    let folder = tempfile::tempdir().unwrap();
    let key_file = Some(opened.master_key_file().to_owned());
    let file = folder.path().join("copy.db");
    let copy = Postroom::open(&file, Options { master_key_file: key_file, ..Options::new(settings()) });
    let copied = export::copy(&opened, &copy.unwrap());
    of_role("DROP");
    assert_eq!(copied.unwrap()["account"], 1);
}
