//! The database is untrusted: its schema must be ours, and every statement has a deadline.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;

use super::fault::Fault;
use super::schema;

/// The longest text or blob: the outputs and example statistics of a million images stay far below.
const MAX_BYTES: i32 = 256 << 20;
/// Takes from a connection what a foreign schema could make use of.
pub(super) fn restrict(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_BYTES)?;
    Ok(())
}

/// A table, index or trigger of a schema: its type, name, table, and the statement that makes it.
type SchemaObject = (String, String, String, Option<String>);

/// Refuses a database whose schema is not the one that our files make for its version.
pub(super) fn check_schema(connection: &Connection, version: usize) -> Result<(), Fault> {
    static LATEST: OnceLock<BTreeSet<SchemaObject>> = OnceLock::new();
    let made;
    let expected = match LATEST.get() {
        Some(latest) if version == schema::latest() => latest,
        _ => {
            made = parts(&schema::of_version(version)?)?;
            if version == schema::latest() { LATEST.get_or_init(|| made) } else { &made }
        }
    };
    let found = parts(connection)?;
    // What `ANALYZE` writes is data of SQLite's own.
    let is_ours =
        |part: &&SchemaObject| part.1.starts_with("sqlite_stat") && part.0 == "table" || expected.contains(*part);
    if let Some((kind, name, ..)) = found.iter().find(|part| !is_ours(part)) {
        return Err(Fault::Content(format!("a {kind} `{}` that is not deepViz's", name.escape_debug())));
    }
    if let Some((kind, name, ..)) = expected.iter().find(|part| !found.contains(*part)) {
        return Err(Fault::Content(format!("no {kind} `{name}`")));
    }
    Ok(())
}

fn parts(connection: &Connection) -> rusqlite::Result<BTreeSet<SchemaObject>> {
    let mut statement = connection.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::store::{FILE_NAME, Store};

    /// Statistics with a hostile schema.
    fn prepared(sql: &str) -> (tempfile::TempDir, Result<(), Error>) {
        let folder = tempfile::tempdir().unwrap();
        drop(Store::open(folder.path()).unwrap());
        let connection = Connection::open(folder.path().join(FILE_NAME)).unwrap();
        connection.execute_batch(sql).unwrap();
        drop(connection);
        let opened = Store::open_read_only(folder.path()).map(drop);
        (folder, opened)
    }

    #[test]
    fn a_foreign_schema_is_refused_before_the_first_query() {
        let endless = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r";
        for (sql, word) in [
            (format!("CREATE VIEW more AS {endless};"), "view `more`"),
            (
                format!("ALTER TABLE unit RENAME TO u; CREATE VIEW unit AS SELECT * FROM u WHERE ({endless}) > 0;"),
                "is not",
            ),
            ("CREATE TRIGGER t AFTER INSERT ON unit BEGIN DELETE FROM unit; END;".into(), "trigger `t`"),
            ("CREATE TABLE more (a);".into(), "table `more`"),
            ("CREATE INDEX more ON unit (hex(step));".into(), "index `more`"),
            ("ALTER TABLE unit ADD COLUMN more TEXT;".into(), "table `unit`"),
            ("DROP INDEX unit_by_split;".into(), "no index `unit_by_split`"),
        ] {
            let (folder, opened) = prepared(&sql);
            let error = opened.unwrap_err();
            assert!(matches!(error, Error::Corrupt { .. }), "{sql}: {error}");
            assert!(error.to_string().contains(word), "{sql}: {error}");
            // `deepviz stats` refuses it too.
            assert!(Store::open(folder.path()).is_err(), "{sql}");
        }
        let (_folder, opened) = prepared(
            "INSERT INTO unit (step, split, state, snapshot_hash, corpus_hash, problem, version)
             VALUES (1, 'test', 'failed', 'a', 'b', 'c', 'd'); ANALYZE;",
        );
        opened.unwrap();
    }

    /// Opening a pipe blocks until there is a writer.
    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        for opened in [Store::open(folder.path()), Store::open_read_only(folder.path()).map(Option::unwrap)] {
            assert!(opened.unwrap_err().to_string().contains("regular file"));
        }
    }
}
