//! Forward and backward in one go, for networks in which every image is on its own.

use super::engine::{CpuEngine, GROUP};
use crate::device::cpu::layout::{Maps, MapsMut};
use crate::error::Error;
use crate::execute::Batch;
use crate::execute::cpu::pass::{Pass, Workspace};
use crate::execute::cpu::plan::WeightGradient;
use crate::input::View;
use crate::ops::softmax::cpu::{Judgement, judge};
use ndarray::ArrayView3;
use rayon::prelude::*;

/// Some images of the batch and what belongs to them: a group, or several where the network goes
/// through in stages.
pub(super) struct Group<'a, 'i> {
    pub images: &'a [ArrayView3<'i, u8>],
    pub labels: &'a [u16],
    pub views: &'a [View],
    /// Position in the batch of the first.
    pub first: usize,
    pub noise: u64,
    pub sums: &'a mut [f32],
    pub shelf: &'a mut [f32],
    pub judgements: &'a mut [Judgement],
}

impl CpuEngine {
    pub(super) fn run_groups(&mut self, batch: &Batch<'_>) -> Result<(), Error> {
        let mut sums = std::mem::take(&mut self.sums);
        let mut shelves = std::mem::take(&mut self.shelves);
        let mut judgements = std::mem::take(&mut self.judgements);
        // A network may have no sums (or no shelves); chunks of at least one float keep the zip
        // going, from a buffer that has them to spare.
        sums.grow(judgements.len());
        shelves.grow(judgements.len());
        let this = &*self;
        let result = self.cpu.install(|| {
            let parts = batch
                .images
                .par_chunks(GROUP)
                .zip(batch.labels.par_chunks(GROUP))
                .zip(batch.views.par_chunks(GROUP))
                .zip(sums.par_chunks_mut(this.weights.sums.max(1)))
                .zip(shelves.par_chunks_mut(this.weights.piece.max(1)))
                .zip(judgements.par_chunks_mut(GROUP))
                .with_max_len(1)
                .enumerate();
            parts.try_for_each(|(index, parts)| {
                let (((((images, labels), views), sums), shelf), judgements) = parts;
                this.run(Group {
                    images,
                    labels,
                    views,
                    first: index * GROUP,
                    noise: batch.noise,
                    sums,
                    shelf,
                    judgements,
                })
            })
        });
        self.sums = sums;
        self.shelves = shelves;
        self.judgements = judgements;
        result
    }

    fn run(&self, mut group: Group<'_, '_>) -> Result<(), Error> {
        let space = self.take_space();
        let mut space = space.unwrap_or_else(|| Workspace::new(&self.plan, Some(&self.back)));
        group.sums.fill(0.0);
        for start in (0..group.images.len()).step_by(self.plan.chunk) {
            self.run_chunk(&mut group, start, &mut space)?;
        }
        self.forget_slots(group.images.len(), group.shelf);
        self.give_back(space);
        Ok(())
    }

    fn run_chunk(&self, group: &mut Group<'_, '_>, start: usize, space: &mut Workspace) -> Result<(), Error> {
        let pass = self.pass(group, start);
        self.load(&pass, group, start, space)?;
        let output = self.plan.network.output();
        pass.forward(space, output, |_, _| ());
        space.reset();
        self.judge(&pass, group, start, space);
        let keep = self.keeper(&pass, start, (&mut *group.sums, &mut *group.shelf));
        pass.backward(space, 1..=output - 1, &self.back, keep);
        Ok(())
    }

    /// The way of the chunk that begins with the group's image `start`.
    pub(super) fn pass(&self, group: &Group<'_, '_>, start: usize) -> Pass<'_> {
        Pass {
            plan: &self.plan,
            packed: &self.packed,
            level: self.cpu.level(),
            images: self.plan.chunk.min(group.images.len() - start),
            noise: Some((group.noise, group.first + start)),
        }
    }

    /// Writes the chunk's images, preprocessed.
    pub(super) fn load(
        &self,
        pass: &Pass<'_>,
        group: &Group<'_, '_>,
        start: usize,
        space: &mut Workspace,
    ) -> Result<(), Error> {
        for slot in 0..pass.images {
            let image = (group.images[start + slot], group.views[start + slot]);
            pass.load(space, slot, &self.preprocess, image)?;
        }
        Ok(())
    }

    /// Judges the chunk's images and writes the loss' gradient by the logits.
    pub(super) fn judge(&self, pass: &Pass<'_>, group: &mut Group<'_, '_>, start: usize, space: &mut Workspace) {
        let network = &self.plan.network;
        let (output, logits) = (network.output(), network.logits());
        pass.seed(space, logits);
        let place = self.plan.places[logits];
        let mut gradient = std::mem::take(&mut space.gradients[place.home]);
        for slot in 0..pass.images {
            let known = (pass.activation(space, logits), pass.activation(space, output));
            let mut dx = MapsMut { layout: &place.gradient, values: &mut gradient };
            let label = (usize::from(group.labels[start + slot]), network.label_smoothing());
            group.judgements[start + slot] = judge(slot, label, known, &mut dx);
        }
        space.gradients[place.home] = gradient;
    }

    /// What takes up the weights' gradients of the chunk that begins with image `start` of a group.
    pub(super) fn keeper(
        &self,
        pass: &Pass<'_>,
        start: usize,
        (sums, shelf): (&mut [f32], &mut [f32]),
    ) -> impl FnMut(usize, Maps<'_>, Maps<'_>) {
        let (level, images) = (pass.level, pass.images);
        move |layer, x, dy| match &self.weights.layers[layer] {
            Some(WeightGradient::Conv { gradient, offset }) => {
                let sums = &mut sums[*offset..][..gradient.len()];
                gradient.apply(level, images, (x.values, dy.values), sums);
            }
            Some(WeightGradient::Local(local)) => {
                for slot in 0..images {
                    local.keep(slot, (x.values, dy.values), start + slot, shelf);
                }
            }
            None => {}
        }
    }

    /// Clears what the images of an earlier batch left in a group's slots from `first` on.
    pub(super) fn forget_slots(&self, first: usize, shelf: &mut [f32]) {
        for slot in first..GROUP {
            for layer in self.weights.layers.iter().flatten() {
                if let WeightGradient::Local(local) = layer {
                    local.forget(slot, shelf);
                }
            }
        }
    }
}
