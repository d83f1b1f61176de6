//! Deadlines of statements that only read.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use rusqlite::Connection;

/// Time limit of the statements of one query where the database is only read.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);
/// Instructions of `SQLite`'s virtual machine between two looks at the clock.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_that_does_not_end_is_ended() {
        let connection = Connection::open_in_memory().unwrap();
        let deadline = Deadline::of(&connection).unwrap();
        deadline.begin(Duration::from_millis(50));
        let endless = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r";
        let error = connection.query_row(endless, [], |row| row.get::<_, i64>(0)).unwrap_err();
        assert_eq!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::OperationInterrupted));
        // The next query has its own time.
        deadline.begin(PATIENCE);
        assert_eq!(connection.query_row("SELECT 7", [], |row| row.get::<_, i64>(0)).unwrap(), 7);
    }
}
