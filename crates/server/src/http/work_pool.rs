//! Blocking work beside the async threads, a limited number at a time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{block_in_place, spawn_blocking};
use tokio::time::timeout;

use crate::http::problem::ApiError;

/// Archives that are received and unpacked at a time.
const MAX_ARCHIVES: usize = 4;
/// The longest wait for another archive to be unpacked.
const ARCHIVE_TIMEOUT: Duration = Duration::from_secs(30);
/// Work of one kind that may wait for a slot; more is refused, so that a flood cannot fill the memory.
const MAX_WAITING: usize = 2_048;

/// Work on fewer pixels (or values, or lines) than this is brief: some milliseconds.
const BRIEF: usize = 1 << 18;
/// Threads that decode small pictures, so that their memory has a bound on a machine of many cores.
const MAX_DECODING_THREADS: usize = 4;

/// Slots for blocking work, for each kind its own. What may take long has fewer than there are cores, so that a flood of
/// it cannot starve the pictures under the slider.
pub(crate) struct WorkPool {
    render: WorkQueue,
    render_large: WorkQueue,
    forward: WorkQueue,
    decode: WorkQueue,
    decode_large: WorkQueue,
    archives: Arc<Semaphore>,
}

/// The kind of work, each with its own slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WorkKind {
    /// Reading files and drawing, for milliseconds.
    Render,
    /// The same where it takes longer.
    RenderLarge,
    /// Applying a network.
    Forward,
    /// Decoding an uploaded image.
    Decode,
    /// Decoding a large one: one at a time.
    DecodeLarge,
}

impl WorkKind {
    /// Drawing `size` pixels, or picking `size` values.
    pub(crate) fn of_size(size: usize) -> Self {
        if size < BRIEF { Self::Render } else { Self::RenderLarge }
    }
}

/// The slots of one kind of work.
struct WorkQueue {
    slots: Arc<Semaphore>,
    waiting: AtomicUsize,
    done: AtomicU64,
}

/// Counts one who waits, as long as it lives.
struct WaitingGuard<'a>(&'a AtomicUsize);

impl Drop for WaitingGuard<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl WorkQueue {
    fn new(slots: usize) -> Self {
        Self { slots: Arc::new(Semaphore::new(slots)), waiting: AtomicUsize::new(0), done: AtomicU64::new(0) }
    }

    async fn slot(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = WaitingGuard(&self.waiting);
        if before >= MAX_WAITING {
            return Err(ApiError::busy("too many requests wait for their turn"));
        }
        acquire(&self.slots).await
    }
}

async fn acquire(slots: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, ApiError> {
    Arc::clone(slots).acquire_owned().await.map_err(|_| ApiError::internal("the server is stopping"))
}

impl WorkPool {
    /// Slots for this machine.
    pub(crate) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            render: WorkQueue::new(cores + 1),
            render_large: WorkQueue::new(forward_threads()),
            forward: WorkQueue::new(forward_threads()),
            decode: WorkQueue::new(forward_threads().min(MAX_DECODING_THREADS)),
            decode_large: WorkQueue::new(1),
            archives: Arc::new(Semaphore::new(MAX_ARCHIVES)),
        }
    }

    /// Does the work on a blocking thread as soon as a slot is free. A slot stays taken until the work is
    /// done, even if the caller is gone; what else the work needs until then belongs into it.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        kind: WorkKind,
        work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let queue = self.queue(kind);
        let slot = queue.slot().await?;
        let result = spawn_blocking(move || {
            let _slot = slot;
            work()
        })
        .await;
        queue.done.fetch_add(1, Ordering::Relaxed);
        result.map_err(|panic| ApiError::internal(format!("work failed: {panic}")))?
    }

    /// Does work of a few milliseconds as soon as a slot is free, on this thread, while the runtime moves what else
    /// waits for the thread to others: to wake one would take as long as some of this work. Needs a runtime of several
    /// threads.
    pub(crate) async fn run_here<T>(
        &self,
        kind: WorkKind,
        work: impl FnOnce() -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let queue = self.queue(kind);
        let slot = queue.slot().await?;
        let result = block_in_place(|| catch_unwind(AssertUnwindSafe(work)));
        drop(slot);
        queue.done.fetch_add(1, Ordering::Relaxed);
        result.unwrap_or_else(|panic| {
            let reason = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let reason = reason.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            Err(ApiError::internal(format!("work failed: {reason}")))
        })
    }

    /// Waits for one of the slots of archives that are unpacked.
    ///
    /// # Errors
    /// 503 where none becomes free for long.
    pub(crate) async fn archive(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        timeout(ARCHIVE_TIMEOUT, acquire(&self.archives))
            .await
            .map_err(|_| ApiError::busy("other uploads are still being unpacked; try again later"))?
    }

    /// Pieces of work that were done, and those that wait.
    pub(crate) fn counts(&self, kind: WorkKind) -> (u64, usize) {
        let queue = self.queue(kind);
        (queue.done.load(Ordering::Relaxed), queue.waiting.load(Ordering::Relaxed))
    }

    fn queue(&self, kind: WorkKind) -> &WorkQueue {
        match kind {
            WorkKind::Render => &self.render,
            WorkKind::RenderLarge => &self.render_large,
            WorkKind::Forward => &self.forward,
            WorkKind::Decode => &self.decode,
            WorkKind::DecodeLarge => &self.decode_large,
        }
    }
}

/// Cores that one kind of long work may keep busy: one is left for everything else.
pub(crate) fn forward_threads() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (cores - 1).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Duration;

    /// Bounds a hang, and nothing else: on a busy machine everything takes longer.
    const HANG: Duration = Duration::from_mins(10);

    /// Forward passes that never end hold up each other, and nothing else.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_flood_of_forward_passes_leaves_room_for_pictures() {
        let work = Arc::new(WorkPool::new());
        let (release, gate) = mpsc::channel::<()>();
        let gate = Arc::new(std::sync::Mutex::new(gate));
        let flood: Vec<_> = (0..50)
            .map(|_| {
                let (work, gate) = (Arc::clone(&work), Arc::clone(&gate));
                tokio::spawn(async move {
                    work.run(WorkKind::Forward, move || {
                        // Ends when the sender is gone.
                        let _ = gate.lock().unwrap().recv();
                        Ok(())
                    })
                    .await
                })
            })
            .collect();
        while work.counts(WorkKind::Forward).1 < 50 - forward_threads() {
            tokio::task::yield_now().await;
        }
        for number in 0..100 {
            let picture = work.run(WorkKind::Render, move || Ok(number));
            let picture = tokio::time::timeout(HANG, picture).await;
            assert_eq!(picture.expect("the picture waits for forward passes").unwrap(), number);
        }
        assert_eq!(work.counts(WorkKind::Forward).0, 0, "the flood is still there");
        drop(release);
        for one in flood {
            one.await.unwrap().unwrap();
        }
        assert_eq!(work.counts(WorkKind::Forward), (50, 0));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn run_here_frees_its_slot_even_if_the_work_panics() {
        let work = WorkPool::new();
        for _ in 0..2 * forward_threads() {
            let failed =
                work.run_here(WorkKind::Forward, || -> Result<(), _> { panic!("out of order") }).await.unwrap_err();
            assert_eq!((failed.status().as_u16(), failed.to_string().as_str()), (500, "work failed: out of order"));
        }
        assert_eq!(work.run_here(WorkKind::Forward, || Ok(7)).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn cancelled_work_leaves_the_queue_and_too_much_is_refused() {
        let work = WorkPool::new();
        let threads = forward_threads() as u32;
        let all = Arc::clone(&work.forward.slots).acquire_many_owned(threads).await.unwrap();
        let mut waiting: Vec<_> = (0..MAX_WAITING).map(|_| Box::pin(work.run(WorkKind::Forward, || Ok(())))).collect();
        for one in &mut waiting {
            assert!(tokio::time::timeout(Duration::ZERO, one).await.is_err());
        }
        let refused = work.run(WorkKind::Forward, || Ok(())).await.unwrap_err();
        assert_eq!(refused.status().as_u16(), 503);
        drop(waiting);
        assert_eq!(work.counts(WorkKind::Forward).1, 0);
        drop(all);
        work.run(WorkKind::Forward, || Ok(())).await.unwrap();
    }
}
