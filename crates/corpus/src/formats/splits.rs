//! Images for testing: the usual names of splits, and the rule for corpora that have none.

use std::{collections::BTreeSet, ffi::OsStr, path::Path};

use super::class_folders::{Role, role};
use crate::{Account, ClassId, Error, Split};

/// Without a test split, every tenth image of a class is a test image.
pub(crate) const TEST_EVERY: usize = 10;

/// Takes every tenth image of a class for testing, in the order in which they come.
#[derive(Debug, Default)]
pub(crate) struct EveryTenth {
    seen: Vec<usize>,
}

impl EveryTenth {
    /// The split of the next image of a class.
    pub(crate) fn next(&mut self, class: ClassId) -> Split {
        if self.seen.len() <= class.index() {
            self.seen.resize(class.index() + 1, 0);
        }
        let seen = &mut self.seen[class.index()];
        *seen += 1;
        if seen.is_multiple_of(TEST_EVERY) { Split::Test } else { Split::Train }
    }
}

/// The split of each image: the one it comes from, or, in a corpus without images for testing, that of the rule.
#[derive(Debug)]
pub(crate) struct Splitting {
    rule: Option<EveryTenth>,
}

impl Splitting {
    /// Adds a remark to the account where the rule applies.
    pub(crate) fn new(has_test: bool, account: &mut Account) -> Self {
        if has_test {
            return Self { rule: None };
        }
        account.remark("there is no test split: every tenth image of a class is for testing");
        Self { rule: Some(EveryTenth::default()) }
    }

    /// No rule: batches of CIFAR-10 without the test batch are a corpus for training alone.
    pub(crate) fn as_found(has_test: bool, account: &mut Account) -> Self {
        if !has_test {
            account.remark("there is no test batch: no image is for testing");
        }
        Self { rule: None }
    }

    /// The split of the next image.
    pub(crate) fn next(&mut self, split: Split, class: ClassId) -> Split {
        self.rule.as_mut().map_or(split, |rule| rule.next(class))
    }
}

/// A split by its name in the files; unlike in [`Split`], validation is one of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Train,
    Test,
    Validation,
}

impl Part {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Test => "test",
            Self::Validation => "validation",
        }
    }
}

/// The part that a file belongs to, by the first word of its name that is one: `train-00000-of-00001.parquet`.
pub(crate) fn part_of_file(name: &str) -> Option<Part> {
    name.split(['-', '.', '_', ' ']).find_map(part_named)
}

/// Understands the usual names of splits, as those of folders are.
pub(crate) fn part_named(name: &str) -> Option<Part> {
    match role(OsStr::new(name)) {
        Some((Role::Train, true)) => Some(Part::Train),
        Some((Role::Test, true)) => Some(Part::Test),
        Some((Role::Validation, true)) => Some(Part::Validation),
        _ => None,
    }
}

/// The part that becomes the test split: the one that is requested, else `test` where it has labels, else `validation`.
///
/// # Errors
/// If the one requested does not exist.
pub(crate) fn test_part(labelled: &BTreeSet<Part>, asked: Option<&str>, path: &Path) -> Result<Option<Part>, Error> {
    if let Some(name) = asked {
        let part = part_named(name).filter(|part| *part != Part::Train && labelled.contains(part));
        let there: Vec<&str> = labelled.iter().filter(|part| **part != Part::Train).map(|part| part.as_str()).collect();
        let expected = if there.is_empty() { "none: there is no other".to_owned() } else { there.join(" or ") };
        return part.map(Some).ok_or(Error::TestFrom { found: name.to_owned(), expected, path: path.to_owned() });
    }
    Ok([Part::Test, Part::Validation].into_iter().find(|part| labelled.contains(part)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tenth_of_each_class_is_for_testing() {
        let mut rule = EveryTenth::default();
        let splits: Vec<Split> = (0..40).map(|index| rule.next(ClassId(index % 2))).collect();
        let test: Vec<usize> = (0..40).filter(|&index| splits[index] == Split::Test).collect();
        assert_eq!(test, [18, 19, 38, 39]);
        assert_eq!((part_named("Valid"), part_named("cats")), (Some(Part::Validation), None));
    }

    #[test]
    fn validation_stands_in_for_a_test_split_without_labels() {
        let both = BTreeSet::from([Part::Train, Part::Test, Part::Validation]);
        assert_eq!(test_part(&both, None, Path::new("")).unwrap(), Some(Part::Test));
        assert_eq!(test_part(&both, Some("val"), Path::new("")).unwrap(), Some(Part::Validation));
        let one = BTreeSet::from([Part::Train, Part::Validation]);
        assert_eq!(test_part(&one, None, Path::new("")).unwrap(), Some(Part::Validation));
        assert!(test_part(&one, Some("test"), Path::new("")).unwrap_err().to_string().contains("expected validation"));
        assert_eq!(test_part(&BTreeSet::from([Part::Train]), None, Path::new("")).unwrap(), None);
    }
}
