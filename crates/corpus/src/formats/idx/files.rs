//! The files of an idx corpus, by their names.

use std::{collections::BTreeMap, path::PathBuf};

use crate::{Error, Split, tree::Location};

/// The files of one corpus.
#[derive(Debug)]
pub(super) struct Set {
    /// The prefix of `train-images`: `emnist-letters`; empty for MNIST.
    pub(super) name: String,
    /// Train first.
    pub(super) parts: Vec<IdxPart>,
    pub(super) mapping: Option<PathBuf>,
    /// Compressed copies of files that exist uncompressed.
    pub(super) left_out: Vec<PathBuf>,
}

/// The files of one split.
#[derive(Debug)]
pub(super) struct IdxPart {
    pub(super) split: Split,
    pub(super) images: PathBuf,
    pub(super) labels: PathBuf,
    pub(super) is_compressed: bool,
    pub(super) bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum FileRole {
    Images,
    IdxLabels,
}

/// A file that was recognised.
struct Named<'a> {
    set: String,
    split: Split,
    role: FileRole,
    file: &'a str,
    bytes: u64,
}

type Slots<'a> = BTreeMap<(Split, FileRole), Named<'a>>;

/// The set of files in a folder; `None` where there is none.
pub(super) fn find(location: &Location<'_>) -> Result<Option<Set>, Error> {
    let mut sets: BTreeMap<String, Slots<'_>> = BTreeMap::new();
    let mut left_out = Vec::new();
    for file in location.folder.readable() {
        let Some(named) = file.name.to_str().and_then(|name| recognise(name, file.bytes)) else { continue };
        let slots = sets.entry(named.set.clone()).or_default();
        let key = (named.split, named.role);
        let keep_old = slots.get(&key).is_some_and(|old| is_gz(named.file) && !is_gz(old.file));
        let loser = if keep_old { Some(named) } else { slots.insert(key, named) };
        left_out.extend(loser.map(|loser| location.path.join(loser.file)));
    }
    if sets.len() > 1 {
        let first = sets.values().filter_map(|slots| slots.values().next()).map(|named| named.file);
        let found = first.collect::<Vec<_>>().join(", ");
        let expected = "the files of one set alone; put those of each set into a folder of its own".to_owned();
        return Err(Error::Several { found, expected, path: location.path.clone() });
    }
    let Some((name, slots)) = sets.pop_first() else { return Ok(None) };
    let mut parts = Vec::new();
    for split in Split::ALL {
        let [images, labels] = [FileRole::Images, FileRole::IdxLabels].map(|role| slots.get(&(split, role)));
        match (images, labels) {
            (None, None) => {}
            (Some(images), Some(labels)) => parts.push(IdxPart {
                split,
                images: location.path.join(images.file),
                labels: location.path.join(labels.file),
                is_compressed: is_gz(images.file),
                bytes: images.bytes,
            }),
            (Some(there), None) | (None, Some(there)) => {
                let [from, to] = if there.role == FileRole::Images {
                    [["images", "idx3"], ["labels", "idx1"]]
                } else {
                    [["labels", "idx1"], ["images", "idx3"]]
                };
                let expected = there.file.replacen(from[0], to[0], 1).replacen(from[1], to[1], 1);
                let found = there.file.to_owned();
                return Err(Error::MissingFile { found, expected, path: location.path.clone() });
            }
        }
    }
    let mapping = format!("{name}-mapping.txt");
    let mapping = location.has(&mapping).then(|| location.path.join(mapping));
    Ok(Some(Set { name, parts, mapping, left_out }))
}

fn is_gz(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(".gz")
}

/// Understands `train-images-idx3-ubyte`, `t10k-labels.idx1-ubyte.gz`, `emnist-letters-test-images-idx3-ubyte`.
fn recognise(file: &str, bytes: u64) -> Option<Named<'_>> {
    let lower = file.to_ascii_lowercase();
    let stem = lower.strip_suffix(".gz").unwrap_or(&lower).replace(['.', '_'], "-");
    let words: Vec<&str> = stem.split('-').collect();
    let (role, before) = match words.as_slice() {
        [before @ .., "images", "idx3" | "idx4", "ubyte"] => (FileRole::Images, before),
        [before @ .., "labels", "idx1" | "idx2", "ubyte" | "int"] => (FileRole::IdxLabels, before),
        _ => return None,
    };
    let (split, set) = match before {
        [set @ .., "train"] => (Split::Train, set),
        [set @ .., "t10k" | "test"] => (Split::Test, set),
        _ => return None,
    };
    Some(Named { set: set.join("-"), split, role, file, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_understood_with_dots_and_sets() {
        let named = |file| recognise(file, 0).map(|named| (named.set, named.split, named.role));
        assert_eq!(named("train-images-idx3-ubyte"), Some((String::new(), Split::Train, FileRole::Images)));
        assert_eq!(named("t10k-labels.idx1-ubyte.gz"), Some((String::new(), Split::Test, FileRole::IdxLabels)));
        let letters = Some(("emnist-letters".to_owned(), Split::Test, FileRole::Images));
        assert_eq!(named("emnist-letters-test-images-idx3-ubyte.gz"), letters);
        assert_eq!(
            named("qmnist-train-labels-idx2-int.gz"),
            Some(("qmnist".to_owned(), Split::Train, FileRole::IdxLabels))
        );
        assert_eq!(named("images-idx3-ubyte"), None);
        assert_eq!(named("train-images.png"), None);
    }
}
