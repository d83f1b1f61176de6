//! Places for connections, and who gives way when they are all taken.
//!
//! A connection is at work while the answer to a request that was let in is made and sent. All others only wait: for
//! the rest of a head, for a form with a token, for the end of a wrong token's delay, or between two requests. While
//! there are places they may do so for long; when there are none, the address with the most waiting connections gives up
//! those that have waited longest. So a stranger who opens connections and says half a word on each loses the oldest of
//! them, and whoever says a whole one is answered.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::Extensions;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

use crate::http::guesses::network;

/// A connection that has waited for less does not give way: it may be about to speak.
const SHORT_PATIENCE: Duration = Duration::from_millis(100);
/// Before those who wait are looked through once more.
const PAUSE: Duration = Duration::from_millis(50);
/// Of all places so many give way at once at most, so that looking through them is worth it under a flood.
const SHARE: usize = 64;

/// All places of a server.
pub(crate) struct Places {
    free: Arc<Semaphore>,
    total: u32,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    next: u64,
    /// In the order in which they were taken.
    seats: BTreeMap<u64, Arc<Seat>>,
}

/// The place of one connection.
pub(crate) struct Seat {
    address: IpAddr,
    state: Mutex<State>,
    leave: Notify,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing that was let in is under way, since then.
    Waiting(Instant),
    /// A request that was let in is answered.
    Working,
    /// Its answer is made, and not yet sent to the end.
    Sending,
    /// It was told to give way.
    Leaving,
}

impl Seat {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn works(&self) {
        let mut state = self.state();
        if *state != State::Leaving {
            *state = State::Working;
        }
    }

    fn has_answered(&self) {
        let mut state = self.state();
        if *state == State::Working {
            *state = State::Sending;
        }
    }

    /// Everything there was to send has been taken by the system.
    pub(crate) fn has_sent(&self) {
        let mut state = self.state();
        if *state == State::Sending {
            *state = State::Waiting(Instant::now());
        }
    }

    /// Comes back when the place is needed by others.
    pub(crate) async fn must_leave(&self) {
        self.leave.notified().await;
    }
}

/// A place that is taken as long as this lives.
pub(crate) struct Place {
    places: Arc<Places>,
    number: u64,
    pub(crate) seat: Arc<Seat>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken().seats.remove(&self.number);
    }
}

impl Places {
    pub(crate) fn new(total: u32) -> Arc<Self> {
        Arc::new(Self { free: Arc::new(Semaphore::new(total as usize)), total, taken: Mutex::default() })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection from an address, at once or when another has given way.
    pub(crate) async fn take(self: &Arc<Self>, address: IpAddr) -> Place {
        let permit = loop {
            if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
                break Some(permit);
            }
            self.make_room();
            tokio::select! {
                // The semaphore is never closed.
                permit = Arc::clone(&self.free).acquire_owned() => break permit.ok(),
                () = sleep(PAUSE) => {}
            }
        };
        let seat = Arc::new(Seat {
            address: network(address),
            state: Mutex::new(State::Waiting(Instant::now())),
            leave: Notify::new(),
        });
        let mut taken = self.taken();
        let number = taken.next;
        taken.next += 1;
        taken.seats.insert(number, Arc::clone(&seat));
        Place { places: Arc::clone(self), number, seat, _permit: permit }
    }

    /// Those who have waited longest, of the address that has most who wait, give way.
    fn make_room(&self) {
        let taken = self.taken();
        let mut by_address: BTreeMap<IpAddr, Vec<(Instant, &Seat)>> = BTreeMap::new();
        for seat in taken.seats.values() {
            if let State::Waiting(since) = *seat.state() {
                by_address.entry(seat.address).or_default().push((since, seat));
            }
        }
        let oldest = |seats: &[(Instant, &Seat)]| seats.iter().map(|(since, _)| *since).min();
        let busiest = by_address
            .into_values()
            .filter(|seats| oldest(seats).is_some_and(|since| since.elapsed() >= SHORT_PATIENCE))
            .max_by_key(|seats| (seats.len(), Reverse(oldest(seats))));
        let mut waiting = busiest.unwrap_or_default();
        waiting.sort_by_key(|(since, _)| *since);
        let most = (self.total as usize / SHARE).max(1);
        for (since, seat) in waiting.into_iter().take(most) {
            let mut state = seat.state();
            // It may have begun to work just now.
            if *state == State::Waiting(since) && since.elapsed() >= SHORT_PATIENCE {
                *state = State::Leaving;
                seat.leave.notify_one();
            }
        }
    }

    /// Comes back when every place is free.
    pub(crate) async fn all_left(&self) {
        // An error would mean that the semaphore is closed, which it never is.
        let _ = self.free.acquire_many(self.total).await;
    }
}

/// Who is on the other side of a request's connection; in an extension of the request.
#[derive(Clone)]
pub(crate) struct Peer {
    pub(crate) address: IpAddr,
    seat: Option<Arc<Seat>>,
}

impl Peer {
    pub(crate) fn new(address: IpAddr, seat: Arc<Seat>) -> Self {
        Self { address, seat: Some(seat) }
    }

    /// The peer of a request; this process itself, where it came over no connection.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        let here = || Self { address: std::net::Ipv4Addr::LOCALHOST.into(), seat: None };
        extensions.get().cloned().unwrap_or_else(here)
    }

    /// Its connection ends: others need what it holds.
    pub(crate) fn gives_way(&self) {
        if let Some(seat) = &self.seat {
            *seat.state() = State::Leaving;
            seat.leave.notify_one();
        }
    }

    /// Its request was let in: the connection keeps its place until the answer is sent.
    pub(crate) fn is_let_in(&self) {
        if let Some(seat) = &self.seat {
            seat.works();
        }
    }
}

/// A request with its peer.
pub(crate) fn from_peer<B>(mut request: Request<B>, peer: &Peer) -> Request<B> {
    request.extensions_mut().insert(peer.clone());
    request
}

/// The body of an answer, which tells when it has been handed over.
pub(crate) struct Told {
    body: Body,
    seat: Arc<Seat>,
}

impl Told {
    pub(crate) fn new(body: Body, seat: Arc<Seat>) -> Self {
        Self { body, seat }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.seat.has_answered();
    }
}

impl HttpBody for Told {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::timeout;

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    /// Long enough that a place may be taken away.
    async fn be_patient() {
        sleep(SHORT_PATIENCE + PAUSE).await;
    }

    #[tokio::test]
    async fn who_is_at_work_keeps_the_place_and_who_waits_gives_way() {
        let places = Places::new(2);
        let (one, two) = (places.take(ip(1)).await, places.take(ip(1)).await);
        one.seat.works();
        two.seat.works();
        be_patient().await;
        let mut third = Box::pin(places.take(ip(2)));
        assert!(timeout(SHORT_PATIENCE * 3, &mut third).await.is_err());
        // An answer that is made is not sent yet.
        one.seat.has_answered();
        assert!(timeout(SHORT_PATIENCE * 3, &mut third).await.is_err());
        one.seat.has_sent();
        let leaving = async {
            one.seat.must_leave().await;
            drop(one);
        };
        let (third, ()) = tokio::join!(third, leaving);
        assert_eq!(*two.seat.state(), State::Working);
        drop((two, third));
        places.all_left().await;
    }

    #[tokio::test]
    async fn the_busiest_address_gives_way_first_and_its_oldest_connection() {
        let places = Places::new(4);
        let first = places.take(ip(1)).await;
        let busy = [places.take(ip(2)).await, places.take(ip(2)).await, places.take(ip(2)).await];
        let working = &busy[0];
        working.seat.works();
        be_patient().await;
        places.make_room();
        assert!(matches!(*first.seat.state(), State::Waiting(_)));
        let states = busy.each_ref().map(|place| *place.seat.state());
        assert!(matches!(states, [State::Working, State::Leaving, State::Waiting(_)]), "{states:?}");
        // It does not come back by asking at the last moment.
        busy[1].seat.works();
        assert_eq!(*busy[1].seat.state(), State::Leaving);
    }

    #[tokio::test]
    async fn who_came_just_now_may_still_speak() {
        let places = Places::new(1);
        let place = places.take(ip(1)).await;
        let since = *place.seat.state();
        places.make_room();
        // Unless this thread was held up for so long that it has waited already.
        assert!(*place.seat.state() == since || matches!(since, State::Waiting(at) if at.elapsed() >= SHORT_PATIENCE));
    }
}
