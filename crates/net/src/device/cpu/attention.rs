//! The arithmetic of attention: products between pixels (the tokens), head by head. Pixels are numbered row by row; a
//! head is a range of channels.

use super::lanes::{LANES, vectorised};
use super::layout::{FeatureMaps, FeatureMapsMut};

/// Floats of a pixel that are summed together in registers.
const BLOCK: usize = 4 * LANES;

/// Over which side of the attention weights, queries x keys, weighted sums are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SumOver {
    /// A result for every query, summed over the keys.
    Keys,
    /// A result for every key, summed over the queries.
    Queries,
}

vectorised! {
    /// Adds `factor * sum over j of a[h size + j, q] b[h size + j, k]` to `to[h, q, k]`, for heads of `size` channels each.
    pub(crate) fn add_dot_products(
        images: usize, factor: f32, a: FeatureMaps<'_>, b: FeatureMaps<'_>, to: FeatureMapsMut<'_>,
    ) {
        let (heads, stride) = (to.layout.shape.channels, to.layout.stride);
        let size = a.layout.shape.channels / heads;
        for image in 0..images {
            let (a_starts, b_starts) = (a.layout.pixel_starts(image), b.layout.pixel_starts(image));
            // Head by head, so that the keys of one stay in the cache.
            for head in 0..heads {
                for (query, start) in a_starts.iter().enumerate() {
                    let a = &a.values[start + head * size..][..size];
                    let row = &mut to.values[to.layout.pixels(image, query)];
                    for key in 0..b_starts.len() {
                        let b = &b.values[b_starts[key] + head * size..][..size];
                        row[key * stride + head] += factor * dot_product(a, b);
                    }
                }
            }
        }
    }
}

vectorised! {
    /// Adds `factor * sum over k of weights[h, q, k] values[h size + j, k]` to `to[h size + j, q]`; or with queries and keys
    /// exchanged.
    pub(crate) fn add_weighted_sums(
        images: usize, over: SumOver, factor: f32, weights: FeatureMaps<'_>, values: FeatureMaps<'_>, to: FeatureMapsMut<'_>,
    ) {
        let heads = weights.layout.shape.channels;
        let size = to.layout.shape.channels / heads;
        let (row, pixel) = match over {
            SumOver::Keys => (weights.layout.row(), weights.layout.stride),
            SumOver::Queries => (weights.layout.stride, weights.layout.row()),
        };
        for image in 0..images {
            let first = weights.layout.offset(image, 0, 0);
            let starts = values.layout.pixel_starts(image);
            for (result, to_start) in to.layout.pixel_starts(image).into_iter().enumerate() {
                for head in 0..heads {
                    let weights = &weights.values[first + result * row + head..];
                    let to = &mut to.values[to_start + head * size..][..size];
                    let weights = WeightsOfPixel { weights, stride: pixel, factor };
                    let mut at = head * size;
                    let (blocks, rest) = to.as_chunks_mut::<BLOCK>();
                    for block in blocks {
                        weights.add_block(values.values, &starts, at, block);
                        at += BLOCK;
                    }
                    let (blocks, rest) = rest.as_chunks_mut::<LANES>();
                    for block in blocks {
                        weights.add_block(values.values, &starts, at, block);
                        at += LANES;
                    }
                    for single in rest.as_chunks_mut::<1>().0 {
                        weights.add_block(values.values, &starts, at, single);
                        at += 1;
                    }
                }
            }
        }
    }
}

/// The weights of one result, `stride` floats apart.
struct WeightsOfPixel<'a> {
    weights: &'a [f32],
    stride: usize,
    factor: f32,
}

impl WeightsOfPixel<'_> {
    /// Adds the weighted sum of the floats at `at` of every pixel.
    #[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
    #[inline(always)]
    fn add_block<const N: usize>(&self, values: &[f32], starts: &[usize], at: usize, to: &mut [f32; N]) {
        let mut sums = [0.0; N];
        for (term, start) in starts.iter().enumerate() {
            let (weight, values) = (self.weights[term * self.stride], &values[start + at..][..N]);
            for lane in 0..N {
                sums[lane] += weight * values[lane];
            }
        }
        for lane in 0..N {
            to[lane] += self.factor * sums[lane];
        }
    }
}

#[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
#[inline(always)]
fn dot_product(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let b = &b[..a.len()];
    let mut sums = [0.0; LANES];
    for index in 0..a.len() {
        let (a, b) = (&a[index], &b[index]);
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    // In halves, as vectors are summed.
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
        width /= 2;
    }
    let mut sum = sums[0];
    for index in 0..a_rest.len() {
        sum += a_rest[index] * b_rest[index];
    }
    sum
}
