//! `RUN/stats.sqlite`: opening it, and what is shown of it.

mod lease;
mod merge;
mod read;
mod read_activity;
mod read_clusters;
mod read_confusion;
mod read_predictions;
mod recorded;
mod schema;
mod write;
mod write_activity;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deepviz_net::{Run, Step};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::error::Error;

pub(crate) use lease::Lease;
pub use merge::Merged;
pub use read_confusion::CellQuery;
pub(crate) use read_predictions::Predictions;
pub(crate) use write::{SetClusters, SetRecord, UnitKey, UnitNumbers, UnitRecord, WeightRecord};

/// The file's name in the run folder.
pub const FILE_NAME: &str = "stats.sqlite";

/// Images whose outputs stand in one row of the database.
pub(crate) const OUTPUT_CHUNK: usize = 512;
/// Places of the ranking in one row of the database.
pub(crate) const RANKING_CHUNK: usize = 4096;
/// How long to wait for another process that is writing.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// How often, and at what distance, the schema is tried to be brought up to date; where another process is at
/// it, for ten seconds.
const MIGRATION_TRIES: usize = 5;
const MIGRATION_TRIES_WHILE_BUSY: usize = 100;
const MIGRATION_PAUSE: Duration = Duration::from_millis(100);

/// The statistics of one run.
///
/// May be read from several threads, and while another process or thread writes. What was computed
/// from another snapshot file or corpus than the run has now is stale and is never shown; what the
/// run has is looked up on opening and by [`Store::refresh`].
#[derive(Debug)]
pub struct Store {
    connection: Mutex<Connection>,
    expected: Mutex<Option<Expected>>,
    path: PathBuf,
}

/// What the run folder holds, to tell stale numbers by.
#[derive(Clone, Debug, Default)]
struct Expected {
    snapshots: BTreeMap<Step, String>,
    corpus: String,
}

impl Expected {
    /// A step that is not listed is newer than the list, hence not stale.
    fn is_stale(&self, step: Step, snapshot_hash: &str, corpus_hash: &str) -> bool {
        self.corpus != corpus_hash || self.snapshots.get(&step).is_some_and(|hash| hash != snapshot_hash)
    }
}

/// What a query may meet, before the path is known.
enum Fault {
    Sqlite(rusqlite::Error),
    Content(String),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<String> for Fault {
    fn from(found: String) -> Self {
        Self::Content(found)
    }
}

impl Store {
    /// Opens the statistics of the run in this folder for reading and writing, creates them where
    /// there are none, and brings an older version up to date.
    pub fn open(run: &Path) -> Result<Self, Error> {
        let path = run.join(FILE_NAME);
        let store = Self::with_connection(Connection::open(&path), path)?;
        store.prepare()?;
        Ok(store.knowing(run))
    }

    /// The same in a file of its own: some units of a run, to be merged into its statistics later.
    pub(crate) fn open_file(path: &Path, run: &Run) -> Result<Self, Error> {
        let store = Self::with_connection(Connection::open(path), path.to_owned())?;
        store.prepare()?;
        store.refresh(run);
        Ok(store)
    }

    /// Opens them for reading only; `None` where nothing has been computed yet.
    pub fn open_read_only(run: &Path) -> Result<Option<Self>, Error> {
        let store = Self::open_file_read_only(run.join(FILE_NAME))?;
        Ok(store.map(|store| store.knowing(run)))
    }

    /// The same of any file.
    pub(crate) fn open_file_read_only(path: PathBuf) -> Result<Option<Self>, Error> {
        if !path.exists() {
            return Ok(None);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
        let mut store = Self::with_connection(Connection::open_with_flags(&path, flags), path.clone())?;
        let version = match store.version() {
            // A folder that cannot be written: SQLite cannot make its index of the log there, and
            // nobody else can be writing either, so the file is read as it stands.
            Err(Error::Unwritable { .. }) => {
                let immutable = format!("file:{}?immutable=1", uri_path(&path));
                store = Self::with_connection(Connection::open_with_flags(immutable, flags), path.clone())?;
                store.version()?
            }
            version => version?,
        };
        if version == 0 {
            // Another process is creating it just now.
            return Ok(None);
        }
        store.check_application()?;
        if (version as usize) < schema::latest() {
            return Err(Error::Older { found: version, expected: schema::latest(), path });
        }
        Ok(Some(store))
    }

    /// Looks up anew which snapshots and corpus the run has, to tell stale numbers by.
    pub fn refresh(&self, run: &Run) {
        let snapshots = run
            .checkpoints()
            .into_iter()
            .filter(|entry| entry.problem.is_none())
            .map(|entry| (entry.step, entry.hash))
            .collect();
        let expected = Expected { snapshots, corpus: run.info().corpus.identity.clone() };
        *self.expected.lock().unwrap_or_else(PoisonError::into_inner) = Some(expected);
    }

    /// Where the database is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// With what the folder holds, to tell stale numbers by; a folder that is no run (yet) has nothing
    /// to compare with.
    fn knowing(self, run: &Path) -> Self {
        if let Ok(run) = Run::open(run) {
            self.refresh(&run);
        }
        self
    }

    fn with_connection(opened: rusqlite::Result<Connection>, path: PathBuf) -> Result<Self, Error> {
        let connection = match opened {
            Ok(connection) => connection,
            Err(source) => return Err(error_from_fault(source.into(), "open", &path)),
        };
        let store = Self { connection: Mutex::new(connection), expected: Mutex::new(None), path };
        store.with("open", |connection| {
            connection.busy_timeout(BUSY_TIMEOUT)?;
            connection.pragma_update(None, "foreign_keys", true)?;
            Ok(())
        })?;
        Ok(store)
    }

    fn prepare(&self) -> Result<(), Error> {
        let version = self.version()?;
        if version > 0 || self.has_tables()? {
            self.check_application()?;
        }
        self.with("open", |connection| {
            connection.pragma_update(None, "journal_mode", "wal")?;
            // With the log, this loses at most the last unit when the power fails, and tears nothing.
            connection.pragma_update(None, "synchronous", "normal")?;
            Ok(())
        })?;
        self.migrate()?;
        self.with("open", |connection| Ok(connection.pragma_update(None, "application_id", schema::APPLICATION_ID)?))
    }

    /// Brings the schema up to date. Another process may be doing the same at this moment: whoever comes
    /// second fails, and finds all done.
    fn migrate(&self) -> Result<(), Error> {
        let mut tries = 0;
        loop {
            let Err(error) = schema::migrate(&mut self.lock()) else { return Ok(()) };
            if self.version()? as usize == schema::latest() {
                return Ok(());
            }
            tries += 1;
            if tries >= if is_busy(&error) { MIGRATION_TRIES_WHILE_BUSY } else { MIGRATION_TRIES } {
                return Err(match error {
                    rusqlite_migration::Error::RusqliteError { err, .. } => {
                        error_from_fault(err.into(), "open", &self.path)
                    }
                    source => Error::Migration { source, path: self.path.clone() },
                });
            }
            std::thread::sleep(MIGRATION_PAUSE);
        }
    }

    /// The version, refused where it is newer than this program.
    fn version(&self) -> Result<i64, Error> {
        let found = self.with("open", |connection| Ok(schema::version(connection)?))?;
        let known = schema::latest();
        if found < 0 || found as usize > known {
            return Err(Error::Newer { found, known, path: self.path.clone() });
        }
        Ok(found)
    }

    fn has_tables(&self) -> Result<bool, Error> {
        let count = "SELECT count(*) FROM sqlite_schema";
        self.with("open", |connection| Ok(connection.query_row(count, [], |row| row.get::<_, i64>(0))? > 0))
    }

    fn check_application(&self) -> Result<(), Error> {
        let found: i32 =
            self.with("open", |connection| Ok(connection.pragma_query_value(None, "application_id", |r| r.get(0))?))?;
        if found == schema::APPLICATION_ID {
            return Ok(());
        }
        Err(Error::Foreign { found, expected: schema::APPLICATION_ID, path: self.path.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stale(&self, step: Step, snapshot_hash: &str, corpus_hash: &str) -> bool {
        let expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        expected.as_ref().is_some_and(|e| e.is_stale(step, snapshot_hash, corpus_hash))
    }

    fn is_weight_stale(&self, step: Step, snapshot_hash: &str, previous_hash: &str) -> bool {
        let expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        expected.as_ref().is_some_and(|e| {
            let previous = e.snapshots.range(..step).next_back().map_or("", |(_, hash)| hash);
            e.snapshots.get(&step).is_some_and(|hash| hash != snapshot_hash) || previous != previous_hash
        })
    }

    /// Runs queries, and gives what goes wrong the path and its meaning.
    fn with<T>(
        &self,
        tried: &'static str,
        queries: impl FnOnce(&mut Connection) -> Result<T, Fault>,
    ) -> Result<T, Error> {
        queries(&mut self.lock()).map_err(|fault| error_from_fault(fault, tried, &self.path))
    }
}

fn error_from_fault(fault: Fault, tried: &'static str, path: &Path) -> Error {
    let path = path.to_owned();
    match fault {
        Fault::Content(found) => Error::Corrupt { found, path },
        Fault::Sqlite(source) => match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Error::Corrupt { found: source.to_string(), path }
            }
            Some(ErrorCode::DiskFull) => Error::Full { path },
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::SystemIoFailure) => {
                Error::Unwritable { tried, source, path }
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Busy { path },
            _ => Error::Database { tried, source, path },
        },
    }
}

/// The path as it may stand in a URI.
fn uri_path(path: &Path) -> String {
    path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}

/// Whether another process holds what a migration wants.
fn is_busy(error: &rusqlite_migration::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
    match error {
        rusqlite_migration::Error::RusqliteError { err, .. } => {
            matches!(err.sqlite_error_code(), Some(DatabaseBusy | DatabaseLocked))
        }
        _ => false,
    }
}
