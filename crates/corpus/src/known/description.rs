//! The description of a corpus, as it is in a TOML file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A corpus that can be fetched.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Description {
    /// A short name of small letters, digits and hyphens.
    pub name: String,
    /// The name for people.
    pub title: String,
    /// The format of the unpacked files.
    pub layout: KnownLayout,
    /// The folder that the corpus is unpacked into, inside the one given to the fetch; its name where none is given.
    #[serde(default)]
    pub folder: String,
    /// The terms of use, on one line.
    pub licence: String,
    /// The page of the corpus.
    #[serde(default)]
    pub source: String,
    /// The citation, on one line.
    #[serde(default)]
    pub citation: String,
    /// Remarks for the reader: an uncertain digest or fact, or something that the corpus lacks.
    #[serde(default)]
    pub note: Option<String>,
    /// The number of classes, where the files hold their names.
    #[serde(default)]
    pub class_count: Option<usize>,
    /// The names of the classes by label, where the files do not hold them.
    #[serde(default)]
    pub classes: Vec<String>,
    /// The names of the classes by the folders that stand for them.
    #[serde(default)]
    pub class_names: BTreeMap<String, String>,
    /// Numbers of images.
    #[serde(default)]
    pub splits: Splits,
    /// Other built-in descriptions of the same images; one is taken when the source names its file.
    #[serde(default)]
    pub alternatives: Vec<String>,
    /// The most bytes that all archives together may unpack to.
    #[serde(default)]
    pub unpacked_bytes_max: Option<u64>,
    /// The most files and folders that all archives together may hold.
    #[serde(default)]
    pub unpacked_files_max: Option<u64>,
    /// The files that must be there in the end. Where it is given, nothing else is unpacked.
    #[serde(default)]
    pub contents: Vec<ContentFile>,
    /// The files to be fetched, in this order.
    #[serde(rename = "file", default)]
    pub files: Vec<SourceFile>,
}

/// Numbers of images; those that are not known are 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Splits {
    /// For training.
    pub train: u64,
    /// For testing; 0 where the corpus has no split of its own.
    pub test: u64,
    /// For validation, where that is a third split.
    pub val: u64,
    /// Without labels.
    pub unlabelled: u64,
    /// In optional files.
    pub extra: u64,
}

/// A file to be fetched.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SourceFile {
    /// Its name; the last part of its first address where none is given.
    #[serde(default)]
    pub name: String,
    /// Its addresses, tried in this order.
    pub addresses: Vec<String>,
    /// Its size.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// Its MD5, hexadecimal.
    #[serde(default)]
    pub md5: Option<String>,
    /// Its SHA-256, hexadecimal.
    #[serde(default)]
    pub sha256: Option<String>,
    /// Its kind of archive; by the end of its name where nothing is given.
    #[serde(default)]
    pub unpack: Option<Unpack>,
    /// The folder of the archive whose contents are the corpus; what lies outside of it stays packed.
    #[serde(default)]
    pub strip: String,
    /// Fetched only when requested.
    #[serde(default)]
    pub optional: bool,
}

/// A file that must be there in the end.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ContentFile {
    /// Its path inside the corpus's folder.
    pub path: String,
    /// Its size, if all copies have one.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// The fewest bytes it may have; 1 where nothing is given.
    #[serde(default)]
    pub bytes_min: Option<u64>,
    /// The most bytes it may have.
    #[serde(default)]
    pub bytes_max: Option<u64>,
}

/// How a fetched file becomes files of the corpus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Unpack {
    /// It is used as it is.
    None,
    /// One file, compressed by gzip.
    Gz,
    /// A tar archive, compressed by gzip or not; the content tells.
    Tar,
    /// A zip archive.
    Zip,
}

/// The format of a known corpus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum KnownLayout {
    /// CIFAR-10's binary batches.
    #[serde(rename = "cifar10-binary")]
    Cifar10Binary,
    /// CIFAR-10's pickled batches.
    #[serde(rename = "cifar10-python")]
    Cifar10Python,
    /// CIFAR-100's binary batches: a coarse and a fine label.
    #[serde(rename = "cifar100-binary")]
    Cifar100Binary,
    /// CIFAR-100's pickled batches.
    #[serde(rename = "cifar100-python")]
    Cifar100Python,
    /// The files of MNIST and its kin: images-idx3-ubyte, labels-idx1-ubyte.
    Idx,
    /// MATLAB files of SVHN's kind: `X` and `y`.
    Mat5,
    /// STL-10's binary files.
    #[serde(rename = "stl10")]
    Stl10,
    /// A folder for each class, with or without folders of splits above them.
    ClassFolders,
    /// Class folders named by `WordNet` ids, in `train` and `val`.
    Imagenette,
    /// Tiny `ImageNet`: `wnids.txt`, `val/val_annotations.txt`.
    TinyImagenet,
    /// GTSRB: numbered folders for training, a CSV of labels for testing.
    Gtsrb,
    /// Oxford-IIIT Pet: `images`, lists in `annotations`.
    Pets,
    /// Flowers102: `jpg`, `imagelabels.mat`, `setid.mat`.
    Flowers,
    /// Food-101: `images`, lists in `meta`.
    Food,
}

impl SourceFile {
    /// Its kind of archive.
    pub fn unpack(&self) -> Unpack {
        let ends = |end: &str| self.name.to_ascii_lowercase().ends_with(end);
        self.unpack.unwrap_or_else(|| match () {
            () if ends(".tar") || ends(".tar.gz") || ends(".tgz") => Unpack::Tar,
            () if ends(".zip") => Unpack::Zip,
            () if ends(".gz") => Unpack::Gz,
            () => Unpack::None,
        })
    }

    /// The strongest digest that is known of it, with its kind: `sha256:…`.
    pub(crate) fn digest(&self) -> String {
        let digest = |kind: &str, value: &Option<String>| value.as_ref().map(|value| format!("{kind}:{value}"));
        digest("sha256", &self.sha256).or_else(|| digest("md5", &self.md5)).unwrap_or_default()
    }
}

impl ContentFile {
    /// True if a file of `bytes` bytes can be this one.
    pub(crate) fn takes(&self, bytes: u64) -> bool {
        match self.bytes {
            Some(expected) => bytes == expected,
            None => (self.bytes_min.unwrap_or(1)..=self.bytes_max.unwrap_or(u64::MAX)).contains(&bytes),
        }
    }

    /// The sizes it may have, in words.
    pub(crate) fn sizes(&self) -> String {
        let min = self.bytes_min.unwrap_or(1);
        match (self.bytes, self.bytes_max) {
            (Some(bytes), _) => format!("{} with {bytes} bytes", self.path),
            (None, Some(max)) => format!("{} with {min} to {max} bytes", self.path),
            (None, None) => format!("{} with at least {min} bytes", self.path),
        }
    }
}

impl Description {
    /// The number of classes, if the description tells.
    pub fn class_count(&self) -> Option<usize> {
        let listed = self.classes.len().max(self.class_names.len());
        self.class_count.or((listed > 0).then_some(listed))
    }

    /// The bytes of all files that are not optional; `None` where one's size is not known.
    pub fn download_bytes(&self) -> Option<u64> {
        self.files.iter().filter(|file| !file.optional).map(|file| file.bytes).sum()
    }
}
