//! The gradients of a convolution with respect to its filters and biases.

use super::winograd;
use super::winograd_gradient::WinogradGradient;
use crate::device::VectorLevel;
use crate::device::cpu::gemm::{BLOCK, Gemm, GemmOperands, GemmTable, InitialSum, RowOffset, Segment};
use crate::device::cpu::lanes::{LANES, vectorised};
use crate::device::cpu::layout::{FeatureMaps, Layout};
use crate::device::cpu::window::{Layouts, Taps, Windows};
use crate::ops::cpu::WeightGradientInputs;
use crate::shape::Shape;

/// Floats of inputs and of a block's gradients over which weight gradients are summed at a time:
/// what stays in the first-level cache.
const STRIP: usize = 6144;

/// The gradients with respect to filters and biases, summed over a chunk's images.
#[derive(Debug)]
pub(crate) struct ConvWeightGradient {
    windows: Windows,
    taps: Taps,
    product: Gemm,
    winograd: Option<Box<WinogradGradient>>,
    strip: usize,
    shared_bias: bool,
    output: Layout,
}

impl ConvWeightGradient {
    /// `output` is the layout of the output's gradient, `input` that of the input's activation.
    pub fn new(windows: Windows, shared_bias: bool, layouts: Layouts, images: usize) -> Self {
        let Layouts { input, output } = layouts;
        let taps = windows.taps(&input);
        let rows =
            taps.offsets().into_iter().map(|(offset, tap)| RowOffset { a: offset as u32, c: (tap * BLOCK) as u32 });
        let mut segments = Vec::new();
        for image in 0..images {
            for y in 0..output.shape.height {
                let (iy, ix) = windows.origin(y, 0);
                segments
                    .push(Segment { a: input.offset(image, iy, ix) as u32, b: output.pixel(image, y, 0).start as u32 });
            }
        }
        let product = Gemm::new(GemmTable {
            rows: rows.collect(),
            segments,
            length: output.shape.width,
            a_stride: windows.columns.stride * input.stride,
            b_stride: output.stride,
            vectors: windows.filters().div_ceil(LANES),
            b_block: BLOCK,
            c_block: taps.packed_block(),
            tail: LANES,
        });
        Self {
            windows,
            taps,
            product,
            winograd: winograd::applies(&windows).then(|| Box::new(WinogradGradient::new(&windows, layouts, images))),
            strip: (STRIP / ((input.stride + BLOCK) * output.shape.width)).max(1),
            shared_bias,
            output,
        }
    }

    /// Floats of the packed sums: filters of every group, then the biases.
    pub fn len(&self) -> usize {
        self.filters_len() + self.bias_len()
    }

    fn filters_len(&self) -> usize {
        self.windows.groups * self.taps.packed_len()
    }

    fn bias_len(&self) -> usize {
        let Shape { height, width, .. } = self.output.shape;
        self.output.stride * if self.shared_bias { 1 } else { height * width }
    }

    /// Adds to the packed sums.
    pub fn apply(&self, level: VectorLevel, images: usize, known: WeightGradientInputs<'_>, sums: &mut [f32]) {
        let (filters, bias) = sums.split_at_mut(self.filters_len());
        if let Some(winograd) = &self.winograd {
            winograd.apply(level, images, known, filters);
        } else {
            self.correlate(level, images, known, filters);
        }
        let maps = FeatureMaps { layout: &self.output, values: known.dy.values };
        if self.shared_bias {
            add_pixels(level, images, maps, bias);
        } else {
            add_maps(level, images, maps, bias);
        }
    }

    /// The direct product.
    fn correlate(&self, level: VectorLevel, images: usize, known: WeightGradientInputs<'_>, filters: &mut [f32]) {
        let segments = images * self.output.shape.height;
        let length = self.taps.packed_len();
        for start in (0..segments).step_by(self.strip) {
            for group in 0..self.windows.groups {
                self.product.apply(
                    level,
                    GemmOperands {
                        a: &known.x.values[group * self.windows.channels()..],
                        b: &known.dy.values[group * self.windows.filters()..],
                        c: &mut filters[group * length..][..length],
                        start: InitialSum::Add,
                        rows: 0..self.product.counts().0,
                        segments: start..(start + self.strip).min(segments),
                    },
                );
            }
        }
    }

    /// Turns the packed sums into `[k,c,r,s]` and `[k]` or `[k,oh,ow]`.
    pub fn unpack(&self, sums: &[f32], weights: &mut [f32], bias: &mut [f32]) {
        let (packed, packed_bias) = sums.split_at(self.filters_len());
        let per_group = self.windows.filters() * self.windows.weights();
        let groups = weights.chunks_exact_mut(per_group).zip(packed.chunks_exact(self.taps.packed_len()));
        for (weights, packed) in groups {
            let blocks =
                weights.chunks_mut(BLOCK * self.windows.weights()).zip(packed.chunks_exact(self.taps.packed_block()));
            for (weights, packed) in blocks {
                self.taps.unpack_block(packed, weights);
            }
        }
        let positions = packed_bias.len() / self.output.stride;
        for (filter, map) in bias.chunks_exact_mut(positions).enumerate() {
            for (position, value) in map.iter_mut().enumerate() {
                *value = packed_bias[position * self.output.stride + filter];
            }
        }
    }
}

vectorised! {
    /// Adds every pixel to `sum`, one float a channel.
    pub(crate) fn add_pixels(images: usize, maps: FeatureMaps<'_>, sum: &mut [f32]) {
        for image in 0..images {
            for y in 0..maps.layout.shape.height {
                let row = &maps.values[maps.layout.pixels(image, y)];
                for pixel in row.chunks_exact(maps.layout.stride) {
                    add(sum, pixel);
                }
            }
        }
    }
}

vectorised! {
    /// Adds every image to `sum`, one float a value, without halos.
    pub(crate) fn add_maps(images: usize, maps: FeatureMaps<'_>, sum: &mut [f32]) {
        let width = maps.layout.shape.width * maps.layout.stride;
        for image in 0..images {
            for (y, sum) in sum.chunks_exact_mut(width).enumerate() {
                add(sum, &maps.values[maps.layout.pixels(image, y)]);
            }
        }
    }
}

/// `sum += values`, in whole vectors.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
#[inline(always)]
fn add(sum: &mut [f32], values: &[f32]) {
    let sums = sum.as_chunks_mut::<LANES>().0;
    let values = values.as_chunks::<LANES>().0;
    for (sum, value) in sums.iter_mut().zip(values) {
        for lane in 0..LANES {
            sum[lane] += value[lane];
        }
    }
}
