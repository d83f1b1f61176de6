//! Small results that took long, kept in the cache folder under what they were computed from, so that a restart does not
//! lose them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::http::problem::ApiError;

/// Bytes of a result at most.
const MOST_BYTES: u64 = 16 << 20;
/// Results that are kept at most, and bytes of all of them; the oldest go first.
const MOST_RESULTS: usize = 4_096;
const MOST_BYTES_OF_ALL: u64 = 256 << 20;
/// Changes whenever a result of the same key would be another one.
const VERSION: u32 = 2;

/// Files that are being written have names of their own.
static PARTS: AtomicUsize = AtomicUsize::new(0);

/// The folder of results; without one nothing is kept.
pub(crate) struct KeptResults {
    folder: Option<PathBuf>,
}

/// A file.
#[derive(Deserialize, Serialize)]
struct Kept<T> {
    version: u32,
    /// What it was computed from: names of files are hashes of it.
    key: String,
    value: T,
}

impl KeptResults {
    /// In the cache folder of the server.
    pub(crate) fn new(cache: Option<&Path>) -> Self {
        Self { folder: cache.map(|cache| cache.join("results")) }
    }

    /// The result that is kept, or the computed one, which then is. What cannot be read is computed again; what cannot be
    /// written is computed after every restart.
    pub(crate) async fn get<T: DeserializeOwned + Serialize + Send + 'static>(
        self: &Arc<Self>,
        key: &str,
        compute: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        let Some(path) = self.path(key) else { return compute.await };
        let (at, wanted) = (path.clone(), key.to_owned());
        if let Ok(Some(value)) = tokio::task::spawn_blocking(move || read(&at, &wanted)).await {
            return Ok(value);
        }
        let kept = Kept { version: VERSION, key: key.to_owned(), value: compute.await? };
        let written = tokio::task::spawn_blocking(move || {
            if let Err(error) = write(&path, &kept) {
                tracing::debug!(path = %path.display(), "a result cannot be kept: {error}");
            }
            kept.value
        });
        written.await.map_err(|error| ApiError::internal(error.to_string()))
    }

    fn path(&self, key: &str) -> Option<PathBuf> {
        let hash = blake3::hash(key.as_bytes()).to_hex();
        Some(self.folder.as_ref()?.join(format!("{}.json", &hash[..32])))
    }
}

fn read<T: DeserializeOwned>(path: &Path, key: &str) -> Option<T> {
    let size = fs::metadata(path).ok()?.len();
    let bytes = if size <= MOST_BYTES { fs::read(path).ok()? } else { return None };
    let kept: Kept<T> = serde_json::from_slice(&bytes).ok()?;
    (kept.version == VERSION && kept.key == key).then_some(kept.value)
}

fn write<T: Serialize>(path: &Path, kept: &Kept<T>) -> std::io::Result<()> {
    let Some(folder) = path.parent() else { return Ok(()) };
    fs::create_dir_all(folder)?;
    let bytes = serde_json::to_vec(kept)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Ok(());
    }
    // There whole or not at all, also while another server writes the same.
    let part = path.with_extension(format!("{}-{}.part", std::process::id(), PARTS.fetch_add(1, Ordering::Relaxed)));
    fs::write(&part, bytes)?;
    fs::rename(&part, path)?;
    make_room(folder)
}

/// Removes the oldest where there are too many.
fn make_room(folder: &Path) -> std::io::Result<()> {
    let files = fs::read_dir(folder)?.flatten().filter_map(|file| {
        let data = file.metadata().ok()?;
        Some((data.modified().unwrap_or(SystemTime::UNIX_EPOCH), data.len(), file.path()))
    });
    let mut files: Vec<_> = files.collect();
    let mut bytes: u64 = files.iter().map(|(_, size, _)| size).sum();
    let mut count = files.len();
    if count <= MOST_RESULTS && bytes <= MOST_BYTES_OF_ALL {
        return Ok(());
    }
    files.sort();
    for (_, size, path) in &files {
        if count <= MOST_RESULTS * 3 / 4 && bytes <= MOST_BYTES_OF_ALL * 3 / 4 {
            break;
        }
        // Another server may have done it.
        let _ = fs::remove_file(path);
        (count, bytes) = (count - 1, bytes - size);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_result_is_computed_once_and_survives_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let times = AtomicUsize::new(0);
        let compute = || async {
            times.fetch_add(1, Ordering::Relaxed);
            Ok(vec![Some(1.5), None])
        };
        for _ in 0..2 {
            // A new server each time.
            let kept = Arc::new(KeptResults::new(Some(folder.path())));
            assert_eq!(kept.get("a", compute()).await.unwrap(), [Some(1.5), None]);
        }
        assert_eq!(times.load(Ordering::Relaxed), 1);
        let kept = Arc::new(KeptResults::new(Some(folder.path())));
        kept.get("b", compute()).await.unwrap();
        assert_eq!(times.load(Ordering::Relaxed), 2);
        // A damaged file is computed again, a failure is not kept, and without a folder nothing is.
        fs::write(kept.path("a").unwrap(), b"{").unwrap();
        kept.get("a", compute()).await.unwrap();
        assert_eq!(times.load(Ordering::Relaxed), 3);
        let failed: Result<Vec<u8>, _> = kept.get("c", async { Err(ApiError::bad("no")) }).await;
        assert!(failed.is_err() && !kept.path("c").unwrap().exists());
        Arc::new(KeptResults::new(None)).get("a", compute()).await.unwrap();
        assert_eq!(times.load(Ordering::Relaxed), 4);
    }
}
