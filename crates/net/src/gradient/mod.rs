//! The compute of a training step: loss and gradients of a batch.
//!
//! A network without batch normalisation goes through fused, forward and backward, chunk by chunk
//! (`group`). Batch normalisation needs sums over the whole minibatch: such a network goes through in
//! stages, from one normalisation to the next (`staged`).

mod group;
mod norm;
mod reduce;
mod staged;
mod stages;

use crate::cpu::buffer::Buffer;
use crate::cpu::pass::Workspace;
use crate::cpu::plan::{BackwardPlan, Packed, Plan, WeightPlan, check};
use crate::cuda::CudaEngine;
use crate::device::{Cpu, Device};
use crate::error::Error;
use crate::network::Network;
use crate::ops::local::cpu::SIDE_BY_SIDE;
use crate::ops::softmax::cpu::Judgement;
use crate::parameters::Parameters;
use crate::preprocess::{Preprocess, View};
use ndarray::ArrayView3;
use staged::Staged;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Images whose gradients are summed on their own, by position in the batch: groups, not threads,
/// are the unit of work, so that sums do not depend on who computed them.
const GROUP: usize = SIDE_BY_SIDE;

/// What a step is computed from.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// Images, channels x height x width.
    pub images: &'a [ArrayView3<'a, u8>],
    /// Class of each image.
    pub labels: &'a [u16],
    /// View of each image.
    pub views: &'a [View],
    /// What dropout's masks are drawn from; another one each step.
    pub noise: u64,
}

/// Loss and errors of a batch, summed over its images.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BatchResult {
    /// Sum of -log p of the true class; with label smoothing, of the smoothed loss.
    pub loss_sum: f64,
    /// Images wrongly classified; one tied among t classes counts 1 - 1/t.
    pub errors: f64,
}

/// An engine on the processor.
pub(crate) struct CpuEngine {
    plan: Plan,
    back: BackwardPlan,
    weights: WeightPlan,
    packed: Packed,
    preprocess: Arc<Preprocess>,
    cpu: Cpu,
    spaces: Mutex<Vec<Workspace>>,
    sums: Buffer,
    shelves: Buffer,
    judgements: Vec<Judgement>,
    total: Buffer,
    /// What networks with batch normalisation need besides.
    staged: Option<Staged>,
}

/// Computes gradients of batches, keeping its buffers from step to step.
#[derive(Debug)]
pub struct Engine(Backend);

#[derive(Debug)]
enum Backend {
    Cpu(Box<CpuEngine>),
    Cuda(Box<CudaEngine>),
}

impl Engine {
    /// Plans the network's training on the device.
    pub fn new(network: Arc<Network>, preprocess: Arc<Preprocess>, device: &Device) -> Result<Self, Error> {
        Ok(Self(match device {
            Device::Cpu(cpu) => Backend::Cpu(Box::new(CpuEngine::new(network, preprocess, cpu))),
            Device::Cuda(cuda) => Backend::Cuda(Box::new(CudaEngine::new(network, preprocess, cuda)?)),
        }))
    }

    /// The network.
    pub fn network(&self) -> &Arc<Network> {
        match &self.0 {
            Backend::Cpu(engine) => &engine.plan.network,
            Backend::Cuda(engine) => engine.network(),
        }
    }

    /// Writes into `into` the gradient of the summed loss by every parameter, and in place of a
    /// running statistic the minibatch's: mean and unbiased variance.
    ///
    /// On the processor bit for bit the same for any number of threads.
    pub fn gradients(
        &mut self,
        parameters: &Parameters,
        batch: &Batch<'_>,
        into: &mut Parameters,
    ) -> Result<BatchResult, Error> {
        check_batch(self.network(), parameters, batch, into)?;
        match &mut self.0 {
            Backend::Cpu(engine) => engine.gradients(parameters, batch, into),
            Backend::Cuda(engine) => engine.gradients(parameters, batch, into),
        }
    }
}

impl fmt::Debug for CpuEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layers = self.plan.network.layers().len();
        write!(f, "CpuEngine({layers} layers, {:?})", self.cpu)
    }
}

impl CpuEngine {
    fn new(network: Arc<Network>, preprocess: Arc<Preprocess>, cpu: &Cpu) -> Self {
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

    /// As [`Engine::gradients`], of a batch that was checked.
    fn gradients(
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

    /// A workspace that no other thread uses, to be handed to [`Engine::give_back`].
    fn take_space(&self) -> Option<Workspace> {
        self.spaces.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn give_back(&self, space: Workspace) {
        self.spaces.lock().unwrap_or_else(PoisonError::into_inner).push(space);
    }
}

/// Refuses what does not belong to the network.
fn check_batch(network: &Network, parameters: &Parameters, batch: &Batch<'_>, into: &Parameters) -> Result<(), Error> {
    check(parameters, network)?;
    check(into, network)?;
    let names = network.parameters().map(|spec| spec.name.as_str());
    if !names.eq(into.iter().map(|(name, _)| name)) {
        return Err(Error::Input {
            what: "parameters to hold gradients",
            expected: "the network's order (as Parameters::zeros makes them)".into(),
            found: "another order".into(),
        });
    }
    let images = batch.images.len();
    for (what, found) in [("labels of a batch", batch.labels.len()), ("views of a batch", batch.views.len())] {
        if found != images {
            return Err(Error::Input { what, expected: format!("{images}, one an image"), found: found.to_string() });
        }
    }
    let classes = network.classes();
    let wrong = batch.labels.iter().find(|label| usize::from(**label) >= classes);
    if let Some(label) = wrong {
        return Err(Error::Input {
            what: "label",
            expected: format!("a class from 0 to {}", classes - 1),
            found: label.to_string(),
        });
    }
    if images == 0 {
        return Err(Error::Input { what: "batch", expected: "at least one image".into(), found: "none".into() });
    }
    Ok(())
}
