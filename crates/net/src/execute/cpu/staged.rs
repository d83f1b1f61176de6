//! Forward and backward stage by stage, for networks with batch normalisation.

use super::engine::{CpuEngine, GROUP};
use super::group::Group;
use super::norm::Norm;
use super::stages::{Stages, Store};
use crate::error::Error;
use crate::execute::Batch;
use crate::execute::cpu::pass::{Pass, Workspace};
use crate::execute::cpu::plan::{BackwardPlan, Plan};
use crate::network::Network;
use crate::ops::batch_norm::cpu::{add_gradients, add_statistics, sums_len};
use crate::parameters::Parameters;
use rayon::prelude::*;

/// Parts into which a batch is split at most: each holds a sum of every weight's gradient.
const MOST_PARTS: usize = 32;

/// What batch normalisation needs beyond the buffers of [`CpuEngine`].
#[derive(Debug)]
pub(super) struct Staged {
    stages: Stages,
    /// For every chunk of the batch.
    stores: Vec<Store>,
    /// Sums over channels, for every part of the batch.
    sums: Vec<f64>,
    /// Floats of a part's sums.
    width: usize,
    norms: Vec<Norm>,
}

/// A part of the batch: its groups, their chunks' buffers and sums.
struct Part<'a, 'i> {
    group: Group<'a, 'i>,
    stores: &'a mut [Store],
    sums: &'a mut [f64],
}

impl Staged {
    /// Nothing, for a network without batch normalisation.
    pub fn new(plan: &Plan, back: &BackwardPlan) -> Option<Self> {
        let stages = Stages::new(plan, back)?;
        let channels = |layer: usize| plan.network.layers()[layer].shape.channels;
        let norms = (1..=stages.last()).map(|stage| stages.norm(stage));
        let norms: Vec<_> = norms.map(|layer| Norm::new(layer, channels(layer))).collect();
        let width = norms.iter().map(|norm| sums_len(norm.channels())).max().unwrap_or(0);
        Some(Self { stages, stores: Vec::new(), sums: Vec::new(), width, norms })
    }

    /// Grows for batches of that many groups; gives the number of parts of any such batch at most.
    pub fn make_room(&mut self, plan: &Plan, groups: usize) -> usize {
        let parts = groups.min(MOST_PARTS);
        self.sums.resize(parts * self.width, 0.0);
        self.stores.resize_with(groups * (GROUP / plan.chunk), || Store::new(&self.stages, plan));
        parts
    }

    /// Writes the normalisations' gradients, and the batch's statistics in place of running ones.
    pub fn write(&self, into: &mut Parameters, network: &Network) {
        self.norms.iter().for_each(|norm| norm.write(into, network));
    }
}

impl CpuEngine {
    /// Runs the batch through all stages and back; gives the number of parts it was split into.
    pub(super) fn run_staged(
        &mut self,
        staged: &mut Staged,
        parameters: &Parameters,
        batch: &Batch<'_>,
    ) -> Result<usize, Error> {
        let mut sums = std::mem::take(&mut self.sums);
        let mut shelves = std::mem::take(&mut self.shelves);
        let mut judgements = std::mem::take(&mut self.judgements);
        let groups = batch.images.len().div_ceil(GROUP);
        let images = groups.div_ceil(MOST_PARTS) * GROUP;
        let (piece, chunks) = (self.weights.piece * images / GROUP, images / self.plan.chunk);
        sums.fill(0.0);
        let mut parts: Vec<Part<'_, '_>> = Vec::with_capacity(groups.min(MOST_PARTS));
        {
            // Taken apart by hand: some of these lengths may be zero.
            let (mut sums, mut shelves, mut judgements) = (&mut *sums, &mut *shelves, &mut *judgements);
            let (mut stores, mut channel_sums) = (&mut *staged.stores, &mut *staged.sums);
            for first in (0..batch.images.len()).step_by(images) {
                let range = first..batch.images.len().min(first + images);
                parts.push(Part {
                    group: Group {
                        images: &batch.images[range.clone()],
                        labels: &batch.labels[range.clone()],
                        views: &batch.views[range.clone()],
                        first,
                        noise: batch.noise,
                        sums: split_off(&mut sums, self.weights.sums),
                        shelf: split_off(&mut shelves, piece),
                        judgements: split_off(&mut judgements, images),
                    },
                    stores: split_off(&mut stores, chunks),
                    sums: split_off(&mut channel_sums, staged.width),
                });
            }
        }
        let mut work = Work { stages: &staged.stages, norms: &mut staged.norms, parts, images: batch.images.len() };
        let result = self.through_stages(&mut work, parameters);
        let count = work.parts.len();
        self.sums = sums;
        self.shelves = shelves;
        self.judgements = judgements;
        result.map(|()| count)
    }

    fn through_stages(&mut self, work: &mut Work<'_, '_>, parameters: &Parameters) -> Result<(), Error> {
        let last = work.stages.last();
        for stage in 0..=last {
            self.each_chunk(work, |this, stages, chunk| this.forward_stage(stages, stage, chunk))?;
            if stage < last {
                let norm = &mut work.norms[stage];
                let sums = sum_parts(&work.parts, sums_len(norm.channels()));
                let area = self.plan.network.layers()[norm.layer].shape;
                norm.take_statistics(&sums, (work.images * area.height * area.width) as f64);
                let layer = &self.plan.network.layers()[norm.layer];
                norm.set(layer, &mut self.packed.forward[norm.layer], parameters);
            }
        }
        for stage in (0..last).rev() {
            let norm = &mut work.norms[stage];
            let sums = sum_parts(&work.parts, sums_len(norm.channels()));
            let means = &mut self.packed.backward[norm.layer];
            means.grow(sums.len());
            norm.take_gradients(&sums, means);
            self.each_chunk(work, |this, stages, chunk| {
                this.backward_stage(stages, stage, chunk);
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Runs `work` on every chunk, part by part, with its kept buffers in a workspace.
    fn each_chunk(
        &self,
        work: &mut Work<'_, '_>,
        run: impl Fn(&Self, &Stages, &mut Chunk<'_, '_, '_>) -> Result<(), Error> + Sync,
    ) -> Result<(), Error> {
        let stages = work.stages;
        let parts = &mut work.parts;
        self.cpu.install(|| {
            parts.par_iter_mut().with_max_len(1).try_for_each(|part| {
                let space = self.take_space();
                let mut space = space.unwrap_or_else(|| stages.workspace(&self.plan, &self.back));
                part.sums.fill(0.0);
                for (index, store) in part.stores.iter_mut().enumerate() {
                    let start = index * self.plan.chunk;
                    if start >= part.group.images.len() {
                        break;
                    }
                    space.reset();
                    store.swap(stages, &mut space);
                    let chunk = &mut Chunk { group: &mut part.group, sums: part.sums, start, space: &mut space };
                    let result = run(self, stages, chunk);
                    store.swap(stages, &mut space);
                    result?;
                }
                self.give_back(space);
                Ok(())
            })
        })
    }

    /// A stage's layers, and the sums that the next stage's normalisation needs; in the last stage
    /// the loss and the way back to the stage's begin.
    fn forward_stage(&self, stages: &Stages, stage: usize, chunk: &mut Chunk<'_, '_, '_>) -> Result<(), Error> {
        let (group, start) = (&mut *chunk.group, chunk.start);
        let pass = self.pass(group, start);
        if stage == 0 {
            self.load(&pass, group, start, chunk.space)?;
        }
        for layer in stages.layers(stage) {
            pass.forward_layer(chunk.space, layer);
        }
        if stage < stages.last() {
            let input = self.plan.network.layers()[stages.norm(stage + 1)].inputs[0];
            let x = pass.activation(chunk.space, input);
            let sums = &mut chunk.sums[..sums_len(x.layout.shape.channels)];
            add_statistics(pass.level, pass.images, x, sums);
            return Ok(());
        }
        chunk.space.reset();
        self.judge(&pass, group, start, chunk.space);
        let group_end = group.images.len() == start + pass.images;
        if group_end {
            let slots = (group.images.len() - 1) % GROUP + 1;
            self.forget_slots(slots, self.shelf_of(group.shelf, start));
        }
        self.backward_layers(stages, stage, &pass, chunk);
        Ok(())
    }

    /// The way back from the next stage's normalisation to this stage's begin.
    fn backward_stage(&self, stages: &Stages, stage: usize, chunk: &mut Chunk<'_, '_, '_>) {
        let pass = self.pass(chunk.group, chunk.start);
        for layer in stages.layers(stage).filter(|&layer| stages.is_computed_again(layer)) {
            pass.forward_layer(chunk.space, layer);
        }
        pass.descend_batch_norm(chunk.space, stages.norm(stage + 1), &self.back);
        self.backward_layers(stages, stage, &pass, chunk);
    }

    fn backward_layers(&self, stages: &Stages, stage: usize, pass: &Pass<'_>, chunk: &mut Chunk<'_, '_, '_>) {
        let layers = stages.layers(stage);
        let last = layers.end.min(self.plan.network.output()) - 1;
        let shelf = self.shelf_of(chunk.group.shelf, chunk.start);
        let mut keep = self.keeper(pass, chunk.start % GROUP, (&mut *chunk.group.sums, shelf));
        let sums = &mut *chunk.sums;
        pass.backward(chunk.space, layers.start..=last, &self.back, |layer, x, dy| match pass.normaliser(layer) {
            Some(by) => {
                let sums = &mut sums[..sums_len(x.layout.shape.channels)];
                add_gradients(pass.level, pass.images, by, x, dy, sums);
            }
            None => keep(layer, x, dy),
        });
    }

    /// The shelf of the group to which a part's image `start` belongs.
    fn shelf_of<'s>(&self, shelf: &'s mut [f32], start: usize) -> &'s mut [f32] {
        let piece = self.weights.piece;
        &mut shelf[start / GROUP * piece..][..piece]
    }
}

/// A batch on its way.
struct Work<'a, 'i> {
    stages: &'a Stages,
    norms: &'a mut [Norm],
    parts: Vec<Part<'a, 'i>>,
    /// Images of the batch.
    images: usize,
}

/// A chunk with its buffers in a workspace.
struct Chunk<'c, 'a, 'i> {
    group: &'c mut Group<'a, 'i>,
    /// Sums over channels of the part.
    sums: &'c mut [f64],
    /// The part's image with which it begins.
    start: usize,
    space: &'c mut Workspace,
}

/// The parts' sums over channels added up, first to last.
fn sum_parts(parts: &[Part<'_, '_>], length: usize) -> Vec<f64> {
    let mut total = vec![0.0; length];
    for part in parts {
        total.iter_mut().zip(&*part.sums).for_each(|(total, sum)| *total += sum);
    }
    total
}

/// The first `length` items, or as many as there are, which are then no longer part of `items`.
#[expect(clippy::mut_mut, reason = "the slice itself is shortened")]
fn split_off<'a, T>(items: &mut &'a mut [T], length: usize) -> &'a mut [T] {
    let length = length.min(items.len());
    items.split_off_mut(..length).unwrap_or_default()
}
