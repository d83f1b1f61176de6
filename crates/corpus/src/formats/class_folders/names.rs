//! Roles of folders by their names: splits, and folders that only say that there are images.

use std::ffi::OsStr;

use crate::image::Split;

/// The role of a folder by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Train,
    Test,
    Validation,
}

/// The split that a folder's name speaks of, and whether it speaks of nothing else: `Train`, `val2017` do, `seg_train`
/// does not.
pub(crate) fn role(name: &OsStr) -> Option<(Role, bool)> {
    let name = spaced(&name.to_string_lossy());
    let words: Vec<&str> = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let mut found = None;
    for word in &words {
        let word = word.trim_end_matches(|c: char| c.is_ascii_digit());
        let role = match word.strip_suffix("set").unwrap_or(word) {
            "train" | "training" | "trn" | "trainval" => Role::Train,
            "test" | "testing" | "tst" => Role::Test,
            "val" | "valid" | "validation" | "dev" | "eval" | "evaluation" => Role::Validation,
            _ => continue,
        };
        // A name of two splits is that of neither: `train_test`.
        if found.is_some_and(|found| found != role) {
            return None;
        }
        found = Some(role);
    }
    // `training_set` and `test-images` are as plain as `training` and `test`.
    let generic = ["set", "data", "dataset", "images", "image", "imgs", "img", "split", "dir", "folder"];
    found.map(|found| (found, words.iter().filter(|word| !generic.contains(word)).count() == 1))
}

/// The split of the images in a folder of that name, where it speaks of one. Those for validation count as for testing.
pub fn folder_split(name: &OsStr) -> Option<Split> {
    role(name).map(|(role, _)| match role {
        Role::Train => Split::Train,
        Role::Test | Role::Validation => Split::Test,
    })
}

/// A name in small letters, its words apart: `TestImages` is `test images`.
fn spaced(name: &str) -> String {
    let mut spaced = String::new();
    let mut before = ' ';
    for letter in name.chars() {
        if letter.is_uppercase() && before.is_lowercase() {
            spaced.push(' ');
        }
        spaced.extend(letter.to_lowercase());
        before = letter;
    }
    spaced
}

/// True when a folder's name says no more than that images are in it.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_by_their_usual_names() {
        let role = |name: &str| role(OsStr::new(name));
        for name in
            ["train", "Train", "TRAINING", "train2017", "training_set", "train-images", "TrainingSet", "trainset"]
        {
            assert_eq!(role(name), Some((Role::Train, true)), "{name}");
        }
        for name in ["val", "valid", "Validation", "dev", "EVAL", "val_images", "validationset", "devset"] {
            assert_eq!(role(name), Some((Role::Validation, true)), "{name}");
        }
        for name in ["Testing", "TestImages", "testingset", "test_dir", "Test Data"] {
            assert_eq!(role(name), Some((Role::Test, true)), "{name}");
        }
        assert_eq!(role("PublicTest"), Some((Role::Test, false)));
        assert_eq!(role("seg_train"), Some((Role::Train, false)));
        assert_eq!(role("bullet train"), Some((Role::Train, false)));
        for name in ["train_test", "trained", "contest", "device", "cat", "set", ""] {
            assert_eq!(role(name), None, "{name}");
        }
    }
}
