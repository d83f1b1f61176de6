//! The account of a corpus, a report on its opening: what was left out, by reason, and what a reader of the corpus
//! should know.

mod unused;

use std::{collections::BTreeMap, fmt, path::Path};

use serde::{Deserialize, Serialize};

pub(crate) use unused::{Mark, NOT_REGULAR, Usage, leave_out_unused};

/// Why a file or folder is not part of the corpus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// An image whose data are cut short or broken.
    Damaged,
    /// A file of no bytes.
    Empty,
    /// An image in a format that is not read (HEIC, AVIF, SVG, ...).
    UnknownFormat,
    /// A file that is no image.
    NotAnImage,
    /// An image whose header promises more pixels than are ever decoded.
    TooLarge,
    /// An image of another size than most, where all must have one.
    OtherSize,
    /// A file or folder that the system does not let read.
    Unreadable,
    /// An image outside of all class folders, or without a label.
    Unlabelled,
    /// A labelled split besides the two that are used.
    OtherSplit,
    /// A file that may be an image, in a folder whose place in the layout is not understood.
    OtherFolder,
    /// A class folder without images.
    EmptyFolder,
    /// A folder or file that an operating system or a tool keeps for itself (`__MACOSX`, `@eaDir`, `.git`, ...).
    System,
    /// A run or another folder that deepViz wrote.
    OwnFolder,
}

impl Reason {
    /// The reason as JSON has it: `not_an_image`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Damaged => "damaged",
            Self::Empty => "empty",
            Self::UnknownFormat => "unknown_format",
            Self::NotAnImage => "not_an_image",
            Self::TooLarge => "too_large",
            Self::OtherSize => "other_size",
            Self::Unreadable => "unreadable",
            Self::Unlabelled => "unlabelled",
            Self::OtherSplit => "other_split",
            Self::OtherFolder => "other_folder",
            Self::EmptyFolder => "empty_folder",
            Self::System => "system",
            Self::OwnFolder => "own_folder",
        }
    }

    /// The reason for leaving out, as it reads after a count: "3 files that are no images".
    pub fn text(self) -> &'static str {
        match self {
            Self::Damaged => "damaged images",
            Self::Empty => "empty files",
            Self::UnknownFormat => "images in formats that are not read",
            Self::NotAnImage => "files that are no images",
            Self::TooLarge => "images with too many pixels",
            Self::OtherSize => "images of another size than most",
            Self::Unreadable => "files or folders that cannot be read",
            Self::Unlabelled => "images without a label",
            Self::OtherSplit => "images of another split",
            Self::OtherFolder => "files in folders that are not understood",
            Self::EmptyFolder => "class folders without images",
            Self::System => "hidden or system files and folders",
            Self::OwnFolder => "folders that deepViz wrote",
        }
    }

    /// True when an image file itself is at fault, rather than its place.
    pub(crate) fn is_image_fault(self) -> bool {
        matches!(
            self,
            Self::Damaged | Self::Empty | Self::UnknownFormat | Self::NotAnImage | Self::TooLarge | Self::Unreadable
        )
    }

    /// True when images were lost: what `--strict` refuses and `train` warns of. Hidden files, other files beside the
    /// images and run folders are listed, but are no loss.
    pub fn is_loss(self) -> bool {
        !matches!(self, Self::System | Self::OwnFolder | Self::NotAnImage)
    }
}

/// One file or folder that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// The path inside of the corpus; bytes that are not UTF-8 are replaced (U+FFFD).
    pub path: String,
    /// The fault, where the reason does not say it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// All that was left out for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Why.
    pub reason: Reason,
    /// Number of files.
    pub count: usize,
    /// The first of them, [`Account::EXAMPLES`] at most.
    pub first: Vec<Example>,
}

/// A report on the opening of a corpus: files that were left out, and remarks on how it was understood.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    left_out: BTreeMap<Reason, LeftOut>,
    remarks: Vec<String>,
}

impl Account {
    /// Names kept of each reason.
    pub const EXAMPLES: usize = 5;

    /// Files left out, by reason.
    pub fn left_out(&self) -> impl Iterator<Item = &LeftOut> {
        self.left_out.values()
    }

    /// Sentences on how the corpus was understood, that its owner should know: which folder became the test split,
    /// a class without training images, images whose EXIF orientation was not applied.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// Number of files left out for a reason.
    pub fn count(&self, reason: Reason) -> usize {
        self.left_out.get(&reason).map_or(0, |left| left.count)
    }

    /// Number of files and folders left out that hold or may hold images.
    pub fn lost(&self) -> usize {
        self.left_out().filter(|left| left.reason.is_loss()).map(|left| left.count).sum()
    }

    /// True when nothing was left out and nothing remarked.
    pub fn is_clean(&self) -> bool {
        self.left_out.is_empty() && self.remarks.is_empty()
    }

    pub(crate) fn leave_out(&mut self, reason: Reason, path: &Path, detail: impl Into<String>) {
        self.leave_out_many(reason, 1, path, detail);
    }

    /// Counts `count` images that share one path, such as those of a folder.
    pub(crate) fn leave_out_many(&mut self, reason: Reason, count: usize, path: &Path, detail: impl Into<String>) {
        let left = self.left_out.entry(reason).or_insert_with(|| LeftOut { reason, count: 0, first: Vec::new() });
        left.count += count;
        if left.first.len() < Self::EXAMPLES {
            left.first.push(Example { path: path.to_string_lossy().into_owned(), detail: detail.into() });
        }
    }

    pub(crate) fn remark(&mut self, sentence: impl Into<String>) {
        let sentence = sentence.into();
        if !self.remarks.contains(&sentence) {
            self.remarks.push(sentence);
        }
    }
}

/// One line: `left out 3 damaged images (train/cat/7.jpg, ...), 1 class folder without images (train/emu)`; empty where
/// no images were lost ([`Reason::is_loss`]).
impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lost = self.left_out().filter(|left| left.reason.is_loss());
        for (index, left) in lost.enumerate() {
            f.write_str(if index == 0 { "left out " } else { ", " })?;
            let more = if left.count > 1 { ", ..." } else { "" };
            let first = left.first.first().map_or("", |example| example.path.as_str());
            write!(f, "{} {} ({first}{more})", left.count, left.reason.text())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_reason_and_the_first_names_are_recorded() {
        let mut account = Account::default();
        assert!(account.is_clean() && account.to_string().is_empty());
        for index in 0..7 {
            account.leave_out(Reason::Damaged, Path::new(&format!("train/cat/{index}.jpg")), "cut short");
        }
        account.leave_out(Reason::System, Path::new(".DS_Store"), "");
        account.leave_out_many(Reason::OtherSplit, 40, Path::new("val"), "test/ is used");
        assert_eq!((account.count(Reason::Damaged), account.lost()), (7, 47));
        assert_eq!(account.left_out().map(|left| left.first.len()).collect::<Vec<_>>(), [5, 1, 1]);
        let line = account.to_string();
        assert_eq!(line, "left out 7 damaged images (train/cat/0.jpg, ...), 40 images of another split (val, ...)");
        for left in account.left_out() {
            assert_eq!(serde_json::to_value(left.reason).unwrap(), left.reason.as_str());
        }
        let json = serde_json::to_string(&account).unwrap();
        assert_eq!(serde_json::from_str::<Account>(&json).unwrap(), account);
    }
}
