//! Pooling on the CPU: whole vectors of channels, window by window.
#![expect(unsafe_code, reason = "vector instructions; every reach is checked before")]

use super::axis::{PoolAxis, PoolWindow};
use super::{PoolKind, Ties};
use crate::device::cpu::lanes::{LANES, Lanes, VectorWork, with_lanes};
use crate::device::cpu::layout::{FeatureMaps, FeatureMapsMut, Layout};
use crate::error::Error;
use crate::ops::cpu::{BackwardInputs, Chunk, CpuLayer, GradientMut, Inputs, SavedForBackward};
use std::sync::Arc;

/// Reciprocals that are looked up instead of divided for.
const RECIPROCALS: usize = 65;

/// A pool with its windows.
#[derive(Clone, Debug)]
pub(crate) struct PoolLayer {
    pub kind: PoolKind,
    pub ties: Ties,
    pub rows: Arc<PoolAxis>,
    pub columns: Arc<PoolAxis>,
}

impl CpuLayer for PoolLayer {
    fn without_weights(&self) -> Box<dyn CpuLayer> {
        Box::new(self.clone())
    }

    fn forward(&self, chunk: Chunk, x: Inputs<'_>, _: &mut SavedForBackward, y: FeatureMapsMut<'_>) {
        let Chunk { level, images, .. } = chunk;
        let x = x.first();
        check(images, x.layout, x.values);
        check(images, y.layout, y.values);
        let windows = WindowTables::new(self);
        match self.kind {
            PoolKind::Max => with_lanes(level, PoolForward::<true> { windows, images, x, y }),
            PoolKind::Average => with_lanes(level, PoolForward::<false> { windows, images, x, y }),
        }
    }

    fn backward(
        &self,
        chunk: Chunk,
        known: BackwardInputs<'_>,
        _: &mut SavedForBackward,
        dx: GradientMut<'_>,
    ) -> Result<(), Error> {
        let Chunk { level, images, .. } = chunk;
        let (x, y, dy) = (known.x.first(), known.y, known.dy);
        for maps in [x, y, dy] {
            check(images, maps.layout, maps.values);
        }
        let GradientMut { maps: dx, is_written: written } = dx;
        check(images, dx.layout, dx.values);
        let windows = WindowTables::new(self);
        match self.kind {
            PoolKind::Max if self.ties == Ties::First => {
                with_lanes(level, FirstTieBackward { windows, images, x, y, dy, dx, written });
            }
            PoolKind::Max => with_lanes(level, GatherBackward::<true> { windows, images, x, y, dy, dx, written }),
            PoolKind::Average => with_lanes(level, GatherBackward::<false> { windows, images, x, y, dy, dx, written }),
        }
        Ok(())
    }
}

/// Panics where the values are too few for the images, or pixels no whole vectors (a mistake in a
/// plan, not in data).
fn check(images: usize, layout: &Layout, values: &[f32]) {
    assert!(values.len() >= images * layout.image() && layout.stride.is_multiple_of(LANES), "values of a pool");
}

/// The windows, and one over the number of pixels that they may count.
struct WindowTables<'a> {
    rows: &'a PoolAxis,
    columns: &'a PoolAxis,
    reciprocals: [f32; RECIPROCALS],
}

impl<'a> WindowTables<'a> {
    fn new(pool: &'a PoolLayer) -> Self {
        let reciprocals = std::array::from_fn(|pixels| 1.0 / pixels as f32);
        Self { rows: &pool.rows, columns: &pool.columns, reciprocals }
    }

    /// One over the pixels that an average counts.
    fn share(&self, row: PoolWindow, column: PoolWindow) -> f32 {
        let pixels = row.divisor * column.divisor;
        self.reciprocals.get(pixels).copied().unwrap_or_else(|| 1.0 / pixels as f32)
    }
}

/// Maximum, or else average.
struct PoolForward<'a, const MAX: bool> {
    windows: WindowTables<'a>,
    images: usize,
    x: FeatureMaps<'a>,
    y: FeatureMapsMut<'a>,
}

impl<const MAX: bool> VectorWork for PoolForward<'_, MAX> {
    #[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let Self { windows, images, x, y } = self;
        let (from, to) = (x.layout, y.layout);
        let (down, right) = (windows.rows.step * from.row(), windows.columns.step * from.stride);
        for (image, oy) in (0..images).flat_map(|image| (0..to.shape.height).map(move |oy| (image, oy))) {
            let row = windows.rows.windows[oy];
            for (ox, &column) in windows.columns.windows.iter().enumerate() {
                let share = windows.share(row, column);
                let (first, out) = (from.pixel(image, row.first, column.first).start, to.pixel(image, oy, ox).start);
                for channel in (0..to.stride).step_by(LANES) {
                    // SAFETY: the pixels lie inside their maps, which were checked to have that
                    // many images and whole vectors; the caller vouches for the instructions.
                    unsafe {
                        let mut value = if MAX { L::Narrow::splat(f32::NEG_INFINITY) } else { L::Narrow::zero() };
                        for iy in 0..row.count {
                            let line = x.values.as_ptr().add(first + iy * down + channel);
                            for ix in 0..column.count {
                                let pixel = L::Narrow::load(line.add(ix * right));
                                value = if MAX { value.larger(pixel) } else { value.add(pixel) };
                            }
                        }
                        if !MAX {
                            value = value.multiply_add(L::Narrow::splat(share), L::Narrow::zero());
                        }
                        value.store(y.values.as_mut_ptr().add(out + channel));
                    }
                }
            }
        }
    }
}

/// Every input pixel takes from the windows that hold it, so that its gradient is read and written
/// once: the whole gradient of a window whose maximum it equals, or else its share.
struct GatherBackward<'a, const MAX: bool> {
    windows: WindowTables<'a>,
    images: usize,
    x: FeatureMaps<'a>,
    y: FeatureMaps<'a>,
    dy: FeatureMaps<'a>,
    dx: FeatureMapsMut<'a>,
    written: bool,
}

/// Windows that a pixel takes from at a time.
const TOGETHER: usize = 4;

/// Where a window's maximum and gradient lie, and one over its pixels.
#[derive(Clone, Copy, Default)]
struct WindowSource {
    best: usize,
    gradient: usize,
    share: f32,
}

impl<const MAX: bool> VectorWork for GatherBackward<'_, MAX> {
    #[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
    #[inline(always)]
    unsafe fn run<L: Lanes>(mut self) {
        let shape = self.dx.layout.shape;
        let (of_rows, of_columns) = (self.windows.rows, self.windows.columns);
        for (image, y) in (0..self.images).flat_map(|image| (0..shape.height).map(move |y| (image, y))) {
            let rows = of_rows.holding(y);
            for x in 0..shape.width {
                let columns = of_columns.holding(x);
                let place = PixelOffsets {
                    to: self.dx.layout.pixel(image, y, x).start,
                    own: self.x.layout.pixel(image, y, x).start,
                };
                let (mut sources, mut count, mut written) = ([WindowSource::default(); TOGETHER], 0, self.written);
                for window in rows.iter().flat_map(|&y| columns.iter().map(move |&x| (y as usize, x as usize))) {
                    if count == TOGETHER {
                        // SAFETY: passed on from the caller.
                        unsafe { self.take::<L::Narrow>(place, &sources, written) };
                        (count, written) = (0, true);
                    }
                    sources[count] = self.source(image, window);
                    count += 1;
                }
                // SAFETY: passed on from the caller.
                unsafe { self.take::<L::Narrow>(place, &sources[..count], written) };
            }
        }
    }
}

/// Where a pixel's gradient goes, and where its own value lies.
#[derive(Clone, Copy)]
struct PixelOffsets {
    to: usize,
    own: usize,
}

#[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
impl<const MAX: bool> GatherBackward<'_, MAX> {
    #[inline(always)]
    fn source(&self, image: usize, (y, x): (usize, usize)) -> WindowSource {
        let windows = &self.windows;
        let share = || windows.share(windows.rows.windows[y], windows.columns.windows[x]);
        WindowSource {
            best: self.y.layout.pixel(image, y, x).start,
            gradient: self.dy.layout.pixel(image, y, x).start,
            share: if MAX { 1.0 } else { share() },
        }
    }

    /// Adds to a pixel's gradient what it takes from some windows.
    ///
    /// # Safety
    /// The processor has the instructions of `L`.
    #[inline(always)]
    unsafe fn take<L: Lanes>(&mut self, place: PixelOffsets, sources: &[WindowSource], written: bool) {
        for channel in (0..self.dx.layout.stride).step_by(LANES) {
            // SAFETY: the pixels lie inside their maps, which were checked to have that many images
            // and whole vectors; the caller vouches for the instructions.
            unsafe {
                let out = self.dx.values.as_mut_ptr().add(place.to + channel);
                let own = if MAX { L::load(self.x.values.as_ptr().add(place.own + channel)) } else { L::zero() };
                let mut sum = if written { L::load(out) } else { L::zero() };
                for source in sources {
                    let gradient = L::load(self.dy.values.as_ptr().add(source.gradient + channel));
                    if MAX {
                        let best = L::load(self.y.values.as_ptr().add(source.best + channel));
                        sum = sum.add(own.where_equal(best, gradient));
                    } else {
                        sum = gradient.multiply_add(L::splat(source.share), sum);
                    }
                }
                sum.store(out);
            }
        }
    }
}

/// Rows and columns, row by row.
fn taps(rows: usize, columns: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..rows).flat_map(move |y| (0..columns).map(move |x| (y, x)))
}

/// Every window gives its gradient to the first pixel that its maximum equals.
struct FirstTieBackward<'a> {
    windows: WindowTables<'a>,
    images: usize,
    x: FeatureMaps<'a>,
    y: FeatureMaps<'a>,
    dy: FeatureMaps<'a>,
    dx: FeatureMapsMut<'a>,
    written: bool,
}

impl VectorWork for FirstTieBackward<'_> {
    #[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
    #[inline(always)]
    unsafe fn run<L: Lanes>(mut self) {
        if !self.written {
            self.dx.clear(self.images);
        }
        let Self { windows, images, x, y, dy, dx, .. } = self;
        let outputs = y.layout.shape;
        for (image, oy) in (0..images).flat_map(|image| (0..outputs.height).map(move |oy| (image, oy))) {
            let row = windows.rows.windows[oy];
            for (ox, &column) in windows.columns.windows.iter().enumerate() {
                let (best, gradient) = (y.layout.pixel(image, oy, ox).start, dy.layout.pixel(image, oy, ox).start);
                for channel in (0..dx.layout.stride).step_by(LANES) {
                    // SAFETY: the pixels lie inside their maps, which were checked to have that
                    // many images and whole vectors; the caller vouches for the instructions.
                    unsafe {
                        let best = L::Narrow::load(y.values.as_ptr().add(best + channel));
                        let mut left = L::Narrow::load(dy.values.as_ptr().add(gradient + channel));
                        for (iy, ix) in taps(row.count, column.count) {
                            let iy = row.first + iy * windows.rows.step;
                            let ix = column.first + ix * windows.columns.step;
                            let own =
                                L::Narrow::load(x.values.as_ptr().add(x.layout.pixel(image, iy, ix).start + channel));
                            let taken = own.where_equal(best, left);
                            let to = dx.values.as_mut_ptr().add(dx.layout.pixel(image, iy, ix).start + channel);
                            L::Narrow::load(to).add(taken).store(to);
                            // What is taken is the whole, or nothing.
                            left = left.subtract(taken);
                        }
                    }
                }
            }
        }
    }
}
