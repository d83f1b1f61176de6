//! The gradient of a convolution with respect to its filters, through Winograd's transforms.

use super::winograd::{PLANES_OF_THREAD, SPACE, filter_pixels, result_tiles, value_tiles};
use crate::device::VectorLevel;
use crate::device::cpu::gemm::{BLOCK, Gemm, GemmOperands, GemmTable, InitialSum, RowOffset, Segment};
use crate::device::cpu::lanes::LANES;
use crate::device::cpu::layout::Layout;
use crate::device::cpu::window::{Layouts, Windows};
use crate::device::cpu::winograd::{
    FromPlanes, IntoPlanes, PLANES, PixelOffsets, SIDE, TransformOf, from_planes, into_planes,
};
use crate::ops::cpu::WeightGradientInputs;
use std::ops::Range;

/// Tiles, at least, that are transformed and multiplied together, if the chunk has them: so many
/// that bringing the sums back counts little.
const TILES: usize = 64;

/// Floats of the sums' planes that stay in the second-level cache.
const SUMS: usize = 1 << 17;

/// The sums over all positions: each tile's values correlated with its gradients.
#[derive(Debug)]
pub(super) struct WinogradGradient {
    taps: usize,
    input: Layout,
    output: Layout,
    /// Values and gradients.
    tiles: Vec<(PixelOffsets, PixelOffsets)>,
    filter: PixelOffsets,
    product: Gemm,
    /// Images taken together.
    together: usize,
    /// Blocks of filters whose sums are computed together; divides their number.
    slab: usize,
}

/// Where tiles of inputs and of output gradients go.
struct Planes<'a> {
    inputs: &'a mut [f32],
    gradients: &'a mut [f32],
}

/// A slab's sums in planes, `stride` floats apart.
#[derive(Clone, Copy)]
struct SlabSums<'a> {
    planes: &'a [f32],
    stride: usize,
}

impl WinogradGradient {
    /// `output` is the layout of the output's gradient, `input` that of the input's activation.
    pub fn new(windows: &Windows, layouts: Layouts, images: usize) -> Self {
        let Layouts { input, output } = layouts;
        let (taps, shape) = (windows.rows.size, output.shape);
        let side = SIDE + 1 - taps;
        let values = value_tiles(&input, (shape.height, shape.width), side, windows.rows.before);
        // What lies over the border counts nothing: a zero of the halo.
        let outside = output.offset(0, -1, -1) as u32;
        let tiles: Vec<_> = values.into_iter().zip(result_tiles(&output, side, outside)).collect();
        let together = (TILES / tiles.len()).clamp(1, images);
        let rows =
            (0..input.shape.channels).map(|channel| RowOffset { a: channel as u32, c: (channel * BLOCK) as u32 });
        let segments = (0..together).map(|image| Segment {
            a: (image * tiles.len() * input.stride) as u32,
            b: (image * tiles.len() * output.stride) as u32,
        });
        let blocks = output.stride.div_ceil(BLOCK);
        let fits = |slab: &usize| blocks.is_multiple_of(*slab) && slab * input.stride * BLOCK * PLANES <= SUMS;
        let slab = (1..=blocks).rev().find(fits).unwrap_or(1);
        let product = Gemm::new(GemmTable {
            rows: rows.collect(),
            segments: segments.collect(),
            length: tiles.len(),
            a_stride: input.stride,
            b_stride: output.stride,
            vectors: slab * BLOCK / LANES,
            b_block: BLOCK,
            c_block: input.stride * BLOCK,
            tail: LANES,
        });
        Self { taps, input, output, tiles, filter: filter_pixels(taps, input.stride), product, together, slab }
    }

    /// Adds to the sums, packed in blocks of [`BLOCK`] filters, tap by tap, channel by channel.
    pub fn apply(&self, level: VectorLevel, images: usize, known: WeightGradientInputs<'_>, sums: &mut [f32]) {
        let most = self.together * self.tiles.len();
        let planes = [most * self.input.stride + SPACE, most * self.output.stride + SPACE];
        let slab = self.slab * self.input.stride * BLOCK;
        let sum_plane = slab + SPACE;
        let sums_of_slab = self.taps * self.taps * slab;
        PLANES_OF_THREAD.with_borrow_mut(|[inputs, gradients, slab_sums]| {
            inputs.grow(PLANES * planes[0]);
            gradients.grow(PLANES * planes[1]);
            slab_sums.grow(PLANES * sum_plane);
            for first in (0..images).step_by(self.together) {
                let count = self.together.min(images - first);
                self.spread(level, first..first + count, known, Planes { inputs, gradients });
                for (slab, sums) in sums.chunks_exact_mut(sums_of_slab).enumerate() {
                    for plane in 0..PLANES {
                        self.product.apply(
                            level,
                            GemmOperands {
                                a: &inputs[plane * planes[0]..],
                                b: &gradients[plane * planes[1] + slab * self.slab * BLOCK..],
                                c: &mut slab_sums[plane * sum_plane..],
                                start: InitialSum::Zero,
                                rows: 0..self.product.counts().0,
                                segments: 0..count,
                            },
                        );
                    }
                    self.collect(level, SlabSums { planes: slab_sums, stride: sum_plane }, sums);
                }
            }
        });
    }

    /// Brings the tiles of some images into planes.
    fn spread(&self, level: VectorLevel, images: Range<usize>, known: WeightGradientInputs<'_>, planes: Planes<'_>) {
        let (input, gradient) = (known.x.values, known.dy.values);
        let Planes { inputs, gradients } = planes;
        let most = self.together * self.tiles.len();
        for slot in 0..images.len() * self.tiles.len() {
            let image = images.start + slot / self.tiles.len();
            let (value_pixels, gradient_pixels) = &self.tiles[slot % self.tiles.len()];
            let tile = IntoPlanes {
                from: &input[image * self.input.image()..],
                pixels: value_pixels,
                to: &mut inputs[slot * self.input.stride..],
                plane: most * self.input.stride + SPACE,
                width: self.input.stride,
            };
            into_planes(level, TransformOf::Values, tile);
            let tile = IntoPlanes {
                from: &gradient[image * self.output.image()..],
                pixels: gradient_pixels,
                to: &mut gradients[slot * self.output.stride..],
                plane: most * self.output.stride + SPACE,
                width: self.output.stride,
            };
            into_planes(level, TransformOf::Taps(SIDE + 1 - self.taps), tile);
        }
    }

    /// Brings a slab's sums back from their planes.
    fn collect(&self, level: VectorLevel, slab: SlabSums<'_>, sums: &mut [f32]) {
        let block = self.taps * self.taps * self.input.stride * BLOCK;
        for (of, sums) in sums.chunks_exact_mut(block).enumerate() {
            for channel in 0..self.input.shape.channels {
                let tile = FromPlanes {
                    from: &slab.planes[(of * self.input.stride + channel) * BLOCK..],
                    plane: slab.stride,
                    side: self.taps,
                    to: &mut sums[channel * BLOCK..],
                    pixels: &self.filter,
                    width: BLOCK,
                    start: InitialSum::Add,
                };
                from_planes(level, tile);
            }
        }
    }
}
