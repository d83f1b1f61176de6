//! Forward and backward in one go, for networks in which no image depends on the others (no batch normalisation).

use super::CpuEngine;
use crate::device::cpu::layout::FeatureMapsMut;
use crate::error::Error;
use crate::execute::Batch;
use crate::execute::cpu::pass::{Pass, Workspace};
use crate::execute::cpu::weights::{WeightSums, clear_slots};
use crate::input::View;
use crate::ops::cpu::{CpuLayer, GROUP_IMAGES, WeightGradientInputs};
use crate::ops::softmax::cpu::{ClassOutputs, LossAndError, Target, cross_entropy};
use ndarray::ArrayView3;
use rayon::prelude::*;

/// Some images of the batch and what belongs to them: a group of [`GROUP_IMAGES`], or several where the batch passes
/// the network in stages.
pub(super) struct Group<'a, 'i> {
    pub images: &'a [ArrayView3<'i, u8>],
    pub labels: &'a [u16],
    pub views: &'a [View],
    /// Position in the batch of the first.
    pub first: usize,
    pub noise: u64,
    pub label_smoothing: f32,
    /// Gradients of the weights, summed over the images so far.
    pub sums: &'a mut [f32],
    /// What layers keep to compute their weights' gradients once for the whole batch
    /// ([`crate::ops::cpu::WeightGradient`]).
    pub deferred: &'a mut [f32],
    pub losses: &'a mut [LossAndError],
}

impl CpuEngine {
    pub(super) fn run_groups(&mut self, batch: &Batch<'_>) -> Result<(), Error> {
        let mut sums = std::mem::take(&mut self.sums);
        let mut deferred = std::mem::take(&mut self.deferred);
        let mut losses = std::mem::take(&mut self.losses);
        // A network may sum or defer nothing; chunks of at least one float keep the zip
        // going, from a buffer that has them to spare.
        sums.grow(losses.len());
        deferred.grow(losses.len());
        let this = &*self;
        let result = self.cpu.install(|| {
            let groups = batch
                .images
                .par_chunks(GROUP_IMAGES)
                .zip(batch.labels.par_chunks(GROUP_IMAGES))
                .zip(batch.views.par_chunks(GROUP_IMAGES))
                .zip(sums.par_chunks_mut(this.weights.sums_len.max(1)))
                .zip(deferred.par_chunks_mut(this.weights.group_stride.max(1)))
                .zip(losses.par_chunks_mut(GROUP_IMAGES))
                .with_max_len(1)
                .enumerate();
            groups.try_for_each(|(index, group)| {
                let (((((images, labels), views), sums), deferred), losses) = group;
                let (noise, label_smoothing) = (batch.noise, batch.label_smoothing);
                let first = index * GROUP_IMAGES;
                this.run(Group { images, labels, views, first, noise, label_smoothing, sums, deferred, losses })
            })
        });
        self.sums = sums;
        self.deferred = deferred;
        self.losses = losses;
        result
    }

    fn run(&self, mut group: Group<'_, '_>) -> Result<(), Error> {
        let space = self.take_space();
        let mut space = space.unwrap_or_else(|| Workspace::new(&self.plan, &self.steps, Some(&self.wanted)));
        group.sums.fill(0.0);
        for start in (0..group.images.len()).step_by(self.plan.chunk) {
            self.run_chunk(&mut group, start, &mut space)?;
        }
        clear_slots(&self.steps, group.images.len(), group.deferred);
        self.give_back(space);
        Ok(())
    }

    fn run_chunk(&self, group: &mut Group<'_, '_>, start: usize, space: &mut Workspace) -> Result<(), Error> {
        let pass = self.pass(group.noise, group.first, group.images.len(), start);
        self.load(&pass, group, start, space)?;
        let output = self.plan.network.output();
        pass.forward(space, output, |_, _| ());
        space.reset();
        self.loss(&pass, group, start, space);
        let mut into = WeightSums { sums: &mut *group.sums, deferred: &mut *group.deferred };
        pass.backward(space, 1..=output - 1, &self.wanted, |layer, own, x, dy| {
            self.learn(&pass, (layer, own), WeightGradientInputs { x, dy, first_slot: start }, &mut into);
        })
    }

    /// Writes the chunk's images, preprocessed.
    pub(super) fn load(
        &self,
        pass: &Pass<'_>,
        group: &Group<'_, '_>,
        start: usize,
        space: &mut Workspace,
    ) -> Result<(), Error> {
        for slot in 0..pass.chunk.images {
            let image = (group.images[start + slot], group.views[start + slot]);
            pass.load(space, slot, &self.preprocess, image)?;
        }
        Ok(())
    }

    /// Loss and error of the chunk's images, and the loss' gradient with respect to the logits.
    pub(super) fn loss(&self, pass: &Pass<'_>, group: &mut Group<'_, '_>, start: usize, space: &mut Workspace) {
        let network = &self.plan.network;
        let (output, logits) = (network.output(), network.logits());
        pass.seed(space, logits);
        let slot = self.plan.slots[logits];
        let mut gradient = std::mem::take(&mut space.gradients[slot.buffer]);
        for image in 0..pass.chunk.images {
            let outputs =
                ClassOutputs { logits: pass.activation(space, logits), probabilities: pass.activation(space, output) };
            let mut dx = FeatureMapsMut { layout: &slot.gradient, values: &mut gradient };
            let label = usize::from(group.labels[start + image]);
            let target = Target { label, smoothing: group.label_smoothing };
            group.losses[start + image] = cross_entropy(image, target, outputs, &mut dx);
        }
        space.gradients[slot.buffer] = gradient;
    }

    /// Adds a chunk's contribution to the gradients of a layer's weights.
    pub(super) fn learn(
        &self,
        pass: &Pass<'_>,
        (layer, own): (usize, &dyn CpuLayer),
        known: WeightGradientInputs<'_>,
        into: &mut WeightSums<'_>,
    ) {
        if let Some(gradient) = own.weight_gradient() {
            self.weights.accumulate(layer, gradient, pass.chunk, known, into);
        }
    }
}
