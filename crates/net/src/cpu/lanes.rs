//! Eight floats at a time: portable, and with AVX2 and FMA.
#![expect(unsafe_code, reason = "vector instructions and unchecked loads: the inner loops stand on this")]

/// Floats in a vector.
pub(crate) const LANES: usize = 8;

/// Floats in a vector, by which channel counts are rounded up.
pub(crate) const fn round_up(channels: usize) -> usize {
    channels.next_multiple_of(LANES)
}

/// A vector of [`LANES`] floats.
pub(crate) trait Lanes: Copy {
    /// Rows of results, of two vectors each, whose sums fit into the registers; at most 6.
    const ROWS: usize;

    /// All zero.
    ///
    /// # Safety
    /// The processor has this implementation's instructions, as for all functions here.
    unsafe fn zero() -> Self;
    /// Reads [`LANES`] floats.
    ///
    /// # Safety
    /// `from` points to that many readable floats.
    unsafe fn load(from: *const f32) -> Self;
    /// The same float in every lane.
    ///
    /// # Safety
    /// `from` points to a readable float.
    unsafe fn splat(from: *const f32) -> Self;
    /// `self * factor + sum`.
    ///
    /// # Safety
    /// As [`Lanes::zero`].
    unsafe fn multiply_add(self, factor: Self, sum: Self) -> Self;
    /// Writes [`LANES`] floats.
    ///
    /// # Safety
    /// `to` points to that many writable floats.
    unsafe fn store(self, to: *mut f32);
}

/// Plain arrays, which the compiler turns into whatever vectors the target surely has.
#[derive(Clone, Copy)]
pub(crate) struct Portable([f32; LANES]);

#[expect(clippy::inline_always, reason = "a call in the inner loop would spill every accumulator")]
impl Lanes for Portable {
    /// A vector takes two registers of 128 bits; x86-64 has sixteen of them, others thirty-two.
    const ROWS: usize = if cfg!(target_arch = "x86_64") { 3 } else { 6 };

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
    unsafe fn splat(from: *const f32) -> Self {
        // SAFETY: the caller vouches for one float.
        Self([unsafe { *from }; LANES])
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
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller vouches for LANES floats.
        unsafe { *to.cast::<[f32; LANES]>() = self.0 }
    }
}

/// AVX2 registers.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(crate) struct Avx2(std::arch::x86_64::__m256);

#[cfg(target_arch = "x86_64")]
#[expect(clippy::inline_always, reason = "must become part of a function that has AVX2 enabled")]
impl Lanes for Avx2 {
    /// 6 x 2 sums, 2 vectors of one factor and 1 of the other: fifteen of sixteen registers.
    const ROWS: usize = 6;

    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: the caller vouches for AVX2.
        Self(unsafe { std::arch::x86_64::_mm256_setzero_ps() })
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for AVX2 and LANES floats.
        Self(unsafe { std::arch::x86_64::_mm256_loadu_ps(from) })
    }

    #[inline(always)]
    unsafe fn splat(from: *const f32) -> Self {
        // SAFETY: the caller vouches for AVX2 and one float.
        Self(unsafe { std::arch::x86_64::_mm256_broadcast_ss(&*from) })
    }

    #[inline(always)]
    unsafe fn multiply_add(self, factor: Self, sum: Self) -> Self {
        // SAFETY: the caller vouches for FMA.
        Self(unsafe { std::arch::x86_64::_mm256_fmadd_ps(self.0, factor.0, sum.0) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller vouches for AVX2 and LANES floats.
        unsafe { std::arch::x86_64::_mm256_storeu_ps(to, self.0) }
    }
}

/// Defines `fn name(level, arguments…)` whose body is compiled once plainly and once with AVX2 and
/// FMA allowed, and picks at run time. The body is ordinary safe code; the compiler vectorises it.
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
                // SAFETY: a device of this level exists only where the processor has AVX2 and FMA.
                $crate::device::VectorLevel::Avx2 => unsafe { avx2($($argument),*) },
                _ => generic($($argument),*),
            }
        }
    };
}
pub(crate) use vectorised;
