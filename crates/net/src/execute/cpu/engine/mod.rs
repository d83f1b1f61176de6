//! Loss and gradients of a batch on the CPU.
//!
//! Without batch normalisation, each chunk of images passes the whole network forward and backward before the next
//! one (`group`). Batch normalisation needs sums over the whole minibatch: then all chunks pass one stage, from one
//! normalisation to the next, before any enters the next stage (`staged`).

mod group;
mod staged;

use crate::device::Cpu;
use crate::device::cpu::buffer::Buffer;
use crate::device::cpu::pairwise_sum::{SLICE, Tree};
use crate::error::Error;
use crate::execute::cpu::pass::{Pass, Workspace};
use crate::execute::cpu::plan::{Plan, Steps};
use crate::execute::cpu::weights::{BatchSums, WeightPlan};
use crate::execute::{Batch, BatchResult, gradients_wanted};
use crate::input::Preprocess;
use crate::network::Network;
use crate::ops::cpu::{Chunk, GROUP_IMAGES, Noise};
use crate::ops::softmax::cpu::LossAndError;
use crate::parameters::Parameters;
use rayon::prelude::*;
use staged::Staged;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// An engine on the CPU.
pub(crate) struct CpuEngine {
    pub(super) plan: Plan,
    pub(super) steps: Steps,
    /// Layers whose gradient is wanted.
    pub(super) wanted: Vec<bool>,
    pub(super) weights: WeightPlan,
    pub(super) preprocess: Arc<Preprocess>,
    pub(super) cpu: Cpu,
    spaces: Mutex<Vec<Workspace>>,
    /// Sums of the weights' gradients, for each part of a batch.
    pub(super) sums: Buffer,
    /// What layers keep of each group of images ([`crate::ops::cpu::GradientSpace`]).
    pub(super) deferred: Buffer,
    pub(super) losses: Vec<LossAndError>,
    /// The parts' sums added up.
    total: Buffer,
    /// What networks with batch normalisation need besides.
    staged: Option<Staged>,
}

impl fmt::Debug for CpuEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layers = self.plan.network.layers().len();
        write!(f, "CpuEngine({layers} layers, {:?})", self.cpu)
    }
}

impl CpuEngine {
    pub fn new(network: Arc<Network>, preprocess: Arc<Preprocess>, cpu: &Cpu) -> Result<Self, Error> {
        let wanted = gradients_wanted(&network, false);
        let plan = Plan::new(network);
        let mut steps = plan.steps();
        steps.prepare_backward(&plan.network, &wanted);
        steps.prepare_training(&plan.network)?;
        let weights = WeightPlan::new(&steps);
        Ok(Self {
            total: Buffer::zeros(weights.sums_len),
            staged: Staged::new(&plan, &steps, &wanted),
            plan,
            steps,
            wanted,
            weights,
            preprocess,
            cpu: cpu.clone(),
            spaces: Mutex::default(),
            sums: Buffer::default(),
            deferred: Buffer::default(),
            losses: Vec::new(),
        })
    }

    pub fn network(&self) -> &Arc<Network> {
        &self.plan.network
    }

    /// As [`crate::Engine::gradients`], for a batch that was checked.
    pub fn gradients(
        &mut self,
        parameters: &Parameters,
        batch: &Batch<'_>,
        into: &mut Parameters,
    ) -> Result<BatchResult, Error> {
        let groups = batch.images.len().div_ceil(GROUP_IMAGES);
        self.grow(groups);
        let cpu = self.cpu.clone();
        cpu.install(|| self.steps.pack(cpu.level(), &self.plan.network, parameters))?;
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
        cpu.install(|| self.reduce(parts, groups, into))?;
        let mut result = BatchResult::default();
        for one in &self.losses[..batch.images.len()] {
            result.loss_sum += one.loss;
            result.errors += one.error;
        }
        Ok(result)
    }

    /// Grows the buffers that depend on the size of the batch.
    fn grow(&mut self, groups: usize) {
        if self.losses.len() >= groups * GROUP_IMAGES {
            return;
        }
        self.weights.place(&mut self.steps, groups);
        let parts = match &mut self.staged {
            None => groups,
            Some(staged) => staged.grow(&self.plan, groups),
        };
        self.sums = Buffer::zeros(parts * self.weights.sums_len);
        // Past the end, whole blocks of filters may be read.
        self.deferred = Buffer::zeros(groups * self.weights.group_stride + 64);
        self.losses = vec![LossAndError::default(); groups * GROUP_IMAGES];
    }

    /// Sums the parts and brings the gradients into the axis order of the snapshot files.
    fn reduce(&mut self, parts: usize, groups: usize, into: &mut Parameters) -> Result<(), Error> {
        let length = self.weights.sums_len;
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
        let batch = BatchSums { level: self.cpu.level(), total: &self.total, deferred: &self.deferred, groups };
        self.weights.finish(&self.steps, &self.plan.network, &batch, into)
    }

    /// The pass of the chunk that begins with image `start` of `images` images, the first of which is the batch's image
    /// `first`.
    pub(super) fn pass(&self, noise: u64, first: usize, images: usize, start: usize) -> Pass<'_> {
        let images = self.plan.chunk.min(images - start);
        let noise = Some(Noise { step: noise, first_image: first + start });
        let chunk = Chunk { level: self.cpu.level(), images, noise };
        Pass { plan: &self.plan, slots: &self.plan.slots, steps: &self.steps, chunk }
    }

    /// A workspace that no other thread uses, to be handed to [`CpuEngine::give_back`].
    pub(super) fn take_space(&self) -> Option<Workspace> {
        self.spaces.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    pub(super) fn give_back(&self, space: Workspace) {
        self.spaces.lock().unwrap_or_else(PoisonError::into_inner).push(space);
    }
}
