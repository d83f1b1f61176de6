//! Opening the database: one's own or a foreign one, of this version or another, in a folder that may be written
//! or not.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use deepviz_net::Run;
use rusqlite::{Connection, OpenFlags};

use super::database::{FILE_NAME, Store};
use super::deadline::Deadline;
use super::fault::error_from_fault;
use super::{guard, schema};
use crate::error::Error;

/// Time that a query waits for another process that is writing, before it fails with `Busy`. A process
/// that writes waits longer, and says so (`Control::retry_while_busy`).
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);
/// The same where it is only read, which waits only while another process ends or begins to write.
const READ_BUSY_TIMEOUT: Duration = Duration::from_secs(30);

impl Store {
    /// Opens the statistics of the run in this folder for reading and writing, creates them where
    /// there are none, and brings an older version up to date.
    pub fn open(run: &Path) -> Result<Self, Error> {
        let path = run.join(FILE_NAME);
        refuse_what_is_no_file(&path)?;
        let store = Self::with_connection(Connection::open(&path), path)?;
        store.prepare()?;
        Ok(store.knowing(run))
    }

    /// The same in a file of its own: some units of a run, to be merged into its statistics later.
    pub(crate) fn open_file(path: &Path, run: &Run) -> Result<Self, Error> {
        refuse_what_is_no_file(path)?;
        let store = Self::with_connection(Connection::open(path), path.to_owned())?;
        store.prepare()?;
        store.refresh(run);
        Ok(store)
    }

    /// Another connection to the same database, for a thread of its own.
    pub(super) fn second_connection(&self) -> Result<Self, Error> {
        Self::with_connection(Connection::open(&self.path), self.path.clone())
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
        refuse_what_is_no_file(&path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
        let mut store = Self::with_connection(Connection::open_with_flags(&path, flags), path.clone())?;
        store.with("open", |connection| Ok(connection.busy_timeout(READ_BUSY_TIMEOUT)?))?;
        let version = match store.version() {
            // A folder that cannot be written: SQLite cannot make its index of the log there, and
            // no other process can be writing either, so the files are read as they stand.
            Err(Error::Unwritable { .. }) => {
                store = Self::open_frozen(&path, flags)?;
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
        store.with("open", |connection| guard::check_schema(connection, version as usize))?;
        store.bound()?;
        Ok(Some(store))
    }

    /// Opens the files as they stand, without a lock and without writing an index of the log; the log is honoured, if
    /// one came along.
    fn open_frozen(path: &Path, flags: OpenFlags) -> Result<Self, Error> {
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let has_log = std::fs::metadata(PathBuf::from(log)).is_ok_and(|log| log.len() > 0);
        // `immutable` passes over the log. Without locks the index of the log is kept in memory, provided that the
        // connection asks for the files to be its own before it reads them.
        let options = if has_log && cfg!(unix) { "mode=ro&vfs=unix-none" } else { "immutable=1" };
        let address = format!("file:{}?{options}", uri_path(path));
        let mut store = Self::with_connection(Connection::open_with_flags(address, flags), path.to_owned())?;
        store.is_frozen = true;
        if has_log && cfg!(unix) {
            let own = |connection: &mut Connection| Ok(connection.pragma_update(None, "locking_mode", "exclusive")?);
            store.with("open", own)?;
        } else if has_log {
            tracing::warn!(path = %path.display(), "read without its log (-wal), which cannot be read in a folder that cannot be written");
        }
        Ok(store)
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
        let store = Self {
            connection: Mutex::new(connection),
            expected: Mutex::new(None),
            path,
            is_frozen: false,
            deadline: None,
        };
        store.with("open", |connection| {
            connection.busy_timeout(BUSY_TIMEOUT)?;
            connection.pragma_update(None, "foreign_keys", true)?;
            guard::restrict(connection)?;
            Ok(())
        })?;
        Ok(store)
    }

    /// From now on, no query may take for ever.
    fn bound(&mut self) -> Result<(), Error> {
        let deadline = self.with("open", |connection| Ok(Deadline::of(connection)?))?;
        self.deadline = Some(deadline);
        Ok(())
    }

    fn prepare(&self) -> Result<(), Error> {
        let mut version = self.version()?;
        if version > 0 || self.has_tables()? {
            self.check_application()?;
            while let Err(error) = self.with("open", |connection| guard::check_schema(connection, version as usize)) {
                // Another process may have brought it up to date in between.
                let before = std::mem::replace(&mut version, self.version()?);
                if version == before {
                    return Err(error);
                }
            }
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

    /// Brings the schema up to date. Another process may be doing the same at this moment: the one that comes second
    /// finds all done, or the database busy until it is.
    fn migrate(&self) -> Result<(), Error> {
        let Err(error) = schema::migrate(&mut self.lock()) else { return Ok(()) };
        if self.version()? as usize == schema::latest() {
            return Ok(());
        }
        Err(match error {
            rusqlite_migration::Error::RusqliteError { err, .. } => error_from_fault(err.into(), "open", &self.path),
            source => Error::Migration { source, path: self.path.clone() },
        })
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
}

/// The path as it may be in a URI.
fn uri_path(path: &Path) -> String {
    path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}

/// A pipe would keep its reader waiting for ever.
fn refuse_what_is_no_file(path: &Path) -> Result<(), Error> {
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(Error::Corrupt { found: "not a regular file".into(), path: path.into() });
    }
    Ok(())
}
