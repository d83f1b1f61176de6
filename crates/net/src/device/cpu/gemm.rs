//! The one inner loop of all weighted layers: many small matrix products over shifted rows.
#![expect(unsafe_code, reason = "unchecked reads in the inner loop; every segment is checked once against the reach")]

use super::lanes::{LANES, Lanes, VectorWork, with_lanes};
use crate::device::VectorLevel;
use std::ops::Range;

/// Floats that lie side by side in `b` and `c`: two vectors of [`LANES`], or one of AVX-512's.
pub(crate) const BLOCK: usize = 2 * LANES;

/// Floats of `b` that stay in the first-level cache while rows pass by.
const PANEL: usize = 4096;

/// Tiles of rows that pass by a panel before the next one's turn, so that their results stay too.
const TILES: usize = 8;

/// One row of results: where its factors begin in `a` and where it goes in `c`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowOffset {
    pub a: u32,
    pub c: u32,
}

/// A segment of the sums: where it begins in `a` (relative to the row) and in `b`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment {
    pub a: u32,
    pub b: u32,
}

/// `c[row] = start + sum over segments, and i below length, of a[row + segment + i a_stride] *
/// b[segment + i b_stride]`, where `c` and `b` are vectors of `vectors` times [`LANES`] floats.
///
/// Pairs of vectors ([`BLOCK`] floats) lie `b_block` and `c_block` floats apart. The order of a sum
/// depends on nothing but the segments.
#[derive(Clone, Debug)]
pub(crate) struct GemmTable {
    pub rows: Vec<RowOffset>,
    pub segments: Vec<Segment>,
    pub length: usize,
    pub a_stride: usize,
    pub b_stride: usize,
    pub vectors: usize,
    pub b_block: usize,
    pub c_block: usize,
    /// Floats of the last vector that are written; the others belong to the next group of channels.
    pub tail: usize,
}

/// A [`GemmTable`] with the least lengths of the operands `a`, `b` and `c`.
#[derive(Debug)]
pub(crate) struct Gemm {
    table: GemmTable,
    a_reach: usize,
    b_reach: usize,
    c_reach: usize,
}

/// What sums start from.
#[derive(Clone, Copy)]
pub(crate) enum InitialSum<'a> {
    Zero,
    /// What `c` holds.
    Add,
    /// These values for every row.
    Bias(&'a [f32]),
}

/// What a product is applied to.
pub(crate) struct GemmOperands<'a> {
    pub a: &'a [f32],
    pub b: &'a [f32],
    pub c: &'a mut [f32],
    pub start: InitialSum<'a>,
    pub rows: Range<usize>,
    pub segments: Range<usize>,
}

impl Gemm {
    pub fn new(table: GemmTable) -> Self {
        let max = |values: &mut dyn Iterator<Item = u32>| values.max().unwrap_or(0) as usize;
        let steps = table.length.saturating_sub(1);
        let blocks = table.vectors.saturating_sub(1) / 2;
        let width = if table.vectors > 1 { BLOCK } else { LANES };
        Self {
            a_reach: max(&mut table.rows.iter().map(|row| row.a))
                + max(&mut table.segments.iter().map(|segment| segment.a))
                + steps * table.a_stride
                + 1,
            b_reach: max(&mut table.segments.iter().map(|segment| segment.b))
                + steps * table.b_stride
                + blocks * table.b_block
                + width,
            c_reach: max(&mut table.rows.iter().map(|row| row.c)) + blocks * table.c_block + width,
            table,
        }
    }

    /// Number of rows and of segments.
    pub fn counts(&self) -> (usize, usize) {
        (self.table.rows.len(), self.table.segments.len())
    }

    /// Computes the chosen rows over the chosen segments.
    ///
    /// Panics where an operand is shorter than the table reaches (a mistake in a plan, not in data).
    pub fn apply(&self, level: VectorLevel, operands: GemmOperands<'_>) {
        assert!(operands.a.len() >= self.a_reach, "product reads past a");
        assert!(operands.b.len() >= self.b_reach, "product reads past b");
        assert!(operands.c.len() >= self.c_reach, "product writes past c");
        assert!(operands.rows.end <= self.table.rows.len(), "rows of the table");
        assert!(operands.segments.end <= self.table.segments.len(), "segments of the table");
        if let InitialSum::Bias(bias) = operands.start {
            assert!(bias.len() >= self.table.vectors * LANES, "one bias per channel");
        }
        with_lanes(level, Apply { table: &self.table, operands });
    }
}

/// A table whose operands are as long as it reaches.
struct Apply<'a> {
    table: &'a GemmTable,
    operands: GemmOperands<'a>,
}

impl VectorWork for Apply<'_> {
    #[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
    #[inline(always)]
    unsafe fn run<L: Lanes>(mut self) {
        // SAFETY: the reach was compared with the operands before this was made; the caller
        // vouches for the instructions.
        unsafe { apply::<L>(self.table, &mut self.operands) }
    }
}

/// # Safety
/// The operands are as long as the table reaches, and the processor has the instructions of `L`.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
#[inline(always)]
unsafe fn apply<L: Lanes>(table: &GemmTable, operands: &mut GemmOperands<'_>) {
    let end = table.vectors * LANES;
    let mut from = 0;
    // SAFETY: passed on from the caller; the floats `from .. from + N * WIDTH` exist.
    unsafe {
        while from + 2 * L::WIDTH <= end {
            block::<L, 2>(table, operands, from);
            from += 2 * L::WIDTH;
        }
        while from + L::WIDTH <= end {
            block::<L, 1>(table, operands, from);
            from += L::WIDTH;
        }
        while from < end {
            block::<L::Narrow, 1>(table, operands, from);
            from += LANES;
        }
    }
}

/// Computes `N` vectors from float `from` on. Stretches of `b` that do not fit into the cache are
/// taken in panels, each for some tiles of rows; a sum rests in `c` meanwhile.
///
/// # Safety
/// As [`apply`]; the floats `from .. from + N * WIDTH` exist.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
#[inline(always)]
unsafe fn block<L: Lanes, const N: usize>(table: &GemmTable, operands: &mut GemmOperands<'_>, from: usize) {
    let (rows, segments) = (operands.rows.clone(), operands.segments.clone());
    let max = L::ROWS[N - 1];
    let step =
        if rows.len() > max { (PANEL / (table.length * N * L::WIDTH).max(1)).max(1) } else { segments.len().max(1) };
    for group in rows.clone().step_by(TILES * max) {
        let group = group..(group + TILES * max).min(rows.end);
        let mut panel = segments.start;
        loop {
            let last = (panel + step).min(segments.end);
            let start = if panel == segments.start { operands.start } else { InitialSum::Add };
            let mut first = group.start;
            while first < group.end {
                let count = (group.end - first).min(max);
                let tile_of_rows = Tile { from, first, start, segments: &table.segments[panel..last] };
                // SAFETY: passed on from the caller; `first + count` rows exist.
                unsafe { rows_of::<L, N>(table, operands, &tile_of_rows, count) };
                first += count;
            }
            panel = last;
            if panel >= segments.end {
                break;
            }
        }
    }
}

/// What a tile is computed of.
struct Tile<'a> {
    /// First float of the vectors.
    from: usize,
    /// First row.
    first: usize,
    start: InitialSum<'a>,
    segments: &'a [Segment],
}

/// # Safety
/// As [`block`]; the `count` rows from `tile_of_rows.first` on exist.
#[inline(always)]
unsafe fn rows_of<L: Lanes, const N: usize>(
    table: &GemmTable,
    operands: &mut GemmOperands<'_>,
    tile_of_rows: &Tile<'_>,
    count: usize,
) {
    macro_rules! tiles {
        ($($p:literal)*) => {
            match count {
                // More rows than the registers hold never come: no code is made for them.
                $($p if $p <= L::ROWS[N - 1] => tile::<L, $p, N>(table, operands, tile_of_rows),)*
                _ => {}
            }
        };
    }
    // SAFETY: passed on from the caller.
    unsafe { tiles!(8 7 6 5 4 3 2 1) }
}

/// # Safety
/// As [`rows_of`]; rows `tile_of_rows.first .. tile_of_rows.first + P` exist.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
#[expect(clippy::too_many_lines, reason = "the register-blocked kernel: one nest of loops over registers")]
#[inline(always)]
unsafe fn tile<L: Lanes, const P: usize, const N: usize>(
    table: &GemmTable,
    operands: &mut GemmOperands<'_>,
    tile_of_rows: &Tile<'_>,
) {
    let rows = &table.rows[tile_of_rows.first..tile_of_rows.first + P];
    // Where vector `n` begins, whose blocks lie `stride` floats apart.
    let offset = |n: usize, stride: usize| {
        let at = tile_of_rows.from + n * L::WIDTH;
        at / BLOCK * stride + at % BLOCK
    };
    let (mut in_b, mut in_c) = ([0; N], [0; N]);
    for n in 0..N {
        in_b[n] = offset(n, table.b_block);
        in_c[n] = offset(n, table.c_block);
    }
    // SAFETY: every offset below stays within the reach that the caller vouches for.
    unsafe {
        let c = operands.c.as_mut_ptr();
        let mut sums = [[L::zero(); N]; P];
        match tile_of_rows.start {
            InitialSum::Zero => {}
            InitialSum::Add => {
                for p in 0..P {
                    for n in 0..N {
                        sums[p][n] = L::load(c.add(rows[p].c as usize + in_c[n]));
                    }
                }
            }
            InitialSum::Bias(bias) => {
                for n in 0..N {
                    let value = L::load(bias.as_ptr().add(tile_of_rows.from + n * L::WIDTH));
                    for sum in &mut sums {
                        sum[n] = value;
                    }
                }
            }
        }
        let mut a = [operands.a.as_ptr(); P];
        for p in 0..P {
            a[p] = a[p].add(rows[p].a as usize);
        }
        for segment in tile_of_rows.segments {
            let mut at = segment.a as usize;
            let mut b = operands.b.as_ptr().add(segment.b as usize + in_b[0]);
            for _ in 0..table.length {
                let mut factors = [L::zero(); N];
                for n in 0..N {
                    factors[n] = L::load(b.add(in_b[n] - in_b[0]));
                }
                for p in 0..P {
                    let value = L::splat(*a[p].add(at));
                    for n in 0..N {
                        sums[p][n] = value.multiply_add(factors[n], sums[p][n]);
                    }
                }
                at += table.a_stride;
                b = b.wrapping_add(table.b_stride);
            }
        }
        let end = table.vectors * LANES - (LANES - table.tail);
        for p in 0..P {
            for n in 0..N {
                let to = c.add(rows[p].c as usize + in_c[n]);
                let left = end - (tile_of_rows.from + n * L::WIDTH);
                if left >= L::WIDTH {
                    sums[p][n].store(to);
                } else {
                    let mut last = [0.0; 2 * LANES];
                    sums[p][n].store(last.as_mut_ptr());
                    std::ptr::copy_nonoverlapping(last.as_ptr(), to, left);
                }
            }
        }
    }
}
