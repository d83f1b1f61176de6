//! Small results that take long to compute, stored in the cache folder by a key of what they were computed from, so that
//! they survive a restart.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use deepviz_stats::ResultStore;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::http::problem::ApiError;

/// The file of the results in the cache folder.
const FILE_NAME: &str = "results.sqlite";
/// To be increased when the result for an unchanged key changes.
const VERSION: u32 = 2;

/// The stored results; without a cache folder nothing is stored.
pub(crate) struct StoredResults {
    path: Option<PathBuf>,
    /// Opened at the first access; `None` if it cannot be opened.
    store: OnceLock<Option<ResultStore>>,
}

impl StoredResults {
    /// In the cache folder of the server.
    pub(crate) fn new(cache: Option<&Path>) -> Self {
        Self { path: cache.map(|cache| cache.join(FILE_NAME)), store: OnceLock::new() }
    }

    /// Returns the stored result, or computes and stores it. An unreadable result is computed again; one that cannot be
    /// written is computed again after every restart.
    pub(crate) async fn get<T: DeserializeOwned + Serialize + Send + 'static>(
        self: &Arc<Self>,
        key: &str,
        compute: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        let key = format!("{VERSION}/{key}");
        let (results, wanted) = (Arc::clone(self), key.clone());
        if let Ok(Some(value)) = tokio::task::spawn_blocking(move || results.read(&wanted)).await {
            return Ok(value);
        }
        let (results, value) = (Arc::clone(self), compute.await?);
        let written = tokio::task::spawn_blocking(move || {
            results.write(&key, &value);
            value
        });
        written.await.map_err(|error| ApiError::internal(error.to_string()))
    }

    fn store(&self) -> Option<&ResultStore> {
        let path = self.path.as_deref()?;
        let open = || {
            path.parent().map_or(Ok(()), fs::create_dir_all).map_err(|error| error.to_string())?;
            ResultStore::open(path).map_err(|error| error.to_string())
        };
        let opened = self.store.get_or_init(|| {
            open().inspect_err(|error| tracing::warn!("results are computed again after a restart: {error}")).ok()
        });
        opened.as_ref()
    }

    fn read<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let value = self.store()?.get(key).inspect_err(|error| tracing::warn!("a stored result: {error}")).ok()??;
        serde_json::from_slice(&value).ok()
    }

    fn write<T: Serialize>(&self, key: &str, value: &T) {
        let (Some(store), Ok(value)) = (self.store(), serde_json::to_vec(value)) else { return };
        if let Err(error) = store.put(key, &value) {
            tracing::warn!("a result is computed again after a restart: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn a_result_is_computed_once_and_survives_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let times = AtomicUsize::new(0);
        let compute = || async {
            times.fetch_add(1, Ordering::Relaxed);
            Ok(vec![Some(1.5), None])
        };
        let cache = folder.path().join("cache");
        let started = || Arc::new(StoredResults::new(Some(&cache)));
        for _ in 0..2 {
            assert_eq!(started().get("a", compute()).await.unwrap(), [Some(1.5), None]);
        }
        assert_eq!(times.load(Ordering::Relaxed), 1);
        started().get("b", compute()).await.unwrap();
        assert_eq!(times.load(Ordering::Relaxed), 2);
        // A result of another form is computed again, failures are not stored, and without a folder nothing is stored.
        started().write("2/a", &"no list");
        started().get("a", compute()).await.unwrap();
        assert_eq!(times.load(Ordering::Relaxed), 3);
        let failed: Result<Vec<u8>, _> = started().get("c", async { Err(ApiError::bad("no")) }).await;
        assert!(failed.is_err() && started().read::<Vec<u8>>("2/c").is_none());
        Arc::new(StoredResults::new(None)).get("a", compute()).await.unwrap();
        assert_eq!(times.load(Ordering::Relaxed), 4);
        // If the database cannot be created, results are computed each time.
        fs::remove_dir_all(&cache).unwrap();
        fs::write(&cache, b"a file").unwrap();
        started().get("a", compute()).await.unwrap();
        assert_eq!(times.load(Ordering::Relaxed), 5);
    }
}
