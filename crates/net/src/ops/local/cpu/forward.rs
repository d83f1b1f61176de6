//! The forward pass of locally and fully connected layers.

use super::positions;
use crate::device::VectorLevel;
use crate::device::cpu::buffer::Buffer;
use crate::device::cpu::gemm::{BLOCK, Gemm, GemmOperands, GemmTable, InitialSum, RowOffset, Segment};
use crate::device::cpu::lanes::LANES;
use crate::device::cpu::layout::Layout;
use crate::device::cpu::window::{Layouts, Taps, Windows, tail};
use rayon::prelude::*;

/// Filters and biases of every position, packed.
#[derive(Debug, Default, Clone)]
pub(crate) struct LocalWeights {
    pub filters: Buffer,
    pub bias: Buffer,
}

/// The forward pass.
#[derive(Debug)]
pub(crate) struct LocalForward {
    windows: Windows,
    taps: Taps,
    product: Gemm,
    input: Layout,
    output: Layout,
}

impl LocalForward {
    pub fn new(windows: Windows, layouts: Layouts, images: usize) -> Self {
        let Layouts { input, output } = layouts;
        let taps = windows.taps(&input);
        let rows = (0..images)
            .map(|image| RowOffset { a: (image * input.image()) as u32, c: (image * output.image()) as u32 });
        let segments =
            taps.stretches().into_iter().map(|(offset, tap)| Segment { a: offset as u32, b: (tap * BLOCK) as u32 });
        let product = Gemm::new(GemmTable {
            rows: rows.collect(),
            segments: segments.collect(),
            length: taps.stretch(),
            a_stride: 1,
            b_stride: BLOCK,
            vectors: windows.filters().div_ceil(LANES),
            b_block: taps.packed_block(),
            c_block: BLOCK,
            tail: tail(windows.filters(), windows.groups),
        });
        Self { windows, taps, product, input, output }
    }

    /// Packs weights `[oh,ow,k,c,r,s]` and biases `[k,oh,ow]`.
    pub fn pack(&self, weights: &[f32], bias: &[f32], packed: &mut LocalWeights) {
        let windows = &self.windows;
        let output_pixels = windows.output.height * windows.output.width;
        let length = self.taps.packed_len();
        packed.filters.grow(output_pixels * windows.groups * length);
        let per_group = windows.filters() * windows.weights();
        packed
            .filters
            .par_chunks_exact_mut(length)
            .zip(weights.par_chunks_exact(per_group))
            .for_each(|(packed, weights)| self.taps.pack(weights, packed));
        packed.bias.grow(output_pixels * self.output.stride + BLOCK);
        for (filter, map) in bias.chunks_exact(output_pixels).enumerate() {
            for (position, &value) in map.iter().enumerate() {
                packed.bias[position * self.output.stride + filter] = value;
            }
        }
    }

    /// Applies the layer to the first `images` images.
    pub fn apply(&self, level: VectorLevel, images: usize, weights: &LocalWeights, values: (&[f32], &mut [f32])) {
        let (input, output) = values;
        let windows = &self.windows;
        let length = self.taps.packed_len();
        for (position, (y, x)) in positions(windows).enumerate() {
            let (iy, ix) = windows.origin(y, x);
            let from = self.input.offset(0, iy, ix);
            let to = self.output.pixel(0, y, x).start;
            for group in 0..windows.groups {
                let filter = group * windows.filters();
                self.product.apply(
                    level,
                    GemmOperands {
                        a: &input[from + group * windows.channels()..],
                        b: &weights.filters[(position * windows.groups + group) * length..],
                        c: &mut output[to + filter..],
                        start: InitialSum::Bias(&weights.bias[position * self.output.stride + filter..]),
                        rows: 0..images,
                        segments: 0..self.product.counts().1,
                    },
                );
            }
        }
    }
}
