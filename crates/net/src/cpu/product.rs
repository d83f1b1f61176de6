//! The one inner loop of all weighted layers: many small matrix products over shifted rows.
#![expect(unsafe_code, reason = "unchecked reads in the inner loop; every run is checked once against the reach")]

use super::lanes::{LANES, Lanes, Portable};
use crate::device::VectorLevel;
use std::ops::Range;

/// Two vectors side by side are computed at once.
pub(crate) const BLOCK: usize = 2 * LANES;

/// One row of results: where its factors begin in `a` and where it goes in `c`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub a: u32,
    pub c: u32,
}

/// One stretch of the sum: where it begins in `a` (relative to the row) and in `b`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub a: u32,
    pub b: u32,
}

/// `c[row] = start + sum over runs, and i below length, of a[row + run + i a_stride] *
/// b[run + i b_stride]`, where `c` and `b` are vectors of `vectors` times [`LANES`] floats.
///
/// Pairs of vectors ([`BLOCK`] floats) lie `b_block` and `c_block` floats apart. The order of a sum
/// depends on nothing but the runs.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    pub rows: Vec<Row>,
    pub runs: Vec<Run>,
    pub length: usize,
    pub a_stride: usize,
    pub b_stride: usize,
    pub vectors: usize,
    pub b_block: usize,
    pub c_block: usize,
    /// Floats of the last vector that are written; the others belong to someone else.
    pub tail: usize,
}

/// A [`Walk`] and how far it reaches.
#[derive(Debug)]
pub(crate) struct Product {
    walk: Walk,
    a_reach: usize,
    b_reach: usize,
    c_reach: usize,
}

/// What sums start from.
#[derive(Clone, Copy)]
pub(crate) enum Start<'a> {
    Zero,
    /// What `c` holds.
    Add,
    /// These values for every row.
    Bias(&'a [f32]),
}

/// What a product is applied to.
pub(crate) struct Operands<'a> {
    pub a: &'a [f32],
    pub b: &'a [f32],
    pub c: &'a mut [f32],
    pub start: Start<'a>,
    pub rows: Range<usize>,
    pub runs: Range<usize>,
}

impl Product {
    pub fn new(walk: Walk) -> Self {
        let most = |values: &mut dyn Iterator<Item = u32>| values.max().unwrap_or(0) as usize;
        let steps = walk.length.saturating_sub(1);
        let blocks = walk.vectors.saturating_sub(1) / 2;
        let width = if walk.vectors > 1 { BLOCK } else { LANES };
        Self {
            a_reach: most(&mut walk.rows.iter().map(|row| row.a))
                + most(&mut walk.runs.iter().map(|run| run.a))
                + steps * walk.a_stride
                + 1,
            b_reach: most(&mut walk.runs.iter().map(|run| run.b))
                + steps * walk.b_stride
                + blocks * walk.b_block
                + width,
            c_reach: most(&mut walk.rows.iter().map(|row| row.c)) + blocks * walk.c_block + width,
            walk,
        }
    }

    /// Number of rows and of runs.
    pub fn counts(&self) -> (usize, usize) {
        (self.walk.rows.len(), self.walk.runs.len())
    }

    /// Computes the chosen rows over the chosen runs.
    ///
    /// Panics where an operand is shorter than the walk reaches (a mistake in a plan, not in data).
    pub fn apply(&self, level: VectorLevel, mut operands: Operands<'_>) {
        assert!(operands.a.len() >= self.a_reach, "product reads past a");
        assert!(operands.b.len() >= self.b_reach, "product reads past b");
        assert!(operands.c.len() >= self.c_reach, "product writes past c");
        assert!(operands.rows.end <= self.walk.rows.len(), "rows of the walk");
        assert!(operands.runs.end <= self.walk.runs.len(), "runs of the walk");
        if let Start::Bias(bias) = operands.start {
            assert!(bias.len() >= self.walk.vectors * LANES, "a bias each");
        }
        match level {
            // SAFETY: the reach of every pointer was compared with the slices above, and a device
            // of this level exists only where the processor has AVX2 and FMA.
            #[cfg(target_arch = "x86_64")]
            VectorLevel::Avx2 => unsafe { apply_avx2(&self.walk, &mut operands) },
            // SAFETY: as above; portable code needs no instructions.
            _ => unsafe { apply::<Portable>(&self.walk, &mut operands) },
        }
    }
}

/// # Safety
/// As [`apply`], and the processor has AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn apply_avx2(walk: &Walk, operands: &mut Operands<'_>) {
    // SAFETY: the caller vouches for the reach, and this function has the instructions.
    unsafe { apply::<super::lanes::Avx2>(walk, operands) }
}

/// # Safety
/// The operands are as long as the walk reaches, and the processor has the instructions of `L`.
#[expect(clippy::inline_always, reason = "must take on the caller's instructions")]
#[inline(always)]
unsafe fn apply<L: Lanes>(walk: &Walk, operands: &mut Operands<'_>) {
    for vector in (0..walk.vectors).step_by(2) {
        // SAFETY: passed on from the caller.
        unsafe {
            if vector + 1 < walk.vectors {
                block::<L, 2>(walk, operands, vector);
            } else {
                block::<L, 1>(walk, operands, vector);
            }
        }
    }
}

/// # Safety
/// As [`apply`]; `vector + N` vectors exist.
#[expect(clippy::inline_always, reason = "must take on the caller's instructions")]
#[inline(always)]
unsafe fn block<L: Lanes, const N: usize>(walk: &Walk, operands: &mut Operands<'_>, vector: usize) {
    let mut start = operands.rows.start;
    while start < operands.rows.end {
        let count = (operands.rows.end - start).min(L::ROWS);
        // SAFETY: passed on from the caller; `start + count` rows exist.
        unsafe {
            match count {
                6 => tile::<L, 6, N>(walk, operands, vector, start),
                5 => tile::<L, 5, N>(walk, operands, vector, start),
                4 => tile::<L, 4, N>(walk, operands, vector, start),
                3 => tile::<L, 3, N>(walk, operands, vector, start),
                2 => tile::<L, 2, N>(walk, operands, vector, start),
                _ => tile::<L, 1, N>(walk, operands, vector, start),
            }
        }
        start += count;
    }
}

/// # Safety
/// As [`block`]; rows `first .. first + P` exist.
#[expect(clippy::inline_always, reason = "must take on the caller's instructions")]
#[expect(clippy::needless_range_loop, reason = "plain counted loops are what becomes registers")]
#[inline(always)]
unsafe fn tile<L: Lanes, const P: usize, const N: usize>(
    walk: &Walk,
    operands: &mut Operands<'_>,
    vector: usize,
    first: usize,
) {
    let pair = vector / 2;
    let rows = &walk.rows[first..first + P];
    // SAFETY: every offset below stays within the reach that the caller vouches for.
    unsafe {
        let c = operands.c.as_mut_ptr().add(pair * walk.c_block);
        let b = operands.b.as_ptr().add(pair * walk.b_block);
        let mut sums = [[L::zero(); N]; P];
        match operands.start {
            Start::Zero => {}
            Start::Add => {
                for p in 0..P {
                    for n in 0..N {
                        sums[p][n] = L::load(c.add(rows[p].c as usize + n * LANES));
                    }
                }
            }
            Start::Bias(bias) => {
                for n in 0..N {
                    let value = L::load(bias.as_ptr().add((vector + n) * LANES));
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
        for run in &walk.runs[operands.runs.clone()] {
            let mut at = run.a as usize;
            let mut b = b.add(run.b as usize);
            for _ in 0..walk.length {
                let mut factors = [L::zero(); N];
                for n in 0..N {
                    factors[n] = L::load(b.add(n * LANES));
                }
                for p in 0..P {
                    let value = L::splat(a[p].add(at));
                    for n in 0..N {
                        sums[p][n] = value.multiply_add(factors[n], sums[p][n]);
                    }
                }
                at += walk.a_stride;
                b = b.wrapping_add(walk.b_stride);
            }
        }
        let whole = vector + N < walk.vectors || walk.tail == LANES;
        for p in 0..P {
            for n in 0..N {
                let to = c.add(rows[p].c as usize + n * LANES);
                if whole || n + 1 < N {
                    sums[p][n].store(to);
                } else {
                    let mut last = [0.0; LANES];
                    sums[p][n].store(last.as_mut_ptr());
                    std::ptr::copy_nonoverlapping(last.as_ptr(), to, walk.tail);
                }
            }
        }
    }
}
