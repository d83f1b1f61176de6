//! The images of a split over which the effect of switching units off (or another number) is computed.

use std::sync::Arc;

use deepviz_corpus::{Corpus, ImageId, Split};
use ndarray::ArrayView3;

use crate::http::problem::ApiError;

/// Images by default.
pub(crate) const DEFAULT_IMAGES: usize = 2_000;
/// Images at most.
pub(crate) const MAX_IMAGES: usize = 20_000;

/// Some images of a split, evenly chosen.
#[derive(Clone)]
pub(crate) struct TestSample {
    pub(crate) corpus: Arc<Corpus>,
    pub(crate) split: Split,
    pub(crate) ids: Vec<ImageId>,
}

impl TestSample {
    /// At most `limit` images of the split: of `n` images, those at `i * n / limit`.
    ///
    /// # Errors
    /// A split without images; a limit out of bounds.
    pub(crate) fn of(corpus: &Arc<Corpus>, split: Split, limit: Option<usize>) -> Result<Self, ApiError> {
        let limit = limit.unwrap_or(DEFAULT_IMAGES);
        if !(1..=MAX_IMAGES).contains(&limit) {
            return Err(ApiError::bad(format!("expected a limit of 1 to {MAX_IMAGES}, found {limit}")));
        }
        let range = corpus.range(split);
        if range.is_empty() {
            return Err(ApiError::no_split(split));
        }
        let (all, count) = (range.len(), range.len().min(limit));
        let ids = (0..count).map(|index| ImageId(range.start + (index * all / count) as u32)).collect();
        Ok(Self { corpus: Arc::clone(corpus), split, ids })
    }

    /// The part of a cache key that stands for the images.
    pub(crate) fn key(&self) -> String {
        format!("{}/{}/{}", self.corpus.identity(), self.split, self.ids.len())
    }

    /// The pixels of some of the images.
    pub(crate) fn pixels<'a>(&'a self, ids: &[ImageId]) -> Result<Vec<ArrayView3<'a, u8>>, ApiError> {
        let pixels = |id: &ImageId| {
            self.corpus.pixels(*id).ok_or_else(|| ApiError::unusable(format!("image {} is not there any more", id.0)))
        };
        ids.iter().map(pixels).collect()
    }

    /// The classes of all of them.
    pub(crate) fn labels(&self) -> Vec<u16> {
        self.ids.iter().filter_map(|id| self.corpus.label(*id)).map(|class| class.0).collect()
    }
}
