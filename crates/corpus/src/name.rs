//! The names of images, kept as one text, and the natural order of names.

use std::{borrow::Cow, cmp::Ordering};

/// The names of all images of a corpus.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Names {
    text: String,
    /// End of each name in `text`.
    ends: Vec<usize>,
}

impl Names {
    pub(crate) fn push(&mut self, name: &str) {
        self.text.push_str(name);
        self.ends.push(self.text.len());
    }

    pub(crate) fn get(&self, index: usize) -> Option<Cow<'_, str>> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(Cow::Borrowed(&self.text[start..end]))
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// All names, one after the other.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// End of each name in the text.
    pub(crate) fn ends(&self) -> &[usize] {
        &self.ends
    }

    /// From text and ends as they were kept; nothing where they do not belong together.
    pub(crate) fn from_parts(text: String, ends: Vec<usize>) -> Option<Self> {
        let is_whole = ends.is_sorted() && ends.iter().all(|&end| text.is_char_boundary(end));
        (is_whole && ends.last().copied().unwrap_or(0) == text.len()).then_some(Self { text, ends })
    }

    /// Takes over the names of others behind its own.
    pub(crate) fn append(&mut self, other: &Self) {
        let before = self.text.len();
        self.text.push_str(&other.text);
        self.ends.extend(other.ends.iter().map(|end| before + end));
    }
}

impl<S: AsRef<str>> FromIterator<S> for Names {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        let mut all = Self::default();
        for name in names {
            all.push(name.as_ref());
        }
        all
    }
}

/// The order in which people count: `image2` before `image10`. Equal only for equal texts.
pub(crate) fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        let (a_word, a_number, a_rest) = part(left);
        let (b_word, b_number, b_rest) = part(right);
        // Numbers are compared as texts without leading zeros, so that none is too long.
        let (a_value, b_value) = (a_number.trim_start_matches('0'), b_number.trim_start_matches('0'));
        let order = a_word.cmp(b_word).then(a_value.len().cmp(&b_value.len())).then(a_value.cmp(b_value));
        if order != Ordering::Equal {
            return order;
        }
        if a_rest.is_empty() || b_rest.is_empty() {
            return a_rest.len().cmp(&b_rest.len()).then_with(|| a.cmp(b));
        }
        (left, right) = (a_rest, b_rest);
    }
}

/// The text before the first number, that number, and what follows it.
fn part(text: &str) -> (&str, &str, &str) {
    let start = text.find(|c: char| c.is_ascii_digit()).unwrap_or(text.len());
    let (word, rest) = text.split_at(start);
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (number, rest) = rest.split_at(end);
    (word, number, rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_come_back() {
        let names: Names = ["a", "", "üb"].into_iter().collect();
        let back: Vec<_> = (0..4).map(|index| names.get(index)).collect();
        assert_eq!(back, [Some("a".into()), Some("".into()), Some("üb".into()), None]);
    }

    #[test]
    fn names_are_ordered_as_people_count() {
        let mut names = vec!["b1", "a10", "a2", "a", "a02", "a2b", "10", "9", "a2b10", "a2b9"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["9", "10", "a", "a02", "a2", "a2b", "a2b9", "a2b10", "a10", "b1"]);
    }

    proptest! {
        #[test]
        fn the_natural_order_is_an_order(a in "[a-b0-2]{0,5}", b in "[a-b0-2]{0,5}", c in "[a-b0-2]{0,5}") {
            prop_assert_eq!(natural(&a, &b), natural(&b, &a).reverse());
            prop_assert_eq!(natural(&a, &b) == Ordering::Equal, a == b);
            if natural(&a, &b).is_le() && natural(&b, &c).is_le() {
                prop_assert!(natural(&a, &c).is_le());
            }
        }
    }
}
