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

/// Every window along an axis, and for every pixel the windows that hold it.
#[derive(Clone, Debug)]
pub(crate) struct PoolAxis {
    pub windows: Vec<PoolWindow>,
    /// From one pixel of a window to the next.
    pub step: usize,
    /// Numbers of windows, those that hold a pixel one after another.
    holders: Vec<u32>,
    /// Where each pixel's begin, and where the last one's end.
    starts: Vec<u32>,
}

impl PoolAxis {
    /// Windows that slide over `side` pixels.
    pub fn sliding(axis: WindowAxis, side: usize, outputs: usize, counts_padding: bool) -> Self {
        let window = |index| {
            let taps = |from: isize, to: isize| {
                let places = (0..axis.size).map(|tap| axis.origin(index) + (tap * axis.dilation) as isize);
                places.filter(move |place| (from..to).contains(place))
            };
            let inside = || taps(0, side as isize);
            let counted = taps(-(axis.before as isize), (side + axis.after) as isize).count();
            let count = inside().count();
            let first = inside().next().unwrap_or(0) as usize;
            PoolWindow { first, count, divisor: if counts_padding { counted } else { count } }
        };
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
