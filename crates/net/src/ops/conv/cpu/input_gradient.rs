//! The gradient of a convolution with respect to its input.

use super::winograd::{self, Winograd};
use crate::device::VectorLevel;
use crate::device::cpu::buffer::Buffer;
use crate::device::cpu::gemm::{BLOCK, Gemm, GemmOperands, GemmTable, InitialSum, RowOffset, Segment};
use crate::device::cpu::lanes::LANES;
use crate::device::cpu::layout::Halo;
use crate::device::cpu::window::{Layouts, WindowAxis, Windows, tail};
use std::collections::BTreeSet;

/// The zeros around its output's gradient that [`ConvInputGradient`] reads.
pub(crate) fn gradient_halo(windows: &Windows) -> Halo {
    let side = |axis: WindowAxis, length: usize, outputs: usize| {
        let phases = StridePhase::along(axis, length);
        let mut halo = (0, 0);
        for position in 0..length {
            let phase = phases[phases.partition_point(|phase| phase.rest < StridePhase::rest(axis, position))];
            let first = phase.first(axis, position);
            let last = first + (phase.taps as isize - 1) * phase.output_step as isize;
            halo.0 = halo.0.max((-first).max(0) as usize);
            halo.1 = halo.1.max((last - outputs as isize + 1).max(0) as usize);
        }
        halo
    };
    let (top, bottom) = side(windows.rows, windows.input.height, windows.output.height);
    let (left, right) = side(windows.columns, windows.input.width, windows.output.width);
    Halo { top, left, bottom, right }
}

/// Input positions that see the same taps of the filters along one axis: with stride `t` there are `t`. Position `p` is
/// tap `r` of output `o` where `o stride + r dilation = p + before`.
#[derive(Clone, Copy, Debug)]
struct StridePhase {
    /// `(p + before) % stride`.
    rest: usize,
    /// First tap; the others follow at distances of `tap_step`.
    offset: usize,
    taps: usize,
    tap_step: usize,
    /// From one output that saw the position to the next.
    output_step: usize,
}

impl StridePhase {
    fn new(axis: WindowAxis, rest: usize) -> Self {
        let WindowAxis { size, stride, dilation, .. } = axis;
        let common = greatest_common_divisor(stride, dilation);
        let (tap_step, output_step) = (stride / common, dilation / common);
        // Past the last tap there is none to be found.
        let offset = (0..tap_step.min(size)).find(|tap| tap * dilation % stride == rest);
        // Positions between the taps of all windows are seen by none.
        let taps = offset.map_or(0, |offset| size.saturating_sub(offset).div_ceil(tap_step));
        Self { rest, offset: offset.unwrap_or(0), taps, tap_step, output_step }
    }

    /// The phases of all positions along a side, in the order of their rests.
    fn along(axis: WindowAxis, side: usize) -> Vec<Self> {
        let rests: BTreeSet<usize> = (0..side).map(|position| Self::rest(axis, position)).collect();
        rests.into_iter().map(|rest| Self::new(axis, rest)).collect()
    }

    const fn rest(axis: WindowAxis, position: usize) -> usize {
        (position + axis.before) % axis.stride
    }

    /// First output (in ascending order) that saw the position; it did so with the last tap.
    fn first(self, axis: WindowAxis, position: usize) -> isize {
        let reach = (position + axis.before) as isize - (self.offset * axis.dilation) as isize;
        reach.div_euclid(axis.stride as isize) - (self.taps as isize - 1) * self.output_step as isize
    }

    /// The filter's row (or column) that the output number `index` of those used.
    fn tap(self, index: usize) -> usize {
        self.offset + (self.taps - 1 - index) * self.tap_step
    }
}

fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

/// The gradient with respect to the input: a convolution of the output's gradient with the flipped filters, one for
/// each phase of the stride.
#[derive(Debug)]
pub(crate) struct ConvInputGradient {
    windows: Windows,
    phases: Vec<PhaseProduct>,
    winograd: Option<Box<Winograd>>,
    /// Floats of a pixel of the output's gradient that a product sums over: a group's filters.
    depth: usize,
}

#[derive(Debug)]
struct PhaseProduct {
    y: StridePhase,
    x: StridePhase,
    product: Gemm,
    rows_per_image: usize,
    /// Where its filters lie in the packed ones, and floats of one group and one block.
    packed: usize,
    packed_group: usize,
    packed_block: usize,
}

impl ConvInputGradient {
    /// `output` is the layout of the output's gradient, `input` that of the input's.
    pub fn new(windows: Windows, layouts: Layouts, images: usize) -> Self {
        let Layouts { input, output } = layouts;
        let depth = if windows.groups == 1 { output.stride } else { windows.filters() };
        let winograd = winograd::applies(&windows).then(|| {
            let WindowAxis { size, before, .. } = windows.rows;
            Box::new(Winograd::new(size, size - 1 - before, output, input))
        });
        let mut this = Self { windows, phases: Vec::new(), winograd, depth };
        let mut packed = 0;
        let columns = StridePhase::along(windows.columns, windows.input.width);
        for y in StridePhase::along(windows.rows, windows.input.height) {
            for &x in &columns {
                let mut phase = this.phase(y, x, layouts, images);
                phase.packed = packed;
                packed += phase.packed_group * windows.groups;
                this.phases.push(phase);
            }
        }
        this
    }

    fn phase(&self, y: StridePhase, x: StridePhase, layouts: Layouts, images: usize) -> PhaseProduct {
        let Layouts { input, output } = layouts;
        let Windows { rows: along_y, columns: along_x, .. } = self.windows;
        // Pixels that strides pass over are seen by no filter: their sums have no terms.
        let is_seen = y.taps > 0 && x.taps > 0;
        let mut rows = Vec::new();
        for image in 0..images {
            for iy in (0..input.shape.height).filter(|&iy| StridePhase::rest(along_y, iy) == y.rest) {
                for ix in (0..input.shape.width).filter(|&ix| StridePhase::rest(along_x, ix) == x.rest) {
                    let (oy, ox) = (y.first(along_y, iy), x.first(along_x, ix));
                    rows.push(RowOffset {
                        a: if is_seen { output.offset(image, oy, ox) as u32 } else { 0 },
                        c: input.pixel(image, iy, ix).start as u32,
                    });
                }
            }
        }
        let whole_rows = self.windows.groups == 1 && x.output_step == 1;
        let columns = if whole_rows { 1 } else { x.taps };
        let mut segments = Vec::new();
        for ty in 0..y.taps {
            for tx in 0..columns {
                segments.push(Segment {
                    a: (ty * y.output_step * output.row() + tx * x.output_step * output.stride) as u32,
                    b: ((ty * x.taps + tx) * self.depth * BLOCK) as u32,
                });
            }
        }
        let channels = self.windows.channels();
        let packed_block = y.taps * x.taps * self.depth * BLOCK;
        PhaseProduct {
            y,
            x,
            rows_per_image: rows.len() / images,
            product: Gemm::new(GemmTable {
                rows,
                segments,
                length: if whole_rows { x.taps * self.depth } else { self.depth } * usize::from(is_seen),
                a_stride: 1,
                b_stride: BLOCK,
                vectors: channels.div_ceil(LANES),
                b_block: packed_block,
                c_block: BLOCK,
                tail: tail(channels, self.windows.groups),
            }),
            packed: 0,
            packed_group: channels.div_ceil(BLOCK) * packed_block,
            packed_block,
        }
    }

    /// Packs weights `[k,c,r,s]`, flipped.
    pub fn pack(&self, level: VectorLevel, weights: &[f32], packed: &mut Buffer) {
        match &self.winograd {
            Some(winograd) => winograd.pack(level, packed, |filters| self.pack_direct(weights, filters)),
            None => self.pack_direct(weights, packed),
        }
    }

    fn pack_direct(&self, weights: &[f32], packed: &mut Buffer) {
        let (width, area) = (self.windows.columns.size, self.windows.area());
        let (channels, filters) = (self.windows.channels(), self.windows.filters());
        let last = self.phases.last();
        let length = last.map_or(0, |p| p.packed + p.packed_group * self.windows.groups);
        // Even a sum without terms is given a block of factors.
        packed.grow(length + BLOCK);
        for phase in &self.phases {
            for (k, filter) in weights.chunks_exact(channels * area).enumerate() {
                let (group, k) = (k / filters, k % filters);
                let packed = &mut packed[phase.packed + group * phase.packed_group..];
                for ty in 0..phase.y.taps {
                    for tx in 0..phase.x.taps {
                        let (r, s) = (phase.y.tap(ty), phase.x.tap(tx));
                        let at = ((ty * phase.x.taps + tx) * self.depth + k) * BLOCK;
                        for (c, plane) in filter.chunks_exact(area).enumerate() {
                            packed[c / BLOCK * phase.packed_block + at + c % BLOCK] = plane[r * width + s];
                        }
                    }
                }
            }
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
        if let Some(winograd) = &self.winograd {
            return winograd.apply(level, images, packed, gradients);
        }
        let (output, input, start) = gradients;
        let (channels, filters) = (self.windows.channels(), self.windows.filters());
        for phase in &self.phases {
            for group in 0..self.windows.groups {
                phase.product.apply(
                    level,
                    GemmOperands {
                        a: &output[group * filters..],
                        b: &packed[phase.packed + group * phase.packed_group..],
                        c: &mut input[group * channels..],
                        start,
                        rows: 0..images * phase.rows_per_image,
                        segments: 0..phase.product.counts().1,
                    },
                );
            }
        }
    }
}
