//! Kinds of files and folders by their names: things of the system, images, others; and how names are shown.

use std::{ffi::OsStr, path::Path};

use unicode_normalization::UnicodeNormalization;

use crate::name::natural;

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

/// True when a folder or file is one that a system or a tool keeps for itself.
pub(crate) fn is_system(name: &OsStr) -> bool {
    const NAMES: [&str; 22] = [
        "__macosx",
        "network trash folder",
        "temporary items",
        "@eadir",
        "@recycle",
        "@recently-snapshot",
        "@sharebin",
        "@tmp",
        "#snapshot",
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

/// True when a file's name says that it is an image.
pub(crate) fn is_image_name(name: &OsStr) -> bool {
    extension(name).is_some_and(|extension| IMAGES.contains(&extension.as_str()))
}

/// True when a file may be an image, by its name: an unknown extension, or none, may be one.
pub(crate) fn may_be_image(name: &OsStr) -> bool {
    extension(name).is_none_or(|extension| !OTHERS.contains(&extension.as_str()))
}

/// True when a file's name says that it is an image in a compressed file: `1.png.gz`.
pub(crate) fn is_compressed_image(name: &OsStr) -> bool {
    let is_compressed = extension(name).is_some_and(|end| ["gz", "bz2", "xz", "zst"].contains(&end.as_str()));
    is_compressed && Path::new(name).file_stem().is_some_and(is_image_name)
}

fn extension(name: &OsStr) -> Option<String> {
    Some(Path::new(name).extension()?.to_string_lossy().to_lowercase())
}

/// A name as it is shown: composed (NFC), with U+FFFD in place of bytes that are not UTF-8.
pub(crate) fn shown(name: &OsStr) -> String {
    name.to_string_lossy().nfc().collect()
}

/// Items in the natural order of their names (`2` before `10`), those of equal rank by their bytes.
pub(crate) fn sorted<T>(items: impl IntoIterator<Item = T>, name: impl Fn(&T) -> &OsStr) -> Vec<T> {
    let mut items: Vec<(String, T)> = items.into_iter().map(|item| (shown(name(&item)), item)).collect();
    items.sort_by(|(a, first), (b, second)| natural(a, b).then_with(|| name(first).cmp(name(second))));
    items.into_iter().map(|(_, item)| item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_distinguish_images_notes_and_unknown_files() {
        let tell = |name: &str| (is_image_name(OsStr::new(name)), may_be_image(OsStr::new(name)));
        for name in ["a.JFIF", "a.b.png", "x.Tif", "y.heic"] {
            assert_eq!(tell(name), (true, true), "{name}");
        }
        for name in ["photo", "a.0001", "n02.image"] {
            assert_eq!(tell(name), (false, true), "{name}");
        }
        assert_eq!(tell("labels.CSV"), (false, false));
        let is_compressed = |name: &str| is_compressed_image(OsStr::new(name));
        assert!(is_compressed("1.png.GZ") && !is_compressed("1.png") && !is_compressed("labels.csv.gz"));
        assert!(is_system(OsStr::new("Thumbs.db")) && is_system(OsStr::new("@eaDir")));
        assert!(is_system(OsStr::new("._1.png")) && !is_system(OsStr::new("icons")));
    }
}
