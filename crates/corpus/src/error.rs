//! Everything that can go wrong with a corpus.

use std::{io, path::PathBuf};

/// Why a corpus could not be read, made or fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is nothing at the path.
    #[error("no corpus: nothing exists at {path}")]
    Missing {
        /// The path that was opened.
        path: PathBuf,
    },

    /// A folder (or a file) that no layout recognises.
    #[error(
        "not a corpus: found {found}; expected class folders (train/<class>/*.png, test/<class>/*.png, or <class>/*.png), \
         the files of a known corpus (MNIST, CIFAR, SVHN and others: docs/corpora.md), parquet tables, WebDataset shards, \
         an archive of class folders, or a folder made by `deepviz corpus make`: {path}"
    )]
    NotACorpus {
        /// The value found.
        found: String,
        /// The path that was opened.
        path: PathBuf,
    },

    /// Class folders that can be understood in more than one way.
    #[error(
        "cannot tell splits and classes apart: found {found}; understood are <split>/<class>/* with one folder for \
         training (train, training, seg_train, ...), one for testing (test, testing, ... or val, valid, validation, dev, \
         eval) and the images of a class directly in its folder or in one folder inside of it, <class>/<split>/*, and \
         <class>/* alone; rename or move what does not fit: {path}"
    )]
    Ambiguous {
        /// The value found.
        found: String,
        /// The folder that cannot be understood.
        path: PathBuf,
    },

    /// A choice of the test split that is not there.
    #[error("no test split {found:?}, expected {expected}: {path}")]
    TestFrom {
        /// The choice.
        found: String,
        /// The allowed values.
        expected: String,
        /// The corpus.
        path: PathBuf,
    },

    /// The layout is right, but it holds no image.
    #[error("the corpus holds no images{}{account}: {path}", if account.is_empty() { "" } else { "; " })]
    NoImages {
        /// The files left out, in a line.
        account: String,
        /// The path that was opened.
        path: PathBuf,
    },

    /// There are images, and none can be read.
    #[error("none of the {count} images can be read; the first: {reason}: {path}")]
    AllBroken {
        /// Number of images.
        count: usize,
        /// The fault of the first.
        reason: String,
        /// The first.
        path: PathBuf,
    },

    /// Images of many sizes, and no size to bring them to.
    #[error(
        "the images have different sizes: found {found} pixels (width x height), expected one size that most have; \
         set data.resize = [height, width] in the recipe to bring all images to one size: {path}"
    )]
    Sizes {
        /// The most frequent sizes, with counts.
        found: String,
        /// The corpus.
        path: PathBuf,
    },

    /// Images that were left out, where none may be.
    #[error("{account}; without --strict the rest is read: {path}")]
    LeftOut {
        /// The files left out, in a line.
        account: String,
        /// The corpus.
        path: PathBuf,
    },

    /// A file of the cache that is not what it should be.
    #[error("a file of the cache is damaged: found {found}, expected {expected}; delete it, it is made again: {path}")]
    Cache {
        /// The value found.
        found: String,
        /// The expected value.
        expected: String,
        /// The file.
        path: PathBuf,
    },

    /// A cache folder that cannot be written.
    #[error("cannot write decoded images into the cache folder: {source}: {path}")]
    CacheWrite {
        /// The system's error.
        source: io::Error,
        /// The file.
        path: PathBuf,
    },

    /// More than a corpus can number.
    #[error("too many {what}: found {found}, at most {max}: {path}")]
    TooMany {
        /// Images or classes.
        what: &'static str,
        /// The number found.
        found: usize,
        /// The number allowed.
        max: usize,
        /// The corpus.
        path: PathBuf,
    },

    /// More pixels, or more in a compressed archive, than there is room for. What is too much was not decoded.
    #[error("what is decoded or unpacked is too large: found {found} bytes or more, at most {max}, {what}: {path}")]
    TooLarge {
        /// Bytes of those that were decoded and of the next.
        found: u64,
        /// Bytes allowed.
        max: u64,
        /// Origin of the bound, and a remedy.
        what: &'static str,
        /// The corpus.
        path: PathBuf,
    },

    /// A batch file that does not hold whole records.
    #[error("the batch is cut short or not a batch: found {found} bytes, expected {expected}; fetch it again: {path}")]
    Truncated {
        /// Its bytes.
        found: u64,
        /// The expected bytes.
        expected: String,
        /// The batch.
        path: PathBuf,
    },

    /// A file of a known layout that is not what the layout says.
    #[error("cannot read {what}: found {found}, expected {expected}: {path}")]
    Malformed {
        /// The file's part in the corpus: "the labels", "the Python batch".
        what: &'static str,
        /// The value found.
        found: String,
        /// The expected value.
        expected: String,
        /// The file.
        path: PathBuf,
    },

    /// A file without the one that belongs to it.
    #[error("a file is missing: found {found}, expected {expected} beside it: {path}")]
    MissingFile {
        /// The file that is there.
        found: String,
        /// The file that should be there.
        expected: String,
        /// The folder.
        path: PathBuf,
    },

    /// A folder that holds several corpora.
    #[error("the folder holds several corpora: found {found}; expected {expected}: {path}")]
    Several {
        /// The value found.
        found: String,
        /// The understood values.
        expected: String,
        /// The folder.
        path: PathBuf,
    },

    /// A label without a class.
    #[error("image {record} has label {found}, expected 0 to {}: {path}", classes.saturating_sub(1))]
    Label {
        /// Index of the image in the file, from 0.
        record: usize,
        /// Its label.
        found: i64,
        /// Number of classes of the corpus.
        classes: usize,
        /// The file.
        path: PathBuf,
    },

    /// A split that is neither train nor test.
    #[error("no split {found:?}, expected \"train\" or \"test\"")]
    Split {
        /// The given value.
        found: String,
    },

    /// A folder that a corpus should be made in holds something else.
    #[error("the folder is not empty: found {found:?}; give a new folder, or one with a corpus deepViz made: {path}")]
    NotEmpty {
        /// One of the things in it.
        found: String,
        /// The folder.
        path: PathBuf,
    },

    /// A `corpus.json` that is not one.
    #[error("cannot read the description of a corpus: {source}; make the corpus again: {path}")]
    Manifest {
        /// The fault.
        source: serde_json::Error,
        /// The file.
        path: PathBuf,
    },

    /// Files of a corpus that do not belong together, or that have changed.
    #[error("the corpus is damaged: found {found}, expected {expected}; make the corpus again: {path}")]
    Damaged {
        /// The value found.
        found: String,
        /// The expected value.
        expected: String,
        /// The file that says so.
        path: PathBuf,
    },

    /// An option that makes no sense.
    #[error("{key} = {found} is out of range, expected {expected}")]
    Option {
        /// Its name.
        key: &'static str,
        /// Its value.
        found: String,
        /// The allowed values.
        expected: &'static str,
    },

    /// A server that cannot be reached.
    #[error("cannot fetch: {source}; a copy of the archive can be given instead of the address: {url}")]
    Connect {
        /// The fault.
        source: Box<ureq::Error>,
        /// The address.
        url: String,
    },

    /// A server that sends something else.
    #[error("cannot fetch: found {found}, expected {expected}: {url}")]
    Answer {
        /// The response.
        found: String,
        /// The expected value.
        expected: String,
        /// The address.
        url: String,
    },

    /// A download that stopped. What has arrived is kept.
    #[error("the download stopped after {have} of {expected} bytes ({source}); fetch again to go on from there: {url}")]
    Interrupted {
        /// Bytes that have arrived.
        have: u64,
        /// Bytes of the whole.
        expected: u64,
        /// The fault.
        source: io::Error,
        /// The address.
        url: String,
    },

    /// None of the addresses of a file works.
    #[error("cannot fetch {file} from any of its addresses: {failures}")]
    AllAddresses {
        /// The file's name.
        file: String,
        /// The fault of each.
        failures: String,
    },

    /// Another fetch is writing the same files.
    #[error("another fetch is writing here; wait for it to end: {path}")]
    Busy {
        /// The file that it holds.
        path: PathBuf,
    },

    /// A file of another size, or with other contents, than its description says.
    #[error("not the official file: found {found}, expected {expected}; nothing was unpacked: {path}")]
    NotOfficial {
        /// Its bytes, or its digest.
        found: String,
        /// The expected value.
        expected: String,
        /// The file.
        path: PathBuf,
    },

    /// An archive that holds something it should not.
    #[error("cannot unpack: found {found}, expected {expected}: {path}")]
    Archive {
        /// Its content.
        found: String,
        /// The expected value.
        expected: String,
        /// The archive.
        path: PathBuf,
    },

    /// A text that names no class.
    #[error("no class `{text}`; classes here: {known}")]
    UnknownClass {
        /// The given value.
        text: String,
        /// The classes there are.
        known: String,
    },

    /// A text that names several classes alike.
    #[error("`{text}` names several classes: {found}; give the exact name, or the number with # before it")]
    AmbiguousClass {
        /// The given value.
        text: String,
        /// The classes that it may mean.
        found: String,
    },

    /// A name that no built-in description has.
    #[error("no known corpus {found:?}; expected one of {expected}, or a description (FILE.toml)")]
    UnknownCorpus {
        /// The given value.
        found: String,
        /// The names there are.
        expected: String,
    },

    /// An optional file that a corpus does not have.
    #[error("the corpus {corpus} has no optional file {found:?}; expected {expected}")]
    OptionalFile {
        /// The given value.
        found: String,
        /// The optional files that it has.
        expected: String,
        /// The corpus's name.
        corpus: String,
    },

    /// One file given as the copy of a corpus that has several.
    #[error("found one file, expected {expected}: {path}")]
    CopyOfMany {
        /// The required value.
        expected: String,
        /// The file.
        path: PathBuf,
    },

    /// The description of a corpus that is no TOML, or has a key that does not exist.
    #[error("cannot read the description of a corpus: {reason}: {path}")]
    DescriptionSyntax {
        /// The fault and its line.
        reason: String,
        /// The file.
        path: PathBuf,
    },

    /// The description of a corpus with a value that will not do.
    #[error("the description of a corpus: {key}: found {found}, expected {expected}: {path}")]
    Description {
        /// The key.
        key: String,
        /// Its value.
        found: String,
        /// The allowed values.
        expected: &'static str,
        /// The file.
        path: PathBuf,
    },

    /// A failed operation of the file system.
    #[error("cannot {action}: {source}: {path}")]
    Io {
        /// The operation that failed.
        action: &'static str,
        /// The system's error.
        source: io::Error,
        /// The file or folder.
        path: PathBuf,
    },
}

impl Error {
    /// True when the source of a file is at fault, so that another may be tried.
    pub(crate) fn is_of_source(&self) -> bool {
        matches!(self, Self::Connect { .. } | Self::Answer { .. } | Self::Interrupted { .. } | Self::NotOfficial { .. })
    }

    /// For `map_err`: an input or output error with what was tried, and where.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, source, path }
    }

    /// For `map_err`: a cache folder that cannot be written.
    pub(crate) fn cache_write(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::CacheWrite { source, path }
    }
}
