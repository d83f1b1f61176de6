//! An image in 32 x 32 pixels of three channels, and how like another one it is.

use ndarray::ArrayView3;

/// Pixels of a side.
const SIDE: usize = 32;
const CHANNELS: usize = 3;
/// Cells of a fingerprint along a side.
const CELLS: usize = 4;
/// Pixels that an image is moved by at most.
const MAX_SHIFT_PX: i32 = 2;

/// An image brought to one size: by means of areas where it is larger, by repeated pixels where it is smaller.
pub(super) struct Canvas {
    /// Channels, rows, columns; 0 to 255.
    values: Vec<f32>,
}

/// How like two images are where they are most so.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Match {
    pub(super) similarity: f32,
    pub(super) difference: f32,
    pub(super) shift: [i32; 2],
    pub(super) mirrored: bool,
}

impl Canvas {
    /// Of an image channels x rows x columns; of one channel all three are the same. None of an image without pixels.
    pub(super) fn of(image: ArrayView3<'_, u8>) -> Option<Self> {
        let (channels, rows, columns) = image.dim();
        if channels == 0 || rows == 0 || columns == 0 {
            return None;
        }
        let mut values = Vec::with_capacity(CHANNELS * SIDE * SIDE);
        // Areas do not overlap; where there are fewer pixels than places, pixels are repeated.
        let span = |index: usize, size: usize| {
            let from = index * size / SIDE;
            from..((index + 1) * size / SIDE).max(from + 1)
        };
        for channel in 0..CHANNELS {
            let plane = image.index_axis(ndarray::Axis(0), channel.min(channels - 1));
            for y in 0..SIDE {
                for x in 0..SIDE {
                    let (down, across) = (span(y, rows), span(x, columns));
                    let count = (down.len() * across.len()) as f32;
                    let sum: u32 = down
                        .flat_map(|row| across.clone().map(move |column| (row, column)))
                        .map(|at| u32::from(plane[at]))
                        .sum();
                    values.push(sum as f32 / count);
                }
            }
        }
        Some(Self { values })
    }

    fn at(&self, channel: usize, y: usize, x: usize) -> f32 {
        self.values[(channel * SIDE + y) * SIDE + x]
    }

    /// The means of 4 x 4 cells of each channel.
    pub(super) fn cells(&self) -> [f32; CHANNELS * CELLS * CELLS] {
        const WIDTH: usize = SIDE / CELLS;
        std::array::from_fn(|index| {
            let (channel, cell_y, cell_x) = (index / (CELLS * CELLS), index / CELLS % CELLS, index % CELLS);
            let rows = cell_y * WIDTH..(cell_y + 1) * WIDTH;
            let sum: f32 = rows
                .map(|y| {
                    let from = (channel * SIDE + y) * SIDE + cell_x * WIDTH;
                    self.values[from..from + WIDTH].iter().sum::<f32>()
                })
                .sum();
            sum / (WIDTH * WIDTH) as f32
        })
    }

    /// How like another image is, which may be mirrored, and moved where it is like enough for that without: a pixel at a
    /// time, as long as it gets more alike.
    pub(super) fn most_similar(&self, other: &Self, worth_shifting: f32) -> Match {
        let of = |mirrored: bool| {
            let still = self.compare(other, [0, 0], mirrored);
            if still.similarity < worth_shifting { still } else { self.climb(other, still) }
        };
        let (unmirrored, mirrored) = (of(false), of(true));
        if mirrored.similarity > unmirrored.similarity { mirrored } else { unmirrored }
    }

    fn climb(&self, other: &Self, from: Match) -> Match {
        let mut best = from;
        loop {
            let [x, y] = best.shift;
            let around = (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| [x + dx, y + dy]));
            let near = around.filter(|shift| *shift != [x, y] && shift.iter().all(|by| by.abs() <= MAX_SHIFT_PX));
            let found = near.map(|shift| self.compare(other, shift, best.mirrored));
            match found.max_by(|a, b| a.similarity.total_cmp(&b.similarity)) {
                Some(better) if better.similarity > best.similarity => best = better,
                _ => return best,
            }
        }
    }

    /// How like the other one is when it is moved, where the two overlap.
    fn compare(&self, other: &Self, shift: [i32; 2], mirrored: bool) -> Match {
        let range = |by: i32| by.max(0) as usize..(SIDE as i32 + by.min(0)) as usize;
        let moved = |index: usize, by: i32| (index as i32 - by) as usize;
        let [dx, dy] = shift;
        let mut sums = [0.0_f64; 6];
        for channel in 0..CHANNELS {
            for y in range(dy) {
                let mut row = [0.0_f32; 6];
                for x in range(dx) {
                    let from = moved(x, dx);
                    let from = if mirrored { SIDE - 1 - from } else { from };
                    let (a, b) = (self.at(channel, y, x), other.at(channel, moved(y, dy), from));
                    let terms = [1.0, a, b, a * a, b * b, a * b];
                    row.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
                }
                sums.iter_mut().zip(row).for_each(|(sum, row)| *sum += f64::from(row));
            }
        }
        let [n, a, b, aa, bb, ab] = sums;
        let (var_a, var_b, cov) = (aa - a * a / n, bb - b * b / n, ab - a * b / n);
        let scale = (var_a * var_b).sqrt();
        let similarity = if scale > 0.0 { cov / scale } else { 0.0 };
        let difference = ((aa + bb - 2.0 * ab).max(0.0) / n).sqrt();
        Match { similarity: similarity.min(1.0) as f32, difference: difference as f32, shift, mirrored }
    }
}
