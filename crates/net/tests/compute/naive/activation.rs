//! Activation functions and their derivatives in double precision.

use deepviz_net::ops::Activation;
use deepviz_net::ops::activation::GeluForm;

pub fn value(function: Activation, x: f64) -> f64 {
    match function {
        Activation::Identity => x,
        Activation::Relu => x.max(0.0),
        Activation::BoundedRelu { limit } => x.max(0.0).min(f64::from(limit)),
        // As in cuda-convnet: beyond 4 the identity stands for ln(1 + exp x).
        Activation::SoftRelu if x > 4.0 => x,
        Activation::SoftRelu => x.exp().ln_1p(),
        Activation::Logistic => 1.0 / (1.0 + (-x).exp()),
        Activation::Tanh { a, b } => f64::from(a) * (f64::from(b) * x).tanh(),
        Activation::Abs => x.abs(),
        Activation::Square => x * x,
        Activation::Sqrt => x.sqrt(),
        Activation::Linear { a, b } => f64::from(a) * x + f64::from(b),
        Activation::LeakyRelu { slope } => x.max(0.0) + f64::from(slope) * x.min(0.0),
        Activation::Silu => x / (1.0 + (-x).exp()),
        Activation::Gelu { form: GeluForm::Exact } => x * normal_cdf(x),
        Activation::Gelu { form: GeluForm::Tanh } => 0.5 * x * (1.0 + tanh_argument(x).tanh()),
    }
}

/// The density of the normal distribution.
fn density(x: f64) -> f64 {
    (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt()
}

/// The cumulative distribution function of the normal distribution, by Simpson's rule.
fn normal_cdf(x: f64) -> f64 {
    let steps = 200;
    let width = x / f64::from(2 * steps);
    let inner: f64 = (1..2 * steps).map(|i| f64::from(2 + 2 * (i % 2)) * density(width * f64::from(i))).sum();
    0.5 + (density(0.0) + inner + density(x)) * width / 3.0
}

/// The argument of the tanh in GELU's approximation.
fn tanh_argument(x: f64) -> f64 {
    (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3))
}

pub fn derivative(function: Activation, x: f64) -> f64 {
    // 1 where the condition holds, else 0.
    let indicator = |holds: bool| f64::from(u8::from(holds));
    match function {
        Activation::Identity => 1.0,
        Activation::Relu => indicator(x > 0.0),
        Activation::BoundedRelu { limit } => indicator(x > 0.0 && x < f64::from(limit)),
        Activation::SoftRelu if x > 4.0 => 1.0,
        Activation::SoftRelu => 1.0 / (1.0 + (-x).exp()),
        Activation::Logistic => (-x).exp() / (1.0 + (-x).exp()).powi(2),
        Activation::Tanh { a, b } => {
            let t = (f64::from(b) * x).tanh();
            f64::from(a) * f64::from(b) * (1.0 - t * t)
        }
        Activation::Abs => 2.0 * indicator(x > 0.0) - 1.0,
        Activation::Square => 2.0 * x,
        Activation::Sqrt => 0.5 / x.sqrt(),
        Activation::Linear { a, .. } => f64::from(a),
        Activation::LeakyRelu { slope } => indicator(x > 0.0) + f64::from(slope) * indicator(x <= 0.0),
        Activation::Silu => {
            let s = 1.0 / (1.0 + (-x).exp());
            s + x * s * (1.0 - s)
        }
        Activation::Gelu { form: GeluForm::Exact } => normal_cdf(x) + x * density(x),
        Activation::Gelu { form: GeluForm::Tanh } => {
            let t = tanh_argument(x).tanh();
            let argument_slope = (2.0 / std::f64::consts::PI).sqrt() * (1.0 + 3.0 * 0.044_715 * x * x);
            0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * argument_slope
        }
    }
}
