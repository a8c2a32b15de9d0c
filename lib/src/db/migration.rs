//! A migration: one step from an older schema to a newer one, in a file of `migrations/`.

use std::fmt;

/// One step, with the text of its file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Migration {
    pub(super) number: i32,
    /// What it is about, in a word or two.
    pub(super) name: &'static str,
    pub(super) sql: &'static str,
}

/// The migration in the file `VNN__name.sql`.
pub(super) const fn step(number: i32, name: &'static str, sql: &'static str) -> Migration {
    Migration { number, name, sql }
}

/// The name of its file, without `.sql`.
impl fmt::Display for Migration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "V{:02}__{}", self.number, self.name)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Migration;
    use crate::db::sqlite::SCHEMA_VERSION;

    #[test]
    fn every_file_of_an_engine_is_a_migration_and_the_newest_has_the_number_of_the_schema() {
        let engines: &[(&str, &[Migration])] = &[
            ("sqlite", crate::db::sqlite::MIGRATIONS),
            #[cfg(feature = "postgres")]
            ("postgres", crate::db::postgres::MIGRATIONS),
        ];
        for (engine, migrations) in engines {
            assert!(migrations.is_sorted_by_key(|migration| migration.number), "{engine}");
            assert_eq!(migrations.last().map(|migration| migration.number), Some(SCHEMA_VERSION), "{engine}");
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine);
            let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
            let is_sql = |file: &std::path::PathBuf| file.extension().is_some_and(|ending| ending == "sql");
            let mut files: Vec<String> = files
                .filter(is_sql)
                .map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned())
                .collect();
            files.sort();
            assert_eq!(files, migrations.iter().map(Migration::to_string).collect::<Vec<_>>());
        }
    }
}
