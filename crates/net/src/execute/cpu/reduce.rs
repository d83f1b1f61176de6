//! From the groups' sums to the gradients in the files' order.

use super::engine::CpuEngine;
use crate::device::cpu::pairwise_sum::{SLICE, Tree};
use crate::execute::cpu::plan::WeightGradient;
use crate::network::Role;
use crate::parameters::Parameters;
use rayon::prelude::*;

impl CpuEngine {
    /// Sums the parts and brings the gradients into the files' order.
    pub(super) fn reduce(&mut self, (parts, groups): (usize, usize), into: &mut Parameters) {
        let length = self.weights.sums;
        let sums = &self.sums;
        self.total.par_chunks_mut(SLICE).enumerate().for_each(|(slice, total)| {
            let start = slice * SLICE;
            let part = |part: usize| &sums[part * length + start..][..total.len()];
            let mut tree = Tree::new();
            for index in 0..parts {
                tree.add(part(index));
            }
            tree.finish(total);
        });
        let level = self.cpu.level();
        let shelves = (&*self.shelves, groups);
        let (plan, weights, total) = (&self.plan, &self.weights, &self.total);
        let mut arrays = into.iter_mut();
        for (layer, gradient) in plan.network.layers().iter().zip(&weights.layers) {
            let (mut weight, mut bias): (&mut [f32], &mut [f32]) = (&mut [], &mut []);
            for (spec, (_, array)) in layer.parameters.iter().zip(&mut arrays) {
                let values = array.as_slice_mut().unwrap_or_default();
                match spec.role {
                    Role::Weight => weight = values,
                    Role::Bias => bias = values,
                    Role::RunningMean | Role::RunningVariance => {}
                }
            }
            match gradient {
                Some(WeightGradient::Conv { gradient, offset }) => {
                    gradient.unpack(&total[*offset..][..gradient.len()], weight, bias);
                }
                Some(WeightGradient::Local(local)) => local.sum(level, shelves, weight, bias),
                None => {}
            }
        }
        drop(arrays);
        if let Some(staged) = &self.staged {
            staged.write(into, &self.plan.network);
        }
    }
}
