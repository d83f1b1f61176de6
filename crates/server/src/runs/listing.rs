//! The checkpoints of a run at one moment.

use deepviz_net::{CheckpointEntry, Step};

use crate::http::problem::ApiError;
use crate::http::selection::{Axis, Selection, evenly_with_ends};

/// The snapshots of a run at one moment.
pub(crate) struct Listing {
    /// In step order; a broken one keeps its place.
    pub(crate) entries: Vec<CheckpointEntry>,
    /// Names this very set of snapshots.
    pub(crate) digest: String,
}

/// A checkpoint that a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CheckpointRef {
    pub(crate) index: usize,
    pub(crate) step: Step,
}

impl Listing {
    /// The index of a step.
    pub(crate) fn index_of(&self, step: Step) -> Option<usize> {
        self.entries.binary_search_by_key(&step, |entry| entry.step).ok()
    }

    /// The checkpoints a selection names.
    pub(crate) fn select(&self, run: &str, text: &str) -> Result<Vec<usize>, ApiError> {
        let of = format!("run {run}");
        let axis = Axis { what: "checkpoint", of: &of, count: self.entries.len() };
        text.parse::<Selection>()?.bind(axis)
    }

    /// The checkpoints of a comparison over time: those a selection names, at least 2 and at most `max`; without one all,
    /// or as many of them, evenly chosen with the first and the last.
    pub(crate) fn chosen(&self, run: &str, selection: Option<&str>, max: usize) -> Result<Vec<usize>, ApiError> {
        let chosen = match selection {
            Some(selection) => self.select(run, selection)?,
            None => evenly_with_ends(&(0..self.entries.len()).collect::<Vec<usize>>(), max),
        };
        if (2..=max).contains(&chosen.len()) {
            return Ok(chosen);
        }
        Err(ApiError::bad(format!("expected 2 to {max} checkpoints to compare, found {}", chosen.len()))
            .hint("choose some by checkpoints=, such as 0,10-50:10"))
    }

    /// The one checkpoint that a point names; 422 where its file is broken.
    pub(crate) fn point(&self, run: &str, text: &str) -> Result<(usize, &CheckpointEntry), ApiError> {
        let selection: Selection = text.parse()?;
        if !selection.is_point() {
            return Err(ApiError::bad(format!("expected one checkpoint, found the selection `{text}`"))
                .hint("give an index such as 3, or last"));
        }
        let index = self.select(run, text)?[0];
        let entry = self.usable(index)?;
        Ok((index, entry))
    }

    /// A checkpoint whose file can be read.
    pub(crate) fn usable(&self, index: usize) -> Result<&CheckpointEntry, ApiError> {
        let entry = &self.entries[index];
        match &entry.problem {
            None => Ok(entry),
            Some(problem) => {
                Err(ApiError::unusable(format!("checkpoint {index} (step {}) cannot be used: {problem}", entry.step))
                    .hint("the other checkpoints are not affected"))
            }
        }
    }
}
