//! The checkpoints of a run at one moment.

use deepviz_net::{CheckpointEntry, Step};

use crate::http::problem::ApiError;
use crate::http::selection::{Axis, Selection};

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
