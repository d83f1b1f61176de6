//! Loss and gradients of a batch on the CPU.
//!
//! A network without batch normalisation goes through fused, forward and backward, chunk by chunk
//! (`group`). Batch normalisation needs sums over the whole minibatch: such a network goes through in
//! stages, from one normalisation to the next (`staged`).

use super::pass::Workspace;
use super::plan::{BackwardPlan, Packed, Plan, WeightPlan};
use super::staged::Staged;
use crate::device::Cpu;
use crate::device::cpu::buffer::Buffer;
use crate::error::Error;
use crate::execute::{Batch, BatchResult};
use crate::input::Preprocess;
use crate::network::Network;
use crate::ops::local::cpu::SIDE_BY_SIDE;
use crate::ops::softmax::cpu::Judgement;
use crate::parameters::Parameters;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Images whose gradients are summed on their own, by position in the batch: groups, not threads,
/// are the unit of work, so that sums do not depend on who computed them.
pub(super) const GROUP: usize = SIDE_BY_SIDE;

/// An engine on the processor.
pub(crate) struct CpuEngine {
    pub(super) plan: Plan,
    pub(super) back: BackwardPlan,
    pub(super) weights: WeightPlan,
    pub(super) packed: Packed,
    pub(super) preprocess: Arc<Preprocess>,
    pub(super) cpu: Cpu,
    pub(super) spaces: Mutex<Vec<Workspace>>,
    pub(super) sums: Buffer,
    pub(super) shelves: Buffer,
    pub(super) judgements: Vec<Judgement>,
    pub(super) total: Buffer,
    /// What networks with batch normalisation need besides.
    pub(super) staged: Option<Staged>,
}

impl fmt::Debug for CpuEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layers = self.plan.network.layers().len();
        write!(f, "CpuEngine({layers} layers, {:?})", self.cpu)
    }
}

impl CpuEngine {
    pub fn new(network: Arc<Network>, preprocess: Arc<Preprocess>, cpu: &Cpu) -> Self {
        let plan = Plan::new(network);
        let back = BackwardPlan::new(&plan, false);
        let packed = Packed::new(&plan);
        let weights = WeightPlan::new(&plan, 0);
        Self {
            total: Buffer::zeros(weights.sums),
            staged: Staged::new(&plan, &back),
            plan,
            back,
            weights,
            packed,
            preprocess,
            cpu: cpu.clone(),
            spaces: Mutex::default(),
            sums: Buffer::default(),
            shelves: Buffer::default(),
            judgements: Vec::new(),
        }
    }

    pub fn network(&self) -> &Arc<Network> {
        &self.plan.network
    }

    /// As [`crate::Engine::gradients`], of a batch that was checked.
    pub fn gradients(
        &mut self,
        parameters: &Parameters,
        batch: &Batch<'_>,
        into: &mut Parameters,
    ) -> Result<BatchResult, Error> {
        let groups = batch.images.len().div_ceil(GROUP);
        self.make_room(groups);
        let cpu = self.cpu.clone();
        cpu.install(|| self.packed.fill(cpu.level(), &self.plan, Some(&self.back), parameters));
        let parts = match self.staged.take() {
            None => {
                self.run_groups(batch)?;
                groups
            }
            Some(mut staged) => {
                let parts = self.run_staged(&mut staged, parameters, batch);
                self.staged = Some(staged);
                parts?
            }
        };
        cpu.install(|| self.reduce((parts, groups), into));
        let mut result = BatchResult::default();
        for judgement in &self.judgements[..batch.images.len()] {
            result.loss_sum += judgement.loss;
            result.errors += judgement.error;
        }
        Ok(result)
    }

    /// Grows the buffers that depend on the size of the batch.
    fn make_room(&mut self, groups: usize) {
        if self.judgements.len() >= groups * GROUP {
            return;
        }
        self.weights = WeightPlan::new(&self.plan, groups);
        let parts = match &mut self.staged {
            None => groups,
            Some(staged) => staged.make_room(&self.plan, groups),
        };
        self.sums = Buffer::zeros(parts * self.weights.sums);
        // Past the end, whole blocks of filters may be read.
        self.shelves = Buffer::zeros(groups * self.weights.piece + 64);
        self.judgements = vec![Judgement::default(); groups * GROUP];
    }

    /// A workspace that no other thread uses, to be handed to [`CpuEngine::give_back`].
    pub(super) fn take_space(&self) -> Option<Workspace> {
        self.spaces.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    pub(super) fn give_back(&self, space: Workspace) {
        self.spaces.lock().unwrap_or_else(PoisonError::into_inner).push(space);
    }
}
