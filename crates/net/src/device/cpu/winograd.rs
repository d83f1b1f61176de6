//! Winograd's transforms: short correlations by fewer multiplications.
//!
//! A correlation of 6 values `d` with `r` taps `g`, giving `m = 7 - r` results, is
//! `y = A'((G g) (B' d))`, with 6 multiplications instead of `m r`; twice over, for both sides of a
//! square, 36 instead of `m m r r`. The matrices evaluate and interpolate polynomials (Toom and
//! Cook's way) at six points: 0, ±3/4, ±3/2 and infinity. Those were chosen by measured error, about
//! half of that of the usual 0, ±1, ±2 and infinity (`scripts/reference/winograd_error.py`); as they are
//! symmetric too, they cost no more.
#![expect(unsafe_code, reason = "vector instructions; bounds are checked before")]

use super::gemm::InitialSum;
use super::lanes::{LANES, Lanes, VectorWork, with_lanes};
use crate::device::VectorLevel;

/// Values along a side of a tile.
pub(crate) const SIDE: usize = 6;

/// Elements of a transformed tile; each is stored in a matrix (plane) of its own, so that there is one product a plane.
pub(crate) const PLANES: usize = SIDE * SIDE;

/// Powers of the points 3/4 and 3/2.
const POWERS: [[f32; 5]; 2] = [[1.0, 0.75, 0.5625, 0.421_875, 0.316_406_25], [1.0, 1.5, 2.25, 3.375, 5.0625]];

/// Denominators of the Lagrange polynomials at the points 0, ±3/4 and ±3/2.
const DIVISORS: [f32; 3] = [1.265_625, -1.898_437_5, 7.593_75];

/// Offsets of a tile's pixels, row by row, in what is read or written.
#[derive(Clone, Debug)]
pub(crate) struct PixelOffsets {
    offsets: Vec<u32>,
    /// The greatest offset.
    reach: usize,
    /// Whether every pixel has an offset.
    whole: bool,
}

impl PixelOffsets {
    /// Not written: the pixel lies outside.
    pub const OUTSIDE: u32 = u32::MAX;

    pub fn new(offsets: Vec<u32>) -> Self {
        let reach = offsets.iter().filter(|&&offset| offset != Self::OUTSIDE).max();
        let whole = !offsets.contains(&Self::OUTSIDE);
        Self { reach: reach.map_or(0, |&offset| offset as usize), whole, offsets }
    }
}

/// What is transformed into planes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TransformOf {
    /// 6 x 6 values: `B' d B`.
    Values,
    /// So many taps by as many: `G g G'`.
    Taps(usize),
}

/// A tile, `width` channels deep, to be transformed into planes.
pub(crate) struct IntoPlanes<'a> {
    pub from: &'a [f32],
    pub pixels: &'a PixelOffsets,
    pub to: &'a mut [f32],
    /// Floats from one plane to the next.
    pub plane: usize,
    /// Channels: a multiple of [`LANES`].
    pub width: usize,
}

/// Planes to be transformed back to `side x side` results: `A' m A`.
pub(crate) struct FromPlanes<'a> {
    pub from: &'a [f32],
    pub plane: usize,
    pub side: usize,
    pub to: &'a mut [f32],
    pub pixels: &'a PixelOffsets,
    pub width: usize,
    pub start: InitialSum<'a>,
}

/// Brings a tile into planes.
///
/// Panics where an operand is too short (a mistake in a plan, not in data).
pub(crate) fn into_planes(level: VectorLevel, of: TransformOf, tile: IntoPlanes<'_>) {
    let side = match of {
        TransformOf::Values => SIDE,
        TransformOf::Taps(side) => side,
    };
    assert!(tile.pixels.offsets.len() == side * side && tile.width.is_multiple_of(LANES), "a tile's pixels");
    assert!(tile.from.len() >= tile.pixels.reach + tile.width, "transform reads past its input");
    assert!(tile.pixels.whole, "every pixel is read");
    assert!(tile.to.len() >= (PLANES - 1) * tile.plane + tile.width, "transform writes past the planes");
    match of {
        TransformOf::Values => with_lanes(level, ForwardTransform::<SIDE, true>(tile)),
        TransformOf::Taps(2) => with_lanes(level, ForwardTransform::<2, false>(tile)),
        TransformOf::Taps(3) => with_lanes(level, ForwardTransform::<3, false>(tile)),
        TransformOf::Taps(4) => with_lanes(level, ForwardTransform::<4, false>(tile)),
        TransformOf::Taps(_) => with_lanes(level, ForwardTransform::<5, false>(tile)),
    }
}

/// Brings planes back to results.
///
/// Panics where an operand is too short (a mistake in a plan, not in data).
pub(crate) fn from_planes(level: VectorLevel, tile: FromPlanes<'_>) {
    assert!(tile.pixels.offsets.len() == tile.side * tile.side && tile.width.is_multiple_of(LANES), "a tile's pixels");
    assert!(tile.from.len() >= (PLANES - 1) * tile.plane + tile.width, "transform reads past the planes");
    assert!(tile.to.len() >= tile.pixels.reach + tile.width, "transform writes past its output");
    if let InitialSum::Bias(bias) = tile.start {
        assert!(bias.len() >= tile.width, "one bias per channel");
    }
    match tile.side {
        2 => with_lanes(level, OutputTransform::<2>(tile)),
        3 => with_lanes(level, OutputTransform::<3>(tile)),
        4 => with_lanes(level, OutputTransform::<4>(tile)),
        _ => with_lanes(level, OutputTransform::<5>(tile)),
    }
}

/// `R x R` pixels into planes: values, or else taps.
struct ForwardTransform<'a, const R: usize, const VALUES: bool>(IntoPlanes<'a>);

#[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
impl<const R: usize, const VALUES: bool> VectorWork for ForwardTransform<'_, R, VALUES> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(mut self) {
        let mut channel = 0;
        // SAFETY: the operands were compared with the greatest offset; the caller vouches for the instructions.
        unsafe {
            while channel + L::WIDTH <= self.0.width {
                self.vector::<L>(channel);
                channel += L::WIDTH;
            }
            while channel < self.0.width {
                self.vector::<L::Narrow>(channel);
                channel += LANES;
            }
        }
    }
}

#[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
#[expect(clippy::needless_range_loop, reason = "counted loops let the compiler keep the arrays in registers")]
impl<const R: usize, const VALUES: bool> ForwardTransform<'_, R, VALUES> {
    /// # Safety
    /// The operands reach as far as the channels go, and the processor has the instructions.
    #[inline(always)]
    unsafe fn vector<L: Lanes>(&mut self, channel: usize) {
        let tile = &mut self.0;
        // SAFETY: passed on from the caller.
        unsafe {
            let from = tile.from.as_ptr().add(channel);
            let to = tile.to.as_mut_ptr().add(channel);
            let offsets = tile.pixels.offsets.as_ptr();
            let mut rows = [[L::zero(); SIDE]; R];
            for y in 0..R {
                let mut row = [L::zero(); R];
                for x in 0..R {
                    row[x] = L::load(from.add(*offsets.add(y * R + x) as usize));
                }
                rows[y] = Self::line(&row);
            }
            for x in 0..SIDE {
                let mut column = [L::zero(); R];
                for y in 0..R {
                    column[y] = rows[y][x];
                }
                let column = Self::line(&column);
                for y in 0..SIDE {
                    column[y].store(to.add((y * SIDE + x) * tile.plane));
                }
            }
        }
    }

    /// # Safety
    /// The processor has the instructions.
    #[inline(always)]
    unsafe fn line<L: Lanes>(line: &[L; R]) -> [L; SIDE] {
        // SAFETY: passed on from the caller.
        unsafe { if VALUES { values(line) } else { taps(line) } }
    }
}

/// `B' d`.
///
/// # Safety
/// The processor has the instructions, as for the functions below.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
#[inline(always)]
unsafe fn values<L: Lanes, const R: usize>(d: &[L; R]) -> [L; SIDE] {
    let [a, b] = [POWERS[0][1], POWERS[1][1]];
    let [aa, bb] = [POWERS[0][2], POWERS[1][2]];
    // SAFETY: passed on from the caller.
    unsafe {
        let (product, sum) = (L::splat(aa * bb), L::splat(-(aa + bb)));
        let even = [d[2].multiply_add(L::splat(-bb), d[4]), d[2].multiply_add(L::splat(-aa), d[4])];
        let odd = [d[1].multiply_add(L::splat(-bb), d[3]), d[1].multiply_add(L::splat(-aa), d[3])];
        [
            d[0].multiply_add(product, d[2].multiply_add(sum, d[4])),
            odd[0].multiply_add(L::splat(a), even[0]),
            odd[0].multiply_add(L::splat(-a), even[0]),
            odd[1].multiply_add(L::splat(b), even[1]),
            odd[1].multiply_add(L::splat(-b), even[1]),
            d[1].multiply_add(product, d[3].multiply_add(sum, d[5])),
        ]
    }
}

/// `G g`.
///
/// # Safety
/// As [`values`].
#[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
#[inline(always)]
unsafe fn taps<L: Lanes, const R: usize>(g: &[L; R]) -> [L; SIDE] {
    // SAFETY: passed on from the caller.
    unsafe {
        let mut out = [L::zero(); SIDE];
        out[0] = g[0].multiply_add(L::splat(1.0 / DIVISORS[0]), L::zero());
        for point in 0..2 {
            let mut halves = [L::zero(); 2];
            for (power, tap) in g.iter().enumerate() {
                let factor = POWERS[point][power] / DIVISORS[point + 1];
                halves[power % 2] = tap.multiply_add(L::splat(factor), halves[power % 2]);
            }
            out[2 * point + 1] = halves[0].add(halves[1]);
            out[2 * point + 2] = halves[0].subtract(halves[1]);
        }
        out[SIDE - 1] = g[R - 1];
        out
    }
}

/// `A' m`.
///
/// # Safety
/// As [`values`].
#[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
#[inline(always)]
unsafe fn results<L: Lanes, const M: usize>(m: &[L; SIDE]) -> [L; M] {
    // SAFETY: passed on from the caller.
    unsafe {
        let halves = [[m[1].add(m[2]), m[3].add(m[4])], [m[1].subtract(m[2]), m[3].subtract(m[4])]];
        let mut out = [L::zero(); M];
        out[0] = m[0].add(halves[0][0].add(halves[0][1]));
        for (power, out) in out.iter_mut().enumerate().skip(1) {
            let [small, large] = halves[power % 2];
            let last = if power == M - 1 { m[SIDE - 1] } else { L::zero() };
            let small = small.multiply_add(L::splat(POWERS[0][power]), last);
            *out = large.multiply_add(L::splat(POWERS[1][power]), small);
        }
        out
    }
}

/// Planes to `M x M` results.
struct OutputTransform<'a, const M: usize>(FromPlanes<'a>);

#[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
impl<const M: usize> VectorWork for OutputTransform<'_, M> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(mut self) {
        let mut channel = 0;
        // SAFETY: the operands were compared with the greatest offset; the caller vouches for the instructions.
        unsafe {
            while channel + L::WIDTH <= self.0.width {
                self.vector::<L>(channel);
                channel += L::WIDTH;
            }
            while channel < self.0.width {
                self.vector::<L::Narrow>(channel);
                channel += LANES;
            }
        }
    }
}

#[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
#[expect(clippy::needless_range_loop, reason = "counted loops let the compiler keep the arrays in registers")]
impl<const M: usize> OutputTransform<'_, M> {
    /// # Safety
    /// The operands reach as far as the channels go, and the processor has the instructions.
    #[inline(always)]
    unsafe fn vector<L: Lanes>(&mut self, channel: usize) {
        let tile = &mut self.0;
        // SAFETY: passed on from the caller.
        unsafe {
            let from = tile.from.as_ptr().add(channel);
            let to = tile.to.as_mut_ptr().add(channel);
            let mut rows = [[L::zero(); M]; SIDE];
            for y in 0..SIDE {
                let mut row = [L::zero(); SIDE];
                for x in 0..SIDE {
                    row[x] = L::load(from.add((y * SIDE + x) * tile.plane));
                }
                rows[y] = results(&row);
            }
            let bias =
                if let InitialSum::Bias(bias) = tile.start { L::load(bias.as_ptr().add(channel)) } else { L::zero() };
            for x in 0..M {
                let mut column = [L::zero(); SIDE];
                for y in 0..SIDE {
                    column[y] = rows[y][x];
                }
                let column: [L; M] = results(&column);
                for y in 0..M {
                    let offset = *tile.pixels.offsets.as_ptr().add(y * M + x);
                    if offset == PixelOffsets::OUTSIDE {
                        continue;
                    }
                    let to = to.add(offset as usize);
                    match tile.start {
                        InitialSum::Zero => column[y].store(to),
                        InitialSum::Add => column[y].add(L::load(to)).store(to),
                        InitialSum::Bias(_) => column[y].add(bias).store(to),
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The correlation of one tile, 8 channels of the same, against its definition.
    #[test]
    fn transforms_give_the_correlation() {
        for level in VectorLevel::ALL.into_iter().filter(|level| level.is_available()) {
            for taps in 2..=5 {
                let side = SIDE + 1 - taps;
                let d: Vec<f32> = (0..PLANES).map(|i| ((i * 37 + 11) % 23) as f32 - 11.0).collect();
                let g: Vec<f32> = (0..taps * taps).map(|i| ((i * 29 + 5) % 17) as f32 - 8.0).collect();
                let planes = |of, values: &[f32]| {
                    let values: Vec<f32> = values.iter().flat_map(|&value| [value; LANES]).collect();
                    let pixels = PixelOffsets::new((0..values.len() as u32).step_by(LANES).collect());
                    let mut out = vec![f32::NAN; PLANES * LANES];
                    let tile = IntoPlanes { from: &values, pixels: &pixels, to: &mut out, plane: LANES, width: LANES };
                    into_planes(level, of, tile);
                    out
                };
                let (d_planes, g_planes) = (planes(TransformOf::Values, &d), planes(TransformOf::Taps(taps), &g));
                let products: Vec<f32> = d_planes.iter().zip(&g_planes).map(|(d, g)| d * g).collect();
                let mut found = vec![1.0; side * side * LANES];
                let offsets = (0..found.len() as u32).step_by(LANES).collect();
                let tile = FromPlanes {
                    from: &products,
                    plane: LANES,
                    side,
                    to: &mut found,
                    pixels: &PixelOffsets::new(offsets),
                    width: LANES,
                    start: InitialSum::Add,
                };
                from_planes(level, tile);
                for y in 0..side {
                    for x in 0..side {
                        let term = |i: usize| d[(y + i / taps) * SIDE + x + i % taps] * g[i];
                        let expected = 1.0 + (0..taps * taps).map(term).sum::<f32>();
                        let found = found[(y * side + x) * LANES];
                        assert!((found - expected).abs() < 2e-3, "{level} {taps} taps: {found}, not {expected}");
                    }
                }
            }
        }
    }
}
