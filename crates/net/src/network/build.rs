//! One layer of the graph from its entry in the recipe.

use super::{Layer, ParameterSpec, Role};
use crate::error::Error;
use crate::init::{Fan, Init};
use crate::ops::{
    AddGeometry, BatchNormGeometry, ConcatGeometry, ContrastNormGeometry, ConvGeometry, CrossMapNormGeometry,
    DropoutGeometry, FullGeometry, GlobalAverageGeometry, LocalGeometry, NeuronGeometry, Op, PoolGeometry,
    ResponseNormGeometry, SoftmaxGeometry,
};
use crate::recipe::{BatchNormRecipe, LayerKind, LayerRecipe, Recipe, WeightRecipe};
use crate::shape::Shape;

/// The entry being built, and the recipe it stands in.
pub(super) struct Context<'a> {
    pub recipe: &'a Recipe,
    pub entry: &'a LayerRecipe,
}

impl Context<'_> {
    fn error(&self, expected: String, found: String) -> Error {
        Error::Recipe {
            place: self.entry.origin.0.clone(),
            layer: Some(self.entry.name.clone()),
            expected,
            found,
            hint: None,
        }
    }

    pub fn layer(&self, before: &[Layer], classes: usize) -> Result<Layer, Error> {
        let inputs = self.inputs(before)?;
        let shapes: Vec<Shape> = inputs.iter().map(|&index| before[index].shape).collect();
        let op = self.op(&shapes, classes);
        let shape = op.output().map_err(|misfit| self.error(misfit.expected, misfit.found))?;
        let parameters = self.parameters(&op, shape);
        self.check_init(&op, &inputs, &parameters)?;
        let values: usize = parameters.iter().map(ParameterSpec::len).sum();
        if shape.len() > 1 << 28 || values > 1 << 30 {
            return Err(self.error(
                "a layer of at most 2^28 outputs and 2^30 parameters".into(),
                format!("{shape} outputs and {values} parameters"),
            ));
        }
        Ok(Layer { name: self.entry.name.clone(), op, inputs, shape, parameters })
    }

    fn inputs(&self, before: &[Layer]) -> Result<Vec<usize>, Error> {
        let several = matches!(self.entry.kind, LayerKind::Add { .. } | LayerKind::Concat);
        if self.entry.inputs.is_empty() || (self.entry.inputs.len() > 1 && !several) {
            return Err(self.error(
                if several {
                    "at least one input".into()
                } else {
                    "one input (`add` and `concat` take several)".into()
                },
                self.entry.inputs.len().to_string(),
            ));
        }
        let find = |name: &String| {
            let index = before.iter().position(|layer| layer.name == *name);
            index.ok_or_else(|| {
                let known: Vec<_> = before.iter().map(|layer| layer.name.as_str()).collect();
                self.error(format!("inputs among the layers before it ({})", known.join(", ")), format!("`{name}`"))
            })
        };
        self.entry.inputs.iter().map(find).collect()
    }

    fn op(&self, shapes: &[Shape], classes: usize) -> Op {
        let input = shapes[0];
        match &self.entry.kind {
            LayerKind::Conv { windows, shared_bias, .. } => Op::Conv(ConvGeometry {
                input,
                filters: windows.filters,
                size: windows.size,
                stride: windows.stride,
                padding: windows.padding,
                groups: windows.groups,
                shared_bias: *shared_bias,
            }),
            LayerKind::Local { windows, .. } => Op::Local(LocalGeometry {
                input,
                filters: windows.filters,
                size: windows.size,
                stride: windows.stride,
                padding: windows.padding,
                groups: windows.groups,
            }),
            LayerKind::Full { outputs, .. } => Op::Full(FullGeometry { input, outputs: *outputs }),
            LayerKind::Pool { pool, size, stride, start, outputs, ties } => Op::Pool(PoolGeometry {
                kind: *pool,
                input,
                size: *size,
                stride: *stride,
                start: *start,
                outputs: *outputs,
                ties: *ties,
            }),
            LayerKind::GlobalAverage => Op::GlobalAverage(GlobalAverageGeometry { input }),
            LayerKind::BatchNorm(norm) => Op::BatchNorm(BatchNormGeometry { input, epsilon: norm.epsilon }),
            LayerKind::Neuron(neuron) => Op::Neuron(NeuronGeometry { input, neuron: *neuron }),
            LayerKind::ResponseNorm(norm) => Op::ResponseNorm(ResponseNormGeometry {
                input,
                size: norm.size,
                scale: norm.scale as f32,
                power: norm.power as f32,
            }),
            LayerKind::CrossMapNorm { norm, blocked } => Op::CrossMapNorm(CrossMapNormGeometry {
                input,
                size: norm.size,
                scale: norm.scale as f32,
                power: norm.power as f32,
                blocked: *blocked,
            }),
            LayerKind::ContrastNorm(norm) => Op::ContrastNorm(ContrastNormGeometry {
                input,
                size: norm.size,
                scale: norm.scale as f32,
                power: norm.power as f32,
            }),
            LayerKind::Dropout { rate } => Op::Dropout(DropoutGeometry { input, rate: *rate as f32 }),
            LayerKind::Softmax => Op::Softmax(SoftmaxGeometry { input, classes }),
            LayerKind::Add { coefficients } => Op::Add(AddGeometry {
                inputs: shapes.to_vec(),
                coefficients: coefficients.iter().map(|value| *value as f32).collect(),
            }),
            LayerKind::Concat => Op::Concat(ConcatGeometry { inputs: shapes.to_vec() }),
        }
    }

    /// Starts that only some layers can have.
    fn check_init(&self, op: &Op, inputs: &[usize], parameters: &[ParameterSpec]) -> Result<(), Error> {
        for spec in parameters {
            let is_filters = spec.role == Role::Weight && matches!(op, Op::Conv(_) | Op::Local(_));
            let (fits, expected) = match spec.init {
                Init::Dirac { .. } => {
                    (is_filters, "the start `dirac` for filters of `conv` or `local` only".to_owned())
                }
                Init::Whitening { .. } => {
                    let most = 2 * spec.fan.inputs;
                    let few = spec.shape[0] <= most;
                    let first = inputs == [0] && matches!(op, Op::Conv(conv) if conv.groups == 1);
                    let expected = format!(
                        "the start `whitening` for the filters of a `conv` on the image, at most {most} of them"
                    );
                    (is_filters && first && few, expected)
                }
                _ => continue,
            };
            if !fits {
                let found = format!("it for `{}` {:?} of `{}`", spec.name, spec.shape, op.kind());
                return Err(self.error(expected, found));
            }
        }
        Ok(())
    }

    fn parameters(&self, op: &Op, output: Shape) -> Vec<ParameterSpec> {
        let (weights, weight, bias, fan) = match (&self.entry.kind, op) {
            (LayerKind::Conv { weights, .. }, Op::Conv(geometry)) => {
                let bias = if geometry.shared_bias { vec![output.channels] } else { output.dims().to_vec() };
                let area = geometry.size * geometry.size;
                let fan = Fan {
                    inputs: geometry.channels_per_filter() * area,
                    outputs: geometry.filters / geometry.groups * area,
                };
                (weights, geometry.weight_shape(), bias, fan)
            }
            (LayerKind::Local { weights, .. }, Op::Local(geometry)) => {
                let area = geometry.size * geometry.size;
                let fan = Fan {
                    inputs: geometry.channels_per_filter() * area,
                    outputs: geometry.filters / geometry.groups * area,
                };
                let bias = output.dims().to_vec();
                (weights, geometry.weight_shape(output), bias, fan)
            }
            (LayerKind::Full { weights, .. }, Op::Full(geometry)) => {
                let fan = Fan { inputs: geometry.input.len(), outputs: geometry.outputs };
                let shape = vec![geometry.outputs, geometry.input.len()];
                (weights, shape, vec![geometry.outputs], fan)
            }
            (LayerKind::BatchNorm(norm), _) => return self.batch_norm(norm, output),
            _ => return Vec::new(),
        };
        let mut specs = vec![self.weight_spec(weights, (weight, fan))];
        if weights.bias {
            specs.push(self.bias_spec(weights, (bias, fan)));
        }
        specs
    }

    fn batch_norm(&self, norm: &BatchNormRecipe, output: Shape) -> Vec<ParameterSpec> {
        let (shape, fan) = (vec![output.channels], Fan { inputs: 1, outputs: 1 });
        let mut specs = Vec::new();
        if norm.weight {
            specs.push(self.weight_spec(&norm.weights, (shape.clone(), fan)));
        }
        if norm.weights.bias {
            specs.push(self.bias_spec(&norm.weights, (shape.clone(), fan)));
        }
        let statistics = [("running_mean", Role::RunningMean, 0.0), ("running_var", Role::RunningVariance, 1.0)];
        for (suffix, role, value) in statistics {
            specs.push(ParameterSpec {
                name: format!("{}.{suffix}", self.entry.name),
                shape: shape.clone(),
                role,
                init: Init::Constant { value },
                fan,
                rate_factor: norm.running_momentum,
                momentum: 0.0,
                decay: 0.0,
                epochs: None,
            });
        }
        specs
    }

    fn weight_spec(&self, weights: &WeightRecipe, (shape, fan): (Vec<usize>, Fan)) -> ParameterSpec {
        let train = &self.recipe.train;
        ParameterSpec {
            name: format!("{}.weight", self.entry.name),
            shape,
            role: Role::Weight,
            init: weights.init,
            fan,
            rate_factor: weights.rate_factor,
            momentum: weights.momentum.unwrap_or(train.momentum),
            decay: weights.decay.unwrap_or(train.decay),
            epochs: weights.epochs,
        }
    }

    fn bias_spec(&self, weights: &WeightRecipe, (shape, fan): (Vec<usize>, Fan)) -> ParameterSpec {
        let train = &self.recipe.train;
        ParameterSpec {
            name: format!("{}.bias", self.entry.name),
            shape,
            role: Role::Bias,
            init: weights.bias_init,
            fan,
            rate_factor: weights.bias_rate_factor,
            momentum: weights.momentum.unwrap_or(train.momentum),
            decay: weights.bias_decay.unwrap_or(train.bias_decay),
            epochs: weights.bias_epochs,
        }
    }
}
