//! Linear centred kernel alignment of two layers over the same images.

use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

use crate::centred;

/// A layer's images compared among themselves, `[images, images]`: inner products of centred features.
///
/// Layers of any number of features can be compared by it, also of different networks.
#[derive(Clone, Debug)]
pub struct Gram(Array2<f32>);

impl Gram {
    /// Of features `[images, features]`.
    #[must_use]
    pub fn of(features: ArrayView2<'_, f32>) -> Self {
        let features = centred(features);
        Self(features.dot(&features.t()))
    }

    /// The number of images.
    #[must_use]
    pub fn images(&self) -> usize {
        self.0.nrows()
    }

    /// Prepared for comparisons over all images, in the same memory.
    #[must_use]
    pub fn into_prepared(mut self) -> Prepared {
        self.0.diag_mut().fill(0.0);
        let count = self.images();
        Prepared::from_hollow(count, self.0.into_iter().collect())
    }

    /// Prepared for comparisons over some of the images.
    #[must_use]
    pub fn prepared(&self, images: &[usize]) -> Prepared {
        let count = images.len();
        let place = |index: usize| images[index];
        let mut values = vec![0.0_f32; count * count];
        values.par_chunks_mut(count.max(1)).enumerate().for_each(|(row, values)| {
            let from = self.0.row(place(row));
            for (column, value) in values.iter_mut().enumerate() {
                *value = if row == column { 0.0 } else { from[place(column)] };
            }
        });
        Prepared::from_hollow(count, values)
    }
}

/// A Gram matrix with the diagonal at zero, and centred so that the inner product of two of them, by `n (n - 3)`, is the
/// estimate of their dependence without bias (Székely and Rizzo, 2014, "U-centring").
#[derive(Clone, Debug)]
pub struct Prepared {
    count: usize,
    values: Vec<f32>,
    /// The inner product with itself.
    square: f64,
}

impl Prepared {
    fn from_hollow(count: usize, mut values: Vec<f32>) -> Self {
        if count < 4 {
            return Self { count, values, square: f64::NAN };
        }
        let n = count as f64;
        let sums: Vec<f64> =
            values.par_chunks(count).map(|row| row.iter().map(|&value| f64::from(value)).sum::<f64>()).collect();
        let total: f64 = sums.iter().sum();
        let shift = total / ((n - 1.0) * (n - 2.0));
        values.par_chunks_mut(count).enumerate().for_each(|(row, values)| {
            for (column, value) in values.iter_mut().enumerate() {
                if row != column {
                    let centred = f64::from(*value) - (sums[row] + sums[column]) / (n - 2.0) + shift;
                    *value = centred as f32;
                }
            }
        });
        let square = inner(&values, &values);
        Self { count, values, square }
    }

    /// The alignment with another layer over the same images: 1 where their features are the same up to rotation and one
    /// factor, about 0 where they have nothing to do with each other; chance can bring it a little below 0. None where one
    /// of the layers does the same with every image, or with fewer than four images.
    #[must_use]
    pub fn alignment(&self, other: &Self) -> Option<f64> {
        let scale = (self.square * other.square).sqrt();
        // A layer whose images are all alike leaves rounding alone.
        let is_usable = self.count == other.count && scale.is_finite() && scale > f64::MIN_POSITIVE;
        is_usable.then(|| inner(&self.values, &other.values) / scale)
    }
}

/// In blocks of `f32` lanes, summed in `f64`.
fn inner(a: &[f32], b: &[f32]) -> f64 {
    const LANES: usize = 16;
    const BLOCK: usize = 1024;
    let block = |(a, b): (&[f32], &[f32])| {
        let mut lanes = [0.0_f32; LANES];
        let (a_lanes, b_lanes) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
        let rest: f32 = a_lanes.remainder().iter().zip(b_lanes.remainder()).map(|(a, b)| a * b).sum();
        for (a, b) in a_lanes.zip(b_lanes) {
            for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
                *lane += a * b;
            }
        }
        f64::from(rest) + lanes.iter().map(|&lane| f64::from(lane)).sum::<f64>()
    };
    a.chunks(BLOCK).zip(b.chunks(BLOCK)).map(block).sum()
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

    #[test]
    fn it_is_the_estimator_without_bias() {
        let (x, noise) = (features(60, 7, 1), features(60, 12, 2));
        let mixed = x.dot(&features(7, 12, 3)) + &noise * 0.5;
        for y in [&mixed, &noise] {
            let found = Gram::of(x.view()).into_prepared().alignment(&Gram::of(y.view()).into_prepared()).unwrap();
            assert!((found - by_the_book(&x, y)).abs() < 1e-5, "{found} {}", by_the_book(&x, y));
        }
        let half: Vec<usize> = (0..60).step_by(2).collect();
        let of_half = |x: &Array2<f32>| Gram::of(x.view()).prepared(&half);
        let found = of_half(&x).alignment(&of_half(&mixed)).unwrap();
        let expected = by_the_book(&x.select(Axis(0), &half), &mixed.select(Axis(0), &half));
        assert!((found - expected).abs() < 1e-5, "{found} {expected}");
    }

    #[test]
    fn a_layer_is_like_itself_turned_and_scaled_and_unlike_noise() {
        let x = features(80, 5, 4);
        let permuted = x.select(Axis(1), &[3, 0, 4, 1, 2]) * 7.0 + 3.0;
        let prepared = |x: &Array2<f32>| Gram::of(x.view()).into_prepared();
        assert!((prepared(&x).alignment(&prepared(&x)).unwrap() - 1.0).abs() < 1e-9);
        assert!((prepared(&x).alignment(&prepared(&permuted)).unwrap() - 1.0).abs() < 1e-5);
        assert!(prepared(&x).alignment(&prepared(&features(80, 5, 5))).unwrap().abs() < 0.15);
    }

    #[test]
    fn a_layer_that_does_not_change_has_no_alignment() {
        let constant = Array2::from_elem((10, 3), 2.5_f32);
        let x = features(10, 3, 6);
        let prepared = |x: &Array2<f32>| Gram::of(x.view()).into_prepared();
        assert_eq!(prepared(&x).alignment(&prepared(&constant)), None);
        let few = features(3, 3, 7);
        assert_eq!(prepared(&few).alignment(&prepared(&few)), None);
        let broken = Array2::from_elem((10, 3), f32::NAN);
        assert_eq!(prepared(&x).alignment(&prepared(&broken)), None);
    }
}
