//! `corpus.toml` beside the files of a corpus: the names of classes that the files do not hold.

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;

use super::text::read_text;
use crate::{Error, reader::Place};

/// The name of the file.
pub(crate) const FILE: &str = "corpus.toml";

/// What a reader takes from the file; it holds more.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Description {
    /// The names of the classes by label.
    pub(crate) classes: Vec<String>,
    /// The names of the classes by the folders that stand for them.
    pub(crate) class_names: BTreeMap<String, String>,
}

impl Description {
    /// The description in a folder, or in the corpus's root; empty where there is none.
    pub(crate) fn of(place: &Place<'_>) -> Result<Self, Error> {
        let inner = place.has(FILE).then(|| place.path.join(FILE));
        let outer = || {
            let is_there = !place.tree.is_file && place.tree.top.file(FILE).is_some();
            is_there.then(|| place.tree.root.join(FILE))
        };
        inner.or_else(outer).map_or_else(|| Ok(Self::default()), |path| Self::read(&path))
    }

    fn read(path: &Path) -> Result<Self, Error> {
        toml::from_str(&read_text(path)?).map_err(|error| Error::Malformed {
            what: "the description of the corpus",
            found: error.message().replace('\n', ", "),
            expected: "TOML with classes = [\"name\", ...]".to_owned(),
            path: path.to_owned(),
        })
    }
}
