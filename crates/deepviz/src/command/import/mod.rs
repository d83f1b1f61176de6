//! `deepviz import`: checkpoints of other programs into a run that has their network.

mod clock;
mod follow;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use deepviz_net::checkpoint::{Checkpoint, Choice, Stamp, checkpoints_in};
use deepviz_net::snapshot::RawSnapshot;
use deepviz_net::{Run, RunLock, Step};
use serde_json::json;

use self::clock::Clock;
use self::follow::Arrivals;
use crate::cli::ImportArgs;
use crate::console::{Console, note};
use crate::exit_status::ExitStatus;
use crate::format;
use crate::stop::Stop;

/// `deepviz import`
pub fn import(args: &ImportArgs) -> anyhow::Result<ExitStatus> {
    let run = Run::open(&args.run).context("cannot open the run")?;
    run.check_takes_snapshots().context("cannot import")?;
    // So that no recorder writes at the same time, and the dashboard shows that more is to come.
    let _lock = RunLock::acquire(&args.run).context("cannot import")?;
    let stop = Stop::install("stopping; what is imported is kept (Ctrl-C again to stop at once)")?;
    let mut importer = Importer::new(&run, args)?;
    if args.follow {
        follow(&mut importer, &args.checkpoints, &stop);
    } else {
        importer.take(&listed(&args.checkpoints)?, &stop).context("cannot import")?;
    }
    importer.finish();
    Ok(if stop.is_asked() && !args.follow { ExitStatus::Interrupted } else { ExitStatus::Success })
}

/// Takes what is there and what appears until told to stop. What cannot be used is said once and left out: it may be
/// whole later, and the others are not to wait for it.
fn follow(importer: &mut Importer<'_>, given: &[PathBuf], stop: &Stop) {
    let (mut arrivals, mut said) = (Arrivals::default(), String::new());
    while !stop.is_asked() {
        let files = listed_while_following(given, &mut said);
        let ready = arrivals.ready(&files);
        // Those that were there before are put in order together, as far as all of them can be used.
        if !ready.is_empty() && importer.take(&ready, stop).is_err() {
            for file in ready {
                if let Err(error) = importer.take(std::slice::from_ref(&file), stop) {
                    note(&format!("{} is left out: {error:#}", file.display()));
                }
            }
        }
        std::thread::sleep(follow::INTERVAL);
    }
}

/// All checkpoints that the arguments name, each file once: timm's best one is a second name of another.
fn listed(given: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut found: Vec<PathBuf> = Vec::new();
    for path in given {
        let inside = checkpoints_in(path).context("cannot import")?;
        if inside.is_empty() {
            bail!(
                "cannot import: the folder holds no checkpoints (.pt, .pth, .ckpt, .pth.tar, .safetensors): {}",
                path.display()
            );
        }
        found.extend(inside);
    }
    Ok(each_once(found))
}

/// The same where training may be about to write the first one; a new reason why a path cannot be listed is told.
fn listed_while_following(given: &[PathBuf], said: &mut String) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for path in given {
        match checkpoints_in(path) {
            Ok(inside) => found.extend(inside),
            Err(error) => {
                let reason = error.to_string();
                if *said != reason {
                    note(&reason);
                    *said = reason;
                }
            }
        }
    }
    each_once(found)
}

fn each_once(files: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut seen = BTreeSet::new();
    files.into_iter().filter(|file| seen.insert(identity(file))).collect()
}

/// What two names of one file have in common.
#[cfg(unix)]
fn identity(path: &Path) -> (PathBuf, u64, u64) {
    use std::os::unix::fs::MetadataExt as _;
    match std::fs::metadata(path) {
        Ok(metadata) => (PathBuf::new(), metadata.dev(), metadata.ino()),
        Err(_) => (path.to_owned(), 0, 0),
    }
}

#[cfg(not(unix))]
fn identity(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Takes checkpoints into a run.
struct Importer<'a> {
    run: &'a Run,
    choice: Choice,
    replace: bool,
    follows: bool,
    clock: Clock,
    console: Console,
    /// Steps that the run has.
    steps: BTreeSet<Step>,
    imported: usize,
    left_alone: usize,
}

impl<'a> Importer<'a> {
    fn new(run: &'a Run, args: &ImportArgs) -> anyhow::Result<Self> {
        let snapshots = run.list_checkpoints().context("cannot open the run")?;
        Ok(Self {
            run,
            choice: Choice { key: args.key.clone(), averaging: args.weights.into() },
            replace: args.replace,
            follows: args.follow,
            clock: Clock::new(&snapshots, args.steps_per_epoch),
            console: Console::for_report(args.report),
            // A damaged one is replaced by what holds the same weights.
            steps: snapshots.iter().filter(|entry| entry.problem.is_none()).map(|entry| entry.step).collect(),
            imported: 0,
            left_alone: 0,
        })
    }

    /// Takes these, in the order of their steps. Nothing is written before all of them are known to fit.
    fn take(&mut self, files: &[PathBuf], stop: &Stop) -> anyhow::Result<()> {
        let mut planned = Vec::with_capacity(files.len());
        for file in files {
            let checkpoint = Checkpoint::open(file)?;
            checkpoint.weights(self.run.network(), &self.choice)?;
            let stamp = checkpoint.stamp(files.len() == 1 && !self.follows);
            if !stamp.is_known() && (files.len() > 1 || !self.steps.is_empty()) {
                bail!(
                    "neither the content nor the name of {} says its step or epoch; name it by its number, as \
                     model_12.pt, or leave it out",
                    file.display()
                );
            }
            planned.push((file.display().to_string(), stamp, file));
        }
        if let [(name, Stamp { step: None, epoch: None }, _)] = &planned[..] {
            self.console.say(&format!("{name} says no step, so it is kept as step 0"));
        }
        let counted = self.clock.counts_epochs;
        let known = planned.iter().filter(|(_, stamp, _)| stamp.is_known());
        self.clock.settle(known.map(|(name, stamp, _)| (name.as_str(), *stamp)))?;
        if self.clock.counts_epochs && !counted {
            self.console.say("the checkpoints say epochs but no steps, so an epoch counts as a step (--steps-per-epoch says how many)");
        }
        planned.sort_by_key(|(_, stamp, _)| self.clock.moment(*stamp).step);
        let mut before: Option<(&Path, RawSnapshot)> = None;
        for (_, stamp, file) in &planned {
            if stop.is_asked() {
                break;
            }
            if let Some(snapshot) = self.take_one(file, *stamp, before.as_ref())? {
                before = Some((file, snapshot));
            }
        }
        Ok(())
    }

    /// Takes one; nothing where the run has its step already.
    fn take_one(
        &mut self,
        file: &Path,
        stamp: Stamp,
        before: Option<&(&Path, RawSnapshot)>,
    ) -> anyhow::Result<Option<RawSnapshot>> {
        let moment = self.clock.moment(stamp);
        let same_step = before.filter(|(_, snapshot)| snapshot.step() == moment.step);
        if same_step.is_none() && self.steps.contains(&moment.step) && !self.replace {
            self.left_alone += 1;
            return Ok(None);
        }
        let checkpoint = Checkpoint::open(file)?;
        let weights = checkpoint.weights(self.run.network(), &self.choice)?;
        if self.imported == 0 && !matches!(weights.prefix(), "" | "state_dict") {
            self.console.say(&format!("weights are taken from {}: `{}`", file.display(), weights.prefix()));
        }
        let arrays = weights.read(&checkpoint)?;
        let snapshot = RawSnapshot::new(moment.step, moment.epoch, moment.images_seen, arrays);
        if let Some((other, known)) = same_step {
            if known.has_arrays_of(&snapshot) {
                note(&format!("{} is left out: it holds the same weights as {}", file.display(), other.display()));
                return Ok(None);
            }
            bail!(
                "{} and {} are both of step {} and hold different weights; give one of them",
                other.display(),
                file.display(),
                moment.step
            );
        }
        self.run.add_snapshot(&snapshot)?;
        self.steps.insert(moment.step);
        self.imported += 1;
        self.console.tell(
            &format!("step {}: {}", moment.step, file.display()),
            &json!({
                "event": "imported", "step": moment.step, "epoch": moment.epoch, "images_seen": moment.images_seen,
                "file": file, "weights": weights.prefix(),
            }),
        );
        Ok(Some(snapshot))
    }

    fn finish(&self) {
        let Self { imported, left_alone, .. } = *self;
        let left = match left_alone {
            0 => String::new(),
            count => {
                format!(
                    "; {} left out, whose steps the run has already (--replace takes them)",
                    format::count(count as u64)
                )
            }
        };
        self.console.tell(
            &format!(
                "{} checkpoints imported into {}{left}",
                format::count(imported as u64),
                self.run.path().display()
            ),
            &json!({ "event": "finished", "imported": imported, "left_out": left_alone }),
        );
    }
}
