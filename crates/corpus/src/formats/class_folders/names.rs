//! What names of folders and files say: splits, things of the system, kinds of files.

use std::{ffi::OsStr, path::Path};

use unicode_normalization::UnicodeNormalization;

/// What a folder's name says that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Train,
    Test,
    Validation,
}

/// Extensions of images, read or not: such files are images until their bytes say otherwise.
const IMAGES: [&str; 33] = [
    "png", "apng", "jpg", "jpeg", "jpe", "jif", "jfif", "pjpeg", "pjp", "webp", "bmp", "dib", "gif", "tif", "tiff",
    "pbm", "pgm", "ppm", "pnm", "pam", "heic", "heif", "avif", "jxl", "jp2", "j2k", "jpx", "ico", "exr", "psd", "tga",
    "hdr", "mpo",
];

/// Extensions of files that are no images, so that a folder of them alone is no class.
const OTHERS: [&str; 60] = [
    "txt",
    "md",
    "rst",
    "csv",
    "tsv",
    "json",
    "jsonl",
    "ndjson",
    "xml",
    "yaml",
    "yml",
    "toml",
    "ini",
    "cfg",
    "html",
    "htm",
    "css",
    "js",
    "ts",
    "py",
    "pyc",
    "ipynb",
    "r",
    "m",
    "c",
    "h",
    "cpp",
    "rs",
    "sh",
    "bat",
    "log",
    "lock",
    "pdf",
    "doc",
    "docx",
    "xls",
    "xlsx",
    "zip",
    "tar",
    "gz",
    "tgz",
    "xz",
    "bz2",
    "7z",
    "rar",
    "parquet",
    "arrow",
    "npy",
    "npz",
    "mat",
    "pkl",
    "pickle",
    "bin",
    "h5",
    "hdf5",
    "db",
    "sqlite",
    "safetensors",
    "pt",
    "part",
];

/// Whether a folder or file is one that a system or a tool keeps for itself.
pub(crate) fn is_system(name: &OsStr) -> bool {
    const NAMES: [&str; 15] = [
        "__macosx",
        "@eadir",
        "$recycle.bin",
        "recycler",
        "#recycle",
        "system volume information",
        "lost+found",
        "node_modules",
        "__pycache__",
        "found.000",
        "thumbs.db",
        "ehthumbs.db",
        "ehthumbs_vista.db",
        "desktop.ini",
        "icon\r",
    ];
    let name = name.to_string_lossy().to_lowercase();
    name.starts_with('.') || NAMES.contains(&name.as_str())
}

/// Whether a file's name says that it is an image.
pub(super) fn is_image_name(name: &OsStr) -> bool {
    extension(name).is_some_and(|extension| IMAGES.contains(&extension.as_str()))
}

/// Whether a file may be an image, by its name: an unknown extension, or none, may be one.
pub(super) fn may_be_image(name: &OsStr) -> bool {
    extension(name).is_none_or(|extension| !OTHERS.contains(&extension.as_str()))
}

fn extension(name: &OsStr) -> Option<String> {
    Some(Path::new(name).extension()?.to_string_lossy().to_lowercase())
}

/// The split that a folder's name speaks of, and whether it speaks of nothing else: `Train`, `val2017` do, `seg_train`
/// does not.
pub(crate) fn role(name: &OsStr) -> Option<(Role, bool)> {
    let name = name.to_string_lossy().to_lowercase();
    let words: Vec<&str> = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let mut found = None;
    for word in &words {
        let role = match word.trim_end_matches(|c: char| c.is_ascii_digit()) {
            "train" | "training" | "trainset" | "trn" | "trainval" => Role::Train,
            "test" | "testing" | "testset" | "tst" => Role::Test,
            "val" | "valid" | "validation" | "valset" | "dev" | "eval" | "evaluation" => Role::Validation,
            _ => continue,
        };
        // A name of two splits is that of neither: `train_test`.
        if found.is_some_and(|found| found != role) {
            return None;
        }
        found = Some(role);
    }
    // `training_set` and `test-images` are as plain as `training` and `test`.
    let plain = ["set", "data", "images", "imgs", "split"];
    found.map(|found| (found, words.iter().filter(|word| !plain.contains(word)).count() == 1))
}

/// Whether a folder's name says no more than that images are in it.
pub(super) fn is_generic(name: &OsStr) -> bool {
    const NAMES: [&str; 13] = [
        "images",
        "image",
        "imgs",
        "img",
        "jpegimages",
        "pictures",
        "photos",
        "data",
        "dataset",
        "classes",
        "files",
        "jpg",
        "png",
    ];
    NAMES.contains(&name.to_string_lossy().to_lowercase().as_str())
}

/// A name as it is shown: composed (NFC), with marks in place of bytes that are not UTF-8.
pub(super) fn shown(name: &OsStr) -> String {
    name.to_string_lossy().nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_by_their_usual_names() {
        let role = |name: &str| role(OsStr::new(name));
        for name in ["train", "Train", "TRAINING", "train2017", "training_set", "train-images"] {
            assert_eq!(role(name), Some((Role::Train, true)), "{name}");
        }
        for name in ["val", "valid", "Validation", "dev", "EVAL", "val_images"] {
            assert_eq!(role(name), Some((Role::Validation, true)), "{name}");
        }
        assert_eq!(role("Testing"), Some((Role::Test, true)));
        assert_eq!(role("seg_train"), Some((Role::Train, false)));
        assert_eq!(role("bullet train"), Some((Role::Train, false)));
        for name in ["train_test", "trained", "contest", "device", "cat", ""] {
            assert_eq!(role(name), None, "{name}");
        }
    }

    #[test]
    fn names_tell_images_from_notes_and_both_from_what_is_unknown() {
        let tell = |name: &str| (is_image_name(OsStr::new(name)), may_be_image(OsStr::new(name)));
        for name in ["a.JFIF", "a.b.png", "x.Tif", "y.heic"] {
            assert_eq!(tell(name), (true, true), "{name}");
        }
        for name in ["photo", "a.0001", "n02.image"] {
            assert_eq!(tell(name), (false, true), "{name}");
        }
        assert_eq!(tell("labels.CSV"), (false, false));
        assert!(is_system(OsStr::new("Thumbs.db")) && is_system(OsStr::new("@eaDir")));
        assert!(is_system(OsStr::new("._1.png")) && !is_system(OsStr::new("icons")));
    }
}
