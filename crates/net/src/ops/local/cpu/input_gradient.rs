//! The gradient of locally and fully connected layers with respect to their input.

use super::positions;
use crate::device::VectorLevel;
use crate::device::cpu::buffer::Buffer;
use crate::device::cpu::gemm::{BLOCK, Gemm, GemmOperands, GemmTable, InitialSum, RowOffset, Segment};
use crate::device::cpu::lanes::LANES;
use crate::device::cpu::layout::Layout;
use crate::device::cpu::window::{Layouts, WindowAxis, Windows, tail};
use rayon::prelude::*;

/// The gradient with respect to the input: for each input pixel, the sum over all windows that contain it.
#[derive(Debug)]
pub(crate) struct LocalInputGradient {
    windows: Windows,
    gemm: Gemm,
    /// For each input pixel, the end of its range of `gemm`'s segments, which begins where the previous pixel's ends.
    segment_ends: Vec<usize>,
    /// Layout of the input's gradient.
    input: Layout,
    /// Channels of a group, rounded up to whole blocks.
    padded_channels: usize,
}

/// The row or column of a window that lies `distance` input pixels after its first; `None` where the window has none.
fn window_index(axis: WindowAxis, distance: isize) -> Option<usize> {
    let distance = usize::try_from(distance).ok()?;
    let index = distance / axis.dilation;
    (distance.is_multiple_of(axis.dilation) && index < axis.size).then_some(index)
}

impl LocalInputGradient {
    /// `layouts` are those of the gradients of the layer's input and output.
    pub fn new(windows: Windows, layouts: Layouts, images: usize) -> Self {
        let Layouts { input, output } = layouts;
        let padded_channels = windows.channels().next_multiple_of(BLOCK);
        let matrix_len = windows.filters() * padded_channels;
        let mut segments = Vec::new();
        let mut segment_ends = Vec::new();
        for iy in 0..windows.input.height {
            for ix in 0..windows.input.width {
                for (position, (y, x)) in positions(&windows).enumerate() {
                    let (top, left) = windows.origin(y, x);
                    let row = window_index(windows.rows, iy as isize - top);
                    let column = window_index(windows.columns, ix as isize - left);
                    if let (Some(row), Some(column)) = (row, column) {
                        let matrix = position * windows.area() + row * windows.columns.size + column;
                        segments
                            .push(Segment { a: output.pixel(0, y, x).start as u32, b: (matrix * matrix_len) as u32 });
                    }
                }
                segment_ends.push(segments.len());
            }
        }
        // Each image is a row of the product.
        let rows = (0..images)
            .map(|image| RowOffset { a: (image * output.image()) as u32, c: (image * input.image()) as u32 });
        let gemm = Gemm::new(GemmTable {
            rows: rows.collect(),
            segments,
            length: windows.filters(),
            a_stride: 1,
            b_stride: padded_channels,
            vectors: windows.channels().div_ceil(LANES),
            b_block: BLOCK,
            c_block: BLOCK,
            tail: tail(windows.channels(), windows.groups),
        });
        Self { windows, gemm, segment_ends, input, padded_channels }
    }

    /// Floats of the packed weights of a group.
    fn packed_group_len(&self) -> usize {
        let output_pixels = self.windows.output.height * self.windows.output.width;
        output_pixels * self.windows.area() * self.windows.filters() * self.padded_channels
    }

    /// Packs weights `[oh,ow,k,c,r,s]` as `[group][position][r][s][k][c]`, `c` padded with zeros to whole blocks.
    pub fn pack(&self, weights: &[f32], packed: &mut Buffer) {
        let windows = &self.windows;
        let area = windows.area();
        let (filters, padded_channels) = (windows.filters(), self.padded_channels);
        packed.grow(windows.groups * self.packed_group_len());
        let weights_per_position = windows.output.channels * windows.weights();
        let weights_per_group = filters * windows.weights();
        for (group, packed) in packed.chunks_exact_mut(self.packed_group_len()).enumerate() {
            packed
                .par_chunks_exact_mut(area * filters * padded_channels)
                .zip(weights.par_chunks_exact(weights_per_position))
                .for_each(|(packed, weights)| {
                    let weights = &weights[group * weights_per_group..][..weights_per_group];
                    for (k, filter) in weights.chunks_exact(windows.weights()).enumerate() {
                        for pixel in 0..area {
                            let packed = &mut packed[(pixel * filters + k) * padded_channels..][..padded_channels];
                            for (c, out) in packed.iter_mut().enumerate().take(windows.channels()) {
                                *out = filter[c * area + pixel];
                            }
                        }
                    }
                });
        }
    }

    /// Computes the input's gradient. `gradients` are the output's, the input's, and what the input's sums start from.
    pub fn apply(
        &self,
        level: VectorLevel,
        images: usize,
        packed: &[f32],
        gradients: (&[f32], &mut [f32], InitialSum<'_>),
    ) {
        let (dy, dx, start) = gradients;
        let windows = &self.windows;
        for group in 0..windows.groups {
            let mut segment_start = 0;
            for (pixel, &segment_end) in self.segment_ends.iter().enumerate() {
                let (y, x) = (pixel / windows.input.width, pixel % windows.input.width);
                let offset = self.input.pixel(0, y, x).start + group * windows.channels();
                self.gemm.apply(
                    level,
                    GemmOperands {
                        a: &dy[group * windows.filters()..],
                        b: &packed[group * self.packed_group_len()..][..self.packed_group_len()],
                        c: &mut dx[offset..],
                        start,
                        rows: 0..images,
                        segments: segment_start..segment_end,
                    },
                );
                segment_start = segment_end;
            }
        }
    }
}
