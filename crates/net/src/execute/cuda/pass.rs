//! Forward and backward through a network on the device, layer by layer.

use super::layout::{from_device, to_device};
use crate::device::cuda::{Cuda, DeviceAddress, Memory, Workspace};
use crate::error::Error;
use crate::execute::gradients_wanted;
use crate::network::Network;
use crate::ops::Role;
use crate::ops::cuda::{CudaBackward, CudaContext, CudaLayer, CudaRun, CudaTraining, DeviceArrays};
use crate::ops::softmax::cuda::CrossEntropy;
use crate::parameters::Parameters;
use crate::shape::Shape;

/// Arrays of a network's parameters on the device, or of their gradients.
#[derive(Debug)]
pub(crate) struct Weights {
    pub memory: Vec<Memory<f32>>,
    /// For every layer, its arrays.
    layers: Vec<Vec<(Role, DeviceAddress)>>,
}

impl Weights {
    pub fn zeros(on: &Cuda, network: &Network) -> Result<Self, Error> {
        let (mut memory, mut layers) = (Vec::new(), Vec::new());
        for layer in network.layers() {
            let mut own = Vec::new();
            for spec in &layer.parameters {
                let array = Memory::zeros(on, spec.len())?;
                own.push((spec.role, array.at()));
                memory.push(array);
            }
            layers.push(own);
        }
        Ok(Self { memory, layers })
    }

    /// Copies the values of every parameter to the device.
    pub fn upload(&mut self, on: &Cuda, network: &Network, parameters: &Parameters) -> Result<(), Error> {
        let mut memory = self.memory.iter_mut();
        for layer in network.layers() {
            for (spec, memory) in layer.parameters.iter().zip(&mut memory) {
                let array = parameters.get(&spec.name).ok_or_else(|| Parameters::missing(&spec.name))?;
                memory.write(on, &to_device(network, layer, spec, array.view())?)?;
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
                let array = into.get_mut(&spec.name).ok_or_else(|| Parameters::missing(&spec.name))?;
                from_device(network, layer, spec, &values, array)?;
            }
        }
        Ok(())
    }

    fn of(&self, layer: usize) -> DeviceArrays<'_> {
        DeviceArrays(&self.layers[layer])
    }
}

/// Buffers for up to `images` images.
#[derive(Debug)]
pub(crate) struct Buffers {
    pub images: usize,
    activations: Vec<Memory<f32>>,
    /// Empty where there is no backward pass.
    gradients: Vec<Memory<f32>>,
    layers: Vec<Box<dyn CudaLayer>>,
    workspace: Workspace,
}

impl Buffers {
    /// Buffers for that many images, and for the backward pass if wanted. Where the memory is too small,
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
        let shapes =
            |index: usize| -> Vec<Shape> { layers[index].inputs.iter().map(|&input| layers[input].shape).collect() };
        let made = layers.iter().enumerate().map(|(index, layer)| {
            let (inputs, output) = (&shapes(index)[..], layer.shape);
            layer.op.operation().cuda(&CudaContext { on, inputs, output, images, is_trained, layer: index })
        });
        let windows = layers
            .iter()
            .enumerate()
            .map(|(index, layer)| (layer.shape, layer.op.operation().cuda_window_floats(&shapes(index), layer.shape)));
        Ok(Self {
            images,
            activations: buffers(true)?,
            gradients: buffers(is_trained)?,
            layers: made.collect::<Result<_, _>>()?,
            workspace: Workspace::new(on, images, windows)?,
        })
    }

    /// Floats an image needs, about.
    fn floats(network: &Network, is_trained: bool) -> usize {
        let factor = if is_trained { 2 } else { 1 };
        let floats =
            |layer: &crate::network::Layer| factor * (1 + layer.op.operation().cuda_saved_maps()) * layer.shape.len();
        network.layers().iter().map(floats).sum()
    }

    /// A layer's output.
    pub fn activation(&self, layer: usize) -> &Memory<f32> {
        &self.activations[layer]
    }
}

/// What training needs beyond the forward pass.
#[derive(Clone, Copy)]
pub(crate) struct Training<'a> {
    /// The step's noise, of 64 bits.
    pub noise: DeviceAddress,
    pub gradients: &'a Weights,
    pub labels: DeviceAddress,
    /// Loss and error of every image, and their sums.
    pub losses: [DeviceAddress; 3],
    /// Share of the loss that smooths the targets towards uniform.
    pub label_smoothing: f32,
}

/// One pass through a network.
pub(crate) struct Pass<'a> {
    pub on: &'a Cuda,
    pub network: &'a Network,
    pub space: &'a Buffers,
    pub weights: &'a Weights,
    pub images: usize,
    /// Nothing when not training.
    pub training: Option<Training<'a>>,
}

impl Pass<'_> {
    fn y(&self, layer: usize) -> DeviceAddress {
        self.space.activations[layer].at()
    }

    fn inputs(&self, layer: usize) -> Vec<DeviceAddress> {
        self.network.layers()[layer].inputs.iter().map(|&input| self.y(input)).collect()
    }

    fn run(&self, layer: usize) -> CudaRun<'_> {
        let training = self
            .training
            .map(|training| CudaTraining { noise: training.noise, gradients: training.gradients.of(layer) });
        let (on, images, workspace) = (self.on, self.images, &self.space.workspace);
        CudaRun { on, images, arrays: self.weights.of(layer), workspace, training }
    }

    /// Computes layers 1 to `last` from the input in the first activation.
    pub fn forward(&self, last: usize) -> Result<(), Error> {
        (1..=last).try_for_each(|layer| {
            self.space.layers[layer].forward(&self.run(layer), &self.inputs(layer), self.y(layer))
        })
    }

    /// Loss and errors, and gradients of everything that is learnt.
    pub fn backward(&self, training: Training<'_>) -> Result<(), Error> {
        let layers = self.network.layers();
        let (logits, output) = (self.network.logits(), self.network.output());
        let [loss, error, sums] = training.losses;
        let cross_entropy = CrossEntropy {
            classes: self.network.classes(),
            logits: self.y(logits),
            probabilities: self.y(output),
            labels: training.labels,
            smoothing: training.label_smoothing,
            gradient: self.space.gradients[logits].at(),
            loss,
            error,
            sums,
        };
        cross_entropy.run(self.on, self.images)?;
        let wanted = gradients_wanted(self.network, false);
        let mut written = vec![false; layers.len()];
        written[logits] = true;
        for layer in (1..output).rev().filter(|&layer| wanted[layer]) {
            let (run, inputs, own) = (self.run(layer), self.inputs(layer), &self.space.layers[layer]);
            let dy = self.space.gradients[layer].at();
            if !layers[layer].parameters.is_empty() {
                own.weight_gradient(&run, inputs[0], dy, training.gradients.of(layer))?;
            }
            for (slot, &input) in layers[layer].inputs.iter().enumerate() {
                if wanted[input] {
                    let (y, dx) = (self.y(layer), self.space.gradients[input].at());
                    let known = CudaBackward { x: &inputs, y, dy, slot, dx, add: written[input] };
                    own.input_gradient(&run, &known)?;
                    written[input] = true;
                }
            }
        }
        Ok(())
    }
}
