//! Activation functions on the CPU, in place or from one buffer to another.

use super::{Activation, GeluForm};
use crate::device::VectorLevel;
use crate::device::cpu::elementwise::{BackwardOperands, accumulate_gradient, map, scale_gradient};
use crate::device::cpu::lanes::positive;
use crate::device::cpu::layout::{FeatureMaps, FeatureMapsMut, copy};
use crate::device::cpu::special::{erf, exp, logistic};
use crate::error::Error;
use crate::ops::Operation;
use crate::ops::cpu::{BackwardInputs, Chunk, CpuLayer, GradientMut, InPlaceLayer, Inputs, SavedForBackward};

impl CpuLayer for Activation {
    fn without_weights(&self) -> Box<dyn CpuLayer> {
        Box::new(*self)
    }

    fn forward(&self, chunk: Chunk, x: Inputs<'_>, _: &mut SavedForBackward, mut y: FeatureMapsMut<'_>) {
        copy(chunk.images, x.first(), &mut y);
        self.apply(chunk.level, chunk.images, y);
    }

    fn backward(
        &self,
        chunk: Chunk,
        known: BackwardInputs<'_>,
        _: &mut SavedForBackward,
        dx: GradientMut<'_>,
    ) -> Result<(), Error> {
        let BackwardInputs { x, y, dy, .. } = known;
        self.add_gradient(
            chunk.level,
            chunk.images,
            &BackwardOperands { x: x.first(), y, dy },
            dx.zeroed_unless_written(chunk.images),
        );
        Ok(())
    }
}

impl InPlaceLayer for Activation {
    fn is_rectifier(&self) -> bool {
        Operation::is_rectifier(self)
    }

    fn forward(&self, chunk: Chunk, y: FeatureMapsMut<'_>) {
        self.apply(chunk.level, chunk.images, y);
    }

    fn backward(&self, chunk: Chunk, y: FeatureMaps<'_>, gradient: FeatureMapsMut<'_>) {
        self.scale_gradient(chunk.level, chunk.images, y, gradient);
    }
}

impl Activation {
    /// Whether the derivative can be told from the output alone, so that the output may overwrite
    /// the input.
    pub(super) const fn is_in_place(self) -> bool {
        !matches!(self, Self::Abs | Self::Square | Self::Silu | Self::Gelu { .. })
    }

    /// Applies the function to the first `images` images.
    fn apply(self, level: VectorLevel, images: usize, mut values: FeatureMapsMut<'_>) {
        match self {
            Self::Identity => {}
            Self::Relu => rectify(level, images, &mut values),
            Self::BoundedRelu { limit } => map(level, images, values, move |x| {
                let x = relu(x);
                if x > limit { limit } else { x }
            }),
            Self::SoftRelu => map(level, images, values, |x| if x > 4.0 { x } else { x.exp().ln_1p() }),
            Self::Logistic => map(level, images, values, |x| 1.0 / (1.0 + (-x).exp())),
            Self::Tanh { a, b } => map(level, images, values, move |x| a * (b * x).tanh()),
            Self::Abs => map(level, images, values, f32::abs),
            Self::Square => map(level, images, values, |x| x * x),
            Self::Sqrt => map(level, images, values, f32::sqrt),
            Self::Linear { a, b } => map(level, images, values, move |x| a * x + b),
            Self::LeakyRelu { slope } => map(level, images, values, move |x| if x > 0.0 { x } else { slope * x }),
            Self::Silu => map(level, images, values, |x| x * logistic(x)),
            Self::Gelu { form: GeluForm::Exact } => map(level, images, values, |x| x * normal_cdf(x)),
            Self::Gelu { form: GeluForm::Tanh } => map(level, images, values, |x| x * logistic(2.0 * by_tanh(x))),
        }
    }

    /// Multiplies a gradient by the derivative; only for functions that can be in place.
    fn scale_gradient(self, level: VectorLevel, images: usize, y: FeatureMaps<'_>, gradient: FeatureMapsMut<'_>) {
        match self {
            Self::Identity | Self::Abs | Self::Square | Self::Silu | Self::Gelu { .. } => {}
            Self::Relu => scale_gradient(level, images, y, gradient, |y| step(y > 0.0)),
            Self::BoundedRelu { limit } => {
                scale_gradient(level, images, y, gradient, move |y| step(y > 0.0 && y < limit));
            }
            Self::SoftRelu => scale_gradient(level, images, y, gradient, softrelu),
            Self::Logistic => scale_gradient(level, images, y, gradient, |y| y * (1.0 - y)),
            Self::Tanh { a, b } => scale_gradient(level, images, y, gradient, move |y| b * (a - y * y / a)),
            Self::Sqrt => scale_gradient(level, images, y, gradient, |y| 1.0 / (2.0 * y)),
            Self::Linear { a, .. } => scale_gradient(level, images, y, gradient, move |_| a),
            Self::LeakyRelu { slope } => {
                scale_gradient(level, images, y, gradient, move |y| if y > 0.0 { 1.0 } else { slope });
            }
        }
    }

    /// Adds to the input's gradient.
    fn add_gradient(self, level: VectorLevel, images: usize, known: &BackwardOperands<'_>, dx: FeatureMapsMut<'_>) {
        match self {
            Self::Identity => accumulate_gradient(level, images, known, dx, |_, _| 1.0),
            Self::Relu => accumulate_gradient(level, images, known, dx, |_, y| step(y > 0.0)),
            Self::BoundedRelu { limit } => {
                accumulate_gradient(level, images, known, dx, move |_, y| step(y > 0.0 && y < limit));
            }
            Self::SoftRelu => accumulate_gradient(level, images, known, dx, |_, y| softrelu(y)),
            Self::Logistic => accumulate_gradient(level, images, known, dx, |_, y| y * (1.0 - y)),
            Self::Tanh { a, b } => {
                accumulate_gradient(level, images, known, dx, move |_, y| b * (a - y * y / a));
            }
            Self::Abs => accumulate_gradient(level, images, known, dx, |x, _| if x > 0.0 { 1.0 } else { -1.0 }),
            Self::Square => accumulate_gradient(level, images, known, dx, |x, _| 2.0 * x),
            Self::Sqrt => accumulate_gradient(level, images, known, dx, |_, y| 1.0 / (2.0 * y)),
            Self::Linear { a, .. } => accumulate_gradient(level, images, known, dx, move |_, _| a),
            Self::LeakyRelu { slope } => {
                accumulate_gradient(level, images, known, dx, move |_, y| if y > 0.0 { 1.0 } else { slope });
            }
            Self::Silu => accumulate_gradient(level, images, known, dx, |x, _| slope_of_silu(x)),
            Self::Gelu { form: GeluForm::Exact } => accumulate_gradient(level, images, known, dx, |x, _| {
                let density = std::f32::consts::FRAC_2_SQRT_PI * std::f32::consts::FRAC_1_SQRT_2 / 2.0;
                normal_cdf(x) + x * density * exp(-0.5 * x * x)
            }),
            Self::Gelu { form: GeluForm::Tanh } => accumulate_gradient(level, images, known, dx, |x, _| {
                // x s(2u) with u = by_tanh(x).
                let s = logistic(2.0 * by_tanh(x));
                let steepness = ROOT_2_OVER_PI * (1.0 + 3.0 * CUBIC * x * x);
                s + 2.0 * x * s * (1.0 - s) * steepness
            }),
        }
    }
}

/// max(0, x), NaN staying NaN.
fn relu(x: f32) -> f32 {
    if x < 0.0 { 0.0 } else { x }
}

/// [`relu`] of whole rows: padding channels are zero and stay so.
fn rectify(level: VectorLevel, images: usize, values: &mut FeatureMapsMut<'_>) {
    for image in 0..images {
        for y in 0..values.layout.shape.height {
            positive(level, &mut values.values[values.layout.pixels(image, y)]);
        }
    }
}

fn step(holds: bool) -> f32 {
    if holds { 1.0 } else { 0.0 }
}

/// 1 - e^-y, which is e^x / (1 + e^x).
fn softrelu(y: f32) -> f32 {
    if y > 4.0 { 1.0 } else { 1.0 - (-y).exp() }
}

const ROOT_2_OVER_PI: f32 = std::f32::consts::FRAC_2_SQRT_PI * std::f32::consts::FRAC_1_SQRT_2;
const CUBIC: f32 = 0.044_715;

/// The cumulative distribution function of the standard normal distribution.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
#[inline(always)]
fn normal_cdf(x: f32) -> f32 {
    0.5 * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2))
}

/// What gelu's approximation takes the tanh of; (1 + tanh u) / 2 is the logistic of 2u.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
#[inline(always)]
fn by_tanh(x: f32) -> f32 {
    ROOT_2_OVER_PI * (x + CUBIC * x * x * x)
}

#[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
#[inline(always)]
fn slope_of_silu(x: f32) -> f32 {
    let s = logistic(x);
    s * (1.0 + x * (1.0 - s))
}
