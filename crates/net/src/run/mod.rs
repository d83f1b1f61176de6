//! The run folder, opened for reading. A folder that is still growing is a valid run.

mod info;
mod lock;
mod recorded;
mod source;

pub use crate::run_files::{METRICS_FILE, SNAPSHOT_FOLDER};
pub use info::{CorpusInfo, OWN_FORMAT, RUN_FORMAT, RunInfo, RunTraining};
pub use lock::RunLock;
pub use source::{CheckInfo, Forward, Source};

use crate::error::Error;
use crate::image_statistics::InputStatistics;
use crate::input::MeanKind;
use crate::metrics::{self, Metric, MetricsLog};
use crate::network::Network;
use crate::parameters::Parameters;
use crate::recipe::Optimiser;
use crate::shape::Step;
use crate::snapshot::{Header, MEAN, OPTIMIZER, STD, Scanned, Snapshot, TensorEntry};
use ndarray::{Array2, Ix3};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// A run folder.
#[derive(Debug)]
pub struct Run {
    path: PathBuf,
    info: RunInfo,
    network: Arc<Network>,
    scanned: Mutex<BTreeMap<PathBuf, Scan>>,
}

/// What was read from a snapshot's header, and the length and time of the file then: while they stay, it is not read
/// again.
#[derive(Debug)]
struct Scan {
    length: u64,
    modified: Option<SystemTime>,
    entry: CheckpointEntry,
}

/// One snapshot of a run, known by its header alone.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckpointEntry {
    /// Updates done.
    pub step: Step,
    /// The file.
    pub path: PathBuf,
    /// Why it cannot be used, if it cannot.
    pub problem: Option<String>,
    /// Epochs done, in fractions.
    pub epoch: f64,
    /// Training images seen.
    pub images_seen: u64,
    /// Hash of the content; empty where the header is unreadable.
    pub hash: String,
}

impl Run {
    /// Opens a run folder.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let info = RunInfo::read(path)?;
        let network = Arc::new(Network::new(&info.recipe, info.image, info.classes.len())?);
        Ok(Self { path: path.into(), info, network, scanned: Mutex::default() })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What run.toml says.
    pub const fn info(&self) -> &RunInfo {
        &self.info
    }

    /// The network that was trained.
    pub const fn network(&self) -> &Arc<Network> {
        &self.network
    }

    /// The file of a step's snapshot, whether it exists or not.
    pub fn snapshot_path(run: &Path, step: Step) -> PathBuf {
        run.join(SNAPSHOT_FOLDER).join(format!("{:06}.safetensors", step.0))
    }

    /// Scans the folder: every snapshot in step order, broken ones with their problem; none where the folder
    /// cannot be read.
    pub fn checkpoints(&self) -> Vec<CheckpointEntry> {
        self.list_checkpoints().unwrap_or_default()
    }

    /// The same, with the reason where it cannot be told which snapshots there are.
    ///
    /// # Errors
    /// The folder is there and cannot be read, or the system has no file handle left to look at a snapshot with.
    pub fn list_checkpoints(&self) -> Result<Vec<CheckpointEntry>, Error> {
        let path = self.path.join(SNAPSHOT_FOLDER);
        let io = |source| Error::io("list the snapshots", &path)(source);
        let folder = match std::fs::read_dir(&path) {
            Ok(folder) => folder,
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(io(source)),
        };
        let mut known = self.scanned.lock().unwrap_or_else(PoisonError::into_inner);
        let mut entries = Vec::new();
        for file in folder.flatten() {
            let path = file.path();
            let (Some(step), Ok(metadata)) = (step_of(&path), file.metadata()) else {
                continue;
            };
            let (length, modified) = (metadata.len(), metadata.modified().ok());
            let same = |scan: &&Scan| scan.length == length && scan.modified == modified;
            let entry = if let Some(scan) = known.get(&path).filter(same) {
                scan.entry.clone()
            } else {
                let entry = self.scan(step, path.clone())?;
                let scan = Scan { length, modified, entry: entry.clone() };
                known.insert(path, scan);
                entry
            };
            entries.push(entry);
        }
        entries.sort_by_key(|entry| entry.step);
        Ok(entries)
    }

    fn scan(&self, step: Step, path: PathBuf) -> Result<CheckpointEntry, Error> {
        let header = Header::scan(&path).and_then(|scanned| {
            if scanned.header.step != step {
                return Err(Error::Damaged {
                    what: "the snapshot",
                    reason: format!("it is of step {}, not of its name's", scanned.header.step),
                    path: path.clone(),
                });
            }
            self.check_shapes(&scanned)?;
            Ok(scanned.header)
        });
        Ok(match header {
            Ok(header) => CheckpointEntry {
                step,
                path,
                problem: None,
                epoch: header.epoch,
                images_seen: header.images_seen,
                hash: header.hash,
            },
            Err(error) if error.is_out_of_files() => return Err(error),
            Err(error) => CheckpointEntry {
                step,
                path,
                problem: Some(error.within_run().to_string()),
                epoch: self.info.epoch_of(step),
                images_seen: self.info.images_seen(step),
                hash: String::new(),
            },
        })
    }

    fn unfit(error: &Error, path: &Path) -> Error {
        Error::Damaged {
            what: "the snapshot",
            reason: format!("it does not fit the run's network: {error}"),
            path: path.into(),
        }
    }

    /// The optimiser whose arrays snapshots may hold.
    fn optimiser(&self) -> Option<Optimiser> {
        self.info.recipe.train.as_ref().map(|train| train.optimiser.kind)
    }

    fn check_shapes(&self, scanned: &Scanned) -> Result<(), Error> {
        let tensors: HashMap<&str, &TensorEntry> =
            scanned.tensors.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect();
        // Format 2 names its arrays as the other program did.
        if scanned.header.format != self.info.format {
            return Err(Error::Tensor {
                name: "format".into(),
                expected: format!("{}, the run's", self.info.format),
                found: scanned.header.format.to_string(),
            });
        }
        let is_own = scanned.header.format == 1;
        for spec in self.network.parameters() {
            let name = if is_own { spec.name.as_str() } else { spec.array_name() };
            let found = tensors.get(name).map(|tensor| &tensor.shape);
            if !found.is_some_and(|shape| if is_own { *shape == spec.shape } else { spec.fits(shape) }) {
                return Err(Error::Tensor {
                    name: name.to_owned(),
                    expected: format!("{:?}", spec.shape),
                    found: found.map_or("none".into(), |shape| format!("{shape:?}")),
                });
            }
        }
        if is_own {
            return self.check_other_shapes(&scanned.tensors);
        }
        let image = self.network.image().dims();
        let mean = tensors.get(MEAN).map(|tensor| &tensor.shape);
        if *self.network.mean() == MeanKind::Pixel && mean.is_none_or(|shape| *shape != image) {
            return Err(Error::Tensor {
                name: MEAN.into(),
                expected: format!("{image:?}, the mean image that `mean = \"pixel\"` names"),
                found: mean.map_or("none".into(), |shape| format!("{shape:?}")),
            });
        }
        Ok(())
    }

    /// Refuses arrays other than parameters, mean, deviation and optimiser state of the network's shapes, from the
    /// header alone: a file must not decide how much memory is allocated.
    fn check_other_shapes(&self, tensors: &[TensorEntry]) -> Result<(), Error> {
        let state: BTreeMap<String, &[usize]> = self
            .optimiser()
            .into_iter()
            .flat_map(|optimiser| self.network.optimiser_state(optimiser))
            .map(|(name, shape)| (format!("{OPTIMIZER}{name}"), shape))
            .collect();
        let image = self.network.image().dims();
        let parameters: HashSet<&str> = self.network.parameters().map(|spec| spec.name.as_str()).collect();
        for TensorEntry { name, shape, .. } in
            tensors.iter().filter(|tensor| !parameters.contains(tensor.name.as_str()))
        {
            let expected = match name.as_str() {
                MEAN => Some(&image[..]),
                STD => Some(&image[..1]),
                name => state.get(name).copied(),
            };
            if expected != Some(&shape[..]) {
                return Err(Error::Tensor {
                    name: name.clone(),
                    expected: expected.map_or("none".into(), |shape| format!("{shape:?}")),
                    found: format!("{shape:?}"),
                });
            }
        }
        Ok(())
    }

    /// Reads a step's snapshot and checks it against the network.
    pub fn snapshot(&self, step: Step) -> Result<Snapshot, Error> {
        self.read(step, Snapshot::read)
    }

    /// The same without the optimiser's state.
    pub fn weights(&self, step: Step) -> Result<Snapshot, Error> {
        self.read(step, Snapshot::read_weights)
    }

    fn read(&self, step: Step, read: impl FnOnce(&Path) -> Result<Snapshot, Error>) -> Result<Snapshot, Error> {
        let path = Self::snapshot_path(&self.path, step);
        if !path.exists() {
            return Err(self.no_snapshot(step));
        }
        let scanned = Header::scan(&path)?;
        self.check_shapes(&scanned).map_err(|error| Self::unfit(&error, &path))?;
        let mut snapshot = read(&path)?;
        if scanned.header.format > 1 {
            let arrays = std::mem::take(&mut snapshot.parameters);
            let given = arrays.get(MEAN).cloned().and_then(|mean| mean.into_dimensionality::<Ix3>().ok());
            let parameters = Parameters::from_arrays(arrays, &self.network);
            snapshot.parameters = parameters.map_err(|error| Self::unfit(&error, &path))?;
            // Unless there is a mean image, mean and deviation are numbers of the recipe: no images are needed.
            let InputStatistics { mean, std } = InputStatistics::new(&self.network, &[])?;
            let is_given = *self.network.mean() == MeanKind::Pixel;
            (snapshot.mean, snapshot.std) = (if is_given { given } else { mean }, std);
        }
        let fits = snapshot.check(&self.network, self.optimiser());
        fits.and_then(|()| {
            if snapshot.step != step {
                return Err(Error::Tensor {
                    name: "step".into(),
                    expected: step.to_string(),
                    found: snapshot.step.to_string(),
                });
            }
            Ok(())
        })
        .map_err(|error| Self::unfit(&error, &path))?;
        let parameters = std::mem::take(&mut snapshot.parameters);
        snapshot.parameters = parameters.in_order_of(&self.network)?;
        if let Some(optimiser) = self.optimiser().filter(|_| !snapshot.optimizer.is_empty()) {
            let optimizer = std::mem::take(&mut snapshot.optimizer);
            snapshot.optimizer = optimizer.in_order_of_state(&self.network, optimiser)?;
        }
        Ok(snapshot)
    }

    fn no_snapshot(&self, step: Step) -> Error {
        let steps: Vec<_> = self.checkpoints().iter().map(|entry| entry.step).collect();
        let available = match (steps.first(), steps.last()) {
            (Some(first), Some(last)) => {
                format!("{} of them, from step {first} to {last}", steps.len())
            }
            _ => "none yet".into(),
        };
        Error::NoSnapshot { step: step.0, available, path: self.path.clone() }
    }

    /// The outputs of `[check]`, images x classes; none where the run has no check.
    ///
    /// # Errors
    /// The file cannot be read, or holds no such array.
    pub fn check_outputs(&self) -> Result<Option<Array2<f32>>, Error> {
        let Some(check) = &self.info.check else { return Ok(None) };
        source::read_outputs(&self.path.join(&check.file), [check.images.len(), self.network.classes()]).map(Some)
    }

    /// The metrics so far; lines that cannot be read are left out.
    pub fn metrics(&self) -> Result<Vec<Metric>, Error> {
        Ok(self.metrics_log()?.lines)
    }

    /// The same, with whether the run has diverged and what was left out.
    pub fn metrics_log(&self) -> Result<MetricsLog, Error> {
        metrics::read(&self.path.join(METRICS_FILE))
    }

    /// Whether a trainer is at work on the run.
    pub fn is_live(&self) -> bool {
        lock::is_held(&self.path)
    }
}

/// The step in a snapshot's file name; none for temporary files and those that are no snapshots.
fn step_of(path: &Path) -> Option<Step> {
    let name = path.file_name()?.to_str()?.strip_suffix(".safetensors")?;
    let digits = name.len() >= 6 && name.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| name.parse().ok().map(Step)).flatten()
}

#[cfg(test)]
mod tests;
