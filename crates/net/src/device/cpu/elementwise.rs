//! Elementwise functions and their gradients, over the values (without padding) of the first `images` images.

use super::lanes::vectorised;
use super::layout::{FeatureMaps, FeatureMapsMut};

/// What the gradient of an elementwise function is computed from.
pub(crate) struct BackwardOperands<'a> {
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
    /// Turns the gradient of the output into that of the input, in place: `gradient *= derivative(y)`.
    pub(crate) fn scale_gradient<F: Fn(f32) -> f32>(
        images: usize,
        y: FeatureMaps<'_>,
        gradient: FeatureMapsMut<'_>,
        derivative: F,
    ) {
        for image in 0..images {
            for (from, to) in y.layout.pieces(image).zip(gradient.layout.pieces(image)) {
                for (value, y) in gradient.values[to].iter_mut().zip(&y.values[from]) {
                    *value *= derivative(*y);
                }
            }
        }
    }
}

vectorised! {
    /// Adds to the gradient of the input: `dx += dy * derivative(x, y)`.
    pub(crate) fn accumulate_gradient<F: Fn(f32, f32) -> f32>(
        images: usize,
        operands: &BackwardOperands<'_>,
        dx: FeatureMapsMut<'_>,
        derivative: F,
    ) {
        for image in 0..images {
            let from = operands.x.layout.pieces(image).zip(operands.y.layout.pieces(image));
            let to = operands.dy.layout.pieces(image).zip(dx.layout.pieces(image));
            for ((x, y), (dy, to)) in from.zip(to) {
                let values = operands.x.values[x].iter().zip(&operands.y.values[y]).zip(&operands.dy.values[dy]);
                for (dx, ((x, y), dy)) in dx.values[to].iter_mut().zip(values) {
                    *dx += dy * derivative(*x, *y);
                }
            }
        }
    }
}
