//! The runs that are served: folders named at the start, and every run that appears in them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use deepviz_net::is_out_of_files;

use crate::http::file_limits::{FileLimits, OpenFilePool};
use crate::http::problem::ApiError;
use crate::runs::file_stamp::FileStamp;
use crate::runs::open_run::OpenRun;

/// The runs by id.
pub(crate) struct Catalogue {
    roots: Vec<PathBuf>,
    runs: RwLock<BTreeMap<String, CatalogueEntry>>,
    /// Held during a scan, so that there is one at a time; `runs`, which requests need, is not locked for all of it.
    scanning: Mutex<()>,
    /// The databases of all runs.
    databases: Arc<OpenFilePool>,
}

#[derive(Clone)]
struct CatalogueEntry {
    path: PathBuf,
    stamp: Option<FileStamp>,
    run: Result<Arc<OpenRun>, ApiError>,
}

/// The changes that a scan found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct CatalogueChanges {
    /// Runs that are new or were replaced.
    pub(crate) appeared: Vec<String>,
    /// Runs whose folder is gone.
    pub(crate) gone: Vec<String>,
}

impl Catalogue {
    /// The runs in these folders, each a run or a folder of runs.
    pub(crate) fn new(roots: &[PathBuf], limits: FileLimits) -> Self {
        let databases = Arc::new(OpenFilePool::new(limits.databases));
        let catalogue = Self { roots: roots.to_vec(), runs: RwLock::default(), scanning: Mutex::default(), databases };
        catalogue.scan();
        catalogue
    }

    /// The folders to watch.
    pub(crate) fn roots(&self) -> &[PathBuf] {
        &self.roots
    }

    /// Looks for runs again. Nothing but run.toml is read.
    pub(crate) fn scan(&self) -> CatalogueChanges {
        let _alone = self.scanning.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = Vec::new();
        for root in &self.roots {
            if is_run(root) {
                found.push(root.clone());
                continue;
            }
            let entries = match std::fs::read_dir(root) {
                Ok(entries) => entries,
                // Nothing is known of what exists, so no change is reported; the next scan finds them.
                Err(error) if is_out_of_files(&error) => {
                    tracing::warn!(path = %root.display(), "cannot look for runs: {error}");
                    return CatalogueChanges::default();
                }
                Err(_) => continue,
            };
            let mut children: Vec<_> =
                entries.flatten().map(|entry| entry.path()).filter(|path| !is_hidden(path) && is_run(path)).collect();
            children.sort();
            found.extend(children);
        }
        found.dedup();
        let mut changes = CatalogueChanges::default();
        let existing: BTreeSet<&PathBuf> = found.iter().collect();
        let mut known: BTreeMap<PathBuf, (String, Option<FileStamp>)> = BTreeMap::new();
        let mut ids = BTreeSet::new();
        self.runs.write().unwrap_or_else(PoisonError::into_inner).retain(|id, entry| {
            let stays = existing.contains(&entry.path);
            if stays {
                known.insert(entry.path.clone(), (id.clone(), entry.stamp));
                ids.insert(id.clone());
            } else {
                changes.gone.push(id.clone());
            }
            stays
        });
        for path in found {
            let mut stamp = FileStamp::of(&path.join("run.toml"));
            let id = match known.get(&path) {
                Some((_, before)) if *before == stamp => continue,
                Some((id, _)) => id.clone(),
                None => free_id(&ids, &path),
            };
            let run = OpenRun::open(&id, &path, &self.databases).map(Arc::new);
            if let Err(error) = &run {
                tracing::warn!(run = %id, path = %path.display(), "cannot be opened: {error}");
                if error.is_passing() {
                    // Tried again at the next scan.
                    stamp = None;
                }
            }
            ids.insert(id.clone());
            let entry = CatalogueEntry { path, stamp, run };
            self.runs.write().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), entry);
            changes.appeared.push(id);
        }
        changes
    }

    /// The run of that id.
    pub(crate) fn get(&self, id: &str) -> Result<Arc<OpenRun>, ApiError> {
        let runs = self.runs.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = runs.get(id) {
            return entry.run.clone();
        }
        let known: Vec<_> = runs.keys().take(20).map(String::as_str).collect();
        let hint = if known.is_empty() {
            "there is no run yet in the folders that are served".to_owned()
        } else {
            format!("runs here: {}", known.join(", "))
        };
        Err(ApiError::not_found(format!("no run `{id}`")).hint(hint))
    }

    /// The id of the run in that folder.
    pub(crate) fn id_of(&self, path: &Path) -> Option<String> {
        let runs = self.runs.read().unwrap_or_else(PoisonError::into_inner);
        runs.iter().find(|(_, entry)| entry.path == path).map(|(id, _)| id.clone())
    }

    /// Every run by id, or why it cannot be opened.
    pub(crate) fn all(&self) -> Vec<(String, Result<Arc<OpenRun>, ApiError>)> {
        let runs = self.runs.read().unwrap_or_else(PoisonError::into_inner);
        runs.iter().map(|(id, entry)| (id.clone(), entry.run.clone())).collect()
    }
}

/// True for a run, rather than a folder of runs.
pub(crate) fn is_run(path: &Path) -> bool {
    path.join("run.toml").is_file()
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// The folder's name; with its parent's where two collide; numbered where that collides too.
fn free_id(taken: &BTreeSet<String>, path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let absolute = absolute.canonicalize().unwrap_or(absolute);
    let part = |path: Option<&Path>| {
        path.and_then(Path::file_name).map_or_else(|| "run".to_owned(), |name| name.to_string_lossy().into_owned())
    };
    let name = part(Some(&absolute));
    let long = format!("{}~{name}", part(absolute.parent()));
    let numbered = (2..).map(|number| format!("{long}~{number}"));
    [name, long.clone()].into_iter().chain(numbered).find(|id| !taken.contains(id)).unwrap_or(long)
}
