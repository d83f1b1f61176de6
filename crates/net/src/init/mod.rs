//! Initialisation of parameters.

pub(crate) mod table;

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
    /// Uniform up to `1 / sqrt(inputs)`: what `PyTorch` does if not told otherwise.
    Pytorch,
    /// The first filters pass the input's channels on, each one; the rest is initialised otherwise.
    Dirac {
        /// Initialisation of the other filters.
        rest: Rest,
    },
    /// Filters that make patches of the training images uncorrelated and of one size: the eigenvectors
    /// of their second moments over `sqrt(eigenvalue + epsilon)`, then the same negated. They need
    /// images ([`crate::whiten`]); until then as [`Init::He`].
    Whitening {
        /// Added to the eigenvalues.
        epsilon: f64,
    },
}

/// Initialisation of the filters beyond those that pass a channel on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// All zero.
    Zero,
    /// As [`Init::He`].
    He,
    /// As [`Init::Pytorch`].
    Pytorch,
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
    /// Whether only filters can be initialised so.
    pub(crate) const fn is_for_filters(self) -> bool {
        matches!(self, Self::Dirac { .. } | Self::Whitening { .. })
    }

    /// Fills `values`, an array of that shape; value `i` depends on the stream and `i` only.
    pub fn fill(self, shape: &[usize], fan: Fan, stream: Stream, values: &mut [f32]) {
        match self {
            Self::Constant { value } => values.fill(value as f32),
            Self::Normal { std } => normal(std, stream, values),
            Self::Uniform { limit } => uniform(limit, stream, values),
            Self::He | Self::Whitening { .. } => normal((2.0 / fan.inputs.max(1) as f64).sqrt(), stream, values),
            Self::Glorot => {
                let limit = (6.0 / (fan.inputs + fan.outputs).max(1) as f64).sqrt();
                uniform(limit, stream, values);
            }
            Self::Pytorch => uniform((1.0 / fan.inputs.max(1) as f64).sqrt(), stream, values),
            Self::Dirac { rest } => {
                match rest {
                    Rest::Zero => values.fill(0.0),
                    Rest::He => Self::He.fill(shape, fan, stream, values),
                    Rest::Pytorch => Self::Pytorch.fill(shape, fan, stream, values),
                }
                dirac(shape, fan, values);
            }
        }
    }
}

/// Makes the first filters of every group, as many as it has channels, pass these on.
fn dirac(shape: &[usize], fan: Fan, values: &mut [f32]) {
    // Of locally connected layers, all positions alike.
    let [.., filters, channels, height, width] = *shape else {
        return;
    };
    let area = height * width;
    let group = (fan.outputs / area).max(1);
    for (index, filter) in values.chunks_exact_mut(channels * area).enumerate() {
        let own = index % filters % group;
        if own < channels {
            filter.fill(0.0);
            filter[own * area + height / 2 * width + width / 2] = 1.0;
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
            init.fill(&[20_000], fan, Stream::new(7, &[1]), &mut values);
            let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / 20_000.0;
            let square = values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / 20_000.0;
            assert!(mean.abs() < 0.02 * 0.3 * 2.0, "{init:?}: mean {mean}");
            assert!((square.sqrt() / std - 1.0).abs() < 0.02, "{init:?}");
        }
    }

    #[test]
    fn dirac_passes_channels_on() {
        // Two groups of three filters on two channels.
        let (shape, fan) = ([6, 2, 3, 3], Fan { inputs: 18, outputs: 27 });
        let mut values = vec![7.0; 108];
        Init::Dirac { rest: Rest::Zero }.fill(&shape, fan, Stream::new(1, &[]), &mut values);
        let ones: Vec<_> = (0..108).filter(|&at| values[at] != 0.0).collect();
        assert_eq!(ones, [4, 18 + 13, 3 * 18 + 4, 4 * 18 + 13]);
        assert!(ones.iter().all(|&at| values[at].to_bits() == 1.0_f32.to_bits()));
        Init::Dirac { rest: Rest::Pytorch }.fill(&shape, fan, Stream::new(1, &[]), &mut values);
        let limit = 1.0 / 18.0_f32.sqrt();
        assert!(values[36..54].iter().all(|v| *v != 0.0 && v.abs() <= limit));
        assert_eq!(values[..18].iter().filter(|v| **v != 0.0).count(), 1);
    }
}
