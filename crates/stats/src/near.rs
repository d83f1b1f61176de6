//! The images whose outputs lie nearest to those of one image.

use deepviz_corpus::{ClassId, ImageId, Split};
use deepviz_net::Step;
use ndarray::{ArrayView1, ArrayView2};

use crate::confusion::{predicted, softmax};
use crate::error::Error;
use crate::page::Page;
use crate::store::Store;

/// Sums that a distance is added up in, so that a vector unit has something to do.
const LANES: usize = 4;

/// A search for the images nearest to one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NearQuery {
    /// The checkpoint.
    pub step: Step,
    /// The image to which others are near.
    pub image: ImageId,
    /// The split whose images are searched.
    pub split: Split,
    /// Images at most.
    pub limit: usize,
}

/// An image near to another one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NearImage {
    /// The image.
    pub image: ImageId,
    /// Its predicted class.
    pub predicted: ClassId,
    /// The probability of that.
    pub probability: f32,
    /// The Euclidean distance between the outputs of the two.
    pub distance: f32,
}

impl Store {
    /// The images whose outputs at a checkpoint lie nearest to those of one image, the nearest first, of two equally
    /// near the smaller id; without the image itself. `None` where outputs of the split or of the image are missing.
    ///
    /// Outputs are what goes into the softmax, as [`Store::logits`] gives them. An image whose outputs are no numbers,
    /// or so large that their distance is none, is near to none.
    pub fn near(&self, query: &NearQuery) -> Result<Option<Vec<NearImage>>, Error> {
        self.near_among(query, |_, _| true)
    }

    /// The same among those images for which `is_wanted` is true; it gets an image and its predicted class.
    pub fn near_among(
        &self,
        query: &NearQuery,
        is_wanted: impl Fn(ImageId, ClassId) -> bool,
    ) -> Result<Option<Vec<NearImage>>, Error> {
        let Some((first, outputs)) = self.outputs(query.step, query.split)? else { return Ok(None) };
        let index = query.image.0.checked_sub(first.0).map(|index| index as usize);
        let index = index.filter(|&index| index < outputs.nrows());
        let point = match index {
            Some(index) => outputs.row(index).to_vec(),
            None => match self.outputs_of(query.image, query.step..=query.step)?.pop() {
                Some((_, point)) if point.len() == outputs.ncols() => point,
                _ => return Ok(None),
            },
        };
        let is_candidate = |other: usize| {
            let image = ImageId(first.0 + other as u32);
            Some(other) != index && is_wanted(image, ClassId(predicted(outputs.row(other)) as u16))
        };
        let found = nearest(outputs.view(), &point, is_candidate, query.limit);
        Ok(Some(near_images(first, outputs.view(), found)))
    }

    /// As [`Store::near_among`], of an image that is not in the corpus: `logits` are its outputs at the checkpoint.
    pub fn near_outputs(
        &self,
        query: &NearQuery,
        logits: &[f32],
        is_wanted: impl Fn(ImageId, ClassId) -> bool,
    ) -> Result<Option<Vec<NearImage>>, Error> {
        let Some((first, outputs)) = self.outputs(query.step, query.split)? else { return Ok(None) };
        if logits.len() != outputs.ncols() {
            return Ok(None);
        }
        let is_candidate =
            |other: usize| is_wanted(ImageId(first.0 + other as u32), ClassId(predicted(outputs.row(other)) as u16));
        let found = nearest(outputs.view(), logits, is_candidate, query.limit);
        Ok(Some(near_images(first, outputs.view(), found)))
    }
}

/// The images of some rows, with their distances; `first` is that of the first row.
fn near_images(first: ImageId, outputs: ArrayView2<'_, f32>, found: Vec<(usize, f32)>) -> Vec<NearImage> {
    let near_image = |(index, distance): (usize, f32)| {
        let row = outputs.row(index);
        let class = predicted(row);
        NearImage {
            image: ImageId(first.0 + index as u32),
            predicted: ClassId(class as u16),
            probability: softmax(row)[class],
            distance,
        }
    };
    found.into_iter().map(near_image).collect()
}

/// The rows nearest to a point with their distances, among the candidates.
pub(crate) fn nearest(
    outputs: ArrayView2<'_, f32>,
    point: &[f32],
    is_candidate: impl Fn(usize) -> bool,
    limit: usize,
) -> Vec<(usize, f32)> {
    let order = |a: &(usize, f32), b: &(usize, f32)| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0));
    // Twice as many as are wanted at most; those too many are dropped whenever it is full.
    let capacity = limit.saturating_mul(2).min(outputs.nrows());
    let mut best = Vec::with_capacity(capacity);
    let mut farthest = f32::INFINITY;
    for (index, row) in outputs.rows().into_iter().enumerate() {
        let distance = distance(row, point);
        if distance.is_finite() && distance <= farthest && is_candidate(index) {
            best.push((index, distance));
            if best.len() == capacity && limit < capacity {
                farthest = best.select_nth_unstable_by(limit - 1, order).1.1;
                best.truncate(limit);
            }
        }
    }
    Page::of(best, 0..limit, order).items
}

fn distance(row: ArrayView1<'_, f32>, point: &[f32]) -> f32 {
    let square = |(a, b): (&f32, &f32)| (a - b) * (a - b);
    let Some(row) = row.to_slice() else { return row.iter().zip(point).map(square).sum::<f32>().sqrt() };
    let ((row, row_rest), (point, point_rest)) = (row.as_chunks::<LANES>(), point.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (a, b) in row.iter().zip(point) {
        for lane in 0..LANES {
            sums[lane] += square((&a[lane], &b[lane]));
        }
    }
    let rest: f32 = row_rest.iter().zip(point_rest).map(square).sum();
    (sums.into_iter().sum::<f32>() + rest).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, arr2};
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// Whole numbers, so that ties are frequent and sums exact, and now and then what is no number.
    fn outputs() -> impl Strategy<Value = Array2<f32>> {
        let value = prop_oneof![30 => (-3_i8..=3).prop_map(f32::from), 1 => Just(f32::NAN)];
        (1_usize..40, 1_usize..12).prop_flat_map(move |(images, classes)| {
            vec(value.clone(), images * classes)
                .prop_map(move |values| Array2::from_shape_vec((images, classes), values).unwrap())
        })
    }

    fn by_hand(outputs: &Array2<f32>, image: usize) -> Vec<(usize, f32)> {
        let mut all: Vec<(usize, f32)> = (0..outputs.nrows())
            .filter(|&other| other != image)
            .map(|other| {
                let squares = (0..outputs.ncols()).map(|k| (outputs[[image, k]] - outputs[[other, k]]).powi(2));
                (other, squares.sum::<f32>().sqrt())
            })
            .filter(|(_, distance)| !distance.is_nan())
            .collect();
        // Stable: of two equally near the first stays first.
        all.sort_by(|a, b| a.1.partial_cmp(&b.1).unwrap());
        all
    }

    fn around(outputs: &Array2<f32>, image: usize, limit: usize) -> Vec<(usize, f32)> {
        nearest(outputs.view(), &outputs.row(image).to_vec(), |other| other != image, limit)
    }

    proptest! {
        #[test]
        fn the_nearest_are_those_of_a_search_through_all(outputs in outputs(), image in 0_usize..40, limit in 1_usize..50) {
            let image = image % outputs.nrows();
            let mut expected = by_hand(&outputs, image);
            expected.truncate(limit);
            prop_assert_eq!(around(&outputs, image, limit), expected);
        }

        #[test]
        fn distances_are_symmetric(outputs in vec(-1e6_f32..1e6, 60)) {
            let outputs = Array2::from_shape_vec((5, 12), outputs).unwrap();
            for image in 0..5 {
                for (other, there) in around(&outputs, image, 5) {
                    let back = around(&outputs, other, 5).into_iter().find(|near| near.0 == image).unwrap().1;
                    prop_assert_eq!(there.to_bits(), back.to_bits());
                }
            }
        }
    }

    #[test]
    fn the_memory_order_of_the_columns_does_not_matter() {
        let outputs = arr2(&[[0.0, 3.0, 1.0], [0.0, 4.0, 1.0], [5.0, 5.0, 0.0]]);
        assert_eq!(nearest(outputs.t(), &[3.0, 4.0, 5.0], |other| other != 1, 9), [(0, 5.0), (2, 38_f32.sqrt())]);
    }

    #[test]
    fn rows_with_nan_are_near_to_nothing() {
        let outputs = arr2(&[[0.0, 1.0], [f32::NAN, 1.0], [2.0, 1.0], [3e38, 1.0]]);
        assert_eq!(around(&outputs, 0, 9), [(2, 2.0)]);
        assert!(around(&outputs, 1, 9).is_empty());
    }
}
