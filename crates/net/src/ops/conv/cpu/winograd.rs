//! Convolution and its gradient with respect to the input, through Winograd's transforms.

use crate::device::VectorLevel;
use crate::device::cpu::buffer::Buffer;
use crate::device::cpu::gemm::{BLOCK, Gemm, GemmOperands, GemmTable, InitialSum, RowOffset, Segment};
use crate::device::cpu::lanes::LANES;
use crate::device::cpu::layout::Layout;
use crate::device::cpu::window::{WindowAxis, Windows};
use crate::device::cpu::winograd::{
    FromPlanes, IntoPlanes, PLANES, PixelOffsets, SIDE, TransformOf, from_planes, into_planes,
};
use rayon::prelude::*;
use std::cell::RefCell;

/// Tiles that are transformed and multiplied together: whole tiles of rows of the product.
const TILES: usize = 48;

/// From so many multiplications on, threads share the work on a single image.
const SHARED: usize = 1 << 22;

/// Pixels of an output up to which few taps of a window lie inside the input; the direct product leaves the others out.
pub(super) const FEW_PIXELS: usize = 4;

/// Tiles of an image, and filters times channels, at which reading the transformed filters takes longer than what is
/// saved: 4 and 512 x 512, as at the end of networks for images of 224 x 224.
const FEW_TILES: usize = 4;
const MANY_FILTERS: usize = 1 << 18;

/// Floats between planes, so that their distance is no power of two: the caches would hold only
/// few lines of such.
pub(super) const SPACE: usize = 48;

thread_local! {
    /// Planes, kept from call to call.
    pub(super) static PLANES_OF_THREAD: RefCell<[Buffer; 3]> = RefCell::default();
    /// Filters in the order of the direct product.
    static FILTERS: RefCell<Buffer> = RefCell::default();
}

/// Whether a convolution is computed this way: where there are enough channels for the saved
/// multiplications to outweigh the transforms. A rule on the shape alone, since results are rounded
/// otherwise than those of the direct product.
pub(crate) fn applies(windows: &Windows) -> bool {
    let Windows { rows, columns, groups, .. } = *windows;
    let WindowAxis { size, stride, dilation, before: padding, after } = rows;
    // With padding both forward and backward (`size - 1 - padding`) there is a zero beside the values, which tiles over
    // the border read.
    let padded = padding > 0 && padding + 1 < size;
    let wide = windows.input.channels >= 24 && windows.output.channels >= 24;
    let square = rows == columns && after == padding && dilation == 1;
    stride == 1 && groups == 1 && matches!(size, 3 | 5) && square && padded && wide && is_worth_it(windows)
}

/// Whether an image has enough tiles: a transformed filter has a float for every element of a tile, four times as many
/// to read as a filter of 3 x 3.
fn is_worth_it(windows: &Windows) -> bool {
    let Windows { input, output, rows, .. } = windows;
    let side = SIDE + 1 - rows.size;
    let tiles = output.height.div_ceil(side) * output.width.div_ceil(side);
    let is_tiny = output.height * output.width <= FEW_PIXELS;
    !is_tiny && (tiles > FEW_TILES || input.channels * output.channels < MANY_FILTERS)
}

/// The tiles of an image: `from` is what they read, `side` results each way they give.
pub(super) fn value_tiles(from: &Layout, results: (usize, usize), side: usize, padding: usize) -> Vec<PixelOffsets> {
    let inside = |at: isize, before: usize, length: usize, after: usize| {
        (-(before as isize)..(length + after) as isize).contains(&at)
    };
    let tile = |(y, x): (usize, usize)| {
        let places = (0..PLANES).map(|place| {
            let y = (y + place / SIDE) as isize - padding as isize;
            let x = (x + place % SIDE) as isize - padding as isize;
            let known = inside(y, from.halo.top, from.shape.height, from.halo.bottom)
                && inside(x, from.halo.left, from.shape.width, from.halo.right);
            // Whatever lies further out is zero as the halo is.
            if known { from.offset(0, y, x) as u32 } else { from.offset(0, -1, -1) as u32 }
        });
        PixelOffsets::new(places.collect())
    };
    corners(results, side).map(tile).collect()
}

/// The first result of every tile.
fn corners((height, width): (usize, usize), side: usize) -> impl Iterator<Item = (usize, usize)> {
    let rows = (0..height).step_by(side);
    rows.flat_map(move |y| (0..width).step_by(side).map(move |x| (y, x)))
}

/// Where every tile's `side x side` results lie; `outside` stands for those over the border.
pub(super) fn result_tiles(layout: &Layout, side: usize, outside: u32) -> Vec<PixelOffsets> {
    let shape = layout.shape;
    let tile = |(y, x): (usize, usize)| {
        let places = (0..side * side).map(|place| {
            let (y, x) = (y + place / side, x + place % side);
            let known = y < shape.height && x < shape.width;
            if known { layout.pixel(0, y, x).start as u32 } else { outside }
        });
        PixelOffsets::new(places.collect())
    };
    corners((shape.height, shape.width), side).map(tile).collect()
}

/// Where the taps of a filter lie, packed as the direct product wants them: `depth` values a tap,
/// [`BLOCK`] filters side by side.
pub(super) fn filter_pixels(taps: usize, depth: usize) -> PixelOffsets {
    PixelOffsets::new((0..taps * taps).map(|tap| (tap * depth * BLOCK) as u32).collect())
}

/// A convolution with stride 1 and one group.
#[derive(Debug)]
pub(super) struct Winograd {
    taps: usize,
    from: Layout,
    to: Layout,
    tiles: Vec<(PixelOffsets, PixelOffsets)>,
    filter: PixelOffsets,
    product: Gemm,
}

impl Winograd {
    /// From values that lie as `from` to results as `to`, with `padding` zeros before the values.
    pub fn new(taps: usize, padding: usize, from: Layout, to: Layout) -> Self {
        let side = SIDE + 1 - taps;
        let values = value_tiles(&from, (to.shape.height, to.shape.width), side, padding);
        let tiles = values.into_iter().zip(result_tiles(&to, side, PixelOffsets::OUTSIDE)).collect();
        let rows = (0..TILES).map(|tile| RowOffset { a: (tile * from.stride) as u32, c: (tile * to.stride) as u32 });
        let product = Gemm::new(GemmTable {
            rows: rows.collect(),
            segments: vec![Segment { a: 0, b: 0 }],
            length: from.stride,
            a_stride: 1,
            b_stride: BLOCK,
            vectors: to.stride / LANES,
            b_block: from.stride * BLOCK,
            c_block: BLOCK,
            tail: LANES,
        });
        Self { taps, from, to, tiles, filter: filter_pixels(taps, from.stride), product }
    }

    /// Floats from one plane of the packed filters to the next.
    fn packed_plane(&self) -> usize {
        self.to.stride.next_multiple_of(BLOCK) * self.from.stride + BLOCK
    }

    /// Packs filters. `pack` writes them into zeros, in blocks of [`BLOCK`] results, tap by tap,
    /// channel by channel.
    pub fn pack(&self, level: VectorLevel, packed: &mut Buffer, pack: impl FnOnce(&mut Buffer)) {
        let (plane, channels) = (self.packed_plane(), self.from.stride);
        let block = self.taps * self.taps * channels * BLOCK;
        let blocks = self.to.stride.div_ceil(BLOCK);
        packed.grow(PLANES * plane);
        FILTERS.with_borrow_mut(|filters| {
            filters.fill(0.0);
            filters.grow(blocks * block);
            pack(filters);
            for index in 0..blocks * channels {
                let (of, channel) = (index / channels, index % channels);
                let tile = IntoPlanes {
                    from: &filters[of * block + channel * BLOCK..],
                    pixels: &self.filter,
                    to: &mut packed[index * BLOCK..],
                    plane,
                    width: BLOCK,
                };
                into_planes(level, TransformOf::Taps(self.taps), tile);
            }
        });
    }

    /// Whether one image is work enough for several threads.
    pub fn is_shared(&self) -> bool {
        PLANES * self.tiles.len() * self.from.stride * self.to.stride >= SHARED
    }

    /// Convolves the first `images` images. The threads of the pool share the work on a single one,
    /// which changes nothing in the results: planes are computed apart.
    pub fn apply(
        &self,
        level: VectorLevel,
        images: usize,
        packed: &[f32],
        values: (&[f32], &mut [f32], InitialSum<'_>),
    ) {
        let (from, to, start) = values;
        let count = images * self.tiles.len();
        let most = TILES.min(count);
        let (values_plane, results_plane) = (most * self.from.stride + SPACE, TILES * self.to.stride + SPACE);
        let share = images == 1 && self.is_shared() && rayon::current_thread_index().is_some();
        // Taken, not borrowed: while a thread waits for others it may begin another image.
        let [mut values, mut results, other] = PLANES_OF_THREAD.take();
        values.grow(PLANES * values_plane + TILES * self.from.stride);
        results.grow(PLANES * results_plane);
        for first in (0..count).step_by(TILES) {
            let tiles = first..(first + TILES).min(count);
            for (slot, tile) in tiles.clone().enumerate() {
                let (image, tile) = (tile / self.tiles.len(), tile % self.tiles.len());
                let tile = IntoPlanes {
                    from: &from[image * self.from.image()..],
                    pixels: &self.tiles[tile].0,
                    to: &mut values[slot * self.from.stride..],
                    plane: values_plane,
                    width: self.from.stride,
                };
                into_planes(level, TransformOf::Values, tile);
            }
            let multiply = |(plane, c): (usize, &mut [f32])| {
                let (a, b) = (&values[plane * values_plane..], &packed[plane * self.packed_plane()..]);
                let rows = 0..tiles.len();
                self.product.apply(level, GemmOperands { a, b, c, start: InitialSum::Zero, rows, segments: 0..1 });
            };
            let planes = &mut results[..PLANES * results_plane];
            if share {
                planes.par_chunks_exact_mut(results_plane).enumerate().for_each(multiply);
            } else {
                planes.chunks_exact_mut(results_plane).enumerate().for_each(multiply);
            }
            for (slot, tile) in tiles.enumerate() {
                let (image, tile) = (tile / self.tiles.len(), tile % self.tiles.len());
                let tile = FromPlanes {
                    from: &results[slot * self.to.stride..],
                    plane: results_plane,
                    side: SIDE + 1 - self.taps,
                    to: &mut to[image * self.to.image()..],
                    pixels: &self.tiles[tile].1,
                    width: self.to.stride,
                    start,
                };
                from_planes(level, tile);
            }
        }
        PLANES_OF_THREAD.set([values, results, other]);
    }
}
