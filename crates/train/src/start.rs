//! Setting up the run folder: a new run, or the state of one that continues.

use crate::error::Error;
use crate::job::Job;
use crate::sampler::Sampler;
use deepviz_corpus::{Corpus, ImageId, Split};
use deepviz_net::run::{OWN_FORMAT, SNAPSHOT_FOLDER};
use deepviz_net::{
    CorpusInfo, Divergence, InputStatistics, Network, Parameters, Run, RunInfo, RunLock, RunTraining, Snapshot, Step,
    whiten,
};
use std::path::Path;
use std::sync::Arc;

/// Everything training starts from.
pub(crate) struct Start {
    pub info: RunInfo,
    /// Of `info`.
    pub training: RunTraining,
    pub network: Arc<Network>,
    pub sampler: Sampler,
    /// Weights, optimiser state and mean image, at the step to continue from.
    pub snapshot: Snapshot,
    /// Step of the snapshot file it came from.
    pub resumed: Option<Step>,
    /// Held until the end.
    pub _lock: RunLock,
}

impl Start {
    pub fn new(job: &Job) -> Result<Self, Error> {
        check_corpus(&job.corpus)?;
        let (info, sampler) = plan(job)?;
        let training = info.training()?.clone();
        // Before the network is built: where the number of classes differs, its error would not name the classes.
        if job.resume
            && let Ok(earlier) = RunInfo::read(&job.out)
        {
            ResumedRun { earlier: &earlier, now: &info }.check(&job.out)?;
        }
        let network = Network::new(&info.recipe, info.image, info.classes.len());
        let network = Arc::new(network.map_err(|source| network_mismatch(source, &info))?);
        if !job.resume {
            refuse_content(&job.out)?;
        }
        let snapshots = job.out.join(SNAPSHOT_FOLDER);
        std::fs::create_dir_all(&snapshots).map_err(Error::io("create the run folder", &job.out))?;
        let lock = RunLock::acquire(&job.out)?;
        remove_leftovers(&job.out);
        remove_leftovers(&snapshots);
        let found = match RunInfo::read(&job.out) {
            Ok(earlier) => {
                // Between the first look and the lock another trainer may have come and gone.
                if !job.resume {
                    refuse_content(&job.out)?;
                }
                ResumedRun { earlier: &earlier, now: &info }.check(&job.out)?;
                let run = Run::open(&job.out)?;
                refuse_diverged(&run)?;
                newest(&run)
            }
            Err(deepviz_net::Error::NotARun { .. }) => {
                refuse_content(&job.out)?;
                info.write(&job.out)?;
                None
            }
            Err(error) => return Err(error.into()),
        };
        let resumed = found.as_ref().map(|snapshot| snapshot.step);
        let snapshot = match found {
            Some(snapshot) => snapshot,
            None => untrained(job, &network, &training)?,
        };
        Ok(Self { info, training, network, sampler, snapshot, resumed, _lock: lock })
    }
}

/// Images from whose patches a whitening layer is initialised.
const WHITENING_IMAGES: usize = 5000;

fn untrained(job: &Job, network: &Network, training: &RunTraining) -> Result<Snapshot, Error> {
    let images: Vec<_> = job.corpus.range(Split::Train).filter_map(|id| job.corpus.pixels(ImageId(id))).collect();
    let InputStatistics { mean, std } = InputStatistics::new(network, &images)?;
    let mut parameters = Parameters::initial(network, training.seed);
    // Spread over the split, for corpora are often sorted by class.
    let stride = images.len().div_ceil(WHITENING_IMAGES).max(1);
    let images: Vec<_> = images.into_iter().step_by(stride).collect();
    whiten(&mut parameters, network, &network.preprocess(mean.clone(), std.clone()), &images)?;
    Ok(Snapshot {
        step: Step(0),
        epoch: 0.0,
        images_seen: 0,
        hash: String::new(),
        parameters,
        mean,
        std,
        optimizer: Parameters::optimiser_state(network, training.spec.optimiser.kind),
    })
}

/// Refuses to resume a run that diverged: the same steps lead to the same numbers again.
fn refuse_diverged(run: &Run) -> Result<(), Error> {
    // Lines that cannot be read are cut off when training continues.
    let divergence = run.metrics_log().ok().and_then(|log| log.divergence);
    match divergence {
        None => Ok(()),
        Some(Divergence { step, found, rate, .. }) => {
            Err(Error::ResumeDiverged { step, found, rate: rate.unwrap_or_default(), path: run.path().into() })
        }
    }
}

/// The newest snapshot that is whole and can be trained on from.
fn newest(run: &Run) -> Option<Snapshot> {
    let entries = run.checkpoints();
    entries.iter().rev().filter(|entry| entry.problem.is_none()).find_map(|entry| match run.snapshot(entry.step) {
        Ok(snapshot) if !snapshot.optimizer.is_empty() => Some(snapshot),
        Ok(_) => {
            tracing::warn!(step = entry.step.0, "snapshot without optimiser state passed over");
            None
        }
        Err(error) => {
            tracing::warn!(step = entry.step.0, %error, "damaged snapshot passed over");
            None
        }
    })
}

fn check_corpus(corpus: &Corpus) -> Result<(), Error> {
    let error =
        |expected: &str, found: String| Error::Corpus { name: corpus.name().into(), expected: expected.into(), found };
    if corpus.range(Split::Train).is_empty() {
        return Err(error("images in its training split", "none".into()));
    }
    if corpus.classes().len() < 2 {
        let found = corpus.classes().len().to_string();
        return Err(error("two classes or more", found));
    }
    Ok(())
}

/// What run.toml is to say of the job's run, and the order of its images.
fn plan(job: &Job) -> Result<(RunInfo, Sampler), Error> {
    let (corpus, recipe) = (&job.corpus, &job.recipe);
    let spec = recipe.training()?;
    let seed = job.seed.unwrap_or(spec.seed);
    // TOML's integers are signed.
    if i64::try_from(seed).is_err() {
        return Err(Error::Setting {
            setting: "seed",
            expected: format!("0 to {}", i64::MAX),
            found: seed.to_string(),
        });
    }
    if job.limit_images == Some(0) {
        return Err(Error::Setting { setting: "limit on images", expected: "1 or more".into(), found: "0".into() });
    }
    let sampler = Sampler::new(corpus, job.limit_images, seed, spec.shuffle);
    let count = |split| corpus.range(split).len() as u64;
    let steps_per_epoch = sampler.len().div_ceil(spec.batch) as u64;
    let total_steps = spec.schedule.total_steps(steps_per_epoch);
    let size = corpus.common_shape().map(|shape| [shape.height, shape.width]);
    let absolute = std::path::absolute(corpus.path());
    let info = RunInfo {
        format: OWN_FORMAT,
        name: run_name(&job.out, &recipe.name),
        version: env!("CARGO_PKG_VERSION").into(),
        recipe: recipe.clone(),
        classes: corpus.classes().to_vec(),
        image: recipe.data.input().image_shape(corpus.channels(), size)?,
        corpus: CorpusInfo {
            name: corpus.name().into(),
            path: absolute.unwrap_or_else(|_| corpus.path().into()),
            identity: corpus.identity().into(),
            train: count(Split::Train),
            test: count(Split::Test),
            first_images: corpus.first_images(),
            reading: corpus.reading().to_pairs(),
        },
        training: Some(RunTraining {
            spec: spec.clone(),
            seed,
            vector_level: job.device.arithmetic(),
            train_images: sampler.len() as u64,
            steps_per_epoch,
            total_steps,
            snapshot_steps: recipe.snapshots.steps(steps_per_epoch, total_steps)?,
        }),
        source: None,
        check: None,
    };
    Ok((info, sampler))
}

fn run_name(out: &Path, recipe: &str) -> String {
    let name = out.file_name().map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| recipe.to_owned())
}

/// Refuses a folder with files in it, but for those of a trainer that was killed before it wrote run.toml.
fn refuse_content(out: &Path) -> Result<(), Error> {
    let entries = match std::fs::read_dir(out) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::io("read the folder", out)(error)),
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_empty = || std::fs::read_dir(entry.path()).is_ok_and(|mut files| files.next().is_none());
        let leftover = is_temporary(&name) || name == "train.lock" || (name == SNAPSHOT_FOLDER && is_empty());
        if !leftover {
            let found = if out.join("run.toml").exists() { "a run".to_owned() } else { format!("`{name}`") };
            return Err(Error::NotEmpty { found, path: out.into() });
        }
    }
    Ok(())
}

fn is_temporary(name: &str) -> bool {
    name.starts_with(".writing-")
}

/// Removes files that a trainer was killed while writing.
fn remove_leftovers(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        if is_temporary(&entry.file_name().to_string_lossy()) {
            std::fs::remove_file(entry.path()).ok();
        }
    }
}

/// A run that is to be resumed: what its run.toml says, and what it would say if the run were started now.
struct ResumedRun<'a> {
    earlier: &'a RunInfo,
    now: &'a RunInfo,
}

impl ResumedRun<'_> {
    /// Refuses to resume a run that was started with another corpus, recipe, seed or device.
    fn check(&self, out: &Path) -> Result<(), Error> {
        let Self { earlier, now } = self;
        let error = |what: String, expected: &str, found: &str, hint| {
            Err(Error::Changed { what, expected: expected.into(), found: found.into(), hint, path: out.into() })
        };
        let level_hint = "give the run's device and vector level, or start a new run";
        let hint = "start a new run, or resume with what the run was started with";
        if let Some(difference) = earlier.class_difference(&now.classes) {
            return Err(Error::OtherClasses { difference, path: out.into() });
        }
        if earlier.corpus.identity != now.corpus.identity
            && let Some(difference) = earlier.swapped_classes(&now.corpus.first_images)
        {
            return Err(Error::OtherClasses { difference, path: out.into() });
        }
        let number = |value: u64| value.to_string();
        let (was, is) = (earlier.training()?, now.training()?);
        let pairs = [
            (
                "corpus identity",
                earlier.corpus.identity.clone(),
                now.corpus.identity.clone(),
                "give the corpus it was trained on, or start a new run",
            ),
            ("vector level", was.vector_level.clone(), is.vector_level.clone(), level_hint),
            ("seed", number(was.seed), number(is.seed), hint),
            ("number of images", number(was.train_images), number(is.train_images), hint),
        ];
        for (what, expected, found, hint) in pairs {
            if expected != found {
                return error(what.into(), &expected, &found, hint);
            }
        }
        if earlier.recipe != now.recipe {
            let (was, is) = (earlier.recipe.to_toml(), now.recipe.to_toml());
            let differ = was.lines().zip(is.lines()).find(|(a, b)| a != b);
            let (was, is) = differ.unwrap_or(("another recipe", "this one"));
            return error("a recipe that says".into(), &format!("`{was}`"), &format!("`{is}`"), hint);
        }
        Ok(())
    }
}

/// The error with the corpus's classes by name: a class too many is most often a folder that is none.
fn network_mismatch(source: deepviz_net::Error, info: &RunInfo) -> Error {
    /// Class names in the message at most: more would hide the rest of it.
    const SHOWN: usize = 12;
    let named = info.classes.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = if info.classes.len() > SHOWN { ", ..." } else { "" };
    let corpus = format!("images of {} and {} classes ({named}{more})", info.image, info.classes.len());
    Error::NetworkMismatch { source: Box::new(source), corpus, path: info.corpus.path.clone() }
}
