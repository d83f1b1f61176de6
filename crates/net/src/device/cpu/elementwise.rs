//! Functions of each value alone, over the real values of the first `images` images.

use super::lanes::vectorised;
use super::layout::{FeatureMaps, FeatureMapsMut};

/// What the input's gradient is computed from.
pub(crate) struct Known<'a> {
    /// Input; any values where the derivative does not need it.
    pub x: FeatureMaps<'a>,
    /// Output.
    pub y: FeatureMaps<'a>,
    /// Gradient of the output.
    pub dy: FeatureMaps<'a>,
}

vectorised! {
    /// `x = function(x)`.
    pub(crate) fn map<F: Fn(f32) -> f32>(images: usize, values: FeatureMapsMut<'_>, function: F) {
        for image in 0..images {
            for piece in values.layout.pieces(image) {
                for value in &mut values.values[piece] {
                    *value = function(*value);
                }
            }
        }
    }
}

vectorised! {
    /// `gradient *= function(y)`.
    pub(crate) fn scale<F: Fn(f32) -> f32>(images: usize, y: FeatureMaps<'_>, gradient: FeatureMapsMut<'_>, function: F) {
        for image in 0..images {
            for (from, to) in y.layout.pieces(image).zip(gradient.layout.pieces(image)) {
                for (value, y) in gradient.values[to].iter_mut().zip(&y.values[from]) {
                    *value *= function(*y);
                }
            }
        }
    }
}

vectorised! {
    /// `dx += dy * function(x, y)`.
    pub(crate) fn add<F: Fn(f32, f32) -> f32>(
        images: usize,
        known: &Known<'_>,
        dx: FeatureMapsMut<'_>,
        function: F,
    ) {
        for image in 0..images {
            let from = known.x.layout.pieces(image).zip(known.y.layout.pieces(image));
            let to = known.dy.layout.pieces(image).zip(dx.layout.pieces(image));
            for ((x, y), (dy, to)) in from.zip(to) {
                let values = known.x.values[x].iter().zip(&known.y.values[y]).zip(&known.dy.values[dy]);
                for (dx, ((x, y), dy)) in dx.values[to].iter_mut().zip(values) {
                    *dx += dy * function(*x, *y);
                }
            }
        }
    }
}
