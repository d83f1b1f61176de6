//! The compute of a training step: loss and gradients of a batch.

use crate::cpu::buffer::Buffer;
use crate::cpu::layout::{Maps, MapsMut};
use crate::cpu::pass::{Pass, Workspace};
use crate::cpu::plan::{BackwardPlan, Packed, Plan, WeightGradient, WeightPlan, check};
use crate::cpu::tree::{SLICE, Tree};
use crate::device::{Cpu, Device};
use crate::error::Error;
use crate::network::Network;
use crate::ops::local::cpu::SIDE_BY_SIDE;
use crate::ops::softmax::cpu::{Judgement, judge};
use crate::parameters::Parameters;
use crate::preprocess::{Preprocess, View};
use ndarray::ArrayView3;
use rayon::prelude::*;
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
    /// Sum of -log p of the true class.
    pub loss_sum: f64,
    /// Images wrongly classified; one tied among t classes counts 1 - 1/t.
    pub errors: f64,
}

/// Computes gradients of batches, keeping its buffers from step to step.
pub struct Engine {
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
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layers = self.plan.network.layers().len();
        write!(f, "Engine({layers} layers, {:?})", self.cpu)
    }
}

/// One group of images and what belongs to it.
struct Group<'a, 'i> {
    images: &'a [ArrayView3<'i, u8>],
    labels: &'a [u16],
    views: &'a [View],
    /// Position in the batch of the first.
    first: usize,
    noise: u64,
    sums: &'a mut [f32],
    shelf: &'a mut [f32],
    judgements: &'a mut [Judgement],
}

impl Engine {
    /// Plans the network's training on the device.
    pub fn new(network: Arc<Network>, preprocess: Arc<Preprocess>, device: &Device) -> Result<Self, Error> {
        let Device::Cpu(cpu) = device;
        let plan = Plan::new(network);
        let back = BackwardPlan::new(&plan, false);
        let packed = Packed::new(&plan);
        let weights = WeightPlan::new(&plan, 0);
        Ok(Self {
            total: Buffer::zeros(weights.sums),
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
        })
    }

    /// The network.
    pub fn network(&self) -> &Arc<Network> {
        &self.plan.network
    }

    /// Writes into `into` the gradient of the summed loss by every parameter.
    ///
    /// Bit for bit the same for any number of threads.
    pub fn gradients(
        &mut self,
        parameters: &Parameters,
        batch: &Batch<'_>,
        into: &mut Parameters,
    ) -> Result<BatchResult, Error> {
        self.check(parameters, batch, into)?;
        let groups = batch.images.len().div_ceil(GROUP);
        self.make_room(groups);
        let cpu = self.cpu.clone();
        cpu.install(|| self.packed.fill(&self.plan, Some(&self.back), parameters));
        self.run_groups(batch)?;
        cpu.install(|| self.reduce(groups, into));
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
        self.sums = Buffer::zeros(groups * self.weights.sums);
        // Past the end, whole blocks of filters may be read.
        self.shelves = Buffer::zeros(groups * self.weights.piece + 64);
        self.judgements = vec![Judgement::default(); groups * GROUP];
    }

    fn run_groups(&mut self, batch: &Batch<'_>) -> Result<(), Error> {
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
        let spaces = || self.spaces.lock().unwrap_or_else(PoisonError::into_inner);
        let space = spaces().pop();
        let mut space = space.unwrap_or_else(|| Workspace::new(&self.plan, Some(&self.back)));
        group.sums.fill(0.0);
        for start in (0..group.images.len()).step_by(self.plan.chunk) {
            self.run_chunk(&mut group, start, &mut space)?;
        }
        for slot in group.images.len()..GROUP {
            for layer in self.weights.layers.iter().flatten() {
                if let WeightGradient::Local(local) = layer {
                    local.forget(slot, group.shelf);
                }
            }
        }
        spaces().push(space);
        Ok(())
    }

    fn run_chunk(&self, group: &mut Group<'_, '_>, start: usize, space: &mut Workspace) -> Result<(), Error> {
        let level = self.cpu.level();
        let images = self.plan.chunk.min(group.images.len() - start);
        let pass = Pass {
            plan: &self.plan,
            packed: &self.packed,
            level,
            images,
            noise: Some((group.noise, group.first + start)),
        };
        for slot in 0..images {
            let image = (group.images[start + slot], group.views[start + slot]);
            pass.load(space, slot, &self.preprocess, image)?;
        }
        let network = &self.plan.network;
        let (output, logits) = (network.output(), network.logits());
        pass.forward(space, output, |_, _| ());
        space.reset();
        pass.seed(space, logits);
        let place = self.plan.places[logits];
        let mut gradient = std::mem::take(&mut space.gradients[place.home]);
        for slot in 0..images {
            let known = (pass.activation(space, logits), pass.activation(space, output));
            let mut dx = MapsMut { layout: &place.gradient, values: &mut gradient };
            let label = usize::from(group.labels[start + slot]);
            group.judgements[start + slot] = judge(slot, label, known, &mut dx);
        }
        space.gradients[place.home] = gradient;
        let (sums, shelf) = (&mut *group.sums, &mut *group.shelf);
        let keep = |layer: usize, x: Maps<'_>, dy: Maps<'_>| match &self.weights.layers[layer] {
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
        };
        pass.backward(space, output - 1, &self.back, keep);
        Ok(())
    }

    /// Sums the groups and brings the gradients into the files' order.
    fn reduce(&mut self, groups: usize, into: &mut Parameters) {
        let length = self.weights.sums;
        let sums = &self.sums;
        self.total.par_chunks_mut(SLICE).enumerate().for_each(|(slice, total)| {
            let start = slice * SLICE;
            let part = |group: usize| &sums[group * length + start..][..total.len()];
            let mut tree = Tree::new();
            for group in 0..groups {
                tree.add(part(group));
            }
            tree.finish(total);
        });
        let level = self.cpu.level();
        let shelves = (&*self.shelves, groups);
        let (plan, weights, total) = (&self.plan, &self.weights, &self.total);
        let mut arrays = into.iter_mut();
        for (layer, gradient) in plan.network.layers().iter().zip(&weights.layers) {
            if layer.parameters.is_empty() {
                continue;
            }
            let (Some((_, weight)), Some((_, bias))) = (arrays.next(), arrays.next()) else {
                continue;
            };
            let weight = weight.as_slice_mut().unwrap_or_default();
            let bias = bias.as_slice_mut().unwrap_or_default();
            match gradient {
                Some(WeightGradient::Conv { gradient, offset }) => {
                    gradient.unpack(&total[*offset..][..gradient.len()], weight, bias);
                }
                Some(WeightGradient::Local(local)) => local.sum(level, shelves, weight, bias),
                None => {}
            }
        }
    }

    fn check(&self, parameters: &Parameters, batch: &Batch<'_>, into: &Parameters) -> Result<(), Error> {
        let network = &self.plan.network;
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
                return Err(Error::Input {
                    what,
                    expected: format!("{images}, one an image"),
                    found: found.to_string(),
                });
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
}
