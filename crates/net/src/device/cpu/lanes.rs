//! Vectors of floats: portable, with AVX2 and FMA, and with AVX-512.
#![expect(unsafe_code, reason = "vector instructions and unchecked loads: the inner loops stand on this")]

use crate::device::VectorLevel;
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m256, __m512, _CMP_EQ_OQ, _mm256_and_ps, _mm256_cmp_ps, _mm512_cmp_ps_mask, _mm512_maskz_mov_ps,
};

/// Floats by which channel counts are rounded up: the vector that every level has.
pub(crate) const LANES: usize = 8;

/// Channels rounded up to whole vectors.
pub(crate) const fn round_up(channels: usize) -> usize {
    channels.next_multiple_of(LANES)
}

/// A vector of [`Lanes::WIDTH`] floats.
pub(crate) trait Lanes: Copy {
    /// Floats in it: [`LANES`] or a multiple.
    const WIDTH: usize;
    /// Rows of results that are computed together, at most 8, for all have a pointer: of one vector,
    /// and of two, as many sums as fit into the registers.
    const ROWS: [usize; 2];
    /// What takes the [`LANES`] floats at the end that do not fill a wider vector.
    type Narrow: Lanes;

    /// All zero.
    ///
    /// # Safety
    /// The processor has this implementation's instructions, as for all functions here.
    unsafe fn zero() -> Self;
    /// Reads [`Lanes::WIDTH`] floats.
    ///
    /// # Safety
    /// `from` points to `WIDTH` readable floats.
    unsafe fn load(from: *const f32) -> Self;
    /// The same float in every lane.
    ///
    /// # Safety
    /// As [`Lanes::zero`].
    unsafe fn splat(value: f32) -> Self;
    /// `self * factor + sum`.
    ///
    /// # Safety
    /// As [`Lanes::zero`].
    unsafe fn multiply_add(self, factor: Self, sum: Self) -> Self;
    /// `self + other`.
    ///
    /// # Safety
    /// As [`Lanes::zero`].
    unsafe fn add(self, other: Self) -> Self;
    /// `self - other`.
    ///
    /// # Safety
    /// As [`Lanes::zero`].
    unsafe fn subtract(self, other: Self) -> Self;
    /// In every lane the larger one; `other` where either is NaN.
    ///
    /// # Safety
    /// As [`Lanes::zero`].
    unsafe fn larger(self, other: Self) -> Self;
    /// `value` in the lanes where `self` equals `other`, elsewhere zero.
    ///
    /// # Safety
    /// As [`Lanes::zero`].
    unsafe fn where_equal(self, other: Self, value: Self) -> Self;
    /// Writes [`Lanes::WIDTH`] floats.
    ///
    /// # Safety
    /// `to` points to `WIDTH` writable floats.
    unsafe fn store(self, to: *mut f32);
}

/// Plain arrays, which the compiler turns into whatever vectors the target surely has.
#[derive(Clone, Copy)]
pub(crate) struct Portable([f32; LANES]);

#[expect(clippy::inline_always, reason = "a call in the inner loop would spill every accumulator")]
impl Lanes for Portable {
    const WIDTH: usize = LANES;
    /// A vector takes two registers of 128 bits; x86-64 has sixteen of them, others thirty-two.
    const ROWS: [usize; 2] = if cfg!(target_arch = "x86_64") { [6, 3] } else { [8, 6] };
    type Narrow = Self;

    #[inline(always)]
    unsafe fn zero() -> Self {
        Self([0.0; LANES])
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for LANES floats; arrays of floats have the alignment of one.
        Self(unsafe { *from.cast::<[f32; LANES]>() })
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self([value; LANES])
    }

    #[inline(always)]
    unsafe fn multiply_add(self, factor: Self, sum: Self) -> Self {
        let mut out = sum;
        for lane in 0..LANES {
            out.0[lane] += self.0[lane] * factor.0[lane];
        }
        out
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane] + other.0[lane]))
    }

    #[inline(always)]
    unsafe fn subtract(self, other: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane] - other.0[lane]))
    }

    #[inline(always)]
    unsafe fn larger(self, other: Self) -> Self {
        Self(std::array::from_fn(|lane| if self.0[lane] > other.0[lane] { self.0[lane] } else { other.0[lane] }))
    }

    #[inline(always)]
    #[expect(clippy::float_cmp, reason = "a maximum is one of the values, bit for bit")]
    unsafe fn where_equal(self, other: Self, value: Self) -> Self {
        Self(std::array::from_fn(|lane| if self.0[lane] == other.0[lane] { value.0[lane] } else { 0.0 }))
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller vouches for LANES floats.
        unsafe { *to.cast::<[f32; LANES]>() = self.0 }
    }
}

/// Something computed with the vectors of a level.
pub(crate) trait VectorWork {
    /// Computes it. To be inlined, so that it becomes part of a function that has the instructions.
    ///
    /// # Safety
    /// The processor has the instructions of `L`.
    unsafe fn run<L: Lanes>(self);
}

/// Runs `work` with the vectors of the level.
pub(crate) fn with_lanes<W: VectorWork>(level: VectorLevel, work: W) {
    /// # Safety
    /// The processor has AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn avx2<W: VectorWork>(work: W) {
        // SAFETY: this function has the instructions.
        unsafe { work.run::<Avx2>() }
    }
    /// # Safety
    /// The processor has AVX-512 F and VL.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512vl")]
    unsafe fn avx512<W: VectorWork>(work: W) {
        // SAFETY: this function has the instructions.
        unsafe { work.run::<Avx512>() }
    }
    // SAFETY: a device of a level exists only where the processor has its instructions.
    unsafe {
        match level {
            #[cfg(target_arch = "x86_64")]
            VectorLevel::Avx2 => avx2(work),
            #[cfg(target_arch = "x86_64")]
            VectorLevel::Avx512 => avx512(work),
            _ => work.run::<Portable>(),
        }
    }
}

/// Registers of x86-64 as [`Lanes`].
macro_rules! registers {
    (
        $(#[$attribute:meta])* $name:ident($register:ident), $width:literal, $rows:expr, $narrow:ident,
        $zero:ident, $load:ident, $splat:ident, $multiply_add:ident, $add:ident, $subtract:ident, $larger:ident, $where_equal:ident, $store:ident
    ) => {
        $(#[$attribute])*
        #[cfg(target_arch = "x86_64")]
        #[derive(Clone, Copy)]
        pub(crate) struct $name(std::arch::x86_64::$register);

        #[cfg(target_arch = "x86_64")]
        impl Lanes for $name {
            const WIDTH: usize = $width;
            const ROWS: [usize; 2] = $rows;
            type Narrow = $narrow;

            #[inline(always)]
            unsafe fn zero() -> Self {
                // SAFETY: the caller vouches for the instructions.
                Self(unsafe { std::arch::x86_64::$zero() })
            }

            #[inline(always)]
            unsafe fn load(from: *const f32) -> Self {
                // SAFETY: the caller vouches for the instructions and the floats.
                Self(unsafe { std::arch::x86_64::$load(from) })
            }

            #[inline(always)]
            unsafe fn splat(value: f32) -> Self {
                // SAFETY: the caller vouches for the instructions.
                Self(unsafe { std::arch::x86_64::$splat(value) })
            }

            #[inline(always)]
            unsafe fn multiply_add(self, factor: Self, sum: Self) -> Self {
                // SAFETY: the caller vouches for the instructions.
                Self(unsafe { std::arch::x86_64::$multiply_add(self.0, factor.0, sum.0) })
            }

            #[inline(always)]
            unsafe fn add(self, other: Self) -> Self {
                // SAFETY: the caller vouches for the instructions.
                Self(unsafe { std::arch::x86_64::$add(self.0, other.0) })
            }

            #[inline(always)]
            unsafe fn subtract(self, other: Self) -> Self {
                // SAFETY: the caller vouches for the instructions.
                Self(unsafe { std::arch::x86_64::$subtract(self.0, other.0) })
            }

            #[inline(always)]
            unsafe fn larger(self, other: Self) -> Self {
                // SAFETY: the caller vouches for the instructions.
                Self(unsafe { std::arch::x86_64::$larger(self.0, other.0) })
            }

            #[inline(always)]
            unsafe fn where_equal(self, other: Self, value: Self) -> Self {
                // SAFETY: the caller vouches for the instructions.
                Self(unsafe { $where_equal(self.0, other.0, value.0) })
            }

            #[inline(always)]
            unsafe fn store(self, to: *mut f32) {
                // SAFETY: the caller vouches for the instructions and the floats.
                unsafe { std::arch::x86_64::$store(to, self.0) }
            }
        }
    };
}

registers! {
    /// AVX2 registers. 6 x 2 sums, 2 vectors of one factor and 1 of the other: fifteen of sixteen.
    Avx2(__m256), 8, [8, 6], Avx2,
    _mm256_setzero_ps, _mm256_loadu_ps, _mm256_set1_ps, _mm256_fmadd_ps, _mm256_add_ps, _mm256_sub_ps,
    _mm256_max_ps, where_equal_256, _mm256_storeu_ps
}

/// `value` where `a` equals `b`, else zero.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
fn where_equal_256(a: __m256, b: __m256, value: __m256) -> __m256 {
    _mm256_and_ps(_mm256_cmp_ps::<_CMP_EQ_OQ>(a, b), value)
}

registers! {
    /// AVX-512 registers. 8 x 2 sums and 2 + 1 factors: nineteen of thirty-two.
    Avx512(__m512), 16, [8, 8], Avx2,
    _mm512_setzero_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_fmadd_ps, _mm512_add_ps, _mm512_sub_ps,
    _mm512_max_ps, where_equal_512, _mm512_storeu_ps
}

/// `value` where `a` equals `b`, else zero.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
#[inline]
fn where_equal_512(a: __m512, b: __m512, value: __m512) -> __m512 {
    _mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_EQ_OQ>(a, b), value)
}

/// max(0, x) of every value, NaN staying NaN.
pub(crate) fn positive(level: VectorLevel, values: &mut [f32]) {
    with_lanes(level, Positive(values));
}

struct Positive<'a>(&'a mut [f32]);

impl VectorWork for Positive<'_> {
    #[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let mut vectors = self.0.chunks_exact_mut(L::WIDTH);
        for vector in &mut vectors {
            // SAFETY: the vector has its floats, and the caller vouches for the instructions.
            unsafe { L::zero().larger(L::load(vector.as_ptr())).store(vector.as_mut_ptr()) }
        }
        for value in vectors.into_remainder() {
            *value = if *value < 0.0 { 0.0 } else { *value };
        }
    }
}

/// Sums that grow side by side in [`multiply_adds`]: enough to hide the latency of two units.
const CHAINS: usize = 12;

/// Does nothing but multiply and add in registers, and says how many operations that was: the
/// peak that kernels are compared with.
pub(crate) fn multiply_adds(level: VectorLevel, rounds: usize) -> f64 {
    let mut operations = 0.0;
    with_lanes(level, Chains { rounds, operations: &mut operations });
    operations
}

struct Chains<'a> {
    rounds: usize,
    operations: &'a mut f64,
}

impl VectorWork for Chains<'_> {
    #[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let [factor, term] = std::hint::black_box([0.999_f32, 0.001]);
        let mut out = [0.0; 16];
        // SAFETY: the caller vouches for the instructions; a vector has at most 16 floats.
        unsafe {
            let (factor, term) = (L::splat(factor), L::splat(term));
            let mut sums = [term; CHAINS];
            for _ in 0..self.rounds {
                for sum in &mut sums {
                    *sum = sum.multiply_add(factor, term);
                }
            }
            for sum in sums {
                sum.store(out.as_mut_ptr());
                std::hint::black_box(&out);
            }
        }
        *self.operations = (2 * self.rounds * CHAINS * L::WIDTH) as f64;
    }
}

/// Defines `fn name(level, arguments…)` whose body is compiled once plainly and once with AVX2 and
/// FMA allowed, and picks at run time. The body is ordinary safe code; the compiler vectorises it.
/// What it is used for waits for memory, not for arithmetic: wider vectors would gain nothing.
macro_rules! vectorised {
    ($(#[$attribute:meta])* $visibility:vis fn $name:ident $(<$($generic:ident: $bound:path),*>)? (
        $($argument:ident: $kind:ty),* $(,)?
    ) $body:block) => {
        $(#[$attribute])*
        $visibility fn $name $(<$($generic: $bound),*>)? (
            level: $crate::device::VectorLevel, $($argument: $kind),*
        ) {
            #[inline(always)]
            fn generic $(<$($generic: $bound),*>)? ($($argument: $kind),*) $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2 $(<$($generic: $bound),*>)? ($($argument: $kind),*) {
                generic($($argument),*);
            }

            match level {
                #[cfg(target_arch = "x86_64")]
                #[expect(unsafe_code, reason = "calls code compiled for AVX2")]
                // SAFETY: a device of these levels exists only where the processor has AVX2 and FMA.
                $crate::device::VectorLevel::Avx2 | $crate::device::VectorLevel::Avx512 => unsafe {
                    avx2($($argument),*);
                },
                _ => generic($($argument),*),
            }
        }
    };
}
pub(crate) use vectorised;
