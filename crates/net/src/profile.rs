//! What a training step is made of: every layer's part, to be run and timed on its own.

use crate::device::cpu::buffer::Buffer;
use crate::device::cpu::lanes::multiply_adds;
use crate::device::cpu::layout::FeatureMaps;
use crate::device::{Device, VectorLevel};
use crate::error::Error;
use crate::execute::cpu::pass::{Pass, Workspace};
use crate::execute::cpu::plan::{Plan, Steps};
use crate::execute::cpu::weights::{WeightPlan, WeightSums};
use crate::execute::gradients_wanted;
use crate::input::Preprocess;
use crate::network::Network;
use crate::ops::cpu::{Chunk, CpuLayer, Noise, WeightGradientInputs};
use crate::parameters::Parameters;
use ndarray::ArrayView3;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

/// A kind of work in a training step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Preprocessing of the images.
    Load,
    /// A layer's values.
    Forward,
    /// The gradient with respect to a layer's inputs; of an in-place activation, to its own output.
    InputGradient,
    /// The gradient with respect to a layer's weights; locally and fully connected layers only store what it is computed
    /// from, once for the batch.
    WeightGradient,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Load => "load",
            Self::Forward => "forward",
            Self::InputGradient => "input gradient",
            Self::WeightGradient => "weight gradient",
        })
    }
}

/// Floating-point operations a second that one thread reaches when it does nothing but multiply and
/// add in registers: what the parts of a step are compared with. Takes about a hundredth of a second.
pub fn peak(device: &Device) -> f64 {
    let begin = Instant::now();
    multiply_adds(device.vector_level(), 2_000_000) / begin.elapsed().as_secs_f64()
}

/// One layer's share of a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Number of the layer.
    pub layer: usize,
    /// Kind of work.
    pub phase: Phase,
}

/// A network with the buffers of one chunk of images, on one thread, whose parts can be run again
/// and again. For measuring; results are thrown away.
pub struct Profile {
    plan: Plan,
    steps: Steps,
    wanted: Vec<bool>,
    weights: WeightPlan,
    preprocess: Arc<Preprocess>,
    level: VectorLevel,
    space: Workspace,
    sums: Buffer,
    deferred: Buffer,
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Profile({} layers)", self.plan.network.layers().len())
    }
}

impl Profile {
    /// Takes [`Profile::images`] images once forward and back through the network. Of those given
    /// the first are used, over again where there are too few.
    pub fn new(
        network: Arc<Network>,
        preprocess: Arc<Preprocess>,
        parameters: &Parameters,
        images: &[ArrayView3<'_, u8>],
        device: &Device,
    ) -> Result<Self, Error> {
        parameters.check_in_memory(&network)?;
        let wanted = gradients_wanted(&network, false);
        let plan = Plan::new(network);
        let mut steps = plan.steps();
        steps.prepare_backward(&plan.network, &wanted);
        steps.prepare_training(&plan.network)?;
        let weights = WeightPlan::new(&steps);
        weights.place(&mut steps, 1);
        steps.pack(device.vector_level(), &plan.network, parameters)?;
        let mut this = Self {
            space: Workspace::new(&plan, &steps, Some(&wanted)),
            sums: Buffer::zeros(weights.sums_len),
            deferred: Buffer::zeros(weights.group_stride + 64),
            level: device.vector_level(),
            plan,
            steps,
            wanted,
            weights,
            preprocess,
        };
        this.load(images)?;
        let output = this.plan.network.output();
        for layer in 1..=output {
            this.run(Part { layer, phase: Phase::Forward })?;
        }
        let logits = this.plan.network.logits();
        let mut space = std::mem::take(&mut this.space);
        let pass = this.pass();
        let seed = pass.seed(&mut space, logits);
        for slot in 0..this.plan.chunk {
            seed.values[seed.layout.pixel(slot, 0, 0)].fill(0.1);
        }
        pass.backward(&mut space, 1..=logits, &this.wanted, |_, _, _, _| ())?;
        this.space = space;
        Ok(this)
    }

    /// Images that every part is run for.
    pub fn images(&self) -> usize {
        self.plan.chunk
    }

    /// The name of a part's layer.
    pub fn name(&self, part: Part) -> String {
        self.plan.network.layers()[part.layer].name.clone()
    }

    /// The parts of a step after loading, in order.
    pub fn parts(&self) -> Vec<Part> {
        let layers = self.plan.network.layers();
        let logits = self.plan.network.logits();
        let mut parts: Vec<Part> = (1..layers.len()).map(|layer| Part { layer, phase: Phase::Forward }).collect();
        for layer in (1..=logits).rev() {
            if self.steps.own(layer).is_some_and(|own| own.weight_gradient().is_some()) {
                parts.push(Part { layer, phase: Phase::WeightGradient });
            }
            let inputs = &layers[layer].inputs;
            let in_place = self.plan.slots[layer].buffer != layer;
            if self.wanted[layer] && (in_place || inputs.iter().any(|&input| self.wanted[input])) {
                parts.push(Part { layer, phase: Phase::InputGradient });
            }
        }
        parts
    }

    /// Floating-point operations of a part for one image, as a direct computation has them: what Winograd's transforms
    /// save is not subtracted. Nothing where there are no weights.
    pub fn operations(&self, part: Part) -> f64 {
        let layer = &self.plan.network.layers()[part.layer];
        let Some(weights) = layer.parameters.first() else {
            return 0.0;
        };
        let gradient = self.steps.own(part.layer).and_then(CpuLayer::weight_gradient);
        if part.phase == Phase::WeightGradient && gradient.is_some_and(|gradient| gradient.space().deferred > 0) {
            // Its product is computed once at the end of the batch, and is not among the parts.
            return 0.0;
        }
        2.0 * (weights.len() * layer.op.operation().weight_uses(layer.shape)) as f64
    }

    /// Preprocesses the images.
    pub fn load(&mut self, images: &[ArrayView3<'_, u8>]) -> Result<(), Error> {
        let network = &self.plan.network;
        let view = network.centre_view();
        let mut space = std::mem::take(&mut self.space);
        let chosen = images.iter().cycle().take(self.plan.chunk).enumerate();
        let result = chosen.map(|(slot, image)| self.pass().load(&mut space, slot, &self.preprocess, (*image, view)));
        let result = result.collect();
        self.space = space;
        result
    }

    /// Runs a part once more; for [`Phase::Load`] call [`Profile::load`] instead.
    ///
    /// # Errors
    /// Only a mistake in deepViz itself.
    pub fn run(&mut self, part: Part) -> Result<(), Error> {
        let mut space = std::mem::take(&mut self.space);
        match part.phase {
            Phase::Load => {}
            Phase::Forward => self.pass().forward_layer(&mut space, part.layer),
            Phase::InputGradient => {
                space.reset();
                space.written[self.plan.slots[part.layer].buffer] = true;
                self.pass().backward(&mut space, part.layer..=part.layer, &self.wanted, |_, _, _, _| ())?;
            }
            Phase::WeightGradient => self.weight_gradient(&space, part.layer),
        }
        self.space = space;
        Ok(())
    }

    fn weight_gradient(&mut self, space: &Workspace, layer: usize) {
        let (mut sums, mut deferred) = (std::mem::take(&mut self.sums), std::mem::take(&mut self.deferred));
        let slot = &self.plan.slots[layer];
        let pass = self.pass();
        let x = pass.activation(space, self.plan.network.layers()[layer].inputs[0]);
        let dy = FeatureMaps { layout: &slot.gradient, values: &space.gradients[slot.buffer] };
        let mut into = WeightSums { sums: &mut sums, deferred: &mut deferred };
        if let Some(gradient) = self.steps.own(layer).and_then(|own| own.weight_gradient()) {
            let known = WeightGradientInputs { x, dy, first_slot: 0 };
            self.weights.accumulate(layer, gradient, pass.chunk, known, &mut into);
        }
        (self.sums, self.deferred) = (sums, deferred);
    }

    fn pass(&self) -> Pass<'_> {
        let noise = Some(Noise { step: 1, first_image: 0 });
        let chunk = Chunk { level: self.level, images: self.plan.chunk, noise };
        Pass { plan: &self.plan, slots: &self.plan.slots, steps: &self.steps, chunk }
    }
}
