//! Images of the test split that are in the training split too, or nearly.
//!
//! For each test image the training images that may be the same are found in two ways: by the pixels, brought to 4 x 4
//! cells without brightness and contrast, and by the outputs of a network, where there are any (what is mirrored or moved
//! differs in its pixels, but hardly in these). The few nearest in each are compared in 32 x 32 pixels: the similarity of
//! two images is the greatest correlation of their pixels over shifts of up to two pixels, one of them mirrored or not.
//! The cost is the number of test images times that of training images, times a little; what is examined can be bounded
//! by choosing test images.

mod canvas;

use deepviz_corpus::{Corpus, ImageId, Split};
use ndarray::ArrayView2;

use crate::near::nearest;
use canvas::Canvas;

/// Values of a fingerprint: 4 x 4 cells of 3 channels.
const VALUES: usize = 48;
/// Values after which a partial distance is compared with the limit, to stop early.
const STRIDE: usize = 8;
/// Candidates of each kind for each test image.
const CANDIDATES: usize = 4;
/// Correlation without a shift from which on shifts are tried.
const WORTH_SHIFTING: f32 = 0.7;

/// A test image and a training image that are nearly the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DuplicatePair {
    /// The image of the test split.
    pub test: ImageId,
    /// The image of the training split.
    pub train: ImageId,
    /// The correlation of their pixels, up to 1.
    pub similarity: f32,
    /// The root mean square of the difference of their pixels where they overlap, in levels of 0 to 255.
    pub difference: f32,
    /// Columns and rows that the training image is moved by, of 32.
    pub shift: [i32; 2],
    /// The training image is mirrored.
    pub mirrored: bool,
}

/// The outputs of a network for both splits, images by classes.
#[derive(Clone, Copy, Debug)]
pub struct OutputsOfSplits<'a> {
    /// For the training images.
    pub train: ArrayView2<'a, f32>,
    /// For the test images.
    pub test: ArrayView2<'a, f32>,
}

/// The fingerprints of the training images, to be compared with.
pub struct DuplicateSearch {
    fingerprints: Vec<[f32; VALUES]>,
    first: u32,
    /// The values that differ most between images come first, so that most distances are soon too great.
    order: [usize; VALUES],
}

impl DuplicateSearch {
    /// Looks at every training image once.
    pub fn new(corpus: &Corpus) -> Self {
        let range = corpus.range(Split::Train);
        let mut fingerprints: Vec<[f32; VALUES]> =
            range.clone().map(|id| fingerprint(corpus, ImageId(id)).unwrap_or([f32::NAN; VALUES])).collect();
        let mut spread = [0.0_f64; VALUES];
        for values in fingerprints.iter().filter(|values| values[0].is_finite()) {
            for (sum, value) in spread.iter_mut().zip(values) {
                *sum += f64::from(value * value);
            }
        }
        let mut order: [usize; VALUES] = std::array::from_fn(|index| index);
        order.sort_by(|&a, &b| spread[b].total_cmp(&spread[a]));
        for values in &mut fingerprints {
            *values = order.map(|index| values[index]);
        }
        Self { fingerprints, first: range.start, order }
    }

    /// Bytes that it holds.
    pub const fn bytes(&self) -> usize {
        self.fingerprints.len() * size_of::<[f32; VALUES]>()
    }

    /// The most similar training image of each of some test images, where the similarity is `min_similarity` or more. Outputs of
    /// other numbers of images than the corpus has are not used.
    pub fn pairs(
        &self,
        corpus: &Corpus,
        tests: &[ImageId],
        outputs: Option<OutputsOfSplits<'_>>,
        min_similarity: f32,
    ) -> Vec<DuplicatePair> {
        let (train, test) = (corpus.range(Split::Train), corpus.range(Split::Test));
        let outputs = outputs.filter(|outputs| {
            outputs.train.nrows() == train.len()
                && outputs.test.nrows() == test.len()
                && outputs.train.ncols() == outputs.test.ncols()
        });
        let pair = |&id: &ImageId| {
            let mut candidates = self.nearest_pixels(corpus, id);
            if let Some(outputs) = outputs
                && let Some(index) = id.0.checked_sub(test.start)
            {
                let point = outputs.test.row(index as usize).to_vec();
                let found = nearest(outputs.train, &point, |_| true, CANDIDATES);
                candidates.extend(found.into_iter().map(|(index, _)| index));
            }
            candidates.sort_unstable();
            candidates.dedup();
            let of_test = Canvas::of(corpus.pixels(id)?)?;
            let compared = candidates.into_iter().filter_map(|index| {
                let train = ImageId(self.first + index as u32);
                let found = of_test.most_similar(&Canvas::of(corpus.pixels(train)?)?, WORTH_SHIFTING);
                let canvas::Match { similarity, difference, shift, mirrored } = found;
                Some(DuplicatePair { test: id, train, similarity, difference, shift, mirrored })
            });
            compared
                .filter(|pair| pair.similarity >= min_similarity)
                .max_by(|a, b| a.similarity.total_cmp(&b.similarity))
        };
        tests.iter().filter_map(pair).collect()
    }

    /// The training images whose fingerprints lie nearest to that of an image.
    fn nearest_pixels(&self, corpus: &Corpus, id: ImageId) -> Vec<usize> {
        let Some(values) = fingerprint(corpus, id) else { return Vec::new() };
        let point = self.order.map(|index| values[index]);
        // The nearest so far, the farthest of them last.
        let mut best = [(f32::INFINITY, usize::MAX); CANDIDATES];
        for (index, other) in self.fingerprints.iter().enumerate() {
            let farthest = best[CANDIDATES - 1].0;
            let mut distance = 0.0;
            for (a, b) in point.chunks_exact(STRIDE).zip(other.chunks_exact(STRIDE)) {
                distance += a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f32>();
                if distance >= farthest {
                    break;
                }
            }
            if distance < farthest {
                best[CANDIDATES - 1] = (distance, index);
                best.sort_by(|a, b| a.0.total_cmp(&b.0));
            }
        }
        best.iter().filter(|found| found.1 != usize::MAX).map(|found| found.1).collect()
    }
}

/// An image as 4 x 4 cells of 3 channels, of mean 0 and length 1; none of an image without contrast.
fn fingerprint(corpus: &Corpus, id: ImageId) -> Option<[f32; VALUES]> {
    let cells = Canvas::of(corpus.pixels(id)?)?.cells();
    let mean = cells.iter().sum::<f32>() / VALUES as f32;
    let length = cells.iter().map(|value| (value - mean) * (value - mean)).sum::<f32>().sqrt();
    (length > 0.0).then(|| cells.map(|value| (value - mean) / length))
}

#[cfg(test)]
mod tests;
