//! Forward and backward stage by stage, for networks with batch normalisation.
//!
//! A stage is what lies between two layers that need statistics of the whole minibatch: all images pass one stage
//! before any enters the next.

use super::CpuEngine;
use super::group::Group;
use crate::error::Error;
use crate::execute::Batch;
use crate::execute::cpu::pass::{Pass, Workspace};
use crate::execute::cpu::plan::{Plan, Steps, arrays};
use crate::execute::cpu::stages::{Stages, Store};
use crate::execute::cpu::weights::{WeightSums, clear_slots};
use crate::ops::cpu::{BatchStatistics, CpuLayer, GROUP_IMAGES, LayerArrays, WeightGradientInputs};
use crate::parameters::Parameters;
use rayon::prelude::*;

/// Parts into which a batch is split at most: each holds a sum of every weight's gradient.
const MAX_PARTS: usize = 32;

/// What batch normalisation needs beyond the buffers of [`CpuEngine`].
#[derive(Debug)]
pub(super) struct Staged {
    stages: Stages,
    /// The kept buffers of every chunk of the batch.
    stores: Vec<Store>,
    /// Sums over channels, for every part of the batch.
    sums: Vec<f64>,
    /// Doubles of a part's sums.
    width: usize,
}

/// A part of the batch: its groups, their chunks' buffers and sums.
struct BatchPart<'a, 'i> {
    group: Group<'a, 'i>,
    stores: &'a mut [Store],
    sums: &'a mut [f64],
}

impl Staged {
    /// `None` for a network without batch normalisation.
    pub fn new(plan: &Plan, steps: &Steps, wanted: &[bool]) -> Option<Self> {
        let stages = Stages::new(plan, steps, wanted)?;
        let lengths = (1..=stages.last()).filter_map(|stage| statistics(steps, stages.norm(stage)));
        let width = lengths.map(BatchStatistics::sums_len).max().unwrap_or(0);
        Some(Self { stages, stores: Vec::new(), sums: Vec::new(), width })
    }

    /// Grows for batches of that many groups; gives the number of parts of any such batch at most.
    pub fn grow(&mut self, plan: &Plan, groups: usize) -> usize {
        let parts = groups.min(MAX_PARTS);
        self.sums.resize(parts * self.width, 0.0);
        self.stores.resize_with(groups * (GROUP_IMAGES / plan.chunk), || Store::new(&self.stages, plan));
        parts
    }
}

fn statistics(steps: &Steps, layer: usize) -> Option<&dyn BatchStatistics> {
    steps.own(layer).and_then(CpuLayer::batch_statistics)
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
        let mut deferred = std::mem::take(&mut self.deferred);
        let mut losses = std::mem::take(&mut self.losses);
        let groups = batch.images.len().div_ceil(GROUP_IMAGES);
        let images = groups.div_ceil(MAX_PARTS) * GROUP_IMAGES;
        let (stride, chunks) = (self.weights.group_stride * images / GROUP_IMAGES, images / self.plan.chunk);
        sums.fill(0.0);
        let mut parts: Vec<BatchPart<'_, '_>> = Vec::with_capacity(groups.min(MAX_PARTS));
        {
            // Taken apart by hand: some of these lengths may be zero.
            let (mut sums, mut deferred, mut losses) = (&mut *sums, &mut *deferred, &mut *losses);
            let (mut stores, mut channel_sums) = (&mut *staged.stores, &mut *staged.sums);
            for first in (0..batch.images.len()).step_by(images) {
                let range = first..batch.images.len().min(first + images);
                parts.push(BatchPart {
                    group: Group {
                        images: &batch.images[range.clone()],
                        labels: &batch.labels[range.clone()],
                        views: &batch.views[range.clone()],
                        first,
                        noise: batch.noise,
                        label_smoothing: batch.label_smoothing,
                        sums: split_off(&mut sums, self.weights.sums_len),
                        deferred: split_off(&mut deferred, stride),
                        losses: split_off(&mut losses, images),
                    },
                    stores: split_off(&mut stores, chunks),
                    sums: split_off(&mut channel_sums, staged.width),
                });
            }
        }
        let mut work = StagedWork { stages: &staged.stages, parts, images: batch.images.len() };
        let result = self.through_stages(&mut work, parameters);
        let count = work.parts.len();
        self.sums = sums;
        self.deferred = deferred;
        self.losses = losses;
        result.map(|()| count)
    }

    fn through_stages(&mut self, work: &mut StagedWork<'_, '_>, parameters: &Parameters) -> Result<(), Error> {
        let last = work.stages.last();
        for stage in 0..=last {
            self.each_chunk(work, |this, stages, chunk| this.forward_stage(stages, stage, chunk))?;
            if stage < last {
                self.end_stage(work, stage, parameters, |statistics, sums, count, arrays| {
                    statistics.set_statistics(sums, count, arrays);
                })?;
            }
        }
        for stage in (0..last).rev() {
            self.end_stage(work, stage, parameters, |statistics, sums, _, _| statistics.set_gradients(sums))?;
            self.each_chunk(work, |this, stages, chunk| this.backward_stage(stages, stage, chunk))?;
        }
        Ok(())
    }

    /// Gives the normalisation that begins the next stage the sums over all parts.
    fn end_stage(
        &mut self,
        work: &StagedWork<'_, '_>,
        stage: usize,
        parameters: &Parameters,
        tell: impl FnOnce(&mut dyn BatchStatistics, &[f64], f64, LayerArrays<'_>),
    ) -> Result<(), Error> {
        let norm = work.stages.norm(stage + 1);
        let layer = &self.plan.network.layers()[norm];
        let arrays = arrays(layer, parameters)?;
        let own = self.steps.0[norm].own_mut().and_then(CpuLayer::batch_statistics_mut);
        let statistics = own.ok_or_else(Error::not_prepared)?;
        let sums = sum_parts(&work.parts, statistics.sums_len());
        let count = (work.images * layer.shape.height * layer.shape.width) as f64;
        tell(statistics, &sums, count, arrays);
        Ok(())
    }

    /// Runs `work` on every chunk, part by part, with its kept buffers in a workspace.
    fn each_chunk(
        &self,
        work: &mut StagedWork<'_, '_>,
        run: impl Fn(&Self, &Stages, &mut Chunk<'_, '_, '_>) -> Result<(), Error> + Sync,
    ) -> Result<(), Error> {
        let stages = work.stages;
        let parts = &mut work.parts;
        self.cpu.install(|| {
            parts.par_iter_mut().with_max_len(1).try_for_each(|part| {
                let space = self.take_space();
                let mut space = space.unwrap_or_else(|| stages.workspace(&self.plan, &self.steps, &self.wanted));
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
    /// the loss and the backward pass to the stage's begin.
    fn forward_stage(&self, stages: &Stages, stage: usize, chunk: &mut Chunk<'_, '_, '_>) -> Result<(), Error> {
        let (group, start) = (&mut *chunk.group, chunk.start);
        let pass = self.pass(group.noise, group.first, group.images.len(), start);
        if stage == 0 {
            self.load(&pass, group, start, chunk.space)?;
        }
        for layer in stages.layers(stage) {
            pass.forward_layer(chunk.space, layer);
        }
        if stage < stages.last() {
            let norm = stages.norm(stage + 1);
            let statistics = statistics(&self.steps, norm).ok_or_else(Error::not_prepared)?;
            let x = pass.activation(chunk.space, self.plan.network.layers()[norm].inputs[0]);
            statistics.add_inputs(pass.chunk, x, &mut chunk.sums[..statistics.sums_len()]);
            return Ok(());
        }
        chunk.space.reset();
        self.loss(&pass, group, start, chunk.space);
        let is_last = group.images.len() == start + pass.chunk.images;
        if is_last {
            let slots = (group.images.len() - 1) % GROUP_IMAGES + 1;
            clear_slots(&self.steps, slots, self.group_of(group.deferred, start));
        }
        self.backward_layers(stages, stage, &pass, chunk)
    }

    /// The backward pass from the next stage's normalisation to this stage's begin.
    fn backward_stage(&self, stages: &Stages, stage: usize, chunk: &mut Chunk<'_, '_, '_>) -> Result<(), Error> {
        let group = &chunk.group;
        let pass = self.pass(group.noise, group.first, group.images.len(), chunk.start);
        for layer in stages.layers(stage).filter(|&layer| stages.is_computed_again(layer)) {
            pass.forward_layer(chunk.space, layer);
        }
        pass.backward_batch(chunk.space, stages.norm(stage + 1), &self.wanted);
        self.backward_layers(stages, stage, &pass, chunk)
    }

    fn backward_layers(
        &self,
        stages: &Stages,
        stage: usize,
        pass: &Pass<'_>,
        chunk: &mut Chunk<'_, '_, '_>,
    ) -> Result<(), Error> {
        let layers = stages.layers(stage);
        let last = layers.end.min(self.plan.network.output()) - 1;
        let first_slot = chunk.start % GROUP_IMAGES;
        let deferred = self.group_of(chunk.group.deferred, chunk.start);
        let mut into = WeightSums { sums: &mut *chunk.group.sums, deferred };
        let sums = &mut *chunk.sums;
        pass.backward(chunk.space, layers.start..=last, &self.wanted, |layer, own, x, dy| {
            if let Some(statistics) = own.batch_statistics() {
                statistics.add_gradients(pass.chunk, x, dy, &mut sums[..statistics.sums_len()]);
            }
            self.learn(pass, (layer, own), WeightGradientInputs { x, dy, first_slot }, &mut into);
        })
    }

    /// The deferred gradients of the group that the part's image `start` belongs to.
    fn group_of<'s>(&self, deferred: &'s mut [f32], start: usize) -> &'s mut [f32] {
        let stride = self.weights.group_stride;
        &mut deferred[start / GROUP_IMAGES * stride..][..stride]
    }
}

/// A batch that goes through the stages.
struct StagedWork<'a, 'i> {
    stages: &'a Stages,
    parts: Vec<BatchPart<'a, 'i>>,
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
fn sum_parts(parts: &[BatchPart<'_, '_>], length: usize) -> Vec<f64> {
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
