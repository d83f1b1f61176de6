//! Notices changes on disk: by the system's notifications, and by polling where there are none.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use crate::runs::catalogue::Catalogue;
use crate::runs::event::Event;
use crate::runs::event_bus::EventBus;
use crate::runs::fingerprint::RunFingerprint;

/// The interval of polling without a notification (network folders send none).
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Changes come in bursts, which are read together.
const DEBOUNCE: Duration = Duration::from_millis(150);

/// Runs until the server stops.
pub(crate) async fn follow(runs: Arc<Catalogue>, event_bus: Arc<EventBus>) {
    let mut closing = event_bus.closing();
    let mut watcher = system_watcher(&event_bus);
    let mut folders = BTreeSet::new();
    loop {
        let polled = tokio::task::spawn_blocking({
            let (runs, event_bus) = (Arc::clone(&runs), Arc::clone(&event_bus));
            move || poll(&runs, &event_bus)
        });
        match polled.await {
            Ok(wanted) => watch_folders(watcher.as_mut(), &mut folders, wanted),
            Err(error) => tracing::error!("looking at the runs failed: {error}"),
        }
        tokio::select! {
            () = event_bus.wake.notified() => {}
            () = tokio::time::sleep(POLL_INTERVAL) => {}
            _ = closing.changed() => return,
        }
        tokio::time::sleep(DEBOUNCE).await;
    }
}

/// Reads the state of all runs once and gives the folders to be notified about.
fn poll(runs: &Catalogue, event_bus: &EventBus) -> BTreeSet<PathBuf> {
    let changes = runs.scan();
    for id in changes.appeared.into_iter().chain(changes.gone) {
        event_bus.send((None, Event::Run { id }));
    }
    for id in event_bus.followed() {
        let Ok(run) = runs.get(&id) else { continue };
        match RunFingerprint::of(&run, event_bus.last_fingerprint(&id).as_ref()) {
            Ok(now) => event_bus.publish_changes(&id, &now),
            Err(error) => tracing::warn!(run = %id, "cannot be watched: {error}"),
        }
    }
    let mut folders: BTreeSet<PathBuf> = runs.roots().iter().cloned().collect();
    for id in event_bus.followed() {
        if let Ok(run) = runs.get(&id) {
            folders.insert(run.path.clone());
            folders.insert(run.snapshots_folder());
        }
    }
    folders
}

fn system_watcher(event_bus: &Arc<EventBus>) -> Option<RecommendedWatcher> {
    let event_bus = Arc::clone(event_bus);
    let handler = move |event: notify::Result<notify::Event>| {
        // Our own reading is no change; a writer that closes its file is.
        let is_change = event.is_ok_and(|event| match event.kind {
            EventKind::Access(kind) => kind == AccessKind::Close(AccessMode::Write),
            _ => true,
        });
        if is_change {
            event_bus.wake.notify_one();
        }
    };
    notify::recommended_watcher(handler)
        .inspect_err(|error| tracing::warn!("no notifications of changes, looking every second instead: {error}"))
        .ok()
}

/// Asks for notifications about these folders and no others.
fn watch_folders(watcher: Option<&mut RecommendedWatcher>, folders: &mut BTreeSet<PathBuf>, wanted: BTreeSet<PathBuf>) {
    let Some(watcher) = watcher else { return };
    for gone in folders.difference(&wanted) {
        // It may be gone from the disk too, and its watch with it.
        let _ = watcher.unwatch(gone);
    }
    let watched: BTreeSet<PathBuf> = wanted
        .into_iter()
        .filter(|folder| folders.contains(folder) || watcher.watch(folder, RecursiveMode::NonRecursive).is_ok())
        .collect();
    *folders = watched;
}
