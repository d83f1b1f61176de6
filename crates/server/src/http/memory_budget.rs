//! Memory that requests hold: a budget for all of them together, which slow clients lose when others wait.
//!
//! Large data (a response while it is made and sent, an image while it arrives) reserves its bytes in a budget first and
//! waits until as many are free. They are held until the client has sent or read everything, so a slow client
//! holds them for long. While others wait, a client that moves fewer than [`MIN_BYTES_PER_S`] loses its connection;
//! otherwise it may be as slow as it likes.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

use crate::http::peer::Peer;
use crate::http::problem::ApiError;

/// Bytes that a client must move on average, while others wait for the bytes that it holds.
const MIN_BYTES_PER_S: u64 = 1 << 20;
/// The time that it may fall behind that.
const LEEWAY: Duration = Duration::from_secs(1);
/// Between two looks at the reservations for one that is late.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

const KB: usize = 1024;

/// Bytes that may be held at a time.
pub(crate) struct MemoryBudget {
    free: Arc<Semaphore>,
    total_kb: u32,
    holders: Mutex<Holders>,
}

#[derive(Default)]
struct Holders {
    next: u64,
    all: BTreeMap<u64, Arc<Holder>>,
}

struct Holder {
    kb: AtomicU32,
    phase: Mutex<TransferPhase>,
    leave: Notify,
    /// The peer whose connection is closed with this reservation.
    peer: OnceLock<Peer>,
}

/// The side that is awaited.
#[derive(Clone, Copy)]
enum TransferPhase {
    /// The server itself; `left` is how long the client may fall behind afterwards.
    Working { left: Duration },
    /// The client: it is late from then on, unless it moves something.
    Moving { late_from: Instant },
    /// The client was late, and others waited.
    Leaving { since: Instant },
}

/// A value behind a lock is whole even if a thread panicked meanwhile: each is replaced in one assignment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn kb_from_bytes(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(KB)).unwrap_or(u32::MAX)
}

impl MemoryBudget {
    pub(crate) fn new(bytes: usize) -> Arc<Self> {
        let total_kb = kb_from_bytes(bytes);
        Arc::new(Self { free: Arc::new(Semaphore::new(total_kb as usize)), total_kb, holders: Mutex::default() })
    }

    /// Reserves `bytes`, as soon as they are free.
    ///
    /// # Errors
    /// 400 where the whole budget is smaller.
    pub(crate) async fn take(self: &Arc<Self>, bytes: usize) -> Result<Reservation, ApiError> {
        let kb = kb_from_bytes(bytes);
        let permit = self.permit(kb).await?;
        let phase = Mutex::new(TransferPhase::Working { left: LEEWAY });
        let holder = Arc::new(Holder { kb: kb.into(), phase, leave: Notify::new(), peer: OnceLock::new() });
        let mut holders = lock(&self.holders);
        let number = holders.next;
        holders.next += 1;
        holders.all.insert(number, Arc::clone(&holder));
        drop(holders);
        Ok(Reservation { budget: Arc::clone(self), number, holder, permit: Mutex::new(permit) })
    }

    async fn permit(&self, kb: u32) -> Result<OwnedSemaphorePermit, ApiError> {
        if kb > self.total_kb {
            return Err(ApiError::bad(format!(
                "this takes {} MB of memory at once, at most {} MB are given to one request",
                kb.div_ceil(1024),
                self.total_kb / 1024
            ))
            .hint("ask for less at once: fewer checkpoints, layers, filters or images, or a smaller scale"));
        }
        let mut permit = pin!(Arc::clone(&self.free).acquire_many_owned(kb));
        loop {
            tokio::select! {
                biased;
                permit = permit.as_mut() => return permit.map_err(|_| ApiError::internal("the server is stopping")),
                () = sleep(RETRY_INTERVAL) => self.make_space(),
            }
        }
    }

    /// Takes the reservation of the client that holds most among those that are late.
    fn make_space(&self) {
        let holders = lock(&self.holders);
        let now = Instant::now();
        // One that is leaving may release enough: two that wait at the same time must not both evict one.
        if holders.all.values().any(|holder| holder.is_leaving(now)) {
            return;
        }
        let late = holders.all.values().filter(|holder| holder.is_late(now));
        if let Some(holder) = late.max_by_key(|holder| holder.kb.load(Ordering::Relaxed)) {
            holder.leave();
        }
    }

    /// Free bytes.
    #[cfg(test)]
    pub(crate) fn free_bytes(&self) -> usize {
        self.free.available_permits() * KB
    }
}

impl Holder {
    fn is_late(&self, now: Instant) -> bool {
        matches!(*lock(&self.phase), TransferPhase::Moving { late_from } if late_from < now)
    }

    /// Whether it was told to leave just now.
    fn is_leaving(&self, now: Instant) -> bool {
        matches!(*lock(&self.phase), TransferPhase::Leaving { since } if now < since + LEEWAY)
    }

    fn leave(&self) {
        *lock(&self.phase) = TransferPhase::Leaving { since: Instant::now() };
        if let Some(peer) = self.peer.get() {
            peer.gives_way();
        }
        self.leave.notify_one();
    }
}

/// Bytes of a budget that are reserved as long as this lives.
pub(crate) struct Reservation {
    budget: Arc<MemoryBudget>,
    number: u64,
    holder: Arc<Holder>,
    permit: Mutex<OwnedSemaphorePermit>,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        lock(&self.budget.holders).all.remove(&self.number);
    }
}

impl Reservation {
    /// Grows the reservation to `bytes`, as soon as as many are free.
    ///
    /// # Errors
    /// 503 where this client gave way to others meanwhile.
    pub(crate) async fn grow_to(&self, bytes: usize) -> Result<(), ApiError> {
        let kb = kb_from_bytes(bytes);
        let more = kb.saturating_sub(self.holder.kb.load(Ordering::Relaxed));
        if more > 0 {
            let permit = tokio::select! {
                biased;
                () = self.must_leave() => return Err(too_slow()),
                permit = self.budget.permit(more) => permit?,
            };
            lock(&self.permit).merge(permit);
            self.holder.kb.store(kb, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Gives back what is not needed.
    pub(crate) fn shrink_to(&self, bytes: usize) {
        let kb = kb_from_bytes(bytes);
        let less = self.holder.kb.load(Ordering::Relaxed).saturating_sub(kb);
        if less > 0 {
            drop(lock(&self.permit).split(less as usize));
            self.holder.kb.store(kb, Ordering::Relaxed);
        }
    }

    /// Ties the reservation to a peer, whose connection is closed where the reservation is lost.
    pub(crate) fn is_of(&self, peer: Peer) {
        // One reservation is for one request.
        let _ = self.holder.peer.set(peer);
    }

    /// From now on the client is awaited.
    pub(crate) fn awaits_client(&self) {
        let mut phase = lock(&self.holder.phase);
        if let TransferPhase::Working { left } = *phase {
            *phase = TransferPhase::Moving { late_from: Instant::now() + left };
        }
    }

    /// From now on the client awaits the server.
    pub(crate) fn awaits_server(&self) {
        let mut phase = lock(&self.holder.phase);
        if let TransferPhase::Moving { late_from } = *phase {
            *phase = TransferPhase::Working { left: late_from.saturating_duration_since(Instant::now()) };
        }
    }

    /// Records that the client has moved `bytes` bytes.
    pub(crate) fn moved(&self, bytes: usize) {
        if let TransferPhase::Moving { late_from } = &mut *lock(&self.holder.phase) {
            let earned = Duration::from_micros(bytes as u64 * 1_000_000 / MIN_BYTES_PER_S);
            *late_from = (*late_from + earned).min(Instant::now() + LEEWAY);
        }
    }

    /// True where the client lost its reservation to others.
    pub(crate) fn has_left(&self) -> bool {
        matches!(*lock(&self.holder.phase), TransferPhase::Leaving { .. })
    }

    /// Completes when the client loses its reservation to others.
    pub(crate) async fn must_leave(&self) {
        self.holder.leave.notified().await;
    }
}

/// Why a client lost what it had reserved.
pub(crate) fn too_slow() -> ApiError {
    ApiError::busy(format!(
        "this client was too slow while others waited: expected {} KB a second",
        MIN_BYTES_PER_S as usize / KB
    ))
}

#[cfg(test)]
mod tests;
