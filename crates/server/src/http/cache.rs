//! One in-memory cache for everything that is expensive to compute (pictures, snapshots, models), bounded in bytes.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::http::problem::ApiError;

/// Keys contain content hashes, so that an entry is never out of date; the prefix before the first `/` names the type.
pub(crate) struct Cache(moka::future::Cache<String, CacheEntry>);

#[derive(Clone)]
struct CacheEntry {
    bytes: u32,
    value: Arc<dyn Any + Send + Sync>,
}

/// The memory that a cached value takes.
pub(crate) trait CacheSize: Send + Sync + 'static {
    /// Approximate bytes of memory.
    fn bytes(&self) -> usize;
}

/// An entry larger than this triggers eviction at once.
const LARGE_BYTES: u32 = 1 << 20;
/// Overhead of one entry, so that many small entries count too.
const OVERHEAD_BYTES: usize = 256;

impl Cache {
    /// An empty cache of at most `limit_bytes` bytes.
    pub(crate) fn new(limit_bytes: u64) -> Self {
        Self(
            moka::future::Cache::builder()
                .max_capacity(limit_bytes)
                .weigher(|key: &String, entry: &CacheEntry| {
                    entry.bytes.saturating_add((key.len() + OVERHEAD_BYTES) as u32)
                })
                .build(),
        )
    }

    /// The number of entries, and their bytes.
    pub(crate) fn size(&self) -> (u64, u64) {
        (self.0.entry_count(), self.0.weighted_size())
    }

    /// The limit of the cache in bytes.
    pub(crate) fn limit_bytes(&self) -> u64 {
        self.0.policy().max_capacity().unwrap_or(u64::MAX)
    }

    /// Returns the entry of the key; computes it if it is missing. It is computed once: concurrent requests for the same
    /// key wait for it. Failures are not cached.
    ///
    /// Boxed: computing one entry may get others from the cache, and unboxed the futures of the whole chain would be part
    /// of every caller's future.
    pub(crate) fn get<'a, T: CacheSize>(
        &'a self,
        key: String,
        compute: impl Future<Output = Result<T, ApiError>> + Send + 'a,
    ) -> Pin<Box<dyn Future<Output = Result<Arc<T>, ApiError>> + Send + 'a>> {
        Box::pin(async move {
            let mut new_bytes = 0;
            let entry = self
                .0
                .try_get_with(key, async {
                    let value = compute.await?;
                    let bytes = u32::try_from(value.bytes()).unwrap_or(u32::MAX);
                    new_bytes = bytes;
                    Ok::<_, ApiError>(CacheEntry { bytes, value: Arc::new(value) })
                })
                .await?;
            if new_bytes > LARGE_BYTES {
                // Evict for it now, rather than with the next few dozen entries.
                self.0.run_pending_tasks().await;
            }
            entry.value.downcast().map_err(|_| ApiError::internal("two types of entry share a cache key"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    impl CacheSize for Vec<u8> {
        fn bytes(&self) -> usize {
            self.len()
        }
    }

    #[tokio::test]
    async fn concurrent_requests_for_a_key_compute_it_once() {
        let cache = Cache::new(1 << 20);
        let computed = AtomicUsize::new(0);
        let request = || {
            cache.get("bytes/1".to_owned(), async {
                computed.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                Ok(vec![7_u8; 10])
            })
        };
        let (a, b, c) = tokio::join!(request(), request(), request());
        assert_eq!((a.unwrap()[0], b.unwrap()[0], c.unwrap()[0]), (7, 7, 7));
        assert_eq!(computed.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_failure_is_returned_and_not_cached() {
        let cache = Cache::new(1 << 20);
        let failed = cache.get::<Vec<u8>>("bytes/2".to_owned(), async { Err(ApiError::not_found("gone")) });
        assert_eq!(failed.await.unwrap_err().to_string(), "gone");
        assert!(cache.get("bytes/2".to_owned(), async { Ok(vec![1_u8]) }).await.is_ok());
    }

    #[tokio::test]
    async fn memory_is_bounded() {
        let cache = Cache::new(100_000);
        for index in 0..200 {
            cache.get(format!("bytes/{index}"), async { Ok(vec![0_u8; 10_000]) }).await.unwrap();
        }
        cache.0.run_pending_tasks().await;
        assert!(cache.0.weighted_size() <= 100_000, "{}", cache.0.weighted_size());
    }
}
