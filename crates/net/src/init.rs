//! How parameters start.

use crate::random::Stream;

/// How a parameter's values are drawn; named in recipes as `init = { type = "normal", std = 0.01 }`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// Every value alike.
    Constant {
        /// The value.
        value: f64,
    },
    /// Normal with mean 0.
    Normal {
        /// Standard deviation.
        std: f64,
    },
    /// Uniform from -limit to limit.
    Uniform {
        /// Largest magnitude.
        limit: f64,
    },
    /// Normal with standard deviation `sqrt(2 / inputs)`, for layers followed by relu.
    He,
    /// Uniform up to `sqrt(6 / (inputs + outputs))`.
    Glorot,
}

/// Number of values that feed, and are fed by, one unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fan {
    /// Inputs of one output value.
    pub inputs: usize,
    /// Outputs that one input value reaches.
    pub outputs: usize,
}

impl Init {
    /// Fills `values`; value `i` depends on the stream and `i` only.
    pub fn fill(self, fan: Fan, stream: Stream, values: &mut [f32]) {
        match self {
            Self::Constant { value } => values.fill(value as f32),
            Self::Normal { std } => normal(std, stream, values),
            Self::Uniform { limit } => uniform(limit, stream, values),
            Self::He => normal((2.0 / fan.inputs.max(1) as f64).sqrt(), stream, values),
            Self::Glorot => {
                let limit = (6.0 / (fan.inputs + fan.outputs).max(1) as f64).sqrt();
                uniform(limit, stream, values);
            }
        }
    }
}

fn normal(std: f64, stream: Stream, values: &mut [f32]) {
    for (index, value) in values.iter_mut().enumerate() {
        *value = (std * stream.normal(index as u64)) as f32;
    }
}

fn uniform(limit: f64, stream: Stream, values: &mut [f32]) {
    for (index, value) in values.iter_mut().enumerate() {
        *value = (limit * (2.0 * stream.unit(index as u64) - 1.0)) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_has_its_mean_and_deviation() {
        let mut values = vec![0.0; 20_000];
        let fan = Fan { inputs: 50, outputs: 1 };
        for (init, std) in
            [(Init::Normal { std: 0.3 }, 0.3), (Init::He, 0.2), (Init::Uniform { limit: 0.3 }, 0.3 / 3.0_f64.sqrt())]
        {
            init.fill(fan, Stream::new(7, &[1]), &mut values);
            let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / 20_000.0;
            let square = values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / 20_000.0;
            assert!(mean.abs() < 0.02 * 0.3 * 2.0, "{init:?}: mean {mean}");
            assert!((square.sqrt() / std - 1.0).abs() < 0.02, "{init:?}");
        }
    }
}
