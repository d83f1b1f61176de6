//! Orthogonal Procrustes similarity of two layers over the same images.

use nalgebra::DMatrix;
use ndarray::{Array2, ArrayView2};

use crate::centred;

/// Features less their mean, scaled to a norm of 1.
#[derive(Clone, Debug)]
pub struct Shape(Array2<f32>);

impl Shape {
    /// Of features `[images, features]`; none where every image has the same, or one that is not finite.
    #[must_use]
    pub fn of(features: ArrayView2<'_, f32>) -> Option<Self> {
        let largest = features.iter().fold(0.0_f32, |max, value| max.max(value.abs()));
        let mut centred = centred(features);
        let norm = centred.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
        // What centring leaves of equal values is rounding.
        let is_usable = norm.is_finite() && norm > f64::from(largest) * 1e-6;
        is_usable.then(|| {
            centred.mapv_inplace(|value| (f64::from(value) / norm) as f32);
            Self(centred)
        })
    }

    /// The cosine of the angle that is left between the two when one is turned (and mirrored) onto the other as well as it
    /// can be: the sum of the singular values of `XᵀY`. 1 where they are the same up to rotation and one factor; never
    /// below 0. Unlike CKA it is not ruled by the few directions of greatest variance. None for other images.
    #[must_use]
    pub fn similarity(&self, other: &Self) -> Option<f64> {
        if self.0.nrows() != other.0.nrows() {
            return None;
        }
        // The smaller of the two Gram matrices of `XᵀY` has the squares of its singular values.
        let cross = self.0.t().dot(&other.0).mapv(f64::from);
        let gram = if cross.nrows() <= cross.ncols() { cross.dot(&cross.t()) } else { cross.t().dot(&cross) };
        let size = gram.nrows();
        let gram = DMatrix::from_iterator(size, size, gram.iter().copied());
        let values = gram.symmetric_eigenvalues();
        Some(values.iter().map(|value| value.max(0.0).sqrt()).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_same_up_to_rotation_and_scale_is_one() {
        let x = array![[1.0_f32, 0.2], [-0.5, 1.5], [0.3, -2.0], [2.2, 0.1], [-1.0, -0.4]];
        let (sine, cosine) = 0.7_f32.sin_cos();
        let turned = x.dot(&array![[cosine, -sine], [sine, cosine]]) * 3.0 + 1.0;
        let similarity = |x: &Array2<f32>, y: &Array2<f32>| {
            Shape::of(x.view()).unwrap().similarity(&Shape::of(y.view()).unwrap()).unwrap()
        };
        assert!((similarity(&x, &turned) - 1.0).abs() < 1e-6);
        // One column against both: what the other one holds is lost.
        let one = x.slice(ndarray::s![.., 0..1]).to_owned();
        let found = similarity(&x, &one);
        assert!(found > 0.3 && found < 1.0, "{found}");
        assert!((similarity(&one, &x) - found).abs() < 1e-6);
    }

    #[test]
    fn it_is_the_sum_of_the_singular_values() {
        // Orthogonal columns: the cross product is diagonal, its singular values are its entries.
        let x = array![[1.0_f32, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]];
        let y = array![[2.0_f32, 1.0], [2.0, -1.0], [-2.0, 1.0], [-2.0, -1.0]];
        let [x, y] = [&x, &y].map(|x| Shape::of(x.view()).unwrap());
        // x/sqrt(8), y/sqrt(20): entries 4*2 and 4*1 by sqrt(160).
        assert!((x.similarity(&y).unwrap() - 12.0 / 160.0_f64.sqrt()).abs() < 1e-6);
    }

    #[test]
    fn constant_layers_have_no_shape() {
        assert!(Shape::of(Array2::from_elem((5, 2), 0.1_f32).view()).is_none());
        assert!(Shape::of(Array2::from_elem((5, 2), f32::NAN).view()).is_none());
        assert!(Shape::of(Array2::<f32>::zeros((0, 0)).view()).is_none());
    }
}
