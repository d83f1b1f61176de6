//! Live events: what changed in the runs that somebody watches, told to everybody who does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, broadcast, watch};

use crate::runs::event::Event;
use crate::runs::seen::Seen;

/// Events that a slow client may fall behind by before it is told to start over.
const BACKLOG: usize = 1024;

/// An event and the run it belongs to; `None` for all.
pub(crate) type Message = (Option<Arc<str>>, Event);

/// Who watches what.
pub(crate) struct Hub {
    sender: broadcast::Sender<Message>,
    watched: Mutex<BTreeMap<String, Watched>>,
    closed: watch::Sender<bool>,
    /// Wakes the watcher: something may have changed on disk.
    pub(crate) wake: Notify,
}

struct Watched {
    clients: usize,
    seen: Seen,
}

impl Hub {
    pub(crate) fn new() -> Self {
        Self {
            sender: broadcast::Sender::new(BACKLOG),
            watched: Mutex::default(),
            closed: watch::Sender::new(false),
            wake: Notify::new(),
        }
    }

    /// Everything from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Message> {
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
    pub(crate) fn watch(self: &Arc<Self>, run: &str, seen: Seen) -> Guard {
        let mut watched = self.lock();
        // An older state stays: what changed since will be told to all.
        watched.entry(run.to_owned()).or_insert(Watched { clients: 0, seen }).clients += 1;
        Guard { hub: Arc::clone(self), run: run.to_owned() }
    }

    /// The runs that are watched now.
    pub(crate) fn watched(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    /// The state of a run that was looked at last.
    pub(crate) fn last_seen(&self, run: &str) -> Option<Seen> {
        self.lock().get(run).map(|entry| entry.seen.clone())
    }

    /// Takes the present state of a run and tells what is different.
    pub(crate) fn report(&self, run: &str, now: &Seen) {
        let events = {
            let mut watched = self.lock();
            let Some(entry) = watched.get_mut(run) else { return };
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
    pub(crate) fn send(&self, message: Message) {
        // An error means that nobody listens.
        let _ = self.sender.send(message);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One client's interest in a run.
pub(crate) struct Guard {
    hub: Arc<Hub>,
    run: String,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut watched = self.hub.lock();
        if let Some(entry) = watched.get_mut(&self.run) {
            entry.clients -= 1;
            if entry.clients == 0 {
                watched.remove(&self.run);
            }
        }
    }
}
