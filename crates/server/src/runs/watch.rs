//! Notices changes on disk: by the system's notifications, and by looking now and then where there are none.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use crate::runs::catalogue::Catalogue;
use crate::runs::event::Event;
use crate::runs::hub::Hub;
use crate::runs::seen::Seen;

/// How often to look without a notification (network folders send none).
const RESCAN: Duration = Duration::from_secs(1);
/// Changes come in bursts; they are looked at together.
const SETTLE: Duration = Duration::from_millis(150);

/// Runs until the server stops.
pub(crate) async fn follow(runs: Arc<Catalogue>, hub: Arc<Hub>) {
    let mut closing = hub.closing();
    let mut watcher = system_watcher(&hub);
    let mut folders = BTreeSet::new();
    loop {
        let looked = tokio::task::spawn_blocking({
            let (runs, hub) = (Arc::clone(&runs), Arc::clone(&hub));
            move || look(&runs, &hub)
        });
        match looked.await {
            Ok(wanted) => attend(watcher.as_mut(), &mut folders, wanted),
            Err(error) => tracing::error!("looking at the runs failed: {error}"),
        }
        tokio::select! {
            () = hub.wake.notified() => {}
            () = tokio::time::sleep(RESCAN) => {}
            _ = closing.changed() => return,
        }
        tokio::time::sleep(SETTLE).await;
    }
}

/// Looks at everything once and gives the folders to be notified about.
fn look(runs: &Catalogue, hub: &Hub) -> BTreeSet<PathBuf> {
    let changes = runs.scan();
    for id in changes.appeared.into_iter().chain(changes.gone) {
        hub.send((None, Event::Run { id }));
    }
    for id in hub.watched() {
        let Ok(run) = runs.get(&id) else { continue };
        match Seen::of(&run, hub.last_seen(&id).as_ref()) {
            Ok(now) => hub.report(&id, &now),
            Err(error) => tracing::warn!(run = %id, "cannot be watched: {error}"),
        }
    }
    let mut folders: BTreeSet<PathBuf> = runs.roots().iter().cloned().collect();
    for id in hub.watched() {
        if let Ok(run) = runs.get(&id) {
            folders.insert(run.path.clone());
            folders.insert(run.snapshots_folder());
        }
    }
    folders
}

fn system_watcher(hub: &Arc<Hub>) -> Option<RecommendedWatcher> {
    let hub = Arc::clone(hub);
    let handler = move |event: notify::Result<notify::Event>| {
        // Our own reading is no change; a writer that closes its file is.
        let is_change = event.is_ok_and(|event| match event.kind {
            EventKind::Access(kind) => kind == AccessKind::Close(AccessMode::Write),
            _ => true,
        });
        if is_change {
            hub.wake.notify_one();
        }
    };
    notify::recommended_watcher(handler)
        .inspect_err(|error| tracing::warn!("no notifications of changes, looking every second instead: {error}"))
        .ok()
}

/// Asks for notifications about these folders and no others.
fn attend(watcher: Option<&mut RecommendedWatcher>, folders: &mut BTreeSet<PathBuf>, wanted: BTreeSet<PathBuf>) {
    let Some(watcher) = watcher else { return };
    for gone in folders.difference(&wanted) {
        // It may be gone from the disk too, and its watch with it.
        let _ = watcher.unwatch(gone);
    }
    let kept: BTreeSet<PathBuf> = wanted
        .into_iter()
        .filter(|folder| folders.contains(folder) || watcher.watch(folder, RecursiveMode::NonRecursive).is_ok())
        .collect();
    *folders = kept;
}
