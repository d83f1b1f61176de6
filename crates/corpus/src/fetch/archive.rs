//! The archives that can be fetched: where they are, how they are recognised, and what must be in them.

use std::{ops::RangeInclusive, path::Path};

/// An archive and what is known of it.
#[derive(Debug)]
pub(crate) struct Archive<'a> {
    /// Its official address.
    pub(crate) url: &'a str,
    pub(crate) bytes: u64,
    pub(crate) sha256: &'a str,
    /// The one folder in it.
    pub(crate) folder: &'a str,
    /// The files that folder must hold, and how large each may be.
    pub(crate) files: &'a [(&'a str, RangeInclusive<u64>)],
}

/// A batch of the binary version: 10,000 records of 3,073 bytes.
const BATCH: RangeInclusive<u64> = 30_730_000..=30_730_000;
/// Lists of names and the like.
const SMALL: RangeInclusive<u64> = 1..=65_536;
/// A batch of the Python version; their names of files differ in length.
const PICKLE: RangeInclusive<u64> = 31_035_320..=31_035_999;

/// CIFAR-10 as its author publishes it: the binary version (the default), and the Python version.
pub(crate) const OFFICIAL: [Archive<'static>; 2] = [
    Archive {
        url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        bytes: 170_052_171,
        sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        folder: "cifar-10-batches-bin",
        files: &[
            ("batches.meta.txt", SMALL),
            ("data_batch_1.bin", BATCH),
            ("data_batch_2.bin", BATCH),
            ("data_batch_3.bin", BATCH),
            ("data_batch_4.bin", BATCH),
            ("data_batch_5.bin", BATCH),
            ("test_batch.bin", BATCH),
        ],
    },
    Archive {
        url: "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
        bytes: 170_498_071,
        sha256: "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
        folder: "cifar-10-batches-py",
        files: &[
            ("batches.meta", SMALL),
            ("data_batch_1", PICKLE),
            ("data_batch_2", PICKLE),
            ("data_batch_3", PICKLE),
            ("data_batch_4", PICKLE),
            ("data_batch_5", PICKLE),
            ("test_batch", PICKLE),
        ],
    },
];

impl Archive<'_> {
    /// The last part of its address.
    pub(crate) fn file_name(&self) -> &str {
        last_part(self.url)
    }

    /// Whether a folder holds all its files, each of a right size.
    pub(crate) fn is_unpacked_in(&self, folder: &Path) -> bool {
        self.files.iter().all(|(name, bytes)| {
            folder.join(name).metadata().is_ok_and(|file| file.is_file() && bytes.contains(&file.len()))
        })
    }
}

/// The archive that a source's name speaks of, if it does: `cifar-10-python.tar.gz`.
pub(crate) fn named_in(source: &str) -> Option<&'static Archive<'static>> {
    OFFICIAL.iter().find(|archive| last_part(source) == archive.file_name())
}

fn last_part(address: &str) -> &str {
    let path = address.split(['?', '#']).next().unwrap_or(address);
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_recognised_by_its_file_name() {
        let folder = |source| named_in(source).map(|archive| archive.folder);
        assert_eq!(folder("http://mirror/x/cifar-10-python.tar.gz?download=1"), Some("cifar-10-batches-py"));
        assert_eq!(folder("/python/cifar-10-binary.tar.gz"), Some("cifar-10-batches-bin"));
        assert_eq!(folder("/python/archive.tar.gz"), None);
    }
}
