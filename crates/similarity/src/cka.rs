//! Linear centred kernel alignment of two layers over the same images.

use std::ops::Range;

use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

use crate::centred;

/// A layer's images compared among themselves: the inner products of their centred features.
///
/// Layers of any number of features can be compared by it, also of different networks. The matrix is symmetric and its
/// diagonal is not used: what is kept is what lies above it, row by row.
#[derive(Clone, Debug)]
pub struct Gram {
    images: usize,
    above: Vec<f32>,
}

impl Gram {
    /// Of features `[images, features]`.
    #[must_use]
    pub fn of(features: ArrayView2<'_, f32>) -> Self {
        let features = centred(features);
        let images = features.nrows();
        let whole = features.dot(&features.t());
        let above = whole.rows().into_iter().enumerate().flat_map(|(row, values)| {
            let values = values.to_vec().into_iter();
            values.skip(row + 1)
        });
        Self { images, above: above.collect() }
    }

    /// The number of images.
    #[must_use]
    pub const fn images(&self) -> usize {
        self.images
    }

    /// For comparisons over all images, in the same memory.
    #[must_use]
    pub fn into_centred(self) -> CentredGram {
        CentredGram::of(self.images, self.above)
    }

    /// For comparisons over some of the images, which are named in rising order.
    #[must_use]
    pub fn centred(&self, images: &[usize]) -> CentredGram {
        let mut above = Vec::with_capacity(images.len() * images.len().saturating_sub(1) / 2);
        for (index, &row) in images.iter().enumerate() {
            let values = &self.above[row_above(self.images, row)];
            above.extend(images[index + 1..].iter().map(|&column| values[column - row - 1]));
        }
        CentredGram::of(images.len(), above)
    }
}

/// Where the values of a row lie that are above the diagonal.
const fn row_above(images: usize, row: usize) -> Range<usize> {
    let start = row * images - row * (row + 1) / 2;
    start..start + images - row - 1
}

/// A Gram matrix with the diagonal at zero, and centred so that the inner product of two of them, by `n (n - 3)`, is the
/// estimate of their dependence without bias (Székely and Rizzo, 2014, "U-centring").
#[derive(Clone, Debug)]
pub struct CentredGram {
    images: usize,
    above: Vec<f32>,
    /// The inner product with itself, of the values above the diagonal.
    square: f64,
}

impl CentredGram {
    fn of(images: usize, mut above: Vec<f32>) -> Self {
        if images < 4 {
            return Self { images, above, square: f64::NAN };
        }
        let n = images as f64;
        let mut sums = vec![0.0_f64; images];
        for row in 0..images {
            let mut own = 0.0;
            for (value, sum) in above[row_above(images, row)].iter().zip(&mut sums[row + 1..]) {
                own += f64::from(*value);
                *sum += f64::from(*value);
            }
            sums[row] += own;
        }
        let total: f64 = sums.iter().sum();
        let shift = total / ((n - 1.0) * (n - 2.0));
        for row in 0..images {
            for (value, sum) in above[row_above(images, row)].iter_mut().zip(&sums[row + 1..]) {
                *value = (f64::from(*value) - (sums[row] + sum) / (n - 2.0) + shift) as f32;
            }
        }
        let square = above.chunks(BLOCK).map(|block| inner(block, block)).sum();
        Self { images, above, square }
    }

    /// The alignment of two layers with the inner product `inner`.
    fn alignment(&self, other: &Self, inner: f64) -> Option<f64> {
        let scale = (self.square * other.square).sqrt();
        // A layer whose images are all alike leaves rounding alone.
        let is_usable = self.images == other.images && scale.is_finite() && scale > f64::MIN_POSITIVE;
        is_usable.then(|| inner / scale)
    }
}

/// The alignment of every layer of one network with every layer of another over the same images, `[first, second]`: 1 where
/// their features are the same up to rotation and one factor, about 0 where they have nothing to do with each other; chance
/// can bring it a little below 0. None where one of the layers does the same with every image, or with fewer than four
/// images.
#[must_use]
pub fn alignments(first: &[CentredGram], second: &[CentredGram]) -> Array2<Option<f64>> {
    let values = first.iter().chain(second).map(|gram| gram.above.len()).min().unwrap_or(0);
    // A block of all layers stays in the processor's cache while its pairs are multiplied. The parts do not depend on how
    // many threads there are: sums are the same everywhere.
    let part = values.div_ceil(PARTS).next_multiple_of(BLOCK).max(BLOCK);
    let starts: Vec<usize> = (0..values).step_by(part).collect();
    let sums = starts.into_par_iter().map(|start| {
        let mut sums = Array2::<f64>::zeros((first.len(), second.len()));
        let end = (start + part).min(values);
        for block in (start..end).step_by(BLOCK) {
            let block = block..(block + BLOCK).min(end);
            for (a, mut row) in first.iter().zip(sums.rows_mut()) {
                for (b, sum) in second.iter().zip(&mut row) {
                    *sum += inner(&a.above[block.clone()], &b.above[block.clone()]);
                }
            }
        }
        sums
    });
    let sums: Vec<Array2<f64>> = sums.collect();
    Array2::from_shape_fn((first.len(), second.len()), |at| {
        first[at.0].alignment(&second[at.1], sums.iter().map(|part| part[at]).sum())
    })
}

/// Values that are multiplied at a time.
const BLOCK: usize = 2_048;
/// Parts that threads share.
const PARTS: usize = 32;

/// In lanes of `f32`.
fn inner(a: &[f32], b: &[f32]) -> f64 {
    const LANES: usize = 16;
    let mut lanes = [0.0_f32; LANES];
    let (a_lanes, b_lanes) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a_lanes.remainder().iter().zip(b_lanes.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a_lanes.zip(b_lanes) {
        for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += a * b;
        }
    }
    f64::from(rest) + lanes.iter().map(|&lane| f64::from(lane)).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array1, Axis};

    /// Numbers that look random.
    fn features(images: usize, count: usize, seed: u64) -> Array2<f32> {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        Array2::from_shape_simple_fn((images, count), || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 40) as f32) / 16_777_216.0 - 0.5
        })
    }

    /// The estimator as Song and others print it, in f64.
    fn by_the_book(x: &Array2<f32>, y: &Array2<f32>) -> f64 {
        let hollow = |x: &Array2<f32>| {
            let x = x.mapv(f64::from);
            let mut k = x.dot(&x.t());
            k.diag_mut().fill(0.0);
            k
        };
        let hsic = |k: &Array2<f64>, l: &Array2<f64>| {
            let n = k.nrows() as f64;
            let ones = Array1::<f64>::ones(k.nrows());
            let trace = (k * &l.t()).sum();
            let sums = k.sum() * l.sum() / ((n - 1.0) * (n - 2.0));
            let cross = ones.dot(&k.dot(&l.dot(&ones)));
            (trace + sums - 2.0 / (n - 2.0) * cross) / (n * (n - 3.0))
        };
        let (k, l) = (hollow(x), hollow(y));
        hsic(&k, &l) / (hsic(&k, &k) * hsic(&l, &l)).sqrt()
    }

    fn alignment(a: &CentredGram, b: &CentredGram) -> Option<f64> {
        alignments(std::slice::from_ref(a), std::slice::from_ref(b))[[0, 0]]
    }

    #[test]
    fn many_layers_are_compared_as_one_pair_is() {
        // More values than one block and one part hold.
        let layers: Vec<CentredGram> =
            (1..6).map(|seed| Gram::of(features(420, 9, seed).view()).into_centred()).collect();
        assert!(layers[0].above.len() > BLOCK * PARTS);
        let found = alignments(&layers[..2], &layers[1..]);
        assert_eq!(found.dim(), (2, 4));
        for ((row, column), value) in found.indexed_iter() {
            assert_eq!(*value, alignment(&layers[row], &layers[column + 1]), "{row} {column}");
        }
        assert_eq!(alignments(&[], &layers).dim(), (0, 5));
    }

    #[test]
    fn it_is_the_unbiased_estimator() {
        let (x, noise) = (features(60, 7, 1), features(60, 12, 2));
        let mixed = x.dot(&features(7, 12, 3)) + &noise * 0.5;
        for y in [&mixed, &noise] {
            let found = alignment(&Gram::of(x.view()).into_centred(), &Gram::of(y.view()).into_centred()).unwrap();
            assert!((found - by_the_book(&x, y)).abs() < 1e-5, "{found} {}", by_the_book(&x, y));
        }
        let half: Vec<usize> = (0..60).step_by(2).collect();
        let of_half = |x: &Array2<f32>| Gram::of(x.view()).centred(&half);
        let found = alignment(&of_half(&x), &of_half(&mixed)).unwrap();
        let expected = by_the_book(&x.select(Axis(0), &half), &mixed.select(Axis(0), &half));
        assert!((found - expected).abs() < 1e-5, "{found} {expected}");
    }

    #[test]
    fn a_layer_is_like_itself_turned_and_scaled_and_unlike_noise() {
        let x = features(80, 5, 4);
        let permuted = x.select(Axis(1), &[3, 0, 4, 1, 2]) * 7.0 + 3.0;
        let centred = |x: &Array2<f32>| Gram::of(x.view()).into_centred();
        assert!((alignment(&centred(&x), &centred(&x)).unwrap() - 1.0).abs() < 1e-9);
        assert!((alignment(&centred(&x), &centred(&permuted)).unwrap() - 1.0).abs() < 1e-5);
        assert!(alignment(&centred(&x), &centred(&features(80, 5, 5))).unwrap().abs() < 0.15);
    }

    #[test]
    fn a_layer_that_does_not_change_has_no_alignment() {
        let constant = Array2::from_elem((10, 3), 2.5_f32);
        let x = features(10, 3, 6);
        let centred = |x: &Array2<f32>| Gram::of(x.view()).into_centred();
        assert_eq!(alignment(&centred(&x), &centred(&constant)), None);
        for images in [0, 1, 3] {
            let few = features(images, 3, 7);
            assert_eq!(alignment(&centred(&few), &centred(&few)), None);
        }
        let broken = Array2::from_elem((10, 3), f32::NAN);
        assert_eq!(alignment(&centred(&x), &centred(&broken)), None);
    }
}
