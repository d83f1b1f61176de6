//! Slots for connections, and which of them are closed when all are taken.
//!
//! A connection is at work while the answer to an authorised request is made and sent. All others are idle: they wait
//! for the rest of a head, for a form with a token, for the end of a wrong token's delay, or between two requests. While
//! there are free slots they may do so for long. When there are none, the address with the most idle connections loses
//! those that have been idle longest: a client that opens connections and sends incomplete requests loses the oldest of
//! them, and clients with complete requests are answered.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

use crate::http::token_throttle::network;

/// A connection that has been idle for less is not closed: it may be about to send.
const MIN_IDLE: Duration = Duration::from_millis(100);
/// The interval between two searches for idle connections.
const RETRY_INTERVAL: Duration = Duration::from_millis(50);
/// The share of all slots, as a divisor, that is closed at once, so that searching pays under a flood of connections.
const EVICTED_SHARE: usize = 64;

/// The connection slots of a server.
pub(crate) struct ConnectionSlots {
    free: Arc<Semaphore>,
    total: u32,
    taken: Mutex<SlotTable>,
}

#[derive(Default)]
struct SlotTable {
    next: u64,
    /// In the order in which they were taken.
    connections: BTreeMap<u64, Arc<ConnectionState>>,
}

/// The state of one connection.
pub(crate) struct ConnectionState {
    address: IpAddr,
    state: Mutex<ConnectionPhase>,
    leave: Notify,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ConnectionPhase {
    /// No authorised request is being answered, since then.
    Waiting(Instant),
    /// An authorised request is being answered.
    Working,
    /// Its answer is made, and not yet sent to the end.
    Sending,
    /// It is being closed.
    Leaving,
}

impl ConnectionState {
    fn state(&self) -> MutexGuard<'_, ConnectionPhase> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn works(&self) {
        let mut state = self.state();
        if *state != ConnectionPhase::Leaving {
            *state = ConnectionPhase::Working;
        }
    }

    pub(crate) fn has_answered(&self) {
        let mut state = self.state();
        if *state == ConnectionPhase::Working {
            *state = ConnectionPhase::Sending;
        }
    }

    /// Closes the connection: others need what it holds.
    pub(crate) fn close(&self) {
        *self.state() = ConnectionPhase::Leaving;
        self.leave.notify_one();
    }

    /// Everything there was to send has been taken by the system.
    pub(crate) fn has_sent(&self) {
        let mut state = self.state();
        if *state == ConnectionPhase::Sending {
            *state = ConnectionPhase::Waiting(Instant::now());
        }
    }

    /// Completes when the slot is needed by others.
    pub(crate) async fn must_leave(&self) {
        self.leave.notified().await;
    }
}

/// A slot that is taken as long as this lives.
pub(crate) struct ConnectionSlot {
    slots: Arc<ConnectionSlots>,
    number: u64,
    pub(crate) connection_state: Arc<ConnectionState>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.slots.taken().connections.remove(&self.number);
    }
}

impl ConnectionSlots {
    pub(crate) fn new(total: u32) -> Arc<Self> {
        Arc::new(Self { free: Arc::new(Semaphore::new(total as usize)), total, taken: Mutex::default() })
    }

    fn taken(&self) -> MutexGuard<'_, SlotTable> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a slot for a connection from an address, at once or when another has been closed.
    pub(crate) async fn take(self: &Arc<Self>, address: IpAddr) -> ConnectionSlot {
        let permit = loop {
            if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
                break Some(permit);
            }
            self.evict_idle();
            tokio::select! {
                // The semaphore is never closed.
                permit = Arc::clone(&self.free).acquire_owned() => break permit.ok(),
                () = sleep(RETRY_INTERVAL) => {}
            }
        };
        let connection_state = Arc::new(ConnectionState {
            address: network(address),
            state: Mutex::new(ConnectionPhase::Waiting(Instant::now())),
            leave: Notify::new(),
        });
        let mut taken = self.taken();
        let number = taken.next;
        taken.next += 1;
        taken.connections.insert(number, Arc::clone(&connection_state));
        ConnectionSlot { slots: Arc::clone(self), number, connection_state, _permit: permit }
    }

    /// Closes the connections that have been idle longest, of the address that has most idle ones.
    fn evict_idle(&self) {
        let taken = self.taken();
        let mut by_address: BTreeMap<IpAddr, Vec<(Instant, &ConnectionState)>> = BTreeMap::new();
        for connection_state in taken.connections.values() {
            if let ConnectionPhase::Waiting(since) = *connection_state.state() {
                by_address.entry(connection_state.address).or_default().push((since, connection_state));
            }
        }
        let oldest = |connections: &[(Instant, &ConnectionState)]| connections.iter().map(|(since, _)| *since).min();
        let busiest = by_address
            .into_values()
            .filter(|connections| oldest(connections).is_some_and(|since| since.elapsed() >= MIN_IDLE))
            .max_by_key(|connections| (connections.len(), Reverse(oldest(connections))));
        let mut waiting = busiest.unwrap_or_default();
        waiting.sort_by_key(|(since, _)| *since);
        let max = (self.total as usize / EVICTED_SHARE).max(1);
        for (since, connection_state) in waiting.into_iter().take(max) {
            let mut state = connection_state.state();
            // It may have begun to work just now.
            if *state == ConnectionPhase::Waiting(since) && since.elapsed() >= MIN_IDLE {
                *state = ConnectionPhase::Leaving;
                connection_state.leave.notify_one();
            }
        }
    }

    /// Completes when every slot is free.
    pub(crate) async fn all_left(&self) {
        // An error would mean that the semaphore is closed, which it never is.
        let _ = self.free.acquire_many(self.total).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::timeout;

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    /// Waits until an idle connection may lose its slot.
    async fn be_patient() {
        sleep(MIN_IDLE + RETRY_INTERVAL).await;
    }

    #[tokio::test]
    async fn a_connection_at_work_keeps_its_slot_and_an_idle_one_is_closed() {
        let slots = ConnectionSlots::new(2);
        let (one, two) = (slots.take(ip(1)).await, slots.take(ip(1)).await);
        one.connection_state.works();
        two.connection_state.works();
        be_patient().await;
        let mut third = Box::pin(slots.take(ip(2)));
        assert!(timeout(MIN_IDLE * 3, &mut third).await.is_err());
        // An answer that is made is not sent yet.
        one.connection_state.has_answered();
        assert!(timeout(MIN_IDLE * 3, &mut third).await.is_err());
        one.connection_state.has_sent();
        let leaving = async {
            one.connection_state.must_leave().await;
            drop(one);
        };
        let (third, ()) = tokio::join!(third, leaving);
        assert_eq!(*two.connection_state.state(), ConnectionPhase::Working);
        drop((two, third));
        slots.all_left().await;
    }

    #[tokio::test]
    async fn the_oldest_idle_connection_of_the_busiest_address_is_closed_first() {
        let slots = ConnectionSlots::new(4);
        let first = slots.take(ip(1)).await;
        let busy = [slots.take(ip(2)).await, slots.take(ip(2)).await, slots.take(ip(2)).await];
        let working = &busy[0];
        working.connection_state.works();
        be_patient().await;
        slots.evict_idle();
        assert!(matches!(*first.connection_state.state(), ConnectionPhase::Waiting(_)));
        let states = busy.each_ref().map(|slot| *slot.connection_state.state());
        assert!(
            matches!(states, [ConnectionPhase::Working, ConnectionPhase::Leaving, ConnectionPhase::Waiting(_)]),
            "{states:?}"
        );
        // It does not come back by asking at the last moment.
        busy[1].connection_state.works();
        assert_eq!(*busy[1].connection_state.state(), ConnectionPhase::Leaving);
    }

    #[tokio::test]
    async fn who_came_just_now_may_still_speak() {
        let slots = ConnectionSlots::new(1);
        let slot = slots.take(ip(1)).await;
        let since = *slot.connection_state.state();
        slots.evict_idle();
        // Unless this thread was held up for so long that it has waited already.
        assert!(
            *slot.connection_state.state() == since
                || matches!(since, ConnectionPhase::Waiting(at) if at.elapsed() >= MIN_IDLE)
        );
    }
}
