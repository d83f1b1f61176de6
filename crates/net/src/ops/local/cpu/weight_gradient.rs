//! The gradients of locally and fully connected layers with respect to their weights, once a batch.

use super::positions;
use crate::device::VectorLevel;
use crate::device::cpu::buffer::Buffer;
use crate::device::cpu::gemm::{BLOCK, Gemm, GemmOperands, GemmTable, InitialSum, RowOffset, Segment};
use crate::device::cpu::lanes::LANES;
use crate::device::cpu::layout::Layout;
use crate::device::cpu::window::{Layouts, Taps, Windows};
use crate::ops::cpu::{
    Chunk, DeferredGradients, GROUP_IMAGES, GradientSpace, GradientTotals, WeightGradient, WeightGradientInputs,
};
use crate::ops::dense::Flatten;
use rayon::prelude::*;
use std::cell::RefCell;

/// The gradients with respect to weights and biases, computed once for a whole batch.
#[derive(Debug)]
pub(crate) struct LocalWeightGradient {
    windows: Windows,
    flatten: Flatten,
    taps: Taps,
    product: Gemm,
    deferred: DeferredGradients,
    input: Layout,
    output: Layout,
}

thread_local! {
    /// Sums of one block of filters, kept from call to call.
    static BLOCK_SUMS: RefCell<Buffer> = RefCell::new(Buffer::default());
}

impl LocalWeightGradient {
    /// `layouts` are those of the input's activation and of the output's gradient.
    pub fn new(windows: Windows, flatten: Flatten, layouts: Layouts, deferred: DeferredGradients) -> Self {
        let Layouts { input, output } = layouts;
        let taps = windows.taps(&input);
        // A tap's offset is that of its pixel, times the images side by side, plus its channel.
        let rows = taps.offsets().into_iter().map(|(offset, tap)| {
            let pixel = offset / input.stride * input.stride;
            RowOffset { a: (pixel * GROUP_IMAGES + offset - pixel) as u32, c: (tap * BLOCK) as u32 }
        });
        let segments = (0..deferred.groups).map(|group| {
            let at = (group * deferred.group_stride) as u32;
            Segment { a: at, b: at }
        });
        let product = Gemm::new(GemmTable {
            rows: rows.collect(),
            segments: segments.collect(),
            length: GROUP_IMAGES,
            a_stride: input.stride,
            b_stride: output.stride,
            vectors: 2,
            b_block: BLOCK,
            c_block: BLOCK,
            tail: LANES,
        });
        Self { windows, flatten, taps, product, deferred, input, output }
    }

    /// Keeps an image's input and output gradient in a slot of its group.
    fn keep(&self, image: usize, slot: usize, known: WeightGradientInputs<'_>, deferred: &mut [f32]) {
        let (input, gradient) = (known.x.values, known.dy.values);
        let own = &mut deferred[self.deferred.offset..];
        let (inputs, gradients) = own.split_at_mut(self.input.image() * GROUP_IMAGES);
        for y in 0..self.input.shape.height {
            for x in 0..self.input.shape.width {
                let from = self.input.pixel(image, y, x);
                let pixel = self.input.offset(0, y as isize, x as isize);
                let to = pixel * GROUP_IMAGES + slot * self.input.stride;
                inputs[to..to + from.len()].copy_from_slice(&input[from]);
            }
        }
        for (position, (y, x)) in positions(&self.windows).enumerate() {
            let from = self.output.pixel(image, y, x);
            let to = (position * GROUP_IMAGES + slot) * self.output.stride;
            gradients[to..to + from.len()].copy_from_slice(&gradient[from]);
        }
    }

    /// Marks a slot as holding no image.
    fn clear(&self, slot: usize, deferred: &mut [f32]) {
        let from = self.deferred.offset + self.input.image() * GROUP_IMAGES;
        let output_pixels = self.output.shape.height * self.output.shape.width;
        let length = output_pixels * GROUP_IMAGES * self.output.stride;
        for slots in deferred[from..from + length].chunks_exact_mut(GROUP_IMAGES * self.output.stride) {
            slots[slot * self.output.stride..][..self.output.stride].fill(0.0);
        }
    }

    /// Sums over the batch's groups into `[oh,ow,k,c,r,s]` and `[k,oh,ow]` (or nothing, where biases are not learnt).
    fn sum(&self, level: VectorLevel, totals: GradientTotals<'_>, weights: &mut [f32], bias: &mut [f32]) {
        let GradientTotals { deferred, groups, .. } = totals;
        let windows = &self.windows;
        let per_group = windows.filters() * windows.weights();
        let inputs = &deferred[self.deferred.offset..];
        let gradients = &inputs[self.input.image() * GROUP_IMAGES..];
        let per_position = GROUP_IMAGES * self.output.stride;
        let width = windows.output.width;
        weights.par_chunks_exact_mut(per_group).enumerate().for_each(|(index, weights)| {
            let (position, group) = (index / windows.groups, index % windows.groups);
            let (y, x) = windows.origin(position / width, position % width);
            let from = self.input.offset(0, y, x) * GROUP_IMAGES;
            let blocks = weights.par_chunks_mut(BLOCK * windows.weights());
            blocks.enumerate().for_each(|(block, weights)| {
                let filter = group * windows.filters() + block * BLOCK;
                BLOCK_SUMS.with_borrow_mut(|sums| {
                    sums.grow(self.taps.packed_block());
                    self.product.apply(
                        level,
                        GemmOperands {
                            a: &inputs[from + group * windows.channels()..],
                            b: &gradients[position * per_position + filter..],
                            c: sums,
                            start: InitialSum::Zero,
                            rows: 0..self.product.counts().0,
                            segments: 0..groups,
                        },
                    );
                    self.taps.unpack_block(sums, weights);
                });
            });
        });
        if bias.is_empty() {
            return;
        }
        let output_pixels = windows.output.height * windows.output.width;
        bias.fill(0.0);
        for group in 0..groups {
            for position in 0..output_pixels {
                for slot in 0..GROUP_IMAGES {
                    let from = group * self.deferred.group_stride + position * per_position + slot * self.output.stride;
                    for filter in 0..windows.output.channels {
                        bias[filter * output_pixels + position] += gradients[from + filter];
                    }
                }
            }
        }
    }
}

impl WeightGradient for LocalWeightGradient {
    fn space(&self) -> GradientSpace {
        let output_pixels = self.output.shape.height * self.output.shape.width;
        let deferred = (self.input.image() + output_pixels * self.output.stride) * GROUP_IMAGES;
        GradientSpace { sums: 0, deferred }
    }

    fn place(&mut self, deferred: DeferredGradients) {
        *self = Self::new(self.windows, self.flatten, Layouts { input: self.input, output: self.output }, deferred);
    }

    fn accumulate(&self, chunk: Chunk, known: WeightGradientInputs<'_>, _: &mut [f32], deferred: &mut [f32]) {
        for image in 0..chunk.images {
            self.keep(image, known.first_slot + image, known, deferred);
        }
    }

    fn clear_slot(&self, slot: usize, deferred: &mut [f32]) {
        self.clear(slot, deferred);
    }

    fn finish(&self, level: VectorLevel, totals: GradientTotals<'_>, weight: &mut [f32], bias: &mut [f32]) {
        self.sum(level, totals, weight, bias);
        self.flatten.reorder(self.windows.input, weight);
    }
}
