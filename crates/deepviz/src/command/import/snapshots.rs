//! Snapshots that an import adds to a run: which steps there are, what was added, what was left out.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use deepviz_net::snapshot::{RawArray, RawSnapshot};
use deepviz_net::{CheckpointEntry, Run, Step};
use serde_json::json;

use super::clock::TrainingPosition;
use crate::cli::ImportArgs;
use crate::console::{Console, note};
use crate::format;

/// A run that takes snapshots.
pub struct Snapshots {
    run: Run,
    console: Console,
    replace: bool,
    /// Steps that the run has.
    steps: BTreeSet<Step>,
    /// The snapshot that was added last, and its file.
    last: Option<(PathBuf, RawSnapshot)>,
    /// Files that were added.
    taken: BTreeSet<PathBuf>,
    imported: usize,
    left_alone: usize,
}

/// One checkpoint's weights and their time.
pub struct Checkpoint<'a> {
    /// The file that they are from.
    pub file: &'a Path,
    /// Which of the file's weights they are, for scripts.
    pub weights: &'a str,
    pub position: TrainingPosition,
    pub arrays: Vec<RawArray>,
}

impl Snapshots {
    /// Those that a run has.
    pub fn new(run: Run, args: &ImportArgs) -> anyhow::Result<Self> {
        let entries = run.list_checkpoints().context("cannot open the run")?;
        Ok(Self {
            console: Console::for_report(args.report),
            replace: args.replace,
            // A damaged one is replaced by what holds the same weights.
            steps: entries.iter().filter(|entry| entry.problem.is_none()).map(|entry| entry.step).collect(),
            last: None,
            taken: BTreeSet::new(),
            imported: 0,
            left_alone: 0,
            run,
        })
    }

    /// The run.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// The snapshots that the run has.
    pub fn entries(&self) -> Vec<CheckpointEntry> {
        self.run.checkpoints()
    }

    /// Whether the run has none.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether this file was added.
    pub fn has_taken(&self, file: &Path) -> bool {
        self.taken.contains(file)
    }

    /// How many were added.
    pub fn imported(&self) -> usize {
        self.imported
    }

    /// Whether a checkpoint of this step is to be read: one that the run has is left out, unless it is to be replaced.
    pub fn wants(&mut self, step: Step) -> bool {
        let is_new = self.same_step(step).is_some() || !self.steps.contains(&step) || self.replace;
        self.left_alone += usize::from(!is_new);
        is_new
    }

    /// Whether the run's snapshot of a step holds these arrays.
    pub fn has(&self, step: Step, arrays: Vec<RawArray>) -> bool {
        let entries = self.run.checkpoints();
        let entry = entries.iter().find(|entry| entry.step == step && entry.problem.is_none());
        entry.is_some_and(|entry| RawSnapshot::new(step, entry.epoch, entry.images_seen, arrays).hash() == entry.hash)
    }

    fn same_step(&self, step: Step) -> Option<&(PathBuf, RawSnapshot)> {
        self.last.as_ref().filter(|(_, snapshot)| snapshot.step() == step)
    }

    /// Adds a snapshot; two of one step in a row must hold the same weights.
    pub fn add(&mut self, checkpoint: Checkpoint<'_>) -> anyhow::Result<()> {
        let Checkpoint { file, weights, position, arrays } = checkpoint;
        let snapshot = RawSnapshot::new(position.step, position.epoch, position.images_seen, arrays);
        if let Some((other, known)) = self.same_step(position.step) {
            if known.has_arrays_of(&snapshot) {
                note(&format!("{} is left out: it holds the same weights as {}", file.display(), other.display()));
                return Ok(());
            }
            bail!(
                "{} and {} are both of step {} and hold different weights; give one of them",
                other.display(),
                file.display(),
                position.step
            );
        }
        self.run.add_snapshot(&snapshot)?;
        self.steps.insert(position.step);
        self.imported += 1;
        self.taken.insert(file.to_owned());
        self.console.tell(
            &format!("step {}: {}", position.step, file.display()),
            &json!({
                "event": "imported", "step": position.step, "epoch": position.epoch, "images_seen": position.images_seen,
                "file": file, "weights": weights,
            }),
        );
        self.last = Some((file.to_owned(), snapshot));
        Ok(())
    }

    /// Forgets the snapshot that was added last: one that comes later is of a later time.
    pub fn end_of_files(&mut self) {
        self.last = None;
    }

    /// Says what was taken.
    pub fn finish(&self) {
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
