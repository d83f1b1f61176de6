//! Where the gradients of a network's weights are summed.

use super::plan::{Step, Steps};
use crate::device::VectorLevel;
use crate::device::cpu::gemm::BLOCK;
use crate::error::Error;
use crate::network::Network;
use crate::ops::Role;
use crate::ops::cpu::{
    Chunk, DeferredGradients, GROUP_IMAGES, GradientSpace, GradientTotals, WeightGradient, WeightGradientInputs,
};
use crate::parameters::Parameters;
use std::ops::Range;

/// The layers' places in the sums of a part of the batch, and in what is kept of a group of images until its end
/// ([`GradientSpace`]).
#[derive(Debug)]
pub(crate) struct WeightPlan {
    /// By layer; empty where nothing is summed.
    sums: Vec<Range<usize>>,
    deferred: Vec<usize>,
    /// Floats of a part's sums; every part's begin at a cache line.
    pub sums_len: usize,
    /// Floats that a group defers.
    pub group_stride: usize,
}

/// The buffers of a part of a batch: its sums, and what the group deferred to which a chunk belongs.
pub(crate) struct WeightSums<'a> {
    pub sums: &'a mut [f32],
    pub deferred: &'a mut [f32],
}

impl WeightPlan {
    /// For layers that were prepared for training.
    pub fn new(steps: &Steps) -> Self {
        let (mut sums, mut deferred) = (Vec::new(), Vec::new());
        let (mut sums_len, mut group_stride) = (0, 0);
        for step in &steps.0 {
            let space = step
                .own()
                .and_then(|own| own.weight_gradient())
                .map_or(GradientSpace::default(), WeightGradient::space);
            sums.push(sums_len..sums_len + space.sums);
            deferred.push(group_stride);
            sums_len += space.sums;
            group_stride += space.deferred;
        }
        Self {
            sums,
            deferred,
            sums_len: sums_len.next_multiple_of(BLOCK),
            group_stride: group_stride.next_multiple_of(BLOCK),
        }
    }

    /// Tells the layers for how many groups there is memory.
    pub fn place(&self, steps: &mut Steps, groups: usize) {
        for (step, &offset) in steps.0.iter_mut().zip(&self.deferred) {
            if let Some(gradient) = step.own_mut().and_then(|own| own.weight_gradient_mut()) {
                gradient.place(DeferredGradients { offset, group_stride: self.group_stride, groups });
            }
        }
    }

    /// Adds a chunk's contribution to the gradient of one layer's weights.
    pub fn accumulate(
        &self,
        layer: usize,
        gradient: &dyn WeightGradient,
        chunk: Chunk,
        known: WeightGradientInputs<'_>,
        into: &mut WeightSums<'_>,
    ) {
        gradient.accumulate(chunk, known, &mut into.sums[self.sums[layer].clone()], into.deferred);
    }

    /// Brings a batch's gradients into the axis order of the snapshot files.
    pub fn finish(
        &self,
        steps: &Steps,
        network: &Network,
        batch: &BatchSums<'_>,
        into: &mut Parameters,
    ) -> Result<(), Error> {
        for (index, (step, layer)) in steps.0.iter().zip(network.layers()).enumerate() {
            let Some(own) = step.own().filter(|_| !layer.parameters.is_empty()) else {
                continue;
            };
            if let Some(statistics) = own.batch_statistics() {
                for spec in &layer.parameters {
                    statistics.write(spec.role, into.values_mut(&spec.name)?);
                }
            }
            let Some(gradient) = own.weight_gradient() else {
                continue;
            };
            let sums = &batch.total[self.sums[index].clone()];
            let totals = GradientTotals { sums, deferred: batch.deferred, groups: batch.groups };
            let (mut weight, mut bias): (&mut [f32], &mut [f32]) = (&mut [], &mut []);
            for (name, values) in into.values_of_mut(&layer.parameters)? {
                match name {
                    Role::Weight => weight = values,
                    Role::Bias => bias = values,
                    Role::RunningMean | Role::RunningVariance => {}
                }
            }
            gradient.finish(batch.level, totals, weight, bias);
        }
        Ok(())
    }
}

/// What the gradients of a batch are finished from.
pub(crate) struct BatchSums<'a> {
    pub level: VectorLevel,
    /// All parts' sums.
    pub total: &'a [f32],
    /// What the groups deferred.
    pub deferred: &'a [f32],
    pub groups: usize,
}

/// Clears what the images of an earlier batch left in a group's slots from `first` on.
pub(crate) fn clear_slots(steps: &Steps, first: usize, deferred: &mut [f32]) {
    for slot in first..GROUP_IMAGES {
        for gradient in steps.0.iter().filter_map(Step::own).filter_map(|own| own.weight_gradient()) {
            gradient.clear_slot(slot, deferred);
        }
    }
}
