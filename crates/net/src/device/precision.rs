//! Precision of matrix products.

/// To what the factors of a matrix product are rounded; sums are in single precision always. A CPU
/// computes in single precision whatever is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// Not at all: single precision.
    #[default]
    Float32,
    /// 10 bits of mantissa, the exponent of single precision.
    Tf32,
    /// 7 bits of mantissa, the exponent of single precision.
    Bf16,
}
