//! The arrays that layers learn, their running statistics, and what recipes say of their initialisation and learning.

use crate::error::Error;
use crate::init::{Fan, Init};
use crate::table::Section;
use crate::table::write::put;
use toml::Table;

/// One array of a layer: learnt, or a running statistic.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterSpec {
    /// `conv1.weight`, `conv1.bias`, `bn1.running_mean` or `bn1.running_var`.
    pub name: String,
    /// The array of the snapshots that holds it, where the network was trained elsewhere and calls it otherwise.
    pub array: Option<String>,
    /// Shape as the files have it: conv `[k, c, r, s]`, local `[oh, ow, k, c, r, s]`, full
    /// `[outputs, inputs]` with inputs in channel, row, column order; bias `[k]` or `[k, oh, ow]`;
    /// all of a batch normalisation's `[c]`.
    pub shape: Vec<usize>,
    /// Weight or bias: which of the schedule's learning rates it follows; or a statistic.
    pub role: Role,
    /// How it is initialised.
    pub init: Init,
    /// Its fan-in and fan-out, for initialisations that depend on them.
    pub fan: Fan,
    /// Factor on the schedule's learning rate; of a statistic, how far a step moves it towards the
    /// minibatch's.
    pub rate_factor: f64,
    /// Momentum, if not the optimiser's.
    pub momentum: Option<f64>,
    /// Weight decay, if not the optimiser's for its role.
    pub decay: Option<f64>,
    /// Epochs after which it is learnt no more, if there are any.
    pub epochs: Option<f64>,
}

/// Kind of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Weights.
    Weight,
    /// Biases.
    Bias,
    /// Running mean of a channel.
    RunningMean,
    /// Running variance of a channel.
    RunningVariance,
}

impl Role {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Weight, Self::Bias, Self::RunningMean, Self::RunningVariance];

    /// The name that follows a layer's in the name of its array.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Weight => "weight",
            Self::Bias => "bias",
            Self::RunningMean => "running_mean",
            Self::RunningVariance => "running_var",
        }
    }
}

impl ParameterSpec {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name of its array in the snapshots.
    pub fn array_name(&self) -> &str {
        self.array.as_deref().unwrap_or(&self.name)
    }

    /// Whether an array of that shape holds its values, in its order: axes of length 1 are left aside.
    pub(crate) fn fits(&self, shape: &[usize]) -> bool {
        let long = |shape: &[usize]| shape.iter().copied().filter(|side| *side != 1).collect::<Vec<_>>();
        long(shape) == long(&self.shape)
    }

    /// Whether it is learnt by gradients; running statistics are not.
    pub const fn is_learnt(&self) -> bool {
        matches!(self.role, Role::Weight | Role::Bias)
    }

    /// The weights of a layer that another program computes: they are shown as images, not learnt here.
    pub(crate) fn computed_elsewhere(shape: &[usize], fan: Fan) -> Self {
        Self {
            shape: shape.to_vec(),
            fan,
            rate_factor: 1.0,
            momentum: None,
            decay: None,
            ..Self::statistic(Role::Weight, shape[0], 0.0, 1.0)
        }
    }

    /// A statistic that every step moves by `momentum` towards the minibatch's.
    pub(crate) fn statistic(role: Role, channels: usize, start: f64, momentum: f64) -> Self {
        Self {
            name: role.suffix().to_owned(),
            array: None,
            shape: vec![channels],
            role,
            init: Init::Constant { value: start },
            fan: Fan { inputs: 1, outputs: 1 },
            rate_factor: momentum,
            momentum: Some(0.0),
            decay: Some(0.0),
            epochs: None,
        }
    }
}

/// How a layer's weights and biases are initialised and learnt; what is not given follows the optimiser.
#[derive(Clone, Debug, PartialEq)]
pub struct Learning {
    /// Biases are learnt too.
    pub bias: bool,
    /// Initialisation of the weights.
    pub init: Init,
    /// Initialisation of the biases.
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

impl Learning {
    /// Weights that are initialised so, biases at 0, everything else as the optimiser has it.
    pub const fn from_init(init: Init) -> Self {
        Self {
            bias: true,
            init,
            bias_init: Init::Constant { value: 0.0 },
            rate_factor: 1.0,
            bias_rate_factor: 1.0,
            momentum: None,
            decay: None,
            bias_decay: None,
            epochs: None,
            bias_epochs: None,
        }
    }

    pub(crate) fn weight(&self, shape: Vec<usize>, fan: Fan) -> ParameterSpec {
        ParameterSpec {
            name: Role::Weight.suffix().to_owned(),
            array: None,
            shape,
            role: Role::Weight,
            init: self.init,
            fan,
            rate_factor: self.rate_factor,
            momentum: self.momentum,
            decay: self.decay,
            epochs: self.epochs,
        }
    }

    /// The biases, if there are any.
    pub(crate) fn bias(&self, shape: Vec<usize>, fan: Fan) -> Option<ParameterSpec> {
        self.bias.then(|| ParameterSpec {
            name: Role::Bias.suffix().to_owned(),
            array: None,
            shape,
            role: Role::Bias,
            init: self.bias_init,
            fan,
            rate_factor: self.bias_rate_factor,
            momentum: self.momentum,
            decay: self.bias_decay,
            epochs: self.bias_epochs,
        })
    }

    /// Reads the keys that all layers with weights have; `init` is the weights' initialisation where none is given.
    pub(crate) fn read(section: &mut Section<'_>, init: Init) -> Result<Self, Error> {
        let positive = |value: &f64| *value >= 0.0;
        let rule = "a number, 0 or more,";
        let below_one = |value: &f64| (0.0..1.0).contains(value);
        Ok(Self {
            bias: section.or("bias", true)?,
            init: Init::read(section, "init")?.unwrap_or(init),
            bias_init: Init::read(section, "bias_init")?.unwrap_or(Init::Constant { value: 0.0 }),
            rate_factor: section.checked("rate_factor", rule, positive)?.unwrap_or(1.0),
            bias_rate_factor: section.checked("bias_rate_factor", rule, positive)?.unwrap_or(1.0),
            momentum: section.checked("momentum", "a number from 0 to below 1", below_one)?,
            decay: section.checked("decay", rule, positive)?,
            bias_decay: section.checked("bias_decay", rule, positive)?,
            epochs: section.checked("epochs", rule, positive)?,
            bias_epochs: section.checked("bias_epochs", rule, positive)?,
        })
    }

    /// Reads the keys of a layer that has weights and never biases.
    pub(crate) fn read_weight(section: &mut Section<'_>, init: Init) -> Result<Self, Error> {
        let positive = |value: &f64| *value >= 0.0;
        let rule = "a number, 0 or more,";
        Ok(Self {
            bias: false,
            rate_factor: section.checked("rate_factor", rule, positive)?.unwrap_or(1.0),
            momentum: section.checked("momentum", "a number from 0 to below 1", |value| (0.0..1.0).contains(value))?,
            decay: section.checked("decay", rule, positive)?,
            epochs: section.checked("epochs", rule, positive)?,
            ..Self::from_init(Init::read(section, "init")?.unwrap_or(init))
        })
    }

    pub(crate) fn write(&self, table: &mut Table) {
        put(table, "bias", self.bias);
        put(table, "bias_init", self.bias_init.to_table());
        put(table, "bias_rate_factor", self.bias_rate_factor);
        let optional = [("bias_decay", self.bias_decay), ("bias_epochs", self.bias_epochs)];
        put_given(table, &optional);
        self.write_weight(table);
    }

    /// Writes the keys of a layer that has weights and never biases.
    pub(crate) fn write_weight(&self, table: &mut Table) {
        put(table, "init", self.init.to_table());
        put(table, "rate_factor", self.rate_factor);
        let optional = [("momentum", self.momentum), ("decay", self.decay), ("epochs", self.epochs)];
        put_given(table, &optional);
    }
}

fn put_given(table: &mut Table, values: &[(&str, Option<f64>)]) {
    for &(key, value) in values {
        if let Some(value) = value {
            put(table, key, value);
        }
    }
}
