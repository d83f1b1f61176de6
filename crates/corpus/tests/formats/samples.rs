//! Opening a sample and holding it against what its writer expects.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use deepviz_corpus::{Corpus, ImageId, OpenOptions, Split};
use serde::Deserialize;
use sha2::{Digest, Sha256};

#[derive(Deserialize)]
pub(crate) struct Expected {
    pub(crate) classes: Vec<String>,
    pub(crate) images: Vec<Image>,
}

#[derive(Deserialize)]
pub(crate) struct Image {
    pub(crate) split: Split,
    pub(crate) label: u16,
    pub(crate) name: String,
    shape: (usize, usize, usize),
    sha256: String,
}

/// An unpacked sample, which may be changed.
pub(crate) struct Sample {
    _folder: tempfile::TempDir,
    pub(crate) path: PathBuf,
    pub(crate) expected: Expected,
}

pub(crate) fn sample(name: &str) -> Sample {
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/{name}.tar.gz"));
    let folder = tempfile::tempdir().unwrap();
    tar::Archive::new(flate2::read::GzDecoder::new(File::open(archive).unwrap())).unpack(folder.path()).unwrap();
    let expected = serde_json::from_slice(&fs::read(folder.path().join("expected.json")).unwrap()).unwrap();
    Sample { path: folder.path().join(name), _folder: folder, expected }
}

impl Sample {
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(crate) fn change(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let path = self.file(name);
        let mut bytes = fs::read(&path).unwrap();
        change(&mut bytes);
        fs::write(path, bytes).unwrap();
    }

    pub(crate) fn open(&self) -> Corpus {
        Corpus::open_with(&self.path, &OpenOptions { own_sizes: true, ..OpenOptions::default() }).unwrap()
    }

    pub(crate) fn error(&self) -> String {
        Corpus::open(&self.path).unwrap_err().to_string()
    }

    /// Opens the sample and compares everything.
    pub(crate) fn check(&self) -> Corpus {
        let corpus = self.open();
        compare(&corpus, &self.expected);
        corpus
    }
}

pub(crate) fn compare(corpus: &Corpus, expected: &Expected) {
    assert_eq!(corpus.classes(), expected.classes);
    let names: Vec<_> = (0..corpus.len() as u32).filter_map(|id| corpus.name_of(ImageId(id))).collect();
    assert_eq!(names, expected.images.iter().map(|image| image.name.as_str()).collect::<Vec<_>>());
    for (id, image) in (0..).map(ImageId).zip(&expected.images) {
        let found = (corpus.split_of(id).unwrap(), corpus.label(id).unwrap().0);
        assert_eq!(found, (image.split, image.label), "{}", image.name);
        let pixels = corpus.pixels(id).unwrap();
        assert_eq!(pixels.dim(), image.shape, "{}", image.name);
        let bytes: Vec<u8> = pixels.iter().copied().collect();
        assert_eq!(format!("{:x}", Sha256::digest(bytes)), image.sha256, "pixels of {}", image.name);
    }
}
