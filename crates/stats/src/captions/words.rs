//! The words in the names of images.

use std::collections::{BTreeMap, BTreeSet};

/// Images that have a word at least.
const MIN_IMAGES: usize = 5;
/// Words that are counted at most: the most frequent ones.
const MAX_WORDS: usize = 1_000;
/// Letters of a word at least.
const MIN_LETTERS: usize = 2;

/// A word, and the images that have it in their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// In small letters.
    pub text: String,
    /// Rows of the table, ascending.
    pub images: Vec<u32>,
}

/// The words of a name: runs of letters of two and more in its last part, without the ending of the file, in small
/// letters. Numbers count images and say nothing.
fn words_of(name: &str) -> BTreeSet<String> {
    let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let stem = match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() && ending.len() <= 4 => stem,
        _ => name,
    };
    let runs = stem.split(|letter: char| !letter.is_alphabetic());
    runs.filter(|run| run.chars().count() >= MIN_LETTERS).map(str::to_lowercase).collect()
}

/// The words of all names, the most frequent first. Left out are rare ones, those that all images have, and those of
/// the classes' own names, which the labels say already.
pub(super) fn index<'a>(
    names: impl Iterator<Item = Option<std::borrow::Cow<'a, str>>>,
    classes: &[String],
) -> Vec<Word> {
    let of_classes: BTreeSet<String> = classes.iter().flat_map(|class| words_of(class)).collect();
    let mut found: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    let mut count = 0;
    for name in names {
        for word in name.map(|name| words_of(&name)).unwrap_or_default() {
            found.entry(word).or_default().push(count);
        }
        count += 1;
    }
    let is_telling = |(text, images): &(String, Vec<u32>)| {
        images.len() >= MIN_IMAGES && images.len() < count as usize && !of_classes.contains(text)
    };
    let mut words: Vec<(String, Vec<u32>)> = found.into_iter().filter(is_telling).collect();
    words.sort_by_key(|(_, images)| std::cmp::Reverse(images.len()));
    words.truncate(MAX_WORDS);
    words.into_iter().map(|(text, images)| Word { text, images }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_runs_of_letters() {
        let words = |name: &str| words_of(name).into_iter().collect::<Vec<_>>();
        assert_eq!(words("train/disc/disc_large_0389.png"), ["disc", "large"]);
        assert_eq!(words("tabby_cat_s_000021.JPEG"), ["cat", "tabby"]);
        assert_eq!(words("Grüner-Baum 2"), ["baum", "grüner"]);
        assert_eq!(words("data_batch_1/17"), Vec::<String>::new());
        assert_eq!(words(".hidden"), ["hidden"]);
        assert_eq!(words(""), Vec::<String>::new());
    }

    #[test]
    fn telling_words_are_indexed() {
        let names = (0..20).map(|image| {
            let size = if image % 2 == 0 { "large" } else { "small" };
            let rare = if image < 4 { "_rare" } else { "" };
            Some(format!("all_ring_{size}{rare}_{image}").into())
        });
        let words = index(names.chain([None]), &["ring".to_owned()]);
        let found: Vec<_> = words.iter().map(|word| (word.text.as_str(), word.images.len())).collect();
        // The last image has no name, so that not all have the first word.
        assert_eq!(found, [("all", 20), ("large", 10), ("small", 10)]);
        assert_eq!(words[2].images[..3], [1, 3, 5]);
    }
}
