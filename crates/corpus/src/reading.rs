//! How a data set folder is interpreted, where more than one interpretation is possible.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{Error, Limits, decode::Orientation};

/// The level of labels to take where images carry two.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LabelLevel {
    /// The finer classes: CIFAR-100's hundred.
    #[default]
    Fine,
    /// The coarser ones: CIFAR-100's twenty.
    Coarse,
}

/// How a data set folder is interpreted: which images, labels and pixels the corpus has. A run records it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// The labels to take, where there are two levels.
    pub labels: LabelLevel,
    /// The folder or split that is the test split, where several could be.
    pub test_from: Option<String>,
    /// Whether images are turned as their EXIF orientation says.
    pub orientation: Orientation,
}

/// Options of opening a corpus.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenOptions {
    /// How the folder is interpreted.
    pub reading: Reading,
    /// True when images keep their own sizes, to be brought to one by the network's input transform (`data.resize`).
    /// Without it only images of the most frequent size are read; the others are left out.
    pub own_sizes: bool,
    /// The cache folder, where decoded images are kept and mapped into memory. Without one they are held in memory.
    pub cache: Option<PathBuf>,
    /// True when it is an error that images are left out.
    pub strict: bool,
    /// The limits of its size.
    pub limits: Limits,
}

impl Reading {
    /// The choices that are not the default, as key and value: what `run.toml` records.
    pub fn to_pairs(&self) -> BTreeMap<String, String> {
        let mut pairs = BTreeMap::new();
        if self.labels == LabelLevel::Coarse {
            pairs.insert("labels".to_owned(), "coarse".to_owned());
        }
        if let Some(folder) = &self.test_from {
            pairs.insert("test_from".to_owned(), folder.clone());
        }
        if self.orientation == Orientation::Turned {
            pairs.insert("orientation".to_owned(), "turned".to_owned());
        }
        pairs
    }

    /// The choices that were recorded.
    ///
    /// # Errors
    /// [`Error::Option`] for a key or value that is not known.
    pub fn from_pairs(pairs: &BTreeMap<String, String>) -> Result<Self, Error> {
        let mut reading = Self::default();
        for (key, value) in pairs {
            match (key.as_str(), value.as_str()) {
                ("labels", "fine") => reading.labels = LabelLevel::Fine,
                ("labels", "coarse") => reading.labels = LabelLevel::Coarse,
                ("orientation", "stored") => reading.orientation = Orientation::Stored,
                ("orientation", "turned") => reading.orientation = Orientation::Turned,
                ("test_from", folder) => reading.test_from = Some(folder.to_owned()),
                (key, value) => {
                    let expected = "labels = fine or coarse, orientation = stored or turned, test_from = a folder";
                    return Err(Error::Option { key: "reading", found: format!("{key} = {value}"), expected });
                }
            }
        }
        Ok(reading)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recorded_comes_back() {
        let reading =
            Reading { labels: LabelLevel::Coarse, test_from: Some("val".to_owned()), orientation: Orientation::Turned };
        assert_eq!(Reading::from_pairs(&reading.to_pairs()).unwrap(), reading);
        assert!(Reading::default().to_pairs().is_empty());
        let pairs = BTreeMap::from([("labels".to_owned(), "finest".to_owned())]);
        assert!(Reading::from_pairs(&pairs).unwrap_err().to_string().contains("finest"));
    }
}
