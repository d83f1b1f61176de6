//! Parameters that name something in a corpus: a split, a class, an image.

use deepviz_corpus::{ClassId, Corpus, ImageId, Split, find_class};

use crate::http::problem::ApiError;

/// The split a query names; the test split unless it does.
pub(crate) fn split(word: Option<&str>) -> Result<Split, ApiError> {
    match word {
        None => Ok(Split::Test),
        Some(word) => {
            word.parse().map_err(|_| ApiError::bad(format!("unknown split `{word}`; expected train or test")))
        }
    }
}

/// A class by name or number; see [`find_class`].
pub(crate) fn class_of(classes: &[String], text: &str) -> Result<ClassId, ApiError> {
    find_class(classes, text).map_err(|error| ApiError::bad(error.to_string()))
}

/// An image's id, checked against what there is.
pub(crate) fn image_id(corpus: &Corpus, text: &str) -> Result<ImageId, ApiError> {
    let id: u32 = text
        .parse()
        .map_err(|_| ApiError::bad(format!("expected the id of an image, a whole number; found `{text}`")))?;
    if (id as usize) < corpus.len() {
        return Ok(ImageId(id));
    }
    Err(ApiError::not_found(format!(
        "no image {id}; corpus {} has 0 to {}",
        corpus.name(),
        corpus.len().saturating_sub(1)
    )))
}
