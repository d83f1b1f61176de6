//! Forward and backward through a network on the device, layer by layer.

use super::layout::{from_device, to_device};
use crate::device::cuda::{At, Cuda, Memory, Room};
use crate::error::Error;
use crate::network::{Network, Role};
use crate::ops::Op;
use crate::ops::batch_norm::cuda::{Arrays, Normaliser};
use crate::ops::softmax::cuda::Judge;
use crate::parameters::Parameters;
use crate::shape::Shape;

/// Arrays of a network's parameters on the device, or of their gradients.
#[derive(Debug)]
pub(super) struct Weights {
    pub memory: Vec<Memory<f32>>,
    /// For every layer, roles and which array each is.
    places: Vec<Vec<(Role, usize)>>,
}

impl Weights {
    pub fn zeros(on: &Cuda, network: &Network) -> Result<Self, Error> {
        let (mut memory, mut places) = (Vec::new(), Vec::new());
        for layer in network.layers() {
            let mut own = Vec::new();
            for spec in &layer.parameters {
                own.push((spec.role, memory.len()));
                memory.push(Memory::zeros(on, spec.len())?);
            }
            places.push(own);
        }
        Ok(Self { memory, places })
    }

    /// Takes the values of every parameter.
    pub fn upload(&mut self, on: &Cuda, network: &Network, parameters: &Parameters) -> Result<(), Error> {
        let mut memory = self.memory.iter_mut();
        for layer in network.layers() {
            for (spec, memory) in layer.parameters.iter().zip(&mut memory) {
                if let Some(array) = parameters.get(&spec.name) {
                    memory.write(on, &to_device(layer, spec, array.view()))?;
                }
            }
        }
        Ok(())
    }

    /// Writes every array into `into`, which holds the network's parameters.
    pub fn download(&self, on: &Cuda, network: &Network, into: &mut Parameters) -> Result<(), Error> {
        let mut memory = self.memory.iter();
        for layer in network.layers() {
            for (spec, memory) in layer.parameters.iter().zip(&mut memory) {
                let values = memory.read(on, spec.len())?;
                if let Some(array) = into.get_mut(&spec.name) {
                    from_device(layer, spec, &values, array);
                }
            }
        }
        Ok(())
    }

    pub fn at(&self, layer: usize, role: Role) -> Option<At> {
        let found = self.places[layer].iter().find(|(known, _)| *known == role);
        found.map(|(_, index)| self.memory[*index].at())
    }

    fn weights(&self, layer: usize) -> Option<(At, Option<At>)> {
        Some((self.at(layer, Role::Weight)?, self.at(layer, Role::Bias)))
    }

    fn norm(&self, layer: usize) -> Option<Arrays> {
        Some(Arrays {
            weight: self.at(layer, Role::Weight),
            bias: self.at(layer, Role::Bias),
            mean: self.at(layer, Role::RunningMean)?,
            variance: self.at(layer, Role::RunningVariance)?,
        })
    }
}

/// What a layer keeps for its way back.
#[derive(Debug)]
enum Kept {
    Nothing,
    /// Denominators, distances from means, room.
    Norm([Memory<f32>; 3]),
    Mask(Memory<f32>),
    Normaliser(Normaliser),
}

/// Buffers for so many images.
#[derive(Debug)]
pub(super) struct Space {
    pub images: usize,
    activations: Vec<Memory<f32>>,
    /// Empty when only the way forward is wanted.
    gradients: Vec<Memory<f32>>,
    kept: Vec<Kept>,
    room: Room,
}

impl Space {
    /// Buffers for that many images, and for the way back if wanted. Where the memory is too small,
    /// the error says for how many images it would do.
    pub fn new(on: &Cuda, network: &Network, images: usize, is_trained: bool) -> Result<Self, Error> {
        Self::build(on, network, images, is_trained).map_err(|error| match error {
            Error::DeviceMemory { device, free, .. } => {
                let image = Self::floats(network, is_trained) * size_of::<f32>();
                let wanted = images * image;
                // What was taken before the one that failed is given back once that is known.
                on.synchronise().ok();
                let free = on.memory().map_or(free, |(free, _)| free);
                let fits = images.saturating_mul(free / 10 * 9) / wanted.max(1);
                Error::DeviceMemory { device, wanted, free, fits: Some(fits) }
            }
            other => other,
        })
    }

    fn build(on: &Cuda, network: &Network, images: usize, is_trained: bool) -> Result<Self, Error> {
        let layers = network.layers();
        let buffers = |wanted: bool| {
            let length = |shape: Shape| if wanted { images * shape.len() } else { 0 };
            layers.iter().map(|layer| Memory::zeros(on, length(layer.shape))).collect::<Result<Vec<_>, _>>()
        };
        let kept = layers.iter().map(|layer| {
            let length = images * layer.shape.len();
            Ok(match &layer.op {
                Op::ResponseNorm(_) | Op::CrossMapNorm(_) => {
                    let back = if is_trained { length } else { 0 };
                    Kept::Norm([Memory::zeros(on, length)?, Memory::zeros(on, 0)?, Memory::zeros(on, back)?])
                }
                Op::ContrastNorm(_) => {
                    let back = if is_trained { length } else { 0 };
                    Kept::Norm([Memory::zeros(on, length)?, Memory::zeros(on, length)?, Memory::zeros(on, back)?])
                }
                Op::Dropout(_) if is_trained => Kept::Mask(Memory::zeros(on, length)?),
                Op::BatchNorm(_) => Kept::Normaliser(Normaliser::new(on, layer.shape.channels)?),
                _ => Kept::Nothing,
            })
        });
        Ok(Self {
            images,
            activations: buffers(true)?,
            gradients: buffers(is_trained)?,
            kept: kept.collect::<Result<_, Error>>()?,
            room: Room::new(on, network, images)?,
        })
    }

    /// Floats an image needs, about.
    fn floats(network: &Network, is_trained: bool) -> usize {
        let factor = if is_trained { 2 } else { 1 };
        let layers = network.layers().iter();
        layers
            .map(|layer| match layer.op {
                Op::ResponseNorm(_) | Op::CrossMapNorm(_) | Op::ContrastNorm(_) => 2 * factor * layer.shape.len(),
                _ => factor * layer.shape.len(),
            })
            .sum()
    }

    /// A layer's output.
    pub fn activation(&self, layer: usize) -> &Memory<f32> {
        &self.activations[layer]
    }
}

/// What training needs beyond the way forward.
#[derive(Clone, Copy)]
pub(super) struct Training<'a> {
    /// The step's noise, of 64 bits.
    pub noise: At,
    pub gradients: &'a Weights,
    pub labels: At,
    /// Loss and error of every image, and their sums.
    pub judgements: [At; 3],
}

/// One way through a network.
pub(super) struct Pass<'a> {
    pub on: &'a Cuda,
    pub network: &'a Network,
    pub space: &'a Space,
    pub weights: &'a Weights,
    pub images: usize,
    /// Nothing when not training.
    pub training: Option<Training<'a>>,
}

impl Pass<'_> {
    fn x(&self, layer: usize) -> At {
        self.space.activations[self.network.layers()[layer].inputs[0]].at()
    }

    fn y(&self, layer: usize) -> At {
        self.space.activations[layer].at()
    }

    /// Computes layers 1 to `last` from the input that lies in the first activation.
    pub fn forward(&self, last: usize) -> Result<(), Error> {
        (1..=last).try_for_each(|layer| self.forward_layer(layer))
    }

    fn forward_layer(&self, layer: usize) -> Result<(), Error> {
        let (on, images, room) = (self.on, self.images, &self.space.room);
        let this = &self.network.layers()[layer];
        let (x, y, output) = (self.x(layer), self.y(layer), this.shape);
        let weights = self.weights.weights(layer);
        match (&this.op, &self.space.kept[layer]) {
            (Op::Conv(conv), _) => {
                weights.map_or(Ok(()), |weights| conv.cuda_forward(on, images, weights, (x, y), (output, room)))
            }
            (Op::Local(local), _) => {
                weights.map_or(Ok(()), |weights| local.cuda_forward(on, images, weights, (x, y), (output, room)))
            }
            (Op::Full(full), _) => weights.map_or(Ok(()), |weights| full.cuda_forward(on, images, weights, (x, y))),
            (Op::Pool(pool), _) => pool.cuda_forward(on, images, (x, y), output),
            (Op::GlobalAverage(average), _) => average.cuda_forward(on, images, x, y),
            (Op::Neuron(neuron), _) => neuron.cuda_forward(on, images, x, y),
            (Op::BatchNorm(norm), Kept::Normaliser(by)) => {
                let Some(learnt) = self.weights.norm(layer) else {
                    return Ok(());
                };
                match self.training.and_then(|training| training.gradients.norm(layer)) {
                    Some(batch) => norm.cuda_measure(on, images, x, (learnt, batch), (by, room))?,
                    None => norm.cuda_fix(on, learnt, by)?,
                }
                norm.cuda_forward(on, images, (x, y), by)
            }
            (Op::ResponseNorm(norm), Kept::Norm([d, ..])) => norm.cuda_forward(on, images, [x, y, d.at()]),
            (Op::CrossMapNorm(norm), Kept::Norm([d, ..])) => norm.cuda_forward(on, images, [x, y, d.at()]),
            (Op::ContrastNorm(norm), Kept::Norm([d, distance, _])) => {
                norm.cuda_forward(on, images, [x, y, d.at(), distance.at()])
            }
            (Op::Dropout(dropout), kept) => {
                let mask = match (kept, self.training) {
                    (Kept::Mask(mask), Some(training)) => {
                        dropout.cuda_draw(on, images, (mask.at(), training.noise), layer)?;
                        Some(mask.at())
                    }
                    _ => None,
                };
                dropout.cuda_apply(on, images, (x, y, false), mask)
            }
            (Op::Softmax(softmax), _) => softmax.cuda_forward(on, images, x, y),
            (Op::Add(add), _) => {
                this.inputs.iter().zip(&add.coefficients).enumerate().try_for_each(|(slot, (&input, &factor))| {
                    on.add_scaled(factor, (self.y(input), y, slot > 0), images * output.len())
                })
            }
            (Op::Concat(concat), _) => this
                .inputs
                .iter()
                .enumerate()
                .try_for_each(|(slot, &input)| concat.cuda_forward(on, images, slot, (self.y(input), y))),
            // The input is there; a normalisation always keeps what it needs.
            (Op::Input(_) | Op::BatchNorm(_) | Op::ResponseNorm(_) | Op::CrossMapNorm(_) | Op::ContrastNorm(_), _) => {
                Ok(())
            }
        }
    }

    /// Loss and errors, and gradients of everything that is learnt.
    pub fn backward(&self, training: Training<'_>) -> Result<(), Error> {
        let layers = self.network.layers();
        let (logits, output) = (self.network.logits(), self.network.output());
        let Op::Softmax(softmax) = &layers[output].op else {
            return Ok(());
        };
        let [loss, error, sums] = training.judgements;
        let judge = Judge {
            logits: self.y(logits),
            probabilities: self.y(output),
            labels: training.labels,
            smoothing: self.network.label_smoothing(),
            gradient: self.space.gradients[logits].at(),
            loss,
            error,
            sums,
        };
        softmax.cuda_judge(self.on, self.images, &judge)?;
        let wanted = wanted(self.network);
        let mut written = vec![false; layers.len()];
        written[logits] = true;
        for layer in (1..output).rev().filter(|&layer| wanted[layer]) {
            self.weight_gradient(layer, training)?;
            for (slot, &input) in layers[layer].inputs.iter().enumerate() {
                if wanted[input] {
                    self.input_gradient(layer, slot, written[input])?;
                    written[input] = true;
                }
            }
        }
        Ok(())
    }

    fn weight_gradient(&self, layer: usize, training: Training<'_>) -> Result<(), Error> {
        let (on, images, room) = (self.on, self.images, &self.space.room);
        let this = &self.network.layers()[layer];
        let (x, dy, output) = (self.x(layer), self.space.gradients[layer].at(), this.shape);
        if let (Op::BatchNorm(norm), Kept::Normaliser(by)) = (&this.op, &self.space.kept[layer])
            && let Some(gradients) = training.gradients.norm(layer)
        {
            return norm.cuda_weight_gradient(on, images, (x, dy), gradients, (by, room));
        }
        let Some(into) = training.gradients.weights(layer) else {
            return Ok(());
        };
        match &this.op {
            Op::Conv(conv) => conv.cuda_weight_gradient(on, images, (x, dy), into, (output, room)),
            Op::Local(local) => local.cuda_weight_gradient(on, images, (x, dy), into, (output, room)),
            Op::Full(full) => full.cuda_weight_gradient(on, images, (x, dy), into, room),
            _ => Ok(()),
        }
    }

    /// Gradient of a layer's input in a slot; `add`ed where that input has one already.
    fn input_gradient(&self, layer: usize, slot: usize, add: bool) -> Result<(), Error> {
        let (on, images, room) = (self.on, self.images, &self.space.room);
        let this = &self.network.layers()[layer];
        let input = this.inputs[slot];
        let (x, y, output) = (self.y(input), self.y(layer), this.shape);
        let (dy, dx) = (self.space.gradients[layer].at(), self.space.gradients[input].at());
        let ways = (dy, dx, add);
        let weights = self.weights.at(layer, Role::Weight);
        match (&this.op, &self.space.kept[layer]) {
            (Op::Conv(conv), _) => {
                weights.map_or(Ok(()), |weights| conv.cuda_input_gradient(on, images, weights, ways, (output, room)))
            }
            (Op::Local(local), _) => {
                weights.map_or(Ok(()), |weights| local.cuda_input_gradient(on, images, weights, ways, (output, room)))
            }
            (Op::Full(full), _) => {
                weights.map_or(Ok(()), |weights| full.cuda_input_gradient(on, images, weights, ways))
            }
            (Op::Pool(pool), _) => pool.cuda_backward(on, images, (x, y), ways, output),
            (Op::GlobalAverage(average), _) => average.cuda_backward(on, images, ways),
            (Op::Neuron(neuron), _) => neuron.cuda_backward(on, images, (x, y), ways),
            (Op::BatchNorm(norm), Kept::Normaliser(by)) => norm.cuda_input_gradient(on, images, (x, dy), (dx, add), by),
            (Op::ResponseNorm(norm), Kept::Norm([d, _, free])) => {
                norm.cuda_backward(on, images, [x, y, d.at(), free.at()], ways)
            }
            (Op::CrossMapNorm(norm), Kept::Norm([d, _, free])) => {
                norm.cuda_backward(on, images, [x, y, d.at(), free.at()], ways)
            }
            (Op::ContrastNorm(norm), Kept::Norm([d, distance, free])) => {
                norm.cuda_backward(on, images, [y, d.at(), distance.at(), free.at()], ways)
            }
            (Op::Dropout(dropout), Kept::Mask(mask)) => dropout.cuda_apply(on, images, ways, Some(mask.at())),
            (Op::Add(geometry), _) => on.add_scaled(geometry.coefficients[slot], ways, images * output.len()),
            (Op::Concat(concat), _) => concat.cuda_backward(on, images, slot, ways),
            // A softmax is the last layer, and the loss goes past it.
            _ => Ok(()),
        }
    }
}

/// Layers whose gradient is wanted: those with something learnt in or below them.
fn wanted(network: &Network) -> Vec<bool> {
    let mut wanted: Vec<bool> = Vec::with_capacity(network.layers().len());
    for layer in network.layers() {
        let below = layer.inputs.iter().any(|&input| wanted[input]);
        wanted.push(below || !layer.parameters.is_empty());
    }
    wanted
}
