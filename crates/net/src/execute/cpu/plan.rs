//! The plan of a network on the CPU: how every layer's values lie, which share a buffer, and the
//! tables of the weighted layers.

use crate::device::VectorLevel;
use crate::device::cpu::buffer::Buffer;
use crate::device::cpu::gemm::BLOCK;
use crate::device::cpu::lanes::LANES;
use crate::device::cpu::layout::{Layout, Rim};
use crate::device::cpu::window::Windows;
use crate::error::Error;
use crate::network::{Network, ParameterSpec, Role};
use crate::ops::batch_norm::cpu::{Affine, Normaliser};
use crate::ops::conv::cpu::ConvWeights;
use crate::ops::conv::cpu::{ConvForward, ConvInputGradient, ConvWeightGradient, gradient_rim};
use crate::ops::local::cpu::{LocalForward, LocalInputGradient, LocalWeightGradient, LocalWeights, Shelf};
use crate::ops::{Neuron, Op, PoolKind};
use crate::parameters::Parameters;
use ndarray::ArrayD;
use rayon::prelude::*;
use std::sync::Arc;

/// Images that go through the network together, so that activations stay in the cache from layer
/// to layer; twice as many where the weights that every chunk has to read are what fills it.
fn chunk(network: &Network) -> usize {
    let weights: usize = network.parameters().map(ParameterSpec::len).sum();
    if weights < 1 << 18 { 4 } else { 8 }
}

/// How a layer's values lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub activation: Layout,
    pub gradient: Layout,
    /// The layer whose buffers hold the values: its own, or for a neuron in place its input's.
    pub home: usize,
}

/// A weighted layer's forward tables.
#[derive(Debug)]
pub(crate) enum Weighted {
    Conv(ConvForward),
    Local(LocalForward),
}

/// Everything about a network that does not change from image to image.
#[derive(Debug)]
pub(crate) struct Plan {
    pub network: Arc<Network>,
    /// Images that go through together.
    pub chunk: usize,
    pub places: Vec<Place>,
    /// For weighted layers, else nothing.
    pub weighted: Vec<Option<Weighted>>,
}

/// The windows of a locally or fully connected layer.
pub(crate) fn local_windows(op: &Op, layer: usize, network: &Network) -> Option<Windows> {
    match op {
        Op::Local(geometry) => Some(geometry.windows(network.layers()[layer].shape)),
        Op::Full(geometry) => Some(geometry.windows()),
        _ => None,
    }
}

impl Plan {
    pub fn new(network: Arc<Network>) -> Self {
        let places = places(&network);
        let chunk = chunk(&network);
        let weighted = network.layers().iter().enumerate().map(|(index, layer)| {
            let input = places[*layer.inputs.first()?].activation;
            let output = places[index].activation;
            match &layer.op {
                Op::Conv(geometry) => Some(Weighted::Conv(ConvForward::new(geometry, input, output, chunk))),
                op => local_windows(op, index, &network)
                    .map(|windows| Weighted::Local(LocalForward::new(windows, input, output, chunk))),
            }
        });
        let weighted = weighted.collect();
        Self { network, chunk, places, weighted }
    }
}

fn places(network: &Network) -> Vec<Place> {
    let layers = network.layers();
    let mut rims = vec![(Rim::default(), Rim::default()); layers.len()];
    let mut readers = vec![0; layers.len()];
    // Whether all that reads the layer takes single floats.
    let mut tight = vec![true; layers.len()];
    for (index, layer) in layers.iter().enumerate() {
        for &input in &layer.inputs {
            readers[input] += 1;
            tight[input] &= matches!(layer.op, Op::Conv(_) | Op::Local(_) | Op::Full(_));
        }
        let rim = match &layer.op {
            Op::Conv(geometry) => {
                let rim = gradient_rim(geometry, layer.shape);
                rims[index].1 = rims[index].1.union(rim);
                geometry.windows(layer.shape).rim()
            }
            op => local_windows(op, index, network).map_or(Rim::default(), |w| w.rim()),
        };
        for &input in &layer.inputs {
            rims[input].0 = rims[input].0.union(rim);
        }
    }
    let mut homes: Vec<usize> = (0..layers.len()).collect();
    for (index, layer) in layers.iter().enumerate() {
        let Op::Neuron(geometry) = &layer.op else {
            continue;
        };
        let input = layer.inputs[0];
        // The input's own way back must not need what it put out.
        let expendable = match &layers[input].op {
            Op::Conv(_)
            | Op::Local(_)
            | Op::Full(_)
            | Op::Add(_)
            | Op::Concat(_)
            | Op::BatchNorm(_)
            | Op::GlobalAverage(_) => true,
            // The way back through a maximum compares it with the inputs; where a relu changes it
            // (to its bound), no gradient comes back.
            Op::Pool(pool) => {
                let bounding = matches!(geometry.neuron, Neuron::Relu | Neuron::BoundedRelu { .. });
                pool.kind == PoolKind::Average || bounding
            }
            _ => false,
        };
        if geometry.neuron.is_in_place() && expendable && readers[input] == 1 {
            homes[index] = input;
            rims[input].0 = rims[input].0.union(rims[index].0);
            rims[input].1 = rims[input].1.union(rims[index].1);
        }
    }
    let place = |index: usize| {
        let home = homes[index];
        let shape = layers[index].shape;
        let (activation, gradient) = rims[home];
        let activation = match layers[index].op {
            Op::Input(_) if tight[index] && shape.channels < LANES => Layout::tight(shape, activation),
            _ => Layout::padded(shape, activation),
        };
        Place { activation, gradient: Layout::padded(shape, gradient), home }
    };
    (0..layers.len()).map(place).collect()
}

/// Refuses parameters of other names or shapes than the network's, or not in row-major order.
pub(crate) fn check(parameters: &Parameters, network: &Network) -> Result<(), Error> {
    parameters.check(network)?;
    match parameters.iter().find(|(_, array)| !array.is_standard_layout()) {
        None => Ok(()),
        Some((name, array)) => Err(Error::Tensor {
            name: name.into(),
            expected: "values in standard (row-major) order".into(),
            found: format!("strides {:?}", array.strides()),
        }),
    }
}

/// A layer's packed weights.
#[derive(Clone, Debug)]
pub(crate) enum PackedLayer {
    None,
    Conv(ConvWeights),
    Local(LocalWeights),
    BatchNorm(Normaliser),
}

/// Every layer's packed weights, for the forward pass and for the way back to the input.
#[derive(Clone, Debug)]
pub(crate) struct Packed {
    pub forward: Vec<PackedLayer>,
    pub backward: Vec<Buffer>,
}

impl Packed {
    pub fn new(plan: &Plan) -> Self {
        let layers = plan.network.layers().iter().zip(&plan.weighted);
        let forward = layers.map(|(layer, weighted)| match weighted {
            Some(Weighted::Conv(_)) => PackedLayer::Conv(ConvWeights::default()),
            Some(Weighted::Local(_)) => PackedLayer::Local(LocalWeights::default()),
            None if matches!(layer.op, Op::BatchNorm(_)) => PackedLayer::BatchNorm(Normaliser::default()),
            None => PackedLayer::None,
        });
        Self { forward: forward.collect(), backward: vec![Buffer::default(); plan.weighted.len()] }
    }

    /// Packs all weights anew, for the way back too where its tables are given.
    pub fn fill(&mut self, level: VectorLevel, plan: &Plan, back: Option<&BackwardPlan>, parameters: &Parameters) {
        let layers = plan.network.layers();
        let packed = self.forward.par_iter_mut().zip(&mut self.backward);
        packed.enumerate().for_each(|(index, (forward, backward))| {
            let values = |role| {
                let spec = layers[index].parameter(role);
                let array = spec.and_then(|spec| parameters.get(&spec.name)).and_then(ArrayD::as_slice);
                array.unwrap_or_default()
            };
            let (weights, bias) = (values(Role::Weight), values(Role::Bias));
            match (&plan.weighted[index], forward) {
                (Some(Weighted::Conv(conv)), PackedLayer::Conv(packed)) => {
                    conv.pack(level, weights, bias, packed);
                }
                (Some(Weighted::Local(local)), PackedLayer::Local(packed)) => {
                    local.pack(weights, bias, packed);
                }
                (None, PackedLayer::BatchNorm(normaliser)) => {
                    let Op::BatchNorm(geometry) = &layers[index].op else {
                        return;
                    };
                    let means = values(Role::RunningMean).iter().map(|value| f64::from(*value));
                    let variances = values(Role::RunningVariance).iter().map(|value| f64::from(*value));
                    normaliser.set(geometry.epsilon, Affine { weight: weights, bias }, means.zip(variances));
                }
                _ => {}
            }
            match back.and_then(|back| back.input_gradients[index].as_ref()) {
                Some(InputGradient::Conv(conv)) => conv.pack(level, weights, backward),
                Some(InputGradient::Local(local)) => local.pack(weights, backward),
                None => {}
            }
        });
    }
}

/// A weighted layer's tables for the gradient by its input.
#[derive(Debug)]
pub(crate) enum InputGradient {
    Conv(ConvInputGradient),
    Local(LocalInputGradient),
}

/// What the way back needs beyond [`Plan`].
#[derive(Debug)]
pub(crate) struct BackwardPlan {
    /// Layers whose gradient is wanted.
    pub wanted: Vec<bool>,
    pub input_gradients: Vec<Option<InputGradient>>,
}

impl BackwardPlan {
    /// The way back to the input (`to_input`), or only as far as there are weights to learn.
    pub fn new(plan: &Plan, to_input: bool) -> Self {
        let layers = plan.network.layers();
        let mut wanted = vec![to_input; layers.len()];
        let mut input_gradients = Vec::with_capacity(layers.len());
        for (index, layer) in layers.iter().enumerate() {
            let below = layer.inputs.iter().any(|&input| wanted[input]);
            wanted[index] |= below || !layer.parameters.is_empty();
            let tables = layer.inputs.first().filter(|_| below).and_then(|&input| {
                let input = plan.places[input].gradient;
                let output = plan.places[index].gradient;
                match &layer.op {
                    Op::Conv(geometry) => {
                        Some(InputGradient::Conv(ConvInputGradient::new(geometry, input, output, plan.chunk)))
                    }
                    op => local_windows(op, index, &plan.network).map(|windows| {
                        InputGradient::Local(LocalInputGradient::new(windows, input, output, plan.chunk))
                    }),
                }
            });
            input_gradients.push(tables);
        }
        Self { wanted, input_gradients }
    }
}

/// A weighted layer's tables for the gradient by its weights.
#[derive(Debug)]
pub(crate) enum WeightGradient {
    /// Summed chunk by chunk into a group's part of the sums, from `offset` on.
    Conv { gradient: ConvWeightGradient, offset: usize },
    /// Computed once for the batch.
    Local(LocalWeightGradient),
}

/// Weight gradients of a whole network, for batches of up to `pieces` groups.
#[derive(Debug)]
pub(crate) struct WeightPlan {
    pub layers: Vec<Option<WeightGradient>>,
    /// Floats of a group's sums.
    pub sums: usize,
    /// Floats of a group's shelf.
    pub piece: usize,
}

impl WeightPlan {
    pub fn new(plan: &Plan, pieces: usize) -> Self {
        let network = &plan.network;
        let layouts = |index: usize| {
            let input = *network.layers()[index].inputs.first()?;
            Some((plan.places[input].activation, plan.places[index].gradient))
        };
        let windows = |index: usize| local_windows(&network.layers()[index].op, index, network);
        let indices = 0..network.layers().len();
        let shelf = |index: usize| {
            let (input, output) = layouts(index)?;
            windows(index).map(|_| LocalWeightGradient::shelf_len(&input, &output))
        };
        let piece = indices.clone().filter_map(shelf).sum::<usize>().next_multiple_of(BLOCK);
        let (mut sums, mut shelves) = (0, 0);
        let layers = indices.map(|index| {
            let (input, output) = layouts(index)?;
            if let Op::Conv(geometry) = &network.layers()[index].op {
                let gradient = ConvWeightGradient::new(geometry, input, output, plan.chunk);
                let offset = sums;
                sums += gradient.len();
                return Some(WeightGradient::Conv { gradient, offset });
            }
            let windows = windows(index)?;
            let shelf = Shelf { offset: shelves, piece, pieces };
            shelves += LocalWeightGradient::shelf_len(&input, &output);
            let gradient = LocalWeightGradient::new(windows, input, output, shelf);
            Some(WeightGradient::Local(gradient))
        });
        let layers = layers.collect();
        // Every group's sums begin at a cache line.
        Self { layers, sums: sums.next_multiple_of(BLOCK), piece }
    }
}
