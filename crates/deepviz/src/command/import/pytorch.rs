//! Checkpoints of `PyTorch`'s programs, into a run that has their network.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use deepviz_net::checkpoint::{Checkpoint, Choice, Stamp, checkpoints_in};
use deepviz_net::{Run, RunLock};

use super::clock::Clock;
use super::importer::{Importer, import_all};
use super::snapshots::{self, Snapshots};
use crate::cli::ImportArgs;
use crate::console::{Console, note};
use crate::exit_status::ExitStatus;
use crate::stop::Stop;

/// `deepviz import`
pub fn import(args: &ImportArgs) -> anyhow::Result<ExitStatus> {
    let run = Run::open(&args.run).context("cannot open the run")?;
    run.check_takes_snapshots().context("cannot import")?;
    // So that no recorder writes at the same time, and the dashboard shows that more is to come.
    let _lock = RunLock::acquire(&args.run).context("cannot import")?;
    let snapshots = Snapshots::new(run, args)?;
    let mut importer = PytorchImporter {
        choice: Choice { key: args.key.clone(), averaging: args.weights.into() },
        follows: args.follow,
        clock: Clock::new(&snapshots.entries(), args.steps_per_epoch, args.epochs_from_0),
        has_compared: false,
        console: Console::for_report(args.report),
        snapshots,
    };
    import_all(&mut importer, args)
}

struct PytorchImporter {
    snapshots: Snapshots,
    choice: Choice,
    follows: bool,
    clock: Clock,
    /// Whether the first checkpoint that is left out was compared with the run's snapshot.
    has_compared: bool,
    console: Console,
}

impl Importer for PytorchImporter {
    fn kinds(&self) -> &'static str {
        ".pt, .pth, .ckpt, .pth.tar, .safetensors"
    }

    fn checkpoints_in(&self, path: &Path) -> Result<Vec<PathBuf>, deepviz_net::Error> {
        checkpoints_in(path)
    }

    fn take(&mut self, files: &[PathBuf], stop: &Stop) -> anyhow::Result<()> {
        let mut planned = Vec::with_capacity(files.len());
        for file in files {
            let checkpoint = Checkpoint::open(file)?;
            checkpoint.weights(self.snapshots.run().network(), &self.choice)?;
            let stamp = checkpoint.stamp(files.len() == 1 && !self.follows);
            if !stamp.is_known() && (files.len() > 1 || !self.snapshots.is_empty()) {
                bail!(
                    "neither the content nor the name of {} says its step or epoch; name it by its number, as \
                     model_12.pt, or leave it out",
                    file.display()
                );
            }
            planned.push((file.display().to_string(), stamp, file));
        }
        if let [(name, Stamp { step: None, epoch: None, .. }, _)] = &planned[..] {
            self.console.say(&format!("{name} says no step, so it is kept as step 0"));
        }
        if let Some(said) = self.clock.settle_epochs(planned.iter().map(|(name, stamp, _)| (name.as_str(), *stamp))) {
            self.console.say(&said);
        }
        let counted = self.clock.counts_epochs;
        let known = planned.iter().filter(|(_, stamp, _)| stamp.is_known());
        self.clock.settle(known.map(|(name, stamp, _)| (name.as_str(), *stamp)))?;
        if self.clock.counts_epochs && !counted {
            self.console.say("the checkpoints say epochs but no steps, so an epoch counts as a step (--steps-per-epoch says how many)");
        }
        planned.sort_by_key(|(_, stamp, _)| self.clock.position(*stamp).step);
        for (_, stamp, file) in &planned {
            if stop.is_asked() {
                break;
            }
            self.take_one(file, *stamp)?;
        }
        self.snapshots.end_of_files();
        Ok(())
    }

    fn has_taken(&self, file: &Path) -> bool {
        self.snapshots.has_taken(file)
    }

    fn finish(&self) {
        self.snapshots.finish();
    }
}

impl PytorchImporter {
    /// Takes one, unless the run has its step already.
    fn take_one(&mut self, file: &Path, stamp: Stamp) -> anyhow::Result<()> {
        let position = self.clock.position(stamp);
        let is_wanted = self.snapshots.wants(position.step);
        if !is_wanted && std::mem::replace(&mut self.has_compared, true) {
            return Ok(());
        }
        let checkpoint = Checkpoint::open(file)?;
        let weights = checkpoint.weights(self.snapshots.run().network(), &self.choice)?;
        if !is_wanted {
            let arrays = weights.read(&checkpoint)?;
            return if self.snapshots.has(position.step, arrays) { Ok(()) } else { self.differs(file, stamp) };
        }
        if self.snapshots.imported() == 0 && !matches!(weights.prefix(), "" | "state_dict") {
            self.console.say(&format!("weights are taken from {}: `{}`", file.display(), weights.prefix()));
        }
        let arrays = weights.read(&checkpoint)?;
        self.snapshots.add(snapshots::Checkpoint { file, weights: weights.prefix(), position, arrays })
    }

    /// A checkpoint whose step the run has, with other weights. Where only its epoch says the step, the steps of all
    /// others are in doubt too: an earlier import may have counted epochs from 0.
    fn differs(&self, file: &Path, stamp: Stamp) -> anyhow::Result<()> {
        let step = self.clock.position(stamp).step;
        let what = format!("{} holds other weights than the run's snapshot of step {step}", file.display());
        if stamp.step.is_none() {
            bail!(
                "{what}; if epochs are counted from 0, give --epochs-from-0; if the snapshot is to be replaced, --replace"
            );
        }
        note(&format!("{what} and is left out"));
        Ok(())
    }
}
