//! The parts of a network from one batch normalisation to the next, and what lasts between them.

use crate::device::cpu::buffer::Buffer;
use crate::execute::cpu::pass::Workspace;
use crate::execute::cpu::plan::{BackwardPlan, Plan};
use crate::ops::Op;
use std::ops::Range;

/// Where a network with batch normalisation is cut. Stage 0 begins with the input; every other
/// begins with a batch normalisation, whose statistics are known once the stage before is done.
///
/// Buffers that a later stage (or, on the way back, an earlier one) needs are kept for every chunk
/// of the batch, and so is what the weighted layers put out; the rest is computed again on the way
/// back, which costs less than to fetch it from memory.
#[derive(Debug)]
pub(super) struct Stages {
    /// First layer of each stage, and past the last of all.
    bounds: Vec<usize>,
    activations: Vec<bool>,
    gradients: Vec<bool>,
    /// Layers that are computed again on the way back.
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
    /// The cuts; none for a network without batch normalisation.
    pub fn new(plan: &Plan, back: &BackwardPlan) -> Option<Self> {
        let layers = plan.network.layers();
        let is_norm = |layer: usize| matches!(layers[layer].op, Op::BatchNorm(_));
        let norms: Vec<usize> = (0..layers.len()).filter(|&layer| is_norm(layer)).collect();
        let last = norms.len();
        if last == 0 {
            return None;
        }
        let stage = |layer: usize| norms.iter().filter(|&&norm| norm <= layer).count();
        // Where the gradient of a reader's input is computed.
        let descent = |reader: usize| stage(reader) - usize::from(is_norm(reader));
        let mut this = Self {
            bounds: [vec![0], norms.clone(), vec![layers.len()]].concat(),
            activations: vec![false; layers.len()],
            gradients: vec![false; layers.len()],
            again: vec![false; layers.len()],
        };
        for (layer, place) in plan.places.iter().enumerate() {
            let readers = || (0..layers.len()).filter(|&reader| layers[reader].inputs.contains(&layer));
            let is_weighted = plan.weighted[layer].is_some() || layer == 0;
            let is_read_later = readers().any(|reader| stage(reader) > stage(layer));
            this.activations[place.home] |= stage(layer) < last && (is_weighted || is_read_later);
            let crosses = is_norm(layer) || readers().any(|reader| descent(reader) != stage(layer));
            this.gradients[place.home] |= crosses && back.wanted[layer];
        }
        for (layer, place) in plan.places.iter().enumerate().skip(1) {
            let has_state = matches!(
                layers[layer].op,
                Op::Dropout(_) | Op::ResponseNorm(_) | Op::ContrastNorm(_) | Op::CrossMapNorm(_)
            );
            this.again[layer] = !this.activations[place.home] || has_state;
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

    /// Whether the way back has to compute a layer again.
    pub fn is_computed_again(&self, layer: usize) -> bool {
        self.again[layer]
    }

    /// The buffers of a thread: all that no [`Store`] holds.
    pub fn workspace(&self, plan: &Plan, back: &BackwardPlan) -> Workspace {
        let mut space = Workspace::new(plan, Some(back));
        for layer in 0..plan.places.len() {
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

impl Store {
    pub fn new(stages: &Stages, plan: &Plan) -> Self {
        let buffers = |kept: &[bool], length: &dyn Fn(usize) -> usize| {
            kept.iter().enumerate().map(|(layer, &kept)| Buffer::zeros(if kept { length(layer) } else { 0 })).collect()
        };
        Self {
            activations: buffers(&stages.activations, &|layer| plan.places[layer].activation.len(plan.chunk)),
            gradients: buffers(&stages.gradients, &|layer| plan.places[layer].gradient.len(plan.chunk)),
            written: vec![false; plan.places.len()],
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
