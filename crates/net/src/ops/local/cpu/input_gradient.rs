//! The gradient of locally and fully connected layers by their input.

use super::positions;
use crate::device::VectorLevel;
use crate::device::cpu::buffer::Buffer;
use crate::device::cpu::gemm::{BLOCK, Gemm, GemmOperands, GemmTable, InitialSum, RowOffset, Segment};
use crate::device::cpu::lanes::LANES;
use crate::device::cpu::layout::Layout;
use crate::device::cpu::window::{Layouts, WindowAxis, Windows, tail};
use rayon::prelude::*;

/// The gradient by the input: at each input pixel, over all windows that saw it.
#[derive(Debug)]
pub(crate) struct LocalInputGradient {
    windows: Windows,
    product: Gemm,
    /// For each input pixel, where its segments end.
    ends: Vec<usize>,
    input: Layout,
    /// Channels of a group, rounded up to whole blocks.
    width: usize,
}

/// The row or column of a window that lies so far from its first.
fn tap(axis: WindowAxis, distance: isize) -> Option<usize> {
    let distance = usize::try_from(distance).ok()?;
    let tap = distance / axis.dilation;
    (distance.is_multiple_of(axis.dilation) && tap < axis.size).then_some(tap)
}

impl LocalInputGradient {
    /// `output` is the layout of the output's gradient, `input` that of the input's.
    pub fn new(windows: Windows, places: Layouts, images: usize) -> Self {
        let Layouts { input, output } = places;
        let width = windows.channels().next_multiple_of(BLOCK);
        let matrix = windows.filters() * width;
        let mut segments = Vec::new();
        let mut ends = Vec::new();
        for iy in 0..windows.input.height {
            for ix in 0..windows.input.width {
                for (place, (y, x)) in positions(&windows).enumerate() {
                    let (top, left) = windows.origin(y, x);
                    let row = tap(windows.rows, iy as isize - top);
                    let column = tap(windows.columns, ix as isize - left);
                    if let (Some(row), Some(column)) = (row, column) {
                        let tap = place * windows.area() + row * windows.columns.size + column;
                        segments.push(Segment { a: output.pixel(0, y, x).start as u32, b: (tap * matrix) as u32 });
                    }
                }
                ends.push(segments.len());
            }
        }
        let rows = (0..images)
            .map(|image| RowOffset { a: (image * output.image()) as u32, c: (image * input.image()) as u32 });
        let product = Gemm::new(GemmTable {
            rows: rows.collect(),
            segments,
            length: windows.filters(),
            a_stride: 1,
            b_stride: width,
            vectors: windows.channels().div_ceil(LANES),
            b_block: BLOCK,
            c_block: BLOCK,
            tail: tail(windows.channels(), windows.groups),
        });
        Self { windows, product, ends, input, width }
    }

    fn group_len(&self) -> usize {
        let places = self.windows.output.height * self.windows.output.width;
        let taps = self.windows.area();
        places * taps * self.windows.filters() * self.width
    }

    /// Packs weights `[oh,ow,k,c,r,s]` as `[group][position][r][s][k][c]`.
    pub fn pack(&self, weights: &[f32], packed: &mut Buffer) {
        let windows = &self.windows;
        let taps = windows.area();
        let (filters, width) = (windows.filters(), self.width);
        packed.grow(windows.groups * self.group_len());
        let per_place = windows.output.channels * windows.weights();
        let per_group = filters * windows.weights();
        for (group, packed) in packed.chunks_exact_mut(self.group_len()).enumerate() {
            packed.par_chunks_exact_mut(taps * filters * width).zip(weights.par_chunks_exact(per_place)).for_each(
                |(packed, weights)| {
                    let weights = &weights[group * per_group..][..per_group];
                    for (k, filter) in weights.chunks_exact(windows.weights()).enumerate() {
                        for tap in 0..taps {
                            let packed = &mut packed[(tap * filters + k) * width..][..width];
                            for (c, out) in packed.iter_mut().enumerate().take(windows.channels()) {
                                *out = filter[c * taps + tap];
                            }
                        }
                    }
                },
            );
        }
    }

    /// Writes, or adds to, the input's gradient.
    pub fn apply(
        &self,
        level: VectorLevel,
        images: usize,
        packed: &[f32],
        gradients: (&[f32], &mut [f32], InitialSum<'_>),
    ) {
        let (output, input, start) = gradients;
        let windows = &self.windows;
        for group in 0..windows.groups {
            let mut first = 0;
            for (pixel, &end) in self.ends.iter().enumerate() {
                let (y, x) = (pixel / windows.input.width, pixel % windows.input.width);
                let to = self.input.pixel(0, y, x).start + group * windows.channels();
                self.product.apply(
                    level,
                    GemmOperands {
                        a: &output[group * windows.filters()..],
                        b: &packed[group * self.group_len()..][..self.group_len()],
                        c: &mut input[to..],
                        start,
                        rows: 0..images,
                        segments: first..end,
                    },
                );
                first = end;
            }
        }
    }
}
