//! Results that belong to no one run, in a database of their own.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, ErrorCode, OptionalExtension, params};
use rusqlite_migration::{M, Migrations};

use super::fault::{Fault, error_from_fault};
use crate::error::Error;

/// The SQL files; published ones never change.
const MIGRATIONS: &[&str] = &[include_str!("../../../../migrations/results/0001_results.sql")];
/// Time that another process is waited for that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a result at most.
const MAX_BYTES: usize = 16 << 20;
/// Results at most, and bytes of all of them; the oldest go first.
const MAX_RESULTS: i64 = 4_096;
const MAX_TOTAL_BYTES: i64 = 256 << 20;

/// Small results that took long, such as comparisons of two runs, in a `SQLite` database of their own under what they were
/// computed from. Several threads and processes may share one.
#[derive(Debug)]
pub struct ResultStore {
    connection: Mutex<Connection>,
    path: PathBuf,
}

impl ResultStore {
    /// Opens the database, and creates it if it does not exist. A damaged one is replaced by an empty one: its content
    /// can be computed again.
    ///
    /// # Errors
    /// A file that cannot be written, or that a newer version wrote.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let fault = |fault: Fault| error_from_fault(fault, "open", path);
        match connect(path) {
            Err(error) if is_damage(&error) => {
                std::fs::remove_file(path)
                    .map_err(|error| fault(Fault::Content(format!("damaged, and cannot be removed: {error}"))))?;
                // What was being written would be undone in the new file.
                let _ = std::fs::remove_file(path.with_extension("sqlite-journal"));
                connect(path).map_err(|error| fault(error.into()))
            }
            found => found.map_err(|error| fault(error.into())),
        }
        .and_then(|mut connection| {
            Migrations::new(MIGRATIONS.iter().map(|sql| M::up(sql)).collect())
                .to_latest(&mut connection)
                .map_err(|source| Error::Migration { source, path: path.to_owned() })?;
            Ok(Self { connection: Mutex::new(connection), path: path.to_owned() })
        })
    }

    /// The result of a key, if it exists.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let value = connection.query_row("SELECT value FROM result WHERE key = ?", [key], |row| row.get(0));
        value.optional().map_err(|error| error_from_fault(error.into(), "read", &self.path))
    }

    /// Keeps a result in the place of the one that had its key, and makes room where there is too much. One of more than
    /// 16 MiB is not kept.
    ///
    /// # Errors
    /// What cannot be written.
    pub fn put(&self, key: &str, value: &[u8]) -> Result<(), Error> {
        if value.len() > MAX_BYTES {
            return Ok(());
        }
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        put(&mut connection, (key, value), (MAX_RESULTS, MAX_TOTAL_BYTES))
            .map_err(|error| error_from_fault(error.into(), "write", &self.path))
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // What is lost with the power is computed again.
    connection.pragma_update(None, "synchronous", "OFF")?;
    // Once, of at most 256 MB: a damaged page would be found by every query, and never mended.
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found == "ok" {
        return Ok(connection);
    }
    Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT), Some(found)))
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

fn put(connection: &mut Connection, (key, value): (&str, &[u8]), (max, max_bytes): (i64, i64)) -> rusqlite::Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs() as i64);
    let write = connection.transaction()?;
    write.execute(
        "INSERT OR REPLACE INTO result (key, made, bytes, value) VALUES (?, ?, ?, ?)",
        params![key, now, value.len() as i64, value],
    )?;
    let (count, bytes): (i64, i64) =
        write.query_row("SELECT count(*), coalesce(sum(bytes), 0) FROM result", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    if count > max || bytes > max_bytes {
        // The newest that fill three quarters of the room stay.
        write.execute(
            "DELETE FROM result WHERE key IN (
                SELECT key FROM (
                    SELECT key, row_number() OVER newest AS place, sum(bytes) OVER newest AS up_to FROM result
                    WINDOW newest AS (ORDER BY made DESC, key = ? DESC, key ROWS UNBOUNDED PRECEDING)
                ) WHERE place > ? OR (up_to > ? AND place > 1)
            )",
            params![key, max * 3 / 4, max_bytes / 4 * 3],
        )?;
    }
    write.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_migrations_are_valid() {
        Migrations::new(MIGRATIONS.iter().map(|sql| M::up(sql)).collect()).validate().unwrap();
    }

    #[test]
    fn results_are_stored_for_other_processes_and_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.sqlite");
        let (first, second) = (ResultStore::open(&path).unwrap(), ResultStore::open(&path).unwrap());
        assert_eq!(first.get("a").unwrap(), None);
        first.put("a", b"1").unwrap();
        second.put("a", b"2").unwrap();
        second.put("too large", &vec![0; MAX_BYTES + 1]).unwrap();
        assert_eq!(first.get("a").unwrap().unwrap(), b"2");
        assert_eq!(first.get("too large").unwrap(), None);
    }

    #[test]
    fn the_oldest_are_removed_at_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let store = ResultStore::open(&folder.path().join("results.sqlite")).unwrap();
        let mut connection = store.connection.lock().unwrap();
        let mut keep = |key: &str, bytes: usize, (max, max_bytes): (i64, i64)| {
            put(&mut connection, (key, &vec![1; bytes]), (max, max_bytes)).unwrap();
            // As if it had been long ago.
            connection.execute("UPDATE result SET made = made - 10", []).unwrap();
            let mut keys = connection.prepare("SELECT key FROM result ORDER BY key").unwrap();
            let keys = keys.query_map([], |row| row.get::<_, String>(0)).unwrap();
            keys.map(Result::unwrap).collect::<String>()
        };
        for (key, there) in [("a", "a"), ("b", "ab"), ("c", "abc"), ("d", "abcd"), ("e", "cde")] {
            assert_eq!(keep(key, 10, (4, 1_000)), there);
        }
        // More than three quarters of the bytes alone: the newest stays whatever it takes.
        assert_eq!(keep("f", 90, (100, 100)), "f");
    }

    #[test]
    fn a_damaged_database_is_replaced_and_a_folder_at_its_path_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.sqlite");
        std::fs::write(&path, [b'x'; 4096]).unwrap();
        let store = ResultStore::open(&path).unwrap();
        store.put("a", b"1").unwrap();
        assert_eq!(store.get("a").unwrap().unwrap(), b"1");
        // A page in the middle.
        (0..50).for_each(|n| store.put(&format!("{n}"), &[1; 3_000]).unwrap());
        drop(store);
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle..middle + 4_096].fill(0xff);
        std::fs::write(&path, bytes).unwrap();
        let store = ResultStore::open(&path).unwrap();
        assert_eq!(store.get("a").unwrap(), None);
        store.put("a", b"2").unwrap();
        let error = ResultStore::open(folder.path()).unwrap_err().to_string();
        assert!(error.starts_with("cannot open the statistics: "), "{error}");
    }

    #[test]
    fn several_may_create_it_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.sqlite");
        std::thread::scope(|scope| {
            for n in 0..8 {
                let path = &path;
                scope.spawn(move || ResultStore::open(path).unwrap().put(&n.to_string(), b"1").unwrap());
            }
        });
        let store = ResultStore::open(&path).unwrap();
        assert!((0..8).all(|n| store.get(&n.to_string()).unwrap().is_some()));
    }
}
