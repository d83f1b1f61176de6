//! Open files: how many there may be, and how they are shared out.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError, Weak};

/// Open files that are left for runs and their statistics, where there are enough.
const FILES_FOR_RUNS: u32 = 200;
/// Open connections at most, where the system allows them.
const MAX_CONNECTIONS: u32 = 16_384;
/// Files that an open database takes: itself, its log, and the index of the log.
const FILES_OF_A_DATABASE: u32 = 3;
/// The limit on open files where the system does not tell it.
const USUAL_LIMIT: u32 = 1024;

/// The limits on open files, by purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileLimits {
    /// Connections of clients.
    pub(crate) connections: u32,
    /// Databases of statistics.
    pub(crate) databases: usize,
}

impl FileLimits {
    /// The limits for this process.
    pub(crate) fn of_this_process() -> Self {
        Self::of(open_files().unwrap_or(USUAL_LIMIT))
    }

    /// Most of a large number for connections, a smaller one in halves; and of what is left three fifths for databases:
    /// the rest is for what is opened and closed at once.
    fn of(files: u32) -> Self {
        let connections = files.saturating_sub(FILES_FOR_RUNS).max(files / 2).clamp(4, MAX_CONNECTIONS);
        let left = files.saturating_sub(connections).min(FILES_FOR_RUNS);
        let databases = (left * 3 / 5 / FILES_OF_A_DATABASE).max(1) as usize;
        Self { connections, databases }
    }
}

/// Files that this process may have open, where the system tells.
fn open_files() -> Option<u32> {
    let text = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    let soft = line.split_whitespace().next()?;
    Some(soft.parse().unwrap_or(u32::MAX))
}

/// A holder of an open file that can be told to close it.
pub(crate) trait Closable: Send + Sync {
    /// Closes the file, unless it is in use.
    fn close(&self);
}

/// The holders of open files, at most `max_open`: the least recently used one is closed for a new one.
pub(crate) struct OpenFilePool {
    max_open: usize,
    /// The one that was used last at the end.
    used: Mutex<VecDeque<Weak<dyn Closable>>>,
}

impl OpenFilePool {
    pub(crate) fn new(max_open: usize) -> Self {
        Self { max_open, used: Mutex::default() }
    }

    /// Notes that this holder has opened its file, or uses it.
    pub(crate) fn uses(&self, holder: &Weak<dyn Closable>) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.retain(|other| other.strong_count() > 0 && !other.ptr_eq(holder));
        used.push_back(Weak::clone(holder));
        let too_many = used.len().saturating_sub(self.max_open);
        let old: Vec<_> = used.drain(..too_many).collect();
        drop(used);
        for holder in old.iter().filter_map(Weak::upgrade) {
            holder.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn open_files_are_divided_within_the_limit() {
        for files in [20, 64, 256, 1024, 4096, 1_048_576, u32::MAX] {
            let FileLimits { connections, databases } = FileLimits::of(files);
            let databases = databases as u32;
            assert!(connections >= 4 && databases >= 1, "{files}");
            assert!(u64::from(connections) + u64::from(databases * FILES_OF_A_DATABASE) < u64::from(files), "{files}");
        }
        assert_eq!(FileLimits::of(256), FileLimits { connections: 128, databases: 25 });
        assert_eq!(FileLimits::of(1024), FileLimits { connections: 824, databases: 40 });
    }

    struct TestFile(AtomicUsize);

    impl Closable for TestFile {
        fn close(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn the_least_recently_used_holder_is_closed() {
        let holders: Vec<Arc<TestFile>> = (0..4).map(|_| Arc::new(TestFile(AtomicUsize::new(0)))).collect();
        let open = OpenFilePool::new(2);
        let uses = |index: usize| {
            let holder: Arc<dyn Closable> = Arc::clone(&holders[index]) as _;
            open.uses(&Arc::downgrade(&holder));
        };
        for index in [0, 1, 0, 2, 0, 3] {
            uses(index);
        }
        let closed: Vec<_> = holders.iter().map(|holder| holder.0.load(Ordering::Relaxed)).collect();
        assert_eq!(closed, [0, 1, 1, 0]);
    }
}
