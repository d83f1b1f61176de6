//! One run folder that is being looked at: what was read of it stays until the folder changes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use deepviz_net::{CheckpointEntry, MetricsLog, Network, Run, RunInfo, SkippedLines, Step};
use deepviz_stats::Store;

use crate::http::file_limits::{Closable, OpenFilePool};
use crate::http::problem::ApiError;
use crate::http::work_pool::{WorkKind, WorkPool};
use crate::runs::divergence::LatestMetrics;
use crate::runs::file_stamp::{FileCache, FileStamp};
use crate::runs::listing::Listing;

const METRICS: &str = "metrics.jsonl";

/// The number of snapshots and the last step, from their file names.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SnapshotCount {
    pub(crate) checkpoints: usize,
    pub(crate) last_step: Option<Step>,
}

/// A run, opened for reading.
pub(crate) struct OpenRun {
    pub(crate) id: String,
    pub(crate) path: PathBuf,
    /// Of run.toml, when it was read: a replaced run is opened again.
    pub(crate) stamp: Option<FileStamp>,
    run: Run,
    /// Requests read it at once; only one that lists the folder again holds up the others.
    listing: RwLock<FileCache<Listing>>,
    snapshot_count: Mutex<FileCache<SnapshotCount>>,
    latest: Mutex<FileCache<LatestMetrics>>,
    /// The unreadable lines of metrics.jsonl that were last logged.
    warned: Mutex<Option<SkippedLines>>,
    store: Arc<StoreHandle>,
    /// The databases of all runs.
    databases: Arc<OpenFilePool>,
    /// Problems of snapshots whose header is valid, by hash.
    broken: Mutex<BTreeMap<String, String>>,
}

/// The open database of statistics, and the digest of the snapshots that it was compared with.
struct OpenStore {
    stamp: [Option<FileStamp>; 2],
    digest: String,
    store: Arc<Store>,
}

impl OpenStore {
    /// True while the handle shows what the files hold. The size and time of the file change with every commit;
    /// only another file needs another handle, unless the handle does not follow what is written.
    fn shows(&self, stamp: &[Option<FileStamp>; 2]) -> bool {
        let file = |stamp: &[Option<FileStamp>; 2]| stamp[0].map(|stamp| stamp.file);
        if self.store.is_frozen() { self.stamp == *stamp } else { file(&self.stamp) == file(stamp) }
    }
}

/// The open database of a run.
#[derive(Default)]
struct StoreHandle(Mutex<Option<OpenStore>>);

impl Closable for StoreHandle {
    fn close(&self) {
        if let Ok(mut cached) = self.0.try_lock() {
            *cached = None;
        }
    }
}

/// A value behind a lock is whole even if a thread panicked meanwhile: each is replaced in one assignment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl OpenRun {
    /// Opens the folder.
    pub(crate) fn open(id: &str, path: &Path, databases: &Arc<OpenFilePool>) -> Result<Self, ApiError> {
        let stamp = FileStamp::of(&path.join("run.toml"));
        Ok(Self {
            id: id.to_owned(),
            path: path.to_owned(),
            stamp,
            run: Run::open(path)?,
            listing: RwLock::new(FileCache::EMPTY),
            snapshot_count: Mutex::new(FileCache::EMPTY),
            latest: Mutex::new(FileCache::EMPTY),
            warned: Mutex::default(),
            store: Arc::default(),
            databases: Arc::clone(databases),
            broken: Mutex::default(),
        })
    }

    pub(crate) fn info(&self) -> &RunInfo {
        self.run.info()
    }

    pub(crate) fn network(&self) -> &Arc<Network> {
        self.run.network()
    }

    /// A hash of the network's definition: its recipe, the shape of its images, the number of its classes.
    pub(crate) fn network_key(&self) -> String {
        let info = self.info();
        let mut hasher = blake3::Hasher::new();
        match serde_json::to_vec(&info.recipe) {
            Ok(recipe) => hasher.update(&recipe),
            // Then no other run has its key.
            Err(_) => hasher.update(self.path.as_os_str().as_encoded_bytes()),
        };
        // A network that the Python worker executes is in a file of its own.
        if self.network().is_external() {
            let stamp = FileStamp::of(&self.path.join("model.pt2"));
            hasher.update(format!("{} {stamp:?}", self.path.display()).as_bytes());
        }
        hasher.update(format!("{:?} {}", info.image, info.classes.len()).as_bytes());
        hasher.finalize().to_hex()[..32].to_owned()
    }

    pub(crate) fn run(&self) -> &Run {
        &self.run
    }

    /// Remembers a snapshot that turned out to be unreadable, so that it is shown as a gap.
    pub(crate) fn mark_broken(&self, hash: &str, error: &ApiError) {
        tracing::warn!(run = %self.id, path = %self.path.display(), "a snapshot cannot be used: {error}");
        lock(&self.broken).insert(hash.to_owned(), error.to_string());
    }

    /// The problem of a snapshot, as far as it is known.
    pub(crate) fn problem_of(&self, entry: &CheckpointEntry) -> Option<String> {
        entry.problem.clone().or_else(|| lock(&self.broken).get(&entry.hash).cloned())
    }

    pub(crate) fn is_live(&self) -> bool {
        self.run.is_live()
    }

    pub(crate) fn snapshots_folder(&self) -> PathBuf {
        self.path.join("snapshots")
    }

    /// The snapshots there are now. Reads the folder only when it has changed.
    pub(crate) fn listing(&self) -> Result<Arc<Listing>, ApiError> {
        let stamp = FileStamp::of(&self.snapshots_folder());
        let mut cached = self.listing.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(listing) = cached.if_unchanged(stamp) {
            return Ok(listing);
        }
        let entries = self.run.list_checkpoints()?;
        let mut hasher = blake3::Hasher::new();
        for entry in &entries {
            hasher.update(&entry.step.0.to_le_bytes());
            hasher.update(entry.hash.as_bytes());
        }
        let digest = hasher.finalize().to_hex()[..32].to_owned();
        let listing = Arc::new(Listing { entries, digest });
        cached.keep(stamp, &listing);
        Ok(listing)
    }

    /// The number of snapshots, and the step of the last: by their names alone, nothing is opened.
    pub(crate) fn snapshot_count(&self) -> SnapshotCount {
        let stamp = FileStamp::of(&self.snapshots_folder());
        let mut cached = lock(&self.snapshot_count);
        if let Some(count) = cached.if_unchanged(stamp) {
            return *count;
        }
        let files = std::fs::read_dir(self.snapshots_folder()).into_iter().flatten().flatten();
        let steps = files.filter_map(|file| {
            let name = file.file_name();
            let digits = name.to_str()?.strip_suffix(".safetensors")?;
            let is_step = digits.len() >= 6 && digits.bytes().all(|byte| byte.is_ascii_digit());
            is_step.then(|| digits.parse().ok().map(Step))?
        });
        let count = steps.fold(SnapshotCount::default(), |count, step| SnapshotCount {
            checkpoints: count.checkpoints + 1,
            last_step: count.last_step.max(Some(step)),
        });
        cached.keep(stamp, &Arc::new(count));
        count
    }

    /// The cached listing where the folder has not changed, else one that is read on a blocking thread.
    pub(crate) async fn listing_by(self: &Arc<Self>, work: &WorkPool) -> Result<Arc<Listing>, ApiError> {
        if let Some(listing) = self.cached_listing() {
            return Ok(listing);
        }
        let run = Arc::clone(self);
        work.run(WorkKind::Render, move || run.listing()).await
    }

    fn cached_listing(&self) -> Option<Arc<Listing>> {
        let cached = self.listing.try_read().ok()?;
        cached.if_unchanged(FileStamp::of(&self.snapshots_folder()))
    }

    /// The latest test measurement and the divergence, from the end of the file. Read again only where it has changed.
    pub(crate) fn latest(&self) -> Arc<LatestMetrics> {
        let path = self.path.join(METRICS);
        let stamp = FileStamp::of(&path);
        let mut cached = lock(&self.latest);
        if let Some(latest) = cached.if_unchanged(stamp) {
            return latest;
        }
        let latest = Arc::new(LatestMetrics::of(&path));
        cached.keep(stamp, &latest);
        latest
    }

    /// The stamp of the measurements' file as it is now.
    pub(crate) fn metrics_stamp(&self) -> Option<FileStamp> {
        FileStamp::of(&self.path.join(METRICS))
    }

    /// Bytes of that file.
    pub(crate) fn metrics_bytes(&self) -> u64 {
        self.metrics_stamp().map_or(0, |stamp| stamp.bytes)
    }

    /// Reads the measurements there are now, in the order they were written, whether the run has diverged, and what
    /// could not be read. [`MetricsLogs`](crate::runs::metrics_logs::MetricsLogs) keep them.
    pub(crate) fn read_metrics(&self) -> Result<(FileCache<MetricsLog>, Arc<MetricsLog>), ApiError> {
        let mut cached = FileCache::EMPTY;
        let stamp = self.metrics_stamp();
        let metrics = Arc::new(self.run.metrics_log()?);
        if let Some(skipped) = &metrics.skipped {
            let mut warned = lock(&self.warned);
            if warned.as_ref() != Some(skipped) {
                tracing::warn!(run = %self.id, "{skipped}");
                *warned = Some(skipped.clone());
            }
        }
        cached.keep(stamp, &metrics);
        Ok((cached, metrics))
    }

    /// The statistics, where there are any yet.
    pub(crate) fn store(&self) -> Result<Option<Arc<Store>>, ApiError> {
        let stamp =
            [deepviz_stats::FILE_NAME, deepviz_stats::LOG_FILE_NAME].map(|name| FileStamp::of(&self.path.join(name)));
        let digest = self.listing()?.digest.clone();
        let mut cached = lock(&self.store.0);
        if stamp[0].is_none() {
            *cached = None;
            return Ok(None);
        }
        let store = if let Some(open) = cached.as_mut().filter(|open| open.shows(&stamp)) {
            if open.digest != digest {
                open.store.refresh(&self.run);
                open.digest = digest;
            }
            Some(Arc::clone(&open.store))
        } else {
            // The old database is closed first: there may be no file handle to spare.
            *cached = None;
            let store = Store::open_read_only(&self.path)?.map(Arc::new);
            *cached = store.clone().map(|store| OpenStore { stamp, digest, store });
            store
        };
        drop(cached);
        if store.is_some() {
            let holder: Arc<dyn Closable> = Arc::clone(&self.store) as _;
            self.databases.uses(&Arc::downgrade(&holder));
        }
        Ok(store)
    }
}
