//! One `[[layer]]` entry.

mod read;

#[cfg(test)]
pub(super) use read::INITS;
#[cfg(test)]
pub(super) use read::TYPES;
pub(super) use read::{GELU_FORMS, RESTS, TIES};

use crate::init::Init;
use crate::ops::{Neuron, PoolKind, Ties};

/// One layer as the recipe writes it, defaults filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerRecipe {
    /// Its name, unique in the recipe.
    pub name: String,
    /// Type and settings.
    pub kind: LayerKind,
    /// Layers it takes its input from.
    pub inputs: Vec<String>,
    /// File and line.
    pub origin: Origin,
}

/// Where something stood: a file, or a file and line. Any two are equal, for that is no part of
/// what a recipe says.
#[derive(Clone, Debug, Default)]
pub struct Origin(pub String);

impl PartialEq for Origin {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// A layer's type and settings.
#[derive(Clone, Debug, PartialEq)]
pub enum LayerKind {
    /// `type = "conv"`
    Conv {
        /// Windows and filters.
        windows: WindowRecipe,
        /// One bias a filter.
        shared_bias: bool,
        /// Start and learning of its parameters.
        weights: WeightRecipe,
    },
    /// `type = "local"`
    Local {
        /// Windows and filters.
        windows: WindowRecipe,
        /// Start and learning of its parameters.
        weights: WeightRecipe,
    },
    /// `type = "full"`
    Full {
        /// Number of outputs.
        outputs: usize,
        /// Start and learning of its parameters.
        weights: WeightRecipe,
    },
    /// `type = "pool"`
    Pool {
        /// Maximum or average.
        pool: PoolKind,
        /// Side of a window.
        size: usize,
        /// Distance between windows.
        stride: usize,
        /// First window's position.
        start: isize,
        /// Windows a side; as many as cover the input if not given.
        outputs: Option<usize>,
        /// Which of equal maxima receives the gradient.
        ties: Ties,
    },
    /// `type = "global_average"`
    GlobalAverage,
    /// `type = "relu"` and the other neurons
    Neuron(Neuron),
    /// `type = "batch_norm"`
    BatchNorm(BatchNormRecipe),
    /// `type = "rnorm"`
    ResponseNorm(NormRecipe),
    /// `type = "cmrnorm"`
    CrossMapNorm {
        /// Window and coefficients.
        norm: NormRecipe,
        /// Fixed blocks of maps.
        blocked: bool,
    },
    /// `type = "cnorm"`
    ContrastNorm(NormRecipe),
    /// `type = "dropout"`
    Dropout {
        /// Probability of a value to be dropped.
        rate: f64,
    },
    /// `type = "softmax"`
    Softmax,
    /// `type = "add"`
    Add {
        /// One factor an input.
        coefficients: Vec<f64>,
    },
    /// `type = "concat"`
    Concat,
}

/// Filters and how they slide.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowRecipe {
    /// Filters of all groups together.
    pub filters: usize,
    /// Side of a filter.
    pub size: usize,
    /// Distance between windows.
    pub stride: usize,
    /// Zeros around the input.
    pub padding: usize,
    /// Groups.
    pub groups: usize,
}

/// Window and coefficients of a normalisation.
#[derive(Clone, Debug, PartialEq)]
pub struct NormRecipe {
    /// Window.
    pub size: usize,
    /// alpha, before it is divided by the window.
    pub scale: f64,
    /// beta
    pub power: f64,
}

/// What a batch normalisation learns, and its statistics.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchNormRecipe {
    /// Added to the variance.
    pub epsilon: f64,
    /// How far a step moves the running statistics towards the minibatch's.
    pub running_momentum: f64,
    /// A factor a channel is learnt.
    pub weight: bool,
    /// Start and learning of what is learnt.
    pub weights: WeightRecipe,
}

/// How a layer's parameters start and learn; what is not given follows `[train]`.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightRecipe {
    /// Biases are learnt too.
    pub bias: bool,
    /// Start of the weights.
    pub init: Init,
    /// Start of the biases.
    pub bias_init: Init,
    /// Factor on the weights' learning rate.
    pub rate_factor: f64,
    /// Factor on the biases' learning rate.
    pub bias_rate_factor: f64,
    /// Momentum of weights and biases.
    pub momentum: Option<f64>,
    /// Decay of the weights.
    pub decay: Option<f64>,
    /// Decay of the biases.
    pub bias_decay: Option<f64>,
    /// Epochs after which the weights stay as they are.
    pub epochs: Option<f64>,
    /// Epochs after which the biases stay as they are.
    pub bias_epochs: Option<f64>,
}
