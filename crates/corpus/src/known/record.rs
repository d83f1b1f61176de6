//! `corpus.toml`, beside the files of a corpus: its layout and the names of its classes, for the readers of the files;
//! and what was fetched.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{Description, KnownLayout};
use crate::{
    Error,
    formats::{read_short, to_text},
    tree::Location,
};

/// The name of the file.
pub(crate) const RECORD: &str = "corpus.toml";
const FORMAT: u32 = 1;

/// `corpus.toml`. It can be written by hand for files that exist; any of its keys may be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    #[serde(default = "newest")]
    pub(crate) format: u32,
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) title: String,
    /// The layout that is tried before all others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) layout: Option<KnownLayout>,
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

/// The files that a fetch put into the folder.
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
            layout: Some(description.layout),
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
        match read_short(&path) {
            Ok(bytes) => Self::parse(&bytes, path).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::Io { action: "read the description", source, path }),
        }
    }

    /// The record in a folder of a listed tree, or in its root; an empty one where there is none.
    pub(crate) fn of(location: &Location<'_>) -> Result<Self, Error> {
        let tree = location.tree;
        let folders = [(location.folder, &location.path), (&tree.top, &tree.root)];
        let mut with_record = folders.into_iter().filter(|(folder, _)| folder.file(RECORD).is_some());
        let Some((_, folder)) = with_record.next().filter(|_| !tree.is_file) else { return Ok(Self::default()) };
        let path = folder.join(RECORD);
        // Reading a file of an archive has a limit of its own.
        let read = || if tree.source.is_some() { tree.read(&path) } else { read_short(&path) };
        let bytes = read().map_err(Error::io("read the description", &path))?;
        Self::parse(&bytes, path)
    }

    fn parse(bytes: &[u8], path: PathBuf) -> Result<Self, Error> {
        let record: Self = match toml::from_str(&to_text(bytes)) {
            Ok(record) => record,
            Err(error) => return Err(Error::DescriptionSyntax { reason: error.to_string(), path }),
        };
        if record.format != FORMAT {
            let found = record.format.to_string();
            return Err(Error::Description { key: "format".to_owned(), found, expected: "1", path });
        }
        Ok(record)
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
