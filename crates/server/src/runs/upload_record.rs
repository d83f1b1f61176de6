//! The record that marks a folder as an upload, and where the corpus of an uploaded run is.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The folder of uploaded corpora.
pub(crate) const CORPORA: &str = "corpora";
/// The file that says that its folder is an upload. No archive can bring it: hidden files are not unpacked.
pub(crate) const RECORD: &str = ".upload.json";

/// The kind of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Kind)]
pub(crate) enum UploadKind {
    Run,
    Corpus,
}

/// The record of an upload.
#[derive(Serialize, Deserialize)]
pub(crate) struct UploadRecord {
    pub(crate) format: u32,
    pub(crate) kind: UploadKind,
    pub(crate) bytes: u64,
    pub(crate) received_s: u64,
}

/// The folder of the corpus of an uploaded run: among the uploaded ones, whatever its sender wrote. `None` for a
/// run that was not uploaded.
pub(crate) fn corpus_of_upload(run: &Path, recorded: &Path) -> Option<PathBuf> {
    // Whatever is in the record: one that a power failure has torn marks an upload all the same.
    run.join(RECORD).symlink_metadata().ok()?;
    let name = recorded.file_name().unwrap_or(OsStr::new("corpus"));
    let corpus = run.parent()?.join(CORPORA).join(name);
    // A corpus that was put there by hand was not meant for clients that upload.
    Some(if is_uploaded_corpus(&corpus) { corpus } else { PathBuf::from("no-uploaded-corpus-of-that-name").join(name) })
}

/// True for an uploaded corpus.
pub(crate) fn is_uploaded_corpus(folder: &Path) -> bool {
    record_in(folder).is_some_and(|record| record.kind == UploadKind::Corpus)
}

pub(crate) fn record_in(folder: &Path) -> Option<UploadRecord> {
    let text = fs::read(folder.join(RECORD)).ok()?;
    serde_json::from_slice(&text).ok()
}
