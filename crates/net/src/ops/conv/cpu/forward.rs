//! The forward pass of a convolution.

use super::winograd::{self, Winograd};
use crate::device::VectorLevel;
use crate::device::cpu::buffer::Buffer;
use crate::device::cpu::gemm::{BLOCK, Gemm, GemmOperands, GemmTable, InitialSum, RowOffset, Segment};
use crate::device::cpu::lanes::LANES;
use crate::device::cpu::layout::Layout;
use crate::device::cpu::window::{Layouts, Taps, Windows, tail};

/// A convolution's forward pass over one chunk of images.
#[derive(Debug)]
pub(crate) struct ConvForward {
    windows: Windows,
    taps: Taps,
    product: Gemm,
    winograd: Option<Box<Winograd>>,
    shared_bias: bool,
    output: Layout,
}

/// A convolution's filters, packed for [`ConvForward`].
#[derive(Debug, Default, Clone)]
pub(crate) struct ConvWeights {
    pub filters: Buffer,
    pub bias: Buffer,
}

impl ConvForward {
    pub fn new(windows: Windows, shared_bias: bool, places: Layouts, images: usize) -> Self {
        let Layouts { input, output } = places;
        let taps = windows.taps(&input);
        let mut rows = Vec::new();
        for image in 0..images {
            for y in 0..output.shape.height {
                for x in 0..output.shape.width {
                    let (iy, ix) = windows.origin(y, x);
                    rows.push(RowOffset {
                        a: input.offset(image, iy, ix) as u32,
                        c: output.pixel(image, y, x).start as u32,
                    });
                }
            }
        }
        let segments =
            taps.stretches().into_iter().map(|(offset, tap)| Segment { a: offset as u32, b: (tap * BLOCK) as u32 });
        let product = Gemm::new(GemmTable {
            rows,
            segments: segments.collect(),
            length: taps.stretch(),
            a_stride: 1,
            b_stride: BLOCK,
            vectors: windows.filters().div_ceil(LANES),
            b_block: taps.packed_block(),
            c_block: BLOCK,
            tail: tail(windows.filters(), windows.groups),
        });
        let winograd = winograd::applies(&windows)
            .then(|| Box::new(Winograd::new(windows.rows.size, windows.rows.before, input, output)));
        Self { windows, taps, product, winograd, shared_bias, output }
    }

    /// Whether one image is work enough for several threads.
    pub fn is_shared(&self) -> bool {
        self.winograd.as_ref().is_some_and(|winograd| winograd.is_shared())
    }

    /// Packs weights `[k,c,r,s]` and biases `[k]` or `[k,oh,ow]`.
    pub fn pack(&self, level: VectorLevel, weights: &[f32], bias: &[f32], packed: &mut ConvWeights) {
        let groups = self.windows.groups;
        let length = self.taps.packed_len();
        let per_group = self.windows.filters() * self.windows.weights();
        let direct = |filters: &mut Buffer| {
            filters.grow(groups * length);
            for group in 0..groups {
                self.taps.pack(&weights[group * per_group..][..per_group], &mut filters[group * length..][..length]);
            }
        };
        match &self.winograd {
            Some(winograd) => winograd.pack(level, &mut packed.filters, direct),
            None => direct(&mut packed.filters),
        }
        if self.shared_bias {
            packed.bias.grow(self.output.stride + BLOCK);
            packed.bias[..bias.len()].copy_from_slice(bias);
        } else {
            let area = self.output.shape.height * self.output.shape.width;
            packed.bias.grow(area * self.output.stride);
            for (filter, map) in bias.chunks_exact(area).enumerate() {
                for (place, &value) in map.iter().enumerate() {
                    packed.bias[place * self.output.stride + filter] = value;
                }
            }
        }
    }

    /// Convolves the first `images` images.
    pub fn apply(&self, level: VectorLevel, images: usize, weights: &ConvWeights, values: (&[f32], &mut [f32])) {
        let (input, output) = values;
        if !self.shared_bias {
            let width = self.output.shape.width * self.output.stride;
            for image in 0..images {
                for (y, row) in weights.bias.chunks_exact(width).enumerate() {
                    output[self.output.pixels(image, y)].copy_from_slice(row);
                }
            }
        }
        if let Some(winograd) = &self.winograd {
            let start = if self.shared_bias { InitialSum::Bias(&weights.bias) } else { InitialSum::Add };
            return winograd.apply(level, images, &weights.filters, (input, output, start));
        }
        let (channels, filters) = (self.windows.channels(), self.windows.filters());
        let length = self.taps.packed_len();
        let area = self.output.shape.height * self.output.shape.width;
        for group in 0..self.windows.groups {
            let start =
                if self.shared_bias { InitialSum::Bias(&weights.bias[group * filters..]) } else { InitialSum::Add };
            self.product.apply(
                level,
                GemmOperands {
                    a: &input[group * channels..],
                    b: &weights.filters[group * length..],
                    c: &mut output[group * filters..],
                    start,
                    rows: 0..images * area,
                    segments: 0..self.product.counts().1,
                },
            );
        }
    }
}
