//! The parts of a network from one batch normalisation to the next, and the buffers that are kept between them.

use super::pass::Workspace;
use super::plan::{Plan, Steps};
use crate::device::cpu::buffer::Buffer;
use crate::ops::cpu::CpuLayer;
use crate::shape::Shape;
use std::ops::Range;

/// Where a network with batch normalisation is cut. Stage 0 begins with the input; every other
/// begins with a batch normalisation, whose statistics are known once the stage before is done.
///
/// Buffers that a later stage (or, backward, an earlier one) needs are kept for every chunk
/// of the batch, and so is what costly layers put out; the rest is computed again in the backward
/// pass, which costs less than to fetch it from memory.
#[derive(Debug)]
pub(super) struct Stages {
    /// First layer of each stage, and past the last of all.
    bounds: Vec<usize>,
    /// Layers whose activation, and whose gradient, is kept between stages.
    activations: Vec<bool>,
    gradients: Vec<bool>,
    /// Layers that are computed again in the backward pass.
    again: Vec<bool>,
}

/// The kept buffers of one chunk, by layer; empty where nothing is kept.
#[derive(Debug)]
pub(super) struct Store {
    activations: Vec<Buffer>,
    gradients: Vec<Buffer>,
    written: Vec<bool>,
}

impl Stages {
    /// The stages; `None` for a network without batch normalisation.
    pub fn new(plan: &Plan, steps: &Steps, wanted: &[bool]) -> Option<Self> {
        let layers = plan.network.layers();
        let is_norm = |layer: usize| steps.own(layer).is_some_and(|own| own.batch_statistics().is_some());
        let norms: Vec<usize> = (0..layers.len()).filter(|&layer| is_norm(layer)).collect();
        let last = norms.len();
        if last == 0 {
            return None;
        }
        let stage = |layer: usize| norms.iter().filter(|&&norm| norm <= layer).count();
        // The stage in whose backward pass the gradient of a reader's input is computed.
        let descent = |reader: usize| stage(reader) - usize::from(is_norm(reader));
        let mut this = Self {
            bounds: [vec![0], norms.clone(), vec![layers.len()]].concat(),
            activations: vec![false; layers.len()],
            gradients: vec![false; layers.len()],
            again: vec![false; layers.len()],
        };
        for (layer, slot) in plan.slots.iter().enumerate() {
            let readers = || (0..layers.len()).filter(|&reader| layers[reader].inputs.contains(&layer));
            let is_read_later = readers().any(|reader| stage(reader) > stage(layer));
            this.activations[slot.buffer] |= stage(layer) < last && (is_costly(plan, layer) || is_read_later);
            let crosses = is_norm(layer) || readers().any(|reader| descent(reader) != stage(layer));
            this.gradients[slot.buffer] |= crosses && wanted[layer];
        }
        for (layer, slot) in plan.slots.iter().enumerate().skip(1) {
            let has_saved = steps.own(layer).is_some_and(CpuLayer::has_saved);
            this.again[layer] = !this.activations[slot.buffer] || has_saved;
        }
        Some(this)
    }

    /// Number of the last stage.
    pub fn last(&self) -> usize {
        self.bounds.len() - 2
    }

    /// The layers of a stage, without the input.
    pub fn layers(&self, stage: usize) -> Range<usize> {
        self.bounds[stage].max(1)..self.bounds[stage + 1]
    }

    /// The batch normalisation with which a stage other than the first begins.
    pub fn norm(&self, stage: usize) -> usize {
        self.bounds[stage]
    }

    /// Whether the backward pass has to compute a layer again.
    pub fn is_computed_again(&self, layer: usize) -> bool {
        self.again[layer]
    }

    /// The buffers of a thread: all that no [`Store`] holds.
    pub fn workspace(&self, plan: &Plan, steps: &Steps, wanted: &[bool]) -> Workspace {
        let mut space = Workspace::new(plan, steps, Some(wanted));
        for layer in 0..plan.slots.len() {
            if self.activations[layer] {
                space.activations[layer] = Buffer::default();
            }
            if self.gradients[layer] {
                space.gradients[layer] = Buffer::default();
            }
        }
        space
    }
}

/// Whether a layer's output is kept rather than computed again.
fn is_costly(plan: &Plan, layer: usize) -> bool {
    let layers = plan.network.layers();
    let inputs: Vec<Shape> = layers[layer].inputs.iter().map(|&input| layers[input].shape).collect();
    layers[layer].op.operation().memory_needs(&inputs, layers[layer].shape).is_costly
}

impl Store {
    pub fn new(stages: &Stages, plan: &Plan) -> Self {
        let buffers = |kept: &[bool], length: &dyn Fn(usize) -> usize| {
            kept.iter().enumerate().map(|(layer, &kept)| Buffer::zeros(if kept { length(layer) } else { 0 })).collect()
        };
        Self {
            activations: buffers(&stages.activations, &|layer| plan.slots[layer].activation.len(plan.chunk)),
            gradients: buffers(&stages.gradients, &|layer| plan.slots[layer].gradient.len(plan.chunk)),
            written: vec![false; plan.slots.len()],
        }
    }

    /// Brings the kept buffers into a workspace, or out of it again.
    pub fn swap(&mut self, stages: &Stages, space: &mut Workspace) {
        for layer in 0..self.written.len() {
            if stages.activations[layer] {
                std::mem::swap(&mut self.activations[layer], &mut space.activations[layer]);
            }
            if stages.gradients[layer] {
                std::mem::swap(&mut self.gradients[layer], &mut space.gradients[layer]);
                std::mem::swap(&mut self.written[layer], &mut space.written[layer]);
            }
        }
    }
}
