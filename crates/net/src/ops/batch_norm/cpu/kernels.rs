//! The arithmetic of batch normalisation. Statistics are summed in double precision, in an order that the
//! caller fixes, so that neither threads nor large means show in them.

use super::Normaliser;
use crate::device::cpu::lanes::{LANES, round_up, vectorised};
use crate::device::cpu::layout::{FeatureMaps, FeatureMapsMut};

/// Sums over a channel, of which there are two: of values and their squares, or of gradients and
/// their products with the normalised values.
pub(crate) fn sums_len(channels: usize) -> usize {
    2 * round_up(channels)
}

vectorised! {
    /// Normalises the first `images` images.
    pub(crate) fn forward(images: usize, by: &Normaliser, x: FeatureMaps<'_>, y: FeatureMapsMut<'_>) {
        let (mean, factor, shift) = (vectors(&by.mean), vectors(&by.factor), vectors(&by.shift));
        for image in 0..images {
            for row in 0..y.layout.shape.height {
                let from = vectors(&x.values[x.layout.pixels(image, row)]);
                let to = y.values[y.layout.pixels(image, row)].as_chunks_mut::<LANES>().0;
                for (from, to) in from.chunks_exact(mean.len()).zip(to.chunks_exact_mut(mean.len())) {
                    for vector in 0..mean.len() {
                        for lane in 0..LANES {
                            to[vector][lane] =
                                (from[vector][lane] - mean[vector][lane]) * factor[vector][lane] + shift[vector][lane];
                        }
                    }
                }
            }
        }
    }
}

vectorised! {
    /// Adds every value and its square to the channel's sums.
    pub(crate) fn add_statistics(images: usize, x: FeatureMaps<'_>, sums: &mut [f64]) {
        let count = sums.len() / 2 / LANES;
        let (plain, squares) = sums.as_chunks_mut::<LANES>().0.split_at_mut(count);
        for image in 0..images {
            for row in 0..x.layout.shape.height {
                let row = vectors(&x.values[x.layout.pixels(image, row)]);
                for vector in 0..count {
                    let (mut sum, mut square) = (plain[vector], squares[vector]);
                    for pixel in row.chunks_exact(count) {
                        for lane in 0..LANES {
                            let value = f64::from(pixel[vector][lane]);
                            sum[lane] += value;
                            square[lane] += value * value;
                        }
                    }
                    (plain[vector], squares[vector]) = (sum, square);
                }
            }
        }
    }
}

vectorised! {
    /// Adds every gradient, and its product with the normalised value, to the channel's sums.
    pub(crate) fn add_gradients(images: usize, by: &Normaliser, x: FeatureMaps<'_>, dy: FeatureMaps<'_>, sums: &mut [f64]) {
        let count = sums.len() / 2 / LANES;
        let (plain, products) = sums.as_chunks_mut::<LANES>().0.split_at_mut(count);
        let (mean, inverse) = (vectors(&by.mean), vectors(&by.inverse));
        for image in 0..images {
            for row in 0..x.layout.shape.height {
                let values = vectors(&x.values[x.layout.pixels(image, row)]);
                let gradients = vectors(&dy.values[dy.layout.pixels(image, row)]);
                for vector in 0..count {
                    let (mut sum, mut product) = (plain[vector], products[vector]);
                    let (mean, inverse) = (mean[vector], inverse[vector]);
                    for (value, gradient) in values.chunks_exact(count).zip(gradients.chunks_exact(count)) {
                        for lane in 0..LANES {
                            let gradient = gradient[vector][lane];
                            sum[lane] += f64::from(gradient);
                            product[lane] +=
                                f64::from(gradient * ((value[vector][lane] - mean[lane]) * inverse[lane]));
                        }
                    }
                    (plain[vector], products[vector]) = (sum, product);
                }
            }
        }
    }
}

/// What the gradient through the minibatch's statistics is computed from.
pub(crate) struct NormBackward<'a> {
    pub by: &'a Normaliser,
    /// Means over the minibatch: of the gradient, then of its product with the normalised value.
    pub means: &'a [f32],
    pub x: FeatureMaps<'a>,
    pub dy: FeatureMaps<'a>,
}

vectorised! {
    /// Adds to the input's gradient `factor (dy - mean of dy - xhat mean of dy xhat)`.
    pub(crate) fn backward(images: usize, known: &NormBackward<'_>, dx: FeatureMapsMut<'_>) {
        let by = known.by;
        let (mean, inverse, factor) = (vectors(&by.mean), vectors(&by.inverse), vectors(&by.factor));
        let count = mean.len();
        let (plain, product) = vectors(known.means).split_at(count);
        for image in 0..images {
            for row in 0..dx.layout.shape.height {
                let values = vectors(&known.x.values[known.x.layout.pixels(image, row)]);
                let gradients = vectors(&known.dy.values[known.dy.layout.pixels(image, row)]);
                let out = dx.values[dx.layout.pixels(image, row)].as_chunks_mut::<LANES>().0;
                let pixels = values.chunks_exact(count).zip(gradients.chunks_exact(count));
                for (out, (value, gradient)) in out.chunks_exact_mut(count).zip(pixels) {
                    for vector in 0..count {
                        for lane in 0..LANES {
                            let normal = (value[vector][lane] - mean[vector][lane]) * inverse[vector][lane];
                            let rest = gradient[vector][lane] - plain[vector][lane] - normal * product[vector][lane];
                            out[vector][lane] += factor[vector][lane] * rest;
                        }
                    }
                }
            }
        }
    }
}

vectorised! {
    /// Adds to the input's gradient where mean and variance are fixed.
    pub(crate) fn backward_fixed(images: usize, by: &Normaliser, dy: FeatureMaps<'_>, dx: FeatureMapsMut<'_>) {
        let factor = vectors(&by.factor);
        for image in 0..images {
            for row in 0..dx.layout.shape.height {
                let gradients = vectors(&dy.values[dy.layout.pixels(image, row)]);
                let out = dx.values[dx.layout.pixels(image, row)].as_chunks_mut::<LANES>().0;
                for (index, (out, gradient)) in out.iter_mut().zip(gradients).enumerate() {
                    let factor = &factor[index % factor.len()];
                    for lane in 0..LANES {
                        out[lane] += gradient[lane] * factor[lane];
                    }
                }
            }
        }
    }
}

#[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
#[inline(always)]
fn vectors(values: &[f32]) -> &[[f32; LANES]] {
    values.as_chunks().0
}
