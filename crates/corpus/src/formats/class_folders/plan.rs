//! The interpretation of a folder.

use std::{collections::BTreeMap, path::PathBuf};

use super::classes::ClassDir;
use crate::account::Mark;

/// The interpretation of a folder.
#[derive(Debug, Default)]
pub(super) struct Plan<'t> {
    pub(super) train: Vec<ClassDir<'t>>,
    /// Nothing where images for testing are taken from those for training.
    pub(super) test: Option<Vec<ClassDir<'t>>>,
    pub(super) marks: BTreeMap<PathBuf, Mark>,
    pub(super) remarks: Vec<String>,
}

/// The remark of a plan without a test split.
pub(super) fn divided() -> String {
    "there is no labelled test split: every tenth image of a class is for testing".to_owned()
}
