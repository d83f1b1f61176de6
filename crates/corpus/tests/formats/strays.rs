//! Files that a layout does not read are in the corpus's `Account`, whichever the layout, wherever they lie.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use deepviz_corpus::{Account, Corpus, OpenOptions, Reason};
use proptest::prelude::*;

use crate::samples::{Sample, sample};

/// The samples that are folders of one layout each.
const SAMPLES: [&str; 22] = [
    "cifar100",
    "cifar100_python",
    "cifar10_protocol0",
    "cifar10_protocol1",
    "cifar10_protocol2",
    "cifar10_protocol3",
    "cifar10_protocol4",
    "cifar10_protocol5",
    "emnist_letters",
    "fashion",
    "flowers",
    "food",
    "gtsrb",
    "mnist",
    "parquet",
    "parquet_words",
    "pets",
    "qmnist",
    "stl10",
    "svhn",
    "tiny_imagenet",
    "webdataset",
];

/// Names of files that no layout asks for, and the reasons for which they may be left out.
const STRAYS: [(&str, &[Reason]); 9] = [
    ("readme.html", &[Reason::NotAnImage]),
    ("LICENSE", &[Reason::NotAnImage]),
    ("labels.csv", &[Reason::NotAnImage]),
    ("weights.npz", &[Reason::NotAnImage]),
    // In a class folder it is an image, and one that is cut short.
    ("stray.png", &[Reason::Unlabelled, Reason::OtherFolder, Reason::Damaged]),
    ("photo", &[Reason::Unlabelled, Reason::OtherFolder]),
    (".hidden", &[Reason::System]),
    ("Thumbs.db", &[Reason::System]),
    ("@eaDir", &[Reason::System]),
];

fn content(name: &str) -> &'static [u8] {
    match name {
        "stray.png" | "photo" => b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR",
        _ => b"words",
    }
}

/// A folder and all below it.
fn folders(folder: &Path, all: &mut Vec<PathBuf>) {
    all.push(folder.to_owned());
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_dir()) {
        folders(&entry.path(), all);
    }
}

fn total(account: &Account) -> usize {
    account.left_out().map(|left| left.count).sum()
}

fn open(sample: &Sample) -> Corpus {
    Corpus::open_with(&sample.path, &OpenOptions { own_sizes: true, ..OpenOptions::default() }).unwrap()
}

/// Adds files to a sample, and checks that it reads the same images and names each of the files.
fn check(name: &str, strays: &BTreeSet<(usize, usize)>) {
    let sample = sample(name);
    let before = open(&sample);
    let mut places = Vec::new();
    folders(&sample.path, &mut places);
    places.sort();
    let added: BTreeSet<PathBuf> = strays
        .iter()
        .map(|(place, stray)| places[place % places.len()].join(STRAYS[*stray].0))
        // An image there is a mask.
        .filter(|path| !["stray.png", "photo"].iter().any(|image| path.ends_with(Path::new("trimaps").join(image))))
        .collect();
    for path in &added {
        fs::write(path, content(path.file_name().unwrap().to_str().unwrap())).unwrap();
    }
    let after = open(&sample);
    assert_eq!((after.identity(), after.layout()), (before.identity(), before.layout()), "{name}: {added:?}");
    let account = after.account();
    assert_eq!(total(account), total(before.account()) + added.len(), "{name}: {added:?}\n{account:#?}");
    for path in &added {
        let relative = path.strip_prefix(&sample.path).unwrap().to_str().unwrap();
        let reasons = STRAYS.iter().find(|(name, _)| path.ends_with(name)).unwrap().1;
        let left: Vec<_> = account.left_out().filter(|left| reasons.contains(&left.reason)).collect();
        let is_named = left.iter().flat_map(|left| &left.first).any(|example| example.path == relative);
        let is_beyond_the_first = left.iter().any(|left| left.count > Account::EXAMPLES);
        assert!(is_named || is_beyond_the_first, "{name}: {relative} is not in {account:#?}");
    }
}

#[test]
fn are_named_one_by_one() {
    for name in SAMPLES {
        for stray in 0..STRAYS.len() {
            check(name, &BTreeSet::from([(0, stray)]));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn are_counted_wherever_they_lie(
        sample in 0..SAMPLES.len(),
        strays in prop::collection::btree_set((0..8_usize, 0..STRAYS.len()), 1..8),
    ) {
        check(SAMPLES[sample], &strays);
    }
}

#[test]
fn every_sample_is_held_to_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let there: BTreeSet<String> = names.map(|name| name.trim_end_matches(".tar.gz").to_owned()).collect();
    // Archives lie alone: nothing is beside them.
    let expected: BTreeSet<String> = SAMPLES.iter().copied().chain(["packed"]).map(str::to_owned).collect();
    assert_eq!(there, expected);
}
