//! What the CPU side of the operations shares: memory layout, vectors of floats, the register-blocked matrix product,
//! and the arithmetic that several operations need.
//!
//! Values lie channels last, each pixel's channels rounded up to whole vectors, with a halo of zeros
//! as wide as the layers that read them need. The padding (halo and padding channels) is zero, and
//! every operation leaves it zero.

pub(crate) mod attention;
pub(crate) mod buffer;
pub(crate) mod elementwise;
pub(crate) mod gemm;
pub(crate) mod lanes;
pub(crate) mod layout;
pub(crate) mod norm;
pub(crate) mod pairwise_sum;
pub(crate) mod special;
pub(crate) mod window;
pub(crate) mod window_norm;
pub(crate) mod winograd;
