//! The gradients of locally and fully connected layers by their weights, once a batch.

use super::positions;
use crate::device::VectorLevel;
use crate::device::cpu::buffer::Buffer;
use crate::device::cpu::gemm::{BLOCK, Operands, Product, Row, Run, Start, Walk};
use crate::device::cpu::lanes::LANES;
use crate::device::cpu::layout::Layout;
use crate::device::cpu::window::{Taps, Windows};
use rayon::prelude::*;
use std::cell::RefCell;

/// Images whose inputs and gradients lie side by side at one position.
pub(crate) const SIDE_BY_SIDE: usize = 8;

/// Where a layer keeps a batch's inputs and output gradients: for every group of
/// [`SIDE_BY_SIDE`] images a piece, position by position, image by image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shelf {
    /// Where the layer's part begins in a piece.
    pub offset: usize,
    /// Floats of a piece, of all layers together.
    pub piece: usize,
    /// Pieces there are.
    pub pieces: usize,
}

/// The gradients by weights and biases, computed once for a whole batch.
#[derive(Debug)]
pub(crate) struct LocalWeightGradient {
    windows: Windows,
    taps: Taps,
    product: Product,
    shelf: Shelf,
    input: Layout,
    output: Layout,
}

thread_local! {
    /// Sums of one block of filters, kept from call to call.
    static BLOCK_SUMS: RefCell<Buffer> = RefCell::new(Buffer::default());
}

impl LocalWeightGradient {
    /// Floats that a layer needs of each piece.
    pub fn shelf_len(input: &Layout, output: &Layout) -> usize {
        let places = output.shape.height * output.shape.width;
        (input.image() + places * output.stride) * SIDE_BY_SIDE
    }

    /// `output` is the layout of the output's gradient, `input` that of the input's activation.
    pub fn new(windows: Windows, input: Layout, output: Layout, shelf: Shelf) -> Self {
        let taps = windows.taps(&input);
        // A tap's offset is that of its pixel, times the images side by side, plus its channel.
        let rows = taps.offsets().into_iter().map(|(offset, tap)| {
            let pixel = offset / input.stride * input.stride;
            Row { a: (pixel * SIDE_BY_SIDE + offset - pixel) as u32, c: (tap * BLOCK) as u32 }
        });
        let runs =
            (0..shelf.pieces).map(|piece| Run { a: (piece * shelf.piece) as u32, b: (piece * shelf.piece) as u32 });
        let product = Product::new(Walk {
            rows: rows.collect(),
            runs: runs.collect(),
            length: SIDE_BY_SIDE,
            a_stride: input.stride,
            b_stride: output.stride,
            vectors: 2,
            b_block: BLOCK,
            c_block: BLOCK,
            tail: LANES,
        });
        Self { windows, taps, product, shelf, input, output }
    }

    /// Keeps one image's input and output gradient (`slot` of its piece).
    pub fn keep(&self, image: usize, values: (&[f32], &[f32]), slot: usize, piece: &mut [f32]) {
        let (input, gradient) = values;
        let own = &mut piece[self.shelf.offset..];
        let (inputs, gradients) = own.split_at_mut(self.input.image() * SIDE_BY_SIDE);
        for y in 0..self.input.shape.height {
            for x in 0..self.input.shape.width {
                let from = self.input.pixel(image, y, x);
                let pixel = self.input.offset(0, y as isize, x as isize);
                let to = pixel * SIDE_BY_SIDE + slot * self.input.stride;
                inputs[to..to + from.len()].copy_from_slice(&input[from]);
            }
        }
        for (place, (y, x)) in positions(&self.windows).enumerate() {
            let from = self.output.pixel(image, y, x);
            let to = (place * SIDE_BY_SIDE + slot) * self.output.stride;
            gradients[to..to + from.len()].copy_from_slice(&gradient[from]);
        }
    }

    /// Marks a slot as holding no image.
    pub fn forget(&self, slot: usize, piece: &mut [f32]) {
        let from = self.shelf.offset + self.input.image() * SIDE_BY_SIDE;
        let places = self.output.shape.height * self.output.shape.width;
        let length = places * SIDE_BY_SIDE * self.output.stride;
        let places = piece[from..from + length].chunks_exact_mut(SIDE_BY_SIDE * self.output.stride);
        for place in places {
            place[slot * self.output.stride..][..self.output.stride].fill(0.0);
        }
    }

    /// Sums over the first `pieces` pieces into `[oh,ow,k,c,r,s]` and `[k,oh,ow]`
    /// (or nothing, where biases are not learnt).
    pub fn sum(&self, level: VectorLevel, (shelves, pieces): (&[f32], usize), weights: &mut [f32], bias: &mut [f32]) {
        let windows = &self.windows;
        let per_group = windows.filters() * windows.weights();
        let inputs = &shelves[self.shelf.offset..];
        let gradients = &inputs[self.input.image() * SIDE_BY_SIDE..];
        let per_place = SIDE_BY_SIDE * self.output.stride;
        let width = windows.output.width;
        weights.par_chunks_exact_mut(per_group).enumerate().for_each(|(index, weights)| {
            let (place, group) = (index / windows.groups, index % windows.groups);
            let (y, x) = windows.origin(place / width, place % width);
            let from = self.input.offset(0, y, x) * SIDE_BY_SIDE;
            let blocks = weights.par_chunks_mut(BLOCK * windows.weights());
            blocks.enumerate().for_each(|(block, weights)| {
                let filter = group * windows.filters() + block * BLOCK;
                BLOCK_SUMS.with_borrow_mut(|sums| {
                    sums.grow(self.taps.packed_block());
                    self.product.apply(
                        level,
                        Operands {
                            a: &inputs[from + group * windows.channels()..],
                            b: &gradients[place * per_place + filter..],
                            c: sums,
                            start: Start::Zero,
                            rows: 0..self.product.counts().0,
                            runs: 0..pieces,
                        },
                    );
                    self.taps.unpack_block(sums, weights);
                });
            });
        });
        if bias.is_empty() {
            return;
        }
        let places = windows.output.height * windows.output.width;
        bias.fill(0.0);
        for piece in 0..pieces {
            for place in 0..places {
                for slot in 0..SIDE_BY_SIDE {
                    let from = piece * self.shelf.piece + place * per_place + slot * self.output.stride;
                    for filter in 0..windows.output.channels {
                        bias[filter * places + place] += gradients[from + filter];
                    }
                }
            }
        }
    }
}
