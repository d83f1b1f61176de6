//! Checkpoints that appear while training continues.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Interval at which folders are listed.
pub const INTERVAL: Duration = Duration::from_secs(1);

/// Files as they were when last looked at.
#[derive(Debug, Default)]
pub struct Arrivals {
    known: HashMap<PathBuf, Seen>,
}

#[derive(Debug)]
struct Seen {
    state: State,
    is_taken: bool,
}

/// What changes while a file is being written.
type State = Option<(u64, SystemTime)>;

impl Arrivals {
    /// Those that are new, or have changed, and have stayed as they are since the last time; from now on they are dealt
    /// with.
    pub fn ready(&mut self, files: &[PathBuf]) -> Vec<PathBuf> {
        let mut ready = Vec::new();
        for file in files {
            let state = state_of(file);
            match self.known.get_mut(file) {
                Some(seen) if seen.state == state => {
                    if !std::mem::replace(&mut seen.is_taken, true) {
                        ready.push(file.clone());
                    }
                }
                _ => {
                    self.known.insert(file.clone(), Seen { state, is_taken: false });
                }
            }
        }
        ready
    }
}

/// Length and time of a file; of a folder the sum of lengths and the latest time of what is in it.
fn state_of(path: &Path) -> State {
    let metadata = std::fs::metadata(path).ok()?;
    if !metadata.is_dir() {
        return Some((metadata.len(), metadata.modified().ok()?));
    }
    let inside = std::fs::read_dir(path).ok()?.flatten().filter_map(|entry| entry.metadata().ok());
    let states = inside.filter_map(|file| Some((file.len(), file.modified().ok()?)));
    states.reduce(|(length, latest), (more, modified)| (length + more, latest.max(modified)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_ready_once_it_has_stopped_growing() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old.pt"), folder.path().join("new.pt"));
        std::fs::write(&old, b"1").unwrap();
        let mut arrivals = Arrivals::default();
        let both = [old.clone(), new.clone()];
        assert!(arrivals.ready(&both[..1]).is_empty());
        assert_eq!(arrivals.ready(&both[..1]), [old]);
        std::fs::write(&new, b"1").unwrap();
        assert!(arrivals.ready(&both).is_empty());
        std::fs::write(&new, b"12").unwrap();
        assert!(arrivals.ready(&both).is_empty(), "it grew");
        assert_eq!(arrivals.ready(&both), std::slice::from_ref(&new));
        assert!(arrivals.ready(&both).is_empty(), "once is enough");
        std::fs::write(&new, b"123").unwrap();
        assert!(arrivals.ready(&both).is_empty());
        assert_eq!(arrivals.ready(&both), [new]);
    }
}
