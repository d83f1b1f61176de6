//! The database is untrusted: its schema must be ours, and every statement has a deadline.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, OnceLock};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;

use super::{Fault, schema};

/// The longest text or blob: the outputs and ledgers of a million images stay far below.
const MOST_BYTES: i32 = 256 << 20;
/// Time limit of the statements of one query where the database is only read.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);
/// Steps of `SQLite`'s machine between two looks at the clock.
const STEPS: std::ffi::c_int = 10_000;

/// Until when a connection may work; shared with its handler.
#[derive(Clone, Debug)]
pub(super) struct Deadline(Arc<AtomicU64>);

/// When the process wants to end.
static STOP_MS: AtomicU64 = AtomicU64::new(u64::MAX);
/// Time that a statement may still take then.
const LAST_PATIENCE: Duration = Duration::from_secs(1);

/// From now on statements that only read end within a second: the process is stopping, and waits for them.
pub fn end_reads_soon() {
    STOP_MS.store(now_ms() + LAST_PATIENCE.as_millis() as u64, Ordering::Relaxed);
}

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

fn now_ms() -> u64 {
    START.elapsed().as_millis() as u64
}

impl Deadline {
    /// Bounds a connection; without a limit until [`Deadline::begin`].
    pub(super) fn of(connection: &Connection) -> rusqlite::Result<Self> {
        let until_ms = Arc::new(AtomicU64::new(u64::MAX));
        let handler = Arc::clone(&until_ms);
        connection.progress_handler(
            STEPS,
            Some(move || now_ms() > handler.load(Ordering::Relaxed).min(STOP_MS.load(Ordering::Relaxed))),
        )?;
        Ok(Self(until_ms))
    }

    /// From now on.
    pub(super) fn begin(&self, patience: Duration) {
        self.0.store(now_ms() + patience.as_millis() as u64, Ordering::Relaxed);
    }
}

/// Takes from a connection what a foreign schema could make use of.
pub(super) fn restrict(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MOST_BYTES)?;
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

    #[test]
    fn a_statement_that_does_not_end_is_ended() {
        let connection = Connection::open_in_memory().unwrap();
        let deadline = Deadline::of(&connection).unwrap();
        deadline.begin(Duration::from_millis(50));
        let endless = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r";
        let error = connection.query_row(endless, [], |row| row.get::<_, i64>(0)).unwrap_err();
        assert_eq!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::OperationInterrupted));
        // The next question has its own time.
        deadline.begin(PATIENCE);
        assert_eq!(connection.query_row("SELECT 7", [], |row| row.get::<_, i64>(0)).unwrap(), 7);
    }

    /// Trial 52: opening a pipe blocks until there is a writer.
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
