//! Live events: what changed in the runs that somebody watches, told to everybody who does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, broadcast, watch};

use crate::runs::event::Event;
use crate::runs::fingerprint::RunFingerprint;

/// Events that a slow client may fall behind by before it is told to start over.
const BACKLOG: usize = 1024;

/// An event and the run it belongs to; `None` for all.
pub(crate) type RunEvent = (Option<Arc<str>>, Event);

/// Who watches what.
pub(crate) struct EventBus {
    sender: broadcast::Sender<RunEvent>,
    followed: Mutex<BTreeMap<String, FollowedRun>>,
    closed: watch::Sender<bool>,
    /// Wakes the watcher: something may have changed on disk.
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

    /// Becomes true when the server stops.
    pub(crate) fn closing(&self) -> watch::Receiver<bool> {
        self.closed.subscribe()
    }

    /// Ends every stream.
    pub(crate) fn close(&self) {
        self.closed.send_replace(true);
    }

    /// Has the run watched as long as the guard lives, from the state in which the client saw it.
    pub(crate) fn follow(self: &Arc<Self>, run: &str, seen: RunFingerprint) -> Subscription {
        let mut followed = self.lock();
        // An older state stays: what changed since will be told to all.
        followed.entry(run.to_owned()).or_insert(FollowedRun { clients: 0, seen }).clients += 1;
        Subscription { event_bus: Arc::clone(self), run: run.to_owned() }
    }

    /// The runs that are watched now.
    pub(crate) fn followed(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    /// The state of a run that was looked at last.
    pub(crate) fn last_fingerprint(&self, run: &str) -> Option<RunFingerprint> {
        self.lock().get(run).map(|entry| entry.seen.clone())
    }

    /// Takes the present state of a run and tells what is different.
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

    /// Tells everybody, if there is anybody.
    pub(crate) fn send(&self, message: RunEvent) {
        // An error means that nobody listens.
        let _ = self.sender.send(message);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, FollowedRun>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One client's interest in a run.
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
