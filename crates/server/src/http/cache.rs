//! One cache for everything that takes work to make, bounded in bytes: pictures, snapshots, models.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::http::problem::ApiError;

/// Keys hold content hashes, so that an entry is never out of date; the first word names the type.
pub(crate) struct Cache(moka::future::Cache<String, CacheEntry>);

#[derive(Clone)]
struct CacheEntry {
    bytes: u32,
    value: Arc<dyn Any + Send + Sync>,
}

/// The memory that a cached value takes.
pub(crate) trait CacheSize: Send + Sync + 'static {
    /// Bytes of memory, about.
    fn bytes(&self) -> usize;
}

/// An entry for which others are put out at once.
const LARGE_BYTES: u32 = 1 << 20;
/// Bookkeeping of one entry, so that many small entries are counted too.
const OVERHEAD_BYTES: usize = 256;

impl Cache {
    /// An empty cache that holds at most so many bytes.
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

    /// Entries, and their bytes.
    pub(crate) fn size(&self) -> (u64, u64) {
        (self.0.entry_count(), self.0.weighted_size())
    }

    /// Bytes at most.
    pub(crate) fn limit(&self) -> u64 {
        self.0.policy().max_capacity().unwrap_or(u64::MAX)
    }

    /// The entry of the key, made now where it is missing. Requests for the same key meanwhile wait for
    /// the same work; failures are not kept.
    ///
    /// Boxed: what one entry is made from nests others, and unboxed the whole chain would be part of every
    /// caller's future.
    pub(crate) fn get<'a, T: CacheSize>(
        &'a self,
        key: String,
        make: impl Future<Output = Result<T, ApiError>> + Send + 'a,
    ) -> Pin<Box<dyn Future<Output = Result<Arc<T>, ApiError>> + Send + 'a>> {
        Box::pin(async move {
            let mut made = 0;
            let entry = self
                .0
                .try_get_with(key, async {
                    let value = make.await?;
                    let bytes = u32::try_from(value.bytes()).unwrap_or(u32::MAX);
                    made = bytes;
                    Ok::<_, ApiError>(CacheEntry { bytes, value: Arc::new(value) })
                })
                .await?;
            if made > LARGE_BYTES {
                // What has to go for it goes at once, rather than with the next few dozen entries.
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
    async fn the_same_request_at_the_same_time_is_worked_once() {
        let cache = Cache::new(1 << 20);
        let made = AtomicUsize::new(0);
        let request = || {
            cache.get("bytes/1".to_owned(), async {
                made.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                Ok(vec![7_u8; 10])
            })
        };
        let (a, b, c) = tokio::join!(request(), request(), request());
        assert_eq!((a.unwrap()[0], b.unwrap()[0], c.unwrap()[0]), (7, 7, 7));
        assert_eq!(made.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_failure_is_told_and_not_kept() {
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
