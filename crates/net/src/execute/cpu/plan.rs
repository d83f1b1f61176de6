//! The plan of a network on the CPU: how every layer's values lie, which share a buffer, and the layers themselves.

use crate::device::VectorLevel;
use crate::device::cpu::lanes::LANES;
use crate::device::cpu::layout::{Halo, Layout};
use crate::error::Error;
use crate::network::{Layer, Network};
use crate::ops::cpu::{BufferSlot, CpuContext, CpuLayer, InPlaceLayer, LayerArrays, OutputUse};
use crate::ops::{Op, ParameterSpec};
use crate::parameters::Parameters;
use crate::shape::Shape;
use rayon::prelude::*;
use std::sync::Arc;

/// Images that go through the network together, so that activations stay in the cache from layer
/// to layer; twice as many where the weights that every chunk has to read are what fills it.
fn chunk(network: &Network) -> usize {
    let weights: usize = network.parameters().map(ParameterSpec::len).sum();
    if weights < 1 << 18 { 4 } else { 8 }
}

/// Everything about a network that does not change from image to image, nor from one set of weights to another.
#[derive(Debug)]
pub(crate) struct Plan {
    pub network: Arc<Network>,
    /// Images that go through together.
    pub chunk: usize,
    pub slots: Vec<BufferSlot>,
    /// The layers without weights, to be copied.
    steps: Vec<Step>,
}

/// A layer, as it computes.
#[derive(Debug)]
pub(crate) enum Step {
    /// Into buffers of its own.
    Own(Box<dyn CpuLayer>),
    /// Into its input's buffers.
    InPlace(Arc<dyn InPlaceLayer>),
}

impl Step {
    pub fn own(&self) -> Option<&dyn CpuLayer> {
        match self {
            Self::Own(layer) => Some(&**layer),
            Self::InPlace(_) => None,
        }
    }

    pub fn own_mut(&mut self) -> Option<&mut dyn CpuLayer> {
        match self {
            Self::Own(layer) => Some(&mut **layer),
            Self::InPlace(_) => None,
        }
    }

    fn fresh(&self) -> Self {
        match self {
            Self::Own(layer) => Self::Own(layer.fresh()),
            Self::InPlace(layer) => Self::InPlace(Arc::clone(layer)),
        }
    }
}

impl Plan {
    pub fn new(network: Arc<Network>) -> Self {
        let chunk = chunk(&network);
        let mut buffers = Buffers::new(&network);
        let in_place: Vec<_> = (0..network.layers().len()).map(|layer| buffers.try_in_place(&network, layer)).collect();
        let slots = buffers.slots(&network);
        let own = |(index, layer): (usize, &Layer)| {
            let inputs: Vec<_> = layer.inputs.iter().map(|&input| slots[input]).collect();
            let context = CpuContext { inputs: &inputs, output: slots[index], images: chunk, layer: index };
            layer.op.operation().cpu(&context)
        };
        let layers = network.layers().iter().enumerate().zip(in_place);
        let steps = layers.map(|(layer, in_place)| in_place.map_or_else(|| Step::Own(own(layer)), Step::InPlace));
        Self { chunk, steps: steps.collect(), slots, network }
    }

    /// The layers, for a set of weights of their own.
    pub fn steps(&self) -> Steps {
        Steps(self.steps.iter().map(Step::fresh).collect())
    }

    /// Whether one image is work enough for several threads, up to a layer.
    pub fn shares_image(&self, last: usize) -> bool {
        self.steps[..=last].iter().filter_map(Step::own).any(CpuLayer::shares_image)
    }
}

/// The layers of a network with their packed weights.
#[derive(Debug)]
pub(crate) struct Steps(pub Vec<Step>);

impl Steps {
    pub fn own(&self, layer: usize) -> Option<&dyn CpuLayer> {
        self.0[layer].own()
    }

    /// Prepares the backward pass of every layer that has an input whose gradient is wanted.
    pub fn prepare_backward(&mut self, network: &Network, wanted: &[bool]) {
        for (step, layer) in self.0.iter_mut().zip(network.layers()) {
            if layer.inputs.iter().any(|&input| wanted[input])
                && let Some(own) = step.own_mut()
            {
                own.prepare_backward();
            }
        }
    }

    /// Prepares the gradients of all weights.
    ///
    /// # Errors
    /// [`Error::Internal`] for a layer that has weights and no gradients of them.
    pub fn prepare_training(&mut self, network: &Network) -> Result<(), Error> {
        for (step, layer) in self.0.iter_mut().zip(network.layers()) {
            let Some(own) = step.own_mut().filter(|_| !layer.parameters.is_empty()) else {
                continue;
            };
            own.prepare_training();
            if own.weight_gradient().is_none() && own.batch_statistics().is_none() {
                let what = format!("no gradients of the weights of layer {} ({})", layer.name, layer.op.kind());
                return Err(Error::internal(what));
            }
        }
        Ok(())
    }

    /// Packs all weights anew.
    pub fn pack(&mut self, level: VectorLevel, network: &Network, parameters: &Parameters) -> Result<(), Error> {
        let steps = self.0.par_iter_mut().zip(network.layers());
        steps.try_for_each(|(step, layer)| {
            if let Some(own) = step.own_mut().filter(|_| !layer.parameters.is_empty()) {
                own.pack(level, arrays(layer, parameters)?);
            }
            Ok(())
        })
    }
}

/// A layer's arrays among a network's.
pub(crate) fn arrays<'p>(layer: &Layer, parameters: &'p Parameters) -> Result<LayerArrays<'p>, Error> {
    let mut arrays = LayerArrays::default();
    for spec in &layer.parameters {
        arrays.set(spec.role, parameters.values(&spec.name)?);
    }
    Ok(arrays)
}

/// How the buffers are shared out.
struct Buffers {
    /// Zeros around every layer's values, and around their gradients.
    halos: Vec<(Halo, Halo)>,
    /// Layers that read each.
    readers: Vec<usize>,
    /// Everything that reads the layer takes single floats.
    unpadded: Vec<bool>,
    /// What the backward pass reads of each layer's output.
    uses: Vec<OutputUse>,
    /// The layer whose buffers hold the values.
    buffer: Vec<usize>,
}

impl Buffers {
    fn new(network: &Network) -> Self {
        let layers = network.layers();
        let mut this = Self {
            halos: vec![(Halo::default(), Halo::default()); layers.len()],
            readers: vec![0; layers.len()],
            unpadded: vec![true; layers.len()],
            uses: Vec::with_capacity(layers.len()),
            buffer: (0..layers.len()).collect(),
        };
        for (index, layer) in layers.iter().enumerate() {
            let shapes: Vec<Shape> = layer.inputs.iter().map(|&input| layers[input].shape).collect();
            let needs = layer.op.operation().memory_needs(&shapes, layer.shape);
            this.uses.push(needs.output_use);
            this.halos[index].1 = this.halos[index].1.union(needs.gradient_halo);
            for &input in &layer.inputs {
                this.readers[input] += 1;
                this.unpadded[input] &= needs.reads_unpadded;
                this.halos[input].0 = this.halos[input].0.union(needs.input_halo);
            }
        }
        this
    }

    /// The layer as one that overwrites its input, where it can and nothing else needs that.
    fn try_in_place(&mut self, network: &Network, index: usize) -> Option<Arc<dyn InPlaceLayer>> {
        let layer = &network.layers()[index];
        let in_place = layer.op.operation().cpu_in_place()?;
        let &[input] = layer.inputs.as_slice() else {
            return None;
        };
        let is_expendable = match self.uses[input] {
            OutputUse::None => true,
            OutputUse::InsideBounds => in_place.is_rectifier(),
            OutputUse::Values => false,
        };
        if !is_expendable || self.readers[input] != 1 {
            return None;
        }
        self.buffer[index] = input;
        let own = self.halos[index];
        self.halos[input] = (self.halos[input].0.union(own.0), self.halos[input].1.union(own.1));
        Some(in_place)
    }

    fn slots(&self, network: &Network) -> Vec<BufferSlot> {
        let slot = |(index, layer): (usize, &Layer)| {
            let buffer = self.buffer[index];
            let (activation, gradient) = self.halos[buffer];
            let is_unpadded = matches!(layer.op, Op::Image(_)) && self.unpadded[index] && layer.shape.channels < LANES;
            let activation = if is_unpadded {
                Layout::unpadded(layer.shape, activation)
            } else {
                Layout::padded(layer.shape, activation)
            };
            BufferSlot { activation, gradient: Layout::padded(layer.shape, gradient), buffer }
        };
        network.layers().iter().enumerate().map(slot).collect()
    }
}
