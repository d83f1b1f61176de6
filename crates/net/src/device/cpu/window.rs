//! Sliding windows as products: the tables that convolution and locally connected layers share.

use super::gemm::BLOCK;
use super::lanes::LANES;
use super::layout::{Halo, Layout};
use std::ops::Range;

pub(crate) use crate::device::windows::{WindowAxis, Windows};

impl Windows {
    /// The zeros around its input that the windows reach into.
    pub fn halo(&self) -> Halo {
        let after = |axis: WindowAxis, outputs: usize, side: usize| {
            ((outputs - 1) * axis.stride + axis.span()).saturating_sub(axis.before + side)
        };
        Halo {
            top: self.rows.before,
            left: self.columns.before,
            bottom: after(self.rows, self.output.height, self.input.height),
            right: after(self.columns, self.output.width, self.input.width),
        }
    }

    /// The taps of a window over an input of layout `input`.
    pub fn taps(&self, input: &Layout) -> Taps {
        Taps {
            windows: *self,
            channels: if self.groups == 1 { input.stride } else { self.channels() },
            stride: self.columns.dilation * input.stride,
            row: self.rows.dilation * input.row(),
            whole_rows: self.groups == 1 && self.columns.dilation == 1,
        }
    }
}

/// The layouts of the values that windows slide over, and of the values that they give.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layouts {
    pub input: Layout,
    pub output: Layout,
}

/// Floats of a vector that belong to one group: all where there is only one group, since then the
/// padding channels are written too (with zeros).
pub(crate) fn tail(channels: usize, groups: usize) -> usize {
    match channels % LANES {
        rest if rest > 0 && groups > 1 => rest,
        _ => LANES,
    }
}

/// Channels whose filters are packed together.
const CHANNELS: usize = 8;

/// The taps of one window in a fixed order: row, column, channel. Where there are no groups and no dilation a
/// row of the window is contiguous in memory, padding channels included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taps {
    windows: Windows,
    channels: usize,
    /// Floats from one pixel of a window to the next, and from one of its rows to the next.
    stride: usize,
    row: usize,
    whole_rows: bool,
}

impl Taps {
    /// Number of taps, those of padding channels included.
    pub fn count(&self) -> usize {
        self.windows.area() * self.channels
    }

    /// Number of a tap.
    pub fn index(&self, y: usize, x: usize, channel: usize) -> usize {
        (y * self.windows.columns.size + x) * self.channels + channel
    }

    /// Contiguous stretches: offset in the input from the window's origin, first tap.
    pub fn stretches(&self) -> Vec<(usize, usize)> {
        self.stretches_inside(0..self.windows.rows.size, 0..self.windows.columns.size).0
    }

    /// Taps of a stretch.
    pub fn stretch(&self) -> usize {
        if self.whole_rows { self.windows.columns.size * self.channels } else { self.channels }
    }

    /// The stretches of some rows and columns of the window, and the taps of each.
    pub fn stretches_inside(&self, rows: Range<usize>, columns: Range<usize>) -> (Vec<(usize, usize)>, usize) {
        let (columns, length) =
            if self.whole_rows { (columns.start..columns.start + 1, columns.len()) } else { (columns, 1) };
        let positions = rows.flat_map(|y| columns.clone().map(move |x| (y, x)));
        let stretches = positions.map(|(y, x)| (y * self.row + x * self.stride, self.index(y, x, 0)));
        (stretches.collect(), length * self.channels)
    }

    /// The real taps: offset in the input from the window's origin, number.
    pub fn offsets(&self) -> Vec<(usize, usize)> {
        let mut out = Vec::with_capacity(self.count());
        for y in 0..self.windows.rows.size {
            for x in 0..self.windows.columns.size {
                for channel in 0..self.windows.channels() {
                    let offset = y * self.row + x * self.stride + channel;
                    out.push((offset, self.index(y, x, channel)));
                }
            }
        }
        out
    }

    /// Floats of a group's filters, packed as `[block][tap][16 filters]`.
    pub fn packed_len(&self) -> usize {
        self.windows.filters().div_ceil(BLOCK) * self.packed_block()
    }

    /// Floats from one block of filters to the next.
    pub fn packed_block(&self) -> usize {
        self.count() * BLOCK
    }

    /// Packs one group's filters, `[k][c][r][s]`, for the forward product. Floats of padding channels
    /// and of filters that fill up the last block are left as they are: zero.
    pub fn pack(&self, filters: &[f32], packed: &mut [f32]) {
        let windows = &self.windows;
        let area = windows.area();
        for (block, packed) in packed.chunks_exact_mut(self.packed_block()).enumerate() {
            let filters = &filters[block * BLOCK * windows.weights()..];
            let lanes = (filters.len() / windows.weights()).min(BLOCK);
            // A few channels at a time, whose weights stay in the cache until all their places are written.
            for first in (0..windows.channels()).step_by(CHANNELS) {
                let channels = first..windows.channels().min(first + CHANNELS);
                for position in 0..area {
                    for channel in channels.clone() {
                        let out = &mut packed[(position * self.channels + channel) * BLOCK..][..lanes];
                        for (lane, weight) in out.iter_mut().enumerate() {
                            *weight = filters[lane * windows.weights() + channel * area + position];
                        }
                    }
                }
            }
        }
    }

    /// The inverse of [`Taps::pack`] for one block of at most 16 filters.
    pub fn unpack_block(&self, packed: &[f32], filters: &mut [f32]) {
        let windows = &self.windows;
        let area = windows.area();
        for (lane, filter) in filters.chunks_exact_mut(windows.weights()).enumerate() {
            for (channel, plane) in filter.chunks_exact_mut(area).enumerate() {
                for (position, weight) in plane.iter_mut().enumerate() {
                    *weight = packed[(position * self.channels + channel) * BLOCK + lane];
                }
            }
        }
    }
}
