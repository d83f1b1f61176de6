//! Live events: changes of the runs that clients follow.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, broadcast, watch};

use crate::runs::event::Event;
use crate::runs::fingerprint::RunFingerprint;

/// Events that a slow client may fall behind by before it is told to start over.
const BACKLOG: usize = 1024;

/// An event and the run it belongs to; `None` for all.
pub(crate) type RunEvent = (Option<Arc<str>>, Event);

/// Sends the events of runs to the clients that follow them.
pub(crate) struct EventBus {
    sender: broadcast::Sender<RunEvent>,
    followed: Mutex<BTreeMap<String, FollowedRun>>,
    closed: watch::Sender<bool>,
    /// Wakes the polling: something may have changed on disk.
    pub(crate) wake: Notify,
}

struct FollowedRun {
    clients: usize,
    seen: RunFingerprint,
}

impl EventBus {
    pub(crate) fn new() -> Self {
        Self {
            sender: broadcast::Sender::new(BACKLOG),
            followed: Mutex::default(),
            closed: watch::Sender::new(false),
            wake: Notify::new(),
        }
    }

    /// Everything from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<RunEvent> {
        self.sender.subscribe()
    }

    /// A value that becomes true when the server stops.
    pub(crate) fn closing(&self) -> watch::Receiver<bool> {
        self.closed.subscribe()
    }

    /// Ends every stream.
    pub(crate) fn close(&self) {
        self.closed.send_replace(true);
    }

    /// Follows the run as long as the subscription lives, from the state in which the client read it.
    pub(crate) fn follow(self: &Arc<Self>, run: &str, seen: RunFingerprint) -> Subscription {
        let mut followed = self.lock();
        // An older state stays: what changed since will be sent to all.
        followed.entry(run.to_owned()).or_insert(FollowedRun { clients: 0, seen }).clients += 1;
        Subscription { event_bus: Arc::clone(self), run: run.to_owned() }
    }

    /// The runs that are followed now.
    pub(crate) fn followed(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    /// The latest known state of a run.
    pub(crate) fn last_fingerprint(&self, run: &str) -> Option<RunFingerprint> {
        self.lock().get(run).map(|entry| entry.seen.clone())
    }

    /// Takes the present state of a run and sends its differences as events.
    pub(crate) fn publish_changes(&self, run: &str, now: &RunFingerprint) {
        let events = {
            let mut followed = self.lock();
            let Some(entry) = followed.get_mut(run) else { return };
            let events = entry.seen.changes(now);
            entry.seen = now.clone();
            events
        };
        let id: Arc<str> = run.into();
        for event in events {
            self.send((Some(Arc::clone(&id)), event));
        }
    }

    /// Sends an event to all clients that listen.
    pub(crate) fn send(&self, message: RunEvent) {
        // An error means that no client listens.
        let _ = self.sender.send(message);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, FollowedRun>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A client that follows a run, as long as this lives.
pub(crate) struct Subscription {
    event_bus: Arc<EventBus>,
    run: String,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut followed = self.event_bus.lock();
        if let Some(entry) = followed.get_mut(&self.run) {
            entry.clients -= 1;
            if entry.clients == 0 {
                followed.remove(&self.run);
            }
        }
    }
}
