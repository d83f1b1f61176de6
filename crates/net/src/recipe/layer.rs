//! One `[[layer]]` entry.

use super::section::{Section, suggest};
use super::tree::{Node, Value};
use crate::error::Error;
use crate::init::Init;
use crate::ops::{Neuron, PoolKind};

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
    },
    /// `type = "relu"` and the other neurons
    Neuron(Neuron),
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

/// How a layer's parameters start and learn; what is not given follows `[train]`.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightRecipe {
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
}

pub(super) const TYPES: [&str; 21] = [
    "conv", "local", "full", "pool", "relu", "brelu", "softrelu", "logistic", "tanh", "abs", "square", "sqrt",
    "linear", "identity", "rnorm", "cmrnorm", "cnorm", "dropout", "softmax", "add", "concat",
];

impl LayerRecipe {
    pub(crate) fn read(mut section: Section<'_>, name: String, before: Option<&str>) -> Result<Self, Error> {
        section.node("name");
        let kind_node = section.node("type");
        let inputs = section.optional::<Vec<String>>("inputs")?;
        let inputs = match (inputs, before) {
            (Some(inputs), _) => inputs,
            (None, before) => vec![before.unwrap_or("data").to_owned()],
        };
        let kind = read_kind(&mut section, kind_node, inputs.len())?;
        let origin = Origin(section.scope.place(section.place));
        section.finish()?;
        Ok(Self { name, kind, inputs, origin })
    }
}

fn read_kind(section: &mut Section<'_>, node: Option<&Node>, inputs: usize) -> Result<LayerKind, Error> {
    let Some(node) = node else {
        return Err(section.missing("type"));
    };
    let word = match &node.value {
        Value::Text(word) => word.as_str(),
        _ => "",
    };
    Ok(match word {
        "conv" => LayerKind::Conv {
            windows: read_windows(section)?,
            shared_bias: section.or("shared_bias", true)?,
            weights: read_weights(section)?,
        },
        "local" => LayerKind::Local { windows: read_windows(section)?, weights: read_weights(section)? },
        "full" => LayerKind::Full { outputs: section.required("outputs")?, weights: read_weights(section)? },
        "pool" => read_pool(section)?,
        "rnorm" => LayerKind::ResponseNorm(read_norm(section)?),
        "cnorm" => LayerKind::ContrastNorm(read_norm(section)?),
        "cmrnorm" => LayerKind::CrossMapNorm { norm: read_norm(section)?, blocked: section.or("blocked", false)? },
        "dropout" => LayerKind::Dropout { rate: section.or("rate", 0.5)? },
        "softmax" => LayerKind::Softmax,
        "add" => LayerKind::Add { coefficients: section.or("coefficients", vec![1.0; inputs])? },
        "concat" => LayerKind::Concat,
        _ => match read_neuron(section, word)? {
            Some(neuron) => LayerKind::Neuron(neuron),
            None => return Err(unknown_type(section, node, word)),
        },
    })
}

fn unknown_type(section: &Section<'_>, node: &Node, word: &str) -> Error {
    let expected = format!("one of {} for `type`", TYPES.join(", "));
    let mut error = section.scope.error(&node.place, expected, node.value.describe());
    suggest(&mut error, word, &TYPES);
    error
}

fn read_neuron(section: &mut Section<'_>, word: &str) -> Result<Option<Neuron>, Error> {
    Ok(Some(match word {
        "identity" => Neuron::Identity,
        "relu" => Neuron::Relu,
        "brelu" => Neuron::BoundedRelu { limit: section.required::<f64>("limit")? as f32 },
        "softrelu" => Neuron::SoftRelu,
        "logistic" => Neuron::Logistic,
        "tanh" => Neuron::Tanh { a: section.or("a", 1.0)? as f32, b: section.or("b", 1.0)? as f32 },
        "abs" => Neuron::Abs,
        "square" => Neuron::Square,
        "sqrt" => Neuron::Sqrt,
        "linear" => Neuron::Linear { a: section.or("a", 1.0)? as f32, b: section.or("b", 0.0)? as f32 },
        _ => return Ok(None),
    }))
}

fn read_windows(section: &mut Section<'_>) -> Result<WindowRecipe, Error> {
    Ok(WindowRecipe {
        filters: section.required("filters")?,
        size: section.required("size")?,
        stride: section.or("stride", 1)?,
        padding: section.or("padding", 0)?,
        groups: section.or("groups", 1)?,
    })
}

fn read_pool(section: &mut Section<'_>) -> Result<LayerKind, Error> {
    let kinds = [("max", PoolKind::Max), ("average", PoolKind::Average)];
    let pool = section.choice("pool", &kinds)?;
    Ok(LayerKind::Pool {
        pool: pool.ok_or_else(|| section.missing("pool"))?,
        size: section.required("size")?,
        stride: section.required("stride")?,
        start: section.or("start", 0)?,
        outputs: section.optional("outputs")?,
    })
}

fn read_norm(section: &mut Section<'_>) -> Result<NormRecipe, Error> {
    Ok(NormRecipe {
        size: section.required("size")?,
        scale: section.required("scale")?,
        power: section.required("power")?,
    })
}

fn read_weights(section: &mut Section<'_>) -> Result<WeightRecipe, Error> {
    let positive = |value: &f64| *value >= 0.0;
    let rule = "a number, 0 or more,";
    let below_one = |value: &f64| (0.0..1.0).contains(value);
    Ok(WeightRecipe {
        init: read_init(section, "init")?.unwrap_or(Init::He),
        bias_init: read_init(section, "bias_init")?.unwrap_or(Init::Constant { value: 0.0 }),
        rate_factor: section.checked("rate_factor", rule, positive)?.unwrap_or(1.0),
        bias_rate_factor: section.checked("bias_rate_factor", rule, positive)?.unwrap_or(1.0),
        momentum: section.checked("momentum", "a number from 0 to below 1", below_one)?,
        decay: section.checked("decay", rule, positive)?,
        bias_decay: section.checked("bias_decay", rule, positive)?,
    })
}

fn read_init(section: &mut Section<'_>, key: &'static str) -> Result<Option<Init>, Error> {
    let Some(node) = section.node(key) else {
        return Ok(None);
    };
    // `init = "he"` is short for `init = { type = "he" }`.
    let long = match &node.value {
        Value::Text(_) => Node { place: node.place.clone(), value: Value::Table(vec![("type".into(), node.clone())]) },
        _ => node.clone(),
    };
    let title = format!("`{key}`");
    let mut inner = Section::open(section.scope, &title, &long)?;
    let names = ["normal", "uniform", "constant", "he", "glorot"];
    let choices: Vec<_> = names.iter().map(|name| (*name, *name)).collect();
    let word = inner.choice("type", &choices)?;
    let init = match word.ok_or_else(|| inner.missing("type"))? {
        "normal" => Init::Normal { std: inner.required("std")? },
        "uniform" => Init::Uniform { limit: inner.required("limit")? },
        "constant" => Init::Constant { value: inner.required("value")? },
        "he" => Init::He,
        _ => Init::Glorot,
    };
    inner.finish()?;
    Ok(Some(init))
}
