//! Every file of a tree is an image of the corpus or is counted as left out in its `Account`.

use std::{collections::BTreeSet, path::PathBuf};

use proptest::prelude::*;

use super::*;

const FOLDERS: [&str; 18] = [
    "train",
    "Train",
    "test",
    "val",
    "valid",
    "seg_train",
    "cat",
    "dog",
    "Cat",
    "images",
    "left",
    "right",
    "__MACOSX",
    ".git",
    "run1",
    "caf\u{e9}",
    "cafe\u{301}",
    "corpora",
];
const FILES: [&str; 10] =
    ["1.png", "2.png", "10.jpg", "a.txt", "b", "run.toml", "Thumbs.db", ".DS_Store", "c.heic", "labels.csv"];

/// The content of a file, by number.
fn content(kind: u8) -> Vec<u8> {
    match kind % 8 {
        0 => Vec::new(),
        1 => b"words".to_vec(),
        2 => png([1, 2, 3])[..20].to_vec(),
        3 => b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".to_vec(),
        _ => png([kind, 2, 3]),
    }
}

/// Files of a tree as an `Account` counts them: hidden and system things and own folders count as one.
fn units(folder: &Path, all: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name());
        let is_own = path.join("run.toml").is_file() || (name == "corpora" && path.join("sources").is_dir());
        if path.is_file() || crate::file_name::is_system(&name) || is_own {
            all.insert(path);
        } else {
            units(&path, all);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn is_an_image_or_in_the_account(
        files in prop::collection::vec(
            (prop::collection::vec(0..FOLDERS.len(), 0..4), 0..FILES.len(), any::<u8>()),
            1..24,
        ),
        is_skewed in any::<bool>(),
    ) {
        let folder = TestFolder::new();
        for (folders, file, kind) in files {
            let mut path: Vec<&str> = folders.iter().map(|index| FOLDERS[*index]).collect();
            if is_skewed {
                path = [&["train", "cat"][..], &path].concat();
            }
            path.push(FILES[file]);
            folder.write(&path.join("/"), &content(kind));
        }
        let mut all = BTreeSet::new();
        units(folder.path(), &mut all);
        match Corpus::open(folder.path()) {
            Ok(corpus) => {
                let account = corpus.account();
                let left: usize = account
                    .left_out()
                    .filter(|left| left.reason != Reason::EmptyFolder)
                    .map(|left| left.count)
                    .sum();
                prop_assert_eq!(corpus.len() + left, all.len(), "{:?}\n{:#?}", all, account);
                prop_assert!(corpus.labels().iter().all(|label| label.index() < corpus.classes().len()));
            }
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }
}
