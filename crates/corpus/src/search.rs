//! Finding images by class, split, name and id.

use serde::{Deserialize, Serialize};

use crate::{ClassId, Corpus, ImageId, Split};

/// A search. The default finds every image, [`Query::DEFAULT_LIMIT`] at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Words that must all match: part of the class name or of the image's name (whatever the case), an id, or
    /// `#id` for nothing but the id. An image whose id was requested comes first.
    pub text: Option<String>,
    /// Only this class.
    pub class: Option<ClassId>,
    /// Only this split.
    pub split: Option<Split>,
    /// The largest number of images to return.
    pub limit: usize,
    /// Matches to skip, as given by [`Page::next`].
    pub cursor: usize,
}

impl Query {
    /// Default number of images a page.
    pub const DEFAULT_LIMIT: usize = 100;
}

impl Default for Query {
    fn default() -> Self {
        Self { text: None, class: None, split: None, limit: Self::DEFAULT_LIMIT, cursor: 0 }
    }
}

/// A page of matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Number of matches in all.
    pub total: usize,
    /// The images of this page, by id (but an id requested first).
    pub ids: Vec<ImageId>,
    /// The cursor of the page after this one, if there is one.
    pub next: Option<usize>,
}

/// One word of the text.
struct Word {
    text: String,
    id: Option<u32>,
    /// Written `#id`: names are not looked at.
    only_id: bool,
    /// Classes whose name holds the word.
    classes: Vec<bool>,
}

impl Corpus {
    /// A page of the images that match a query.
    pub fn search(&self, query: &Query) -> Page {
        search(self, query)
    }
}

fn search(corpus: &Corpus, query: &Query) -> Page {
    let text = query.text.as_deref().unwrap_or_default().to_lowercase();
    let words: Vec<Word> = text.split_whitespace().map(|word| parse(corpus, word)).collect();
    let first = match words.as_slice() {
        [word] => word.id.map(ImageId).filter(|&id| matches(corpus, query, &words, id)),
        _ => None,
    };
    let range = query.split.map_or(0..corpus.len() as u32, |split| corpus.range(split));
    let rest = range.map(ImageId).filter(|&id| Some(id) != first && matches(corpus, query, &words, id));
    let mut total = 0;
    let mut ids = Vec::new();
    for id in first.into_iter().chain(rest) {
        if total >= query.cursor && ids.len() < query.limit {
            ids.push(id);
        }
        total += 1;
    }
    let end = query.cursor.saturating_add(ids.len());
    let next = (end < total && !ids.is_empty()).then_some(end);
    Page { total, ids, next }
}

fn parse(corpus: &Corpus, word: &str) -> Word {
    let number = word.strip_prefix('#');
    let id = number.unwrap_or(word).parse().ok();
    let classes = corpus.classes().iter().map(|class| class.to_lowercase().contains(word)).collect();
    Word { text: word.to_owned(), id, only_id: number.is_some() && id.is_some(), classes }
}

fn matches(corpus: &Corpus, query: &Query, words: &[Word], id: ImageId) -> bool {
    let Some(class) = corpus.label(id) else { return false };
    if query.class.is_some_and(|wanted| wanted != class) {
        return false;
    }
    if query.split.is_some_and(|split| !corpus.range(split).contains(&id.0)) {
        return false;
    }
    words.iter().all(|word| {
        word.id == Some(id.0)
            || !word.only_id
                && (word.classes.get(class.index()) == Some(&true)
                    || corpus.name_of(id).is_some_and(|name| contains(&name, &word.text)))
    })
}

/// True when a name holds a lower-case text, whatever the case of the name.
fn contains(name: &str, text: &str) -> bool {
    if name.is_ascii() {
        return text.is_empty()
            || name.as_bytes().windows(text.len()).any(|part| part.eq_ignore_ascii_case(text.as_bytes()));
    }
    name.to_lowercase().contains(text)
}
