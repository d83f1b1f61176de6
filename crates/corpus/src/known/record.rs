//! `corpus.toml`, beside the files of a corpus: what it is, for the reader of the files; and what was fetched.

use std::{collections::BTreeMap, fs, io, path::Path};

use serde::{Deserialize, Serialize};

use super::{Description, KnownLayout};
use crate::Error;

/// The name of the file.
pub(crate) const RECORD: &str = "corpus.toml";
const FORMAT: u32 = 1;

/// `corpus.toml`. It can be written by hand for files that are there: all but `name` and `layout` may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    #[serde(default = "newest")]
    pub(crate) format: u32,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) title: String,
    pub(crate) layout: KnownLayout,
    #[serde(default)]
    pub(crate) licence: String,
    #[serde(default)]
    pub(crate) source: String,
    /// The names of the classes by label, where the files do not hold them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) classes: Vec<String>,
    /// The names of the classes by the folders that stand for them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) class_names: BTreeMap<String, String>,
    /// Written by a fetch, which finds by it whether all is still there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fetched: Option<Fetched>,
}

/// What a fetch put into the folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fetched {
    /// Files and bytes that were unpacked.
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    /// The fetched files and their digests.
    pub(crate) from: BTreeMap<String, String>,
}

fn newest() -> u32 {
    FORMAT
}

impl Record {
    pub(crate) fn new(description: &Description, fetched: Fetched) -> Self {
        Self {
            format: FORMAT,
            name: description.name.clone(),
            title: description.title.clone(),
            layout: description.layout,
            licence: description.licence.clone(),
            source: description.source.clone(),
            classes: description.classes.clone(),
            class_names: description.class_names.clone(),
            fetched: Some(fetched),
        }
    }

    /// The record in a folder; `None` where there is none.
    pub(crate) fn read(folder: &Path) -> Result<Option<Self>, Error> {
        let path = folder.join(RECORD);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::Io { action: "read the description", source, path }),
        };
        let record: Self = toml::from_str(&text)
            .map_err(|error| Error::DescriptionSyntax { reason: error.to_string(), path: path.clone() })?;
        if record.format != FORMAT {
            let found = record.format.to_string();
            return Err(Error::Description { key: "format".to_owned(), found, expected: "1", path });
        }
        Ok(Some(record))
    }

    /// Writes the record into a folder that has not been renamed into its place yet.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), Error> {
        let path = folder.join(RECORD);
        let text = toml::to_string(self).map_err(|error| Error::Io {
            action: "describe the corpus in",
            source: io::Error::other(error),
            path: path.clone(),
        })?;
        let text = format!("# Written by `deepviz corpus fetch`; docs/corpora.md says what it means.\n{text}");
        fs::write(&path, text).map_err(Error::io("write", &path))
    }
}
