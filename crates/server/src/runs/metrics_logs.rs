//! The metrics logs of runs (`metrics.jsonl`), cached while their files do not change.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use deepviz_net::{Metric, MetricsLog};

use crate::http::problem::ApiError;
use crate::http::work_pool::WorkKind;
use crate::runs::file_stamp::FileCache;
use crate::runs::open_run::OpenRun;

/// Bytes of all cached logs together; the least recently used go first. A longer log is read whenever it is requested.
const MAX_BYTES: usize = 64 << 20;
/// A file with more bytes takes longer to read than most pictures take to draw.
const BRIEF_BYTES: u64 = 1 << 20;

/// The metrics logs of all runs, as far as they were read.
pub(crate) struct MetricsLogs {
    max_bytes: usize,
    /// The most recently used one is at the end.
    cached: Mutex<VecDeque<(PathBuf, FileCache<MetricsLog>)>>,
}

impl MetricsLogs {
    pub(crate) fn new() -> Self {
        Self { max_bytes: MAX_BYTES, cached: Mutex::default() }
    }

    /// The kind of work with the metrics log of a run, which may have to be read for it.
    pub(crate) fn work_kind(run: &OpenRun) -> WorkKind {
        if run.metrics_bytes() < BRIEF_BYTES { WorkKind::Render } else { WorkKind::RenderLarge }
    }

    /// Bytes that reading the log takes: of the file and of its lines; nothing where it is cached.
    pub(crate) fn cost(&self, run: &OpenRun) -> usize {
        match self.cached(run) {
            Some(_) => 0,
            None => usize::try_from(run.metrics_bytes()).unwrap_or(usize::MAX).saturating_mul(2),
        }
    }

    /// The log as it is now, read where the file has changed. For a blocking thread.
    pub(crate) fn of(&self, run: &OpenRun) -> Result<Arc<MetricsLog>, ApiError> {
        if let Some(log) = self.cached(run) {
            return Ok(log);
        }
        let (read, log) = run.read_metrics()?;
        self.keep(run, read);
        Ok(log)
    }

    fn cached(&self, run: &OpenRun) -> Option<Arc<MetricsLog>> {
        let mut all = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        let index = all.iter().position(|(path, _)| *path == run.path)?;
        // What is out of date is not put back.
        let (path, cached) = all.remove(index)?;
        let log = cached.if_unchanged(run.metrics_stamp())?;
        all.push_back((path, cached));
        Some(log)
    }

    fn keep(&self, run: &OpenRun, read: FileCache<MetricsLog>) {
        let mut all = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(path, _)| *path != run.path);
        all.push_back((run.path.clone(), read));
        let mut bytes: usize = all.iter().map(|(_, cached)| bytes_of(cached)).sum();
        while bytes > self.max_bytes {
            let Some((_, oldest)) = all.pop_front() else { return };
            bytes -= bytes_of(&oldest);
        }
    }
}

fn bytes_of(cached: &FileCache<MetricsLog>) -> usize {
    cached.value.as_ref().map_or(0, |log| log.lines.capacity() * size_of::<Metric>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::copy_of_run;

    #[test]
    fn the_most_recently_used_are_cached_within_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let runs: Vec<_> = (0..3)
            .map(|number| {
                let path = folder.path().join(number.to_string());
                copy_of_run(&path);
                let before = std::time::SystemTime::now() - std::time::Duration::from_mins(1);
                std::fs::File::open(path.join("metrics.jsonl")).unwrap().set_modified(before).unwrap();
                OpenRun::open("run", &path, &Arc::new(crate::http::file_limits::OpenFilePool::new(1))).unwrap()
            })
            .collect();
        let mut logs = MetricsLogs::new();
        let first = logs.of(&runs[0]).unwrap();
        assert!(Arc::ptr_eq(&first, &logs.of(&runs[0]).unwrap()));
        let one = bytes_of(&logs.cached.lock().unwrap()[0].1);
        assert!(one > 0);
        logs.max_bytes = 2 * one;
        for run in [&runs[1], &runs[0], &runs[2]] {
            logs.of(run).unwrap();
        }
        assert!(logs.cached(&runs[1]).is_none(), "it was not looked at for longest");
        assert!(Arc::ptr_eq(&first, &logs.of(&runs[0]).unwrap()));
        // One alone that is too long is not cached, and read all the same.
        logs.max_bytes = one - 1;
        assert_eq!(logs.of(&runs[1]).unwrap(), first);
        assert!(logs.cached.lock().unwrap().is_empty());
    }
}
