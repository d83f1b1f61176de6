//! What an update does with one parameter, as the kernels read it.

use cudarc::driver::{DeviceRepr, ValidAsZeroBits};

/// Rates and factors of one parameter at one step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C)]
pub struct Rule {
    /// Learning rate.
    pub rate: f32,
    /// Momentum, or how much of the first moment is kept.
    pub momentum: f32,
    /// Decay.
    pub decay: f32,
    /// 1 / number of images in the minibatch.
    pub share: f32,
    /// Added to the root of a second moment.
    pub epsilon: f32,
    /// How much of the second moment is kept.
    pub beta2: f32,
    /// `1 - momentum^t` and `1 - beta2^t` at step t.
    pub corrections: [f32; 2],
    /// 1 where the parameter is learnt at this step, else 0.
    pub active: i32,
}

// SAFETY: floats and an integer, laid out as the kernels' struct of the same name.
#[expect(unsafe_code, reason = "passed to the device as it lies")]
unsafe impl DeviceRepr for Rule {}
// SAFETY: zeros are numbers.
#[expect(unsafe_code, reason = "passed to the device as it lies")]
unsafe impl ValidAsZeroBits for Rule {}
