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

/// From so many values of an image's activations on, they take most of the memory: networks for large images.
const LARGE_ACTIVATIONS: usize = 1 << 22;

/// Images that go through the network together, so that activations stay in the cache from layer
/// to layer; twice as many where the weights that every chunk has to read are what fills it.
fn chunk(network: &Network) -> usize {
    let weights: usize = network.parameters().map(ParameterSpec::len).sum();
    let activations: usize = network.layers().iter().map(|layer| layer.shape.len()).sum();
    match () {
        () if activations > LARGE_ACTIVATIONS => 2,
        () if weights < 1 << 18 => 4,
        () => 8,
    }
}

/// Everything about a network that does not change from image to image, nor from one set of weights to another.
#[derive(Debug)]
pub(crate) struct Plan {
    pub network: Arc<Network>,
    /// Images that go through together.
    pub chunk: usize,
    /// Where values lie while the backward pass may need them: a buffer a layer.
    pub slots: Vec<BufferSlot>,
    /// Where they lie in a forward pass alone: layers share buffers, each until its last reader is done.
    pub forward_slots: Vec<BufferSlot>,
    /// The layers without weights, to be copied.
    steps: Vec<Step>,
}

/// How a layer is computed.
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

    fn without_weights(&self) -> Self {
        match self {
            Self::Own(layer) => Self::Own(layer.without_weights()),
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
        let forward_slots = shared(&network, &slots);
        Self { chunk, steps: steps.collect(), slots, forward_slots, network }
    }

    /// The layers, for a set of weights of their own.
    pub fn steps(&self) -> Steps {
        Steps(self.steps.iter().map(Step::without_weights).collect())
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

/// A layer's arrays from among the network's parameters.
pub(crate) fn arrays<'p>(layer: &Layer, parameters: &'p Parameters) -> Result<LayerArrays<'p>, Error> {
    let mut arrays = LayerArrays::default();
    for spec in &layer.parameters {
        arrays.set(spec.role, parameters.values(&spec.name)?);
    }
    Ok(arrays)
}

/// The same slots in as few buffers as a forward pass needs. What is zero around and between the values of a layer has to
/// be zero for the next layer in its buffer too: layers whose values lie alike share one, and so do those that have
/// nothing around or between, whatever their sizes.
fn shared(network: &Network, slots: &[BufferSlot]) -> Vec<BufferSlot> {
    // The last layer that reads or overwrites each buffer.
    let mut last_use = vec![0; slots.len()];
    for (index, layer) in network.layers().iter().enumerate() {
        for &of in layer.inputs.iter().chain([&index]) {
            last_use[slots[of].buffer] = index;
        }
    }
    let mut buffers: Vec<SharedBuffer> = Vec::new();
    let mut buffer_of = vec![0; slots.len()];
    for (index, slot) in slots.iter().enumerate().filter(|(index, slot)| slot.buffer == *index) {
        let length = slot.activation.len(1);
        let free = buffers.iter_mut().filter(|buffer| {
            last_use[buffer.holder] < index && buffer.layout.is_interchangeable_with(&slot.activation)
        });
        // The smallest that is long enough, else the longest, which grows.
        let best = free.min_by_key(|buffer| (buffer.length < length, buffer.length.abs_diff(length)));
        buffer_of[index] = if let Some(buffer) = best {
            buffer.holder = index;
            buffer.length = buffer.length.max(length);
            buffer.number
        } else {
            buffers.push(SharedBuffer { number: index, holder: index, layout: slot.activation, length });
            index
        };
    }
    slots.iter().map(|slot| BufferSlot { buffer: buffer_of[slot.buffer], ..*slot }).collect()
}

/// A buffer of the forward pass.
struct SharedBuffer {
    /// The first slot that it was made for.
    number: usize,
    /// The slot whose values it holds now.
    holder: usize,
    layout: Layout,
    /// Floats an image of the largest layer that it holds.
    length: usize,
}

/// Which layers share buffers, and what their layouts have to provide.
struct Buffers {
    /// Zeros around every layer's values, and around their gradients.
    halos: Vec<(Halo, Halo)>,
    /// How many layers read each.
    readers: Vec<usize>,
    /// Whether all layers that read it read single floats, not vectors.
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

    /// The layer as one that overwrites its input, where it can and nothing else needs the input.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::{Recipe, short};
    use std::collections::BTreeSet;

    #[test]
    fn layers_of_one_layout_share_buffers_and_none_that_is_still_read_is_overwritten() {
        let block = |name: &str, from: &str| {
            format!(
                "{name}1 conv filters=16 size=3 padding=1 inputs=[\"{from}\"]\n{name}2 relu\n{name}3 conv filters=16 size=3 \
                 padding=1\n{name} add inputs=[\"{name}3\",\"{from}\"]\n"
            )
        };
        let layers = format!(
            "a conv filters=16 size=3 padding=1\n{}{}{}fc full outputs=4\nend softmax",
            block("b", "a"),
            block("c", "b"),
            block("d", "c")
        );
        let text = format!("{}\n[train]\nstages = [{{ epochs = 1, rate = 1 }}]", short(&layers));
        let network = Network::new(&Recipe::parse(&text, "blocks", &[]).unwrap(), Shape::new(3, 8, 8), 4).unwrap();
        let plan = Plan::new(Arc::new(network));
        let floats = |slots: &[BufferSlot]| -> usize {
            let own = slots.iter().enumerate().filter(|(index, slot)| slot.buffer == *index);
            own.map(|(_, slot)| slot.activation.len(1)).sum()
        };
        let (all, shared) = (floats(&plan.slots), floats(&plan.forward_slots));
        assert!(shared * 2 < all, "{shared} floats shared, {all} apart");
        for (slot, shared) in plan.slots.iter().zip(&plan.forward_slots) {
            let first = plan.slots[shared.buffer].activation;
            assert!(first == slot.activation || first.is_interchangeable_with(&slot.activation));
        }
        // Whatever lies without gaps fits into one of the largest of them.
        let dense =
            plan.slots.iter().enumerate().filter(|(index, slot)| slot.activation.is_dense() && slot.buffer == *index);
        let buffers: BTreeSet<usize> = dense.clone().map(|(index, _)| plan.forward_slots[index].buffer).collect();
        assert!(buffers.len() < dense.count(), "{buffers:?}");
        // Who computes a layer finds its inputs as they were written.
        let mut holds = vec![0; plan.slots.len()];
        for (index, layer) in plan.network.layers().iter().enumerate() {
            for &input in &layer.inputs {
                let own = plan.slots[input].buffer;
                assert_eq!(holds[plan.forward_slots[input].buffer], own, "layer {} reads {input}", layer.name);
            }
            holds[plan.forward_slots[index].buffer] = plan.slots[index].buffer;
        }
    }
}
