//! The windows of a pool along the rows or the columns of an input.

use crate::device::windows::WindowAxis;

/// The pixels of one window that lie inside the input: `first`, and at distances of the axis' step those after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PoolWindow {
    pub first: usize,
    pub count: usize,
    /// What an average counts: these pixels, or the padding's too.
    pub divisor: usize,
}

impl PoolWindow {
    /// Window number `index` of those that slide over `side` pixels, in constant time whatever its size.
    pub fn sliding(axis: WindowAxis, side: usize, index: usize, counts_padding: bool) -> Self {
        let (origin, step) = (axis.origin(index), axis.dilation as isize);
        // The first tap from `from` on, and one past the last before `to`.
        let taps = |from: isize, to: isize| {
            let first = if origin < from { (from - origin + step - 1) / step } else { 0 };
            let end = if origin < to { (to - origin + step - 1) / step } else { 0 };
            (first, (end.min(axis.size as isize) - first).max(0) as usize)
        };
        let (first, count) = taps(0, side as isize);
        let (_, counted) = taps(-(axis.before as isize), (side + axis.after) as isize);
        let first = if count > 0 { (origin + first * step) as usize } else { 0 };
        Self { first, count, divisor: if counts_padding { counted } else { count } }
    }
}

/// Every window along an axis, and for every pixel the windows that hold it.
#[derive(Clone, Debug)]
pub(crate) struct PoolAxis {
    pub windows: Vec<PoolWindow>,
    /// From one pixel of a window to the next.
    pub step: usize,
    /// For each pixel in turn, the numbers of the windows that hold it.
    holders: Vec<u32>,
    /// Where each pixel's windows begin in `holders`, and where the last pixel's end.
    starts: Vec<u32>,
}

impl PoolAxis {
    /// Windows that slide over `side` pixels.
    pub fn sliding(axis: WindowAxis, side: usize, outputs: usize, counts_padding: bool) -> Self {
        let window = |index| PoolWindow::sliding(axis, side, index, counts_padding);
        Self::new(side, axis.dilation, (0..outputs).map(window).collect())
    }

    /// `side` pixels in so many windows of about one size, which together cover them: window i goes from
    /// `floor(i side / outputs)` to before `ceil((i + 1) side / outputs)`.
    pub fn adaptive(side: usize, outputs: usize) -> Self {
        let window = |index: usize| {
            let first = index * side / outputs;
            let count = ((index + 1) * side).div_ceil(outputs) - first;
            PoolWindow { first, count, divisor: count }
        };
        Self::new(side, 1, (0..outputs).map(window).collect())
    }

    fn new(side: usize, step: usize, windows: Vec<PoolWindow>) -> Self {
        let mut of_pixels = vec![Vec::new(); side];
        for (number, window) in windows.iter().enumerate() {
            for tap in 0..window.count {
                of_pixels[window.first + tap * step].push(number as u32);
            }
        }
        let mut starts = vec![0];
        starts.extend(of_pixels.iter().scan(0, |end, windows| {
            *end += windows.len() as u32;
            Some(*end)
        }));
        Self { windows, step, holders: of_pixels.concat(), starts }
    }

    /// The windows that hold a pixel, in ascending order.
    pub fn holding(&self, pixel: usize) -> &[u32] {
        &self.holders[self.starts[pixel] as usize..self.starts[pixel + 1] as usize]
    }

    /// What the kernels read: every window's first pixel, count and divisor; [`PoolAxis::holding`]'s starts and numbers.
    pub fn tables(&self) -> [Vec<i32>; 3] {
        let number = |value: usize| value as i32;
        let windows = self.windows.iter().flat_map(|w| [w.first, w.count, w.divisor].map(number)).collect();
        let [starts, holders] = [&self.starts, &self.holders].map(|table| table.iter().map(|n| *n as i32).collect());
        [windows, starts, holders]
    }
}
