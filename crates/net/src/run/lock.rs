//! The lock that a trainer holds on its run.

use crate::error::Error;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

const LOCK_FILE: &str = "train.lock";

/// Held while a run is being trained; the system releases it when the process ends, however it ends.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
}

impl RunLock {
    /// Takes the lock of a run folder.
    pub fn acquire(run: &Path) -> Result<Self, Error> {
        let path = run.join(LOCK_FILE);
        let io = |source| Error::io("lock the run", &path)(source);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&path).map_err(io)?;
        let began = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                // A reader asking whether the run is live holds it for an instant, which on a busy machine may be long.
                Err(TryLockError::WouldBlock) if began.elapsed() < lock_timeout(&file) => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::Busy {
                        owner: std::fs::read_to_string(&path).unwrap_or_default(),
                        path: run.into(),
                    });
                }
                Err(TryLockError::Error(source)) => return Err(io(source)),
            }
        }
        file.set_len(0).map_err(io)?;
        write!(file, "{}", std::process::id()).map_err(io)?;
        Ok(Self { _file: file })
    }
}

/// How long to try for a lock that is held: [`is_held`] releases it at once, a trainer keeps it.
fn lock_timeout(file: &File) -> Duration {
    match file.try_lock_shared() {
        // Only readers can share it.
        Ok(()) => match file.unlock() {
            Ok(()) => Duration::from_mins(1),
            Err(_) => Duration::ZERO,
        },
        Err(_) => Duration::from_secs(2),
    }
}

/// Whether some process holds the lock. Asked with a shared lock, so that two requests at
/// once do not see each other as a trainer.
pub(super) fn is_held(run: &Path) -> bool {
    File::open(run.join(LOCK_FILE)).is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}
