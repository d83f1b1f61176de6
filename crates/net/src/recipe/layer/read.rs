//! Reading a `[[layer]]` entry.

use super::{BatchNormRecipe, LayerKind, LayerRecipe, NormRecipe, Origin, WeightRecipe, WindowRecipe};
use crate::error::Error;
use crate::init::{Init, Rest};
use crate::ops::{GeluForm, Neuron, PoolKind, Ties};
use crate::table::section::{Section, suggest};
use crate::table::tree::{Node, Value};

pub(in crate::recipe) const GELU_FORMS: [(&str, GeluForm); 2] = [("exact", GeluForm::Exact), ("tanh", GeluForm::Tanh)];

pub(in crate::recipe) const TIES: [(&str, Ties); 2] = [("all", Ties::All), ("first", Ties::First)];

pub(in crate::recipe) const RESTS: [(&str, Rest); 3] =
    [("zero", Rest::Zero), ("he", Rest::He), ("pytorch", Rest::Pytorch)];

pub(in crate::recipe) const INITS: [&str; 9] =
    ["normal", "uniform", "constant", "he", "glorot", "xavier", "pytorch", "dirac", "whitening"];

pub(in crate::recipe) const TYPES: [&str; 26] = [
    "conv",
    "local",
    "full",
    "pool",
    "global_average",
    "relu",
    "leaky_relu",
    "gelu",
    "silu",
    "brelu",
    "softrelu",
    "logistic",
    "tanh",
    "abs",
    "square",
    "sqrt",
    "linear",
    "identity",
    "batch_norm",
    "rnorm",
    "cmrnorm",
    "cnorm",
    "dropout",
    "softmax",
    "add",
    "concat",
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
            weights: read_weights(section, Init::He)?,
        },
        "local" => LayerKind::Local { windows: read_windows(section)?, weights: read_weights(section, Init::He)? },
        "full" => LayerKind::Full { outputs: section.required("outputs")?, weights: read_weights(section, Init::He)? },
        "pool" => read_pool(section)?,
        "global_average" => LayerKind::GlobalAverage,
        "batch_norm" => LayerKind::BatchNorm(read_batch_norm(section)?),
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
        "leaky_relu" => Neuron::LeakyRelu { slope: section.or("slope", 0.01)? as f32 },
        "silu" => Neuron::Silu,
        "gelu" => Neuron::Gelu { form: section.choice("form", &GELU_FORMS)?.unwrap_or(GeluForm::Exact) },
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
        ties: section.choice("ties", &TIES)?.unwrap_or(Ties::All),
    })
}

fn read_norm(section: &mut Section<'_>) -> Result<NormRecipe, Error> {
    Ok(NormRecipe {
        size: section.required("size")?,
        scale: section.required("scale")?,
        power: section.required("power")?,
    })
}

fn read_batch_norm(section: &mut Section<'_>) -> Result<BatchNormRecipe, Error> {
    let share = |value: &f64| (0.0..=1.0).contains(value);
    let momentum = section.checked("running_momentum", "a number from 0 to 1", share)?;
    Ok(BatchNormRecipe {
        epsilon: section.or("epsilon", 1e-5)?,
        running_momentum: momentum.unwrap_or(0.1),
        weight: section.or("weight", true)?,
        weights: read_weights(section, Init::Constant { value: 1.0 })?,
    })
}

fn read_weights(section: &mut Section<'_>, init: Init) -> Result<WeightRecipe, Error> {
    let positive = |value: &f64| *value >= 0.0;
    let rule = "a number, 0 or more,";
    let below_one = |value: &f64| (0.0..1.0).contains(value);
    Ok(WeightRecipe {
        bias: section.or("bias", true)?,
        init: read_init(section, "init")?.unwrap_or(init),
        bias_init: read_init(section, "bias_init")?.unwrap_or(Init::Constant { value: 0.0 }),
        rate_factor: section.checked("rate_factor", rule, positive)?.unwrap_or(1.0),
        bias_rate_factor: section.checked("bias_rate_factor", rule, positive)?.unwrap_or(1.0),
        momentum: section.checked("momentum", "a number from 0 to below 1", below_one)?,
        decay: section.checked("decay", rule, positive)?,
        bias_decay: section.checked("bias_decay", rule, positive)?,
        epochs: section.checked("epochs", rule, positive)?,
        bias_epochs: section.checked("bias_epochs", rule, positive)?,
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
    let choices: Vec<_> = INITS.iter().map(|name| (*name, *name)).collect();
    let word = inner.choice("type", &choices)?;
    let init = match word.ok_or_else(|| inner.missing("type"))? {
        "normal" => Init::Normal { std: inner.required("std")? },
        "uniform" => Init::Uniform { limit: inner.required("limit")? },
        "constant" => Init::Constant { value: inner.required("value")? },
        "he" => Init::He,
        "pytorch" => Init::Pytorch,
        "dirac" => Init::Dirac { rest: inner.choice("rest", &RESTS)?.unwrap_or(Rest::Zero) },
        "whitening" => {
            let epsilon = inner.checked("epsilon", "a number above 0", |value| *value > 0.0)?;
            Init::Whitening { epsilon: epsilon.unwrap_or(5e-4) }
        }
        // Glorot, or by his first name.
        _ => Init::Glorot,
    };
    inner.finish()?;
    Ok(Some(init))
}
