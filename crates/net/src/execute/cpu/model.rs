//! A network with one set of weights on the processor.

use super::pass::{Pass, Workspace};
use super::plan::{Plan, Steps};
use super::trace::{CpuTrace, TraceParts, keep};
use crate::device::Cpu;
use crate::error::Error;
use crate::execute::{ChannelEdit, RectifierRule, gradients_wanted};
use crate::input::{Preprocess, View};
use crate::network::Network;
use crate::ops::cpu::{BufferSlot, Chunk};
use crate::output::LayerOutput;
use crate::parameters::Parameters;
use ndarray::{Array2, Array3, ArrayView1, ArrayView2, ArrayView3, Axis};
use rayon::prelude::*;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// What all models of a network have in common: how its layers are computed, and room for their outputs.
pub(crate) struct CompiledCpuNetwork {
    plan: Plan,
    cpu: Cpu,
    spaces: Mutex<Vec<Workspace>>,
}

impl fmt::Debug for CompiledCpuNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CompiledCpuNetwork({} layers, {:?})", self.network().layers().len(), self.cpu)
    }
}

impl CompiledCpuNetwork {
    pub fn new(network: Arc<Network>, cpu: &Cpu) -> Self {
        Self { plan: Plan::new(network), cpu: cpu.clone(), spaces: Mutex::default() }
    }

    pub fn network(&self) -> &Arc<Network> {
        &self.plan.network
    }

    fn space(&self, steps: &Steps) -> Workspace {
        let mut spaces = self.spaces.lock().unwrap_or_else(PoisonError::into_inner);
        let space = spaces.pop();
        drop(spaces);
        space.unwrap_or_else(|| Workspace::new(&self.plan, steps, None))
    }
}

/// A model on the processor.
pub(crate) struct CpuModel {
    shared: Arc<CompiledCpuNetwork>,
    steps: Steps,
    preprocess: Arc<Preprocess>,
    parameters: Parameters,
    /// The layers for the backward pass to the input, set up when first asked for.
    backward: OnceLock<BackwardSteps>,
}

/// The layers, prepared for gradients with respect to every activation.
struct BackwardSteps {
    steps: Steps,
    /// Layers whose gradient is wanted.
    wanted: Vec<bool>,
}

impl fmt::Debug for CpuModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CpuModel({:?})", self.shared)
    }
}

/// One chunk of images and the rows of the results that belong to them.
struct Task<'a, 'i, T> {
    images: &'a [ArrayView3<'i, u8>],
    views: &'a [View],
    rows: Vec<&'a mut [f32]>,
    /// What `watch` of [`CpuModel::apply`] made of the chunk.
    seen: T,
}

/// Which layers' outputs are kept, and how far the network is applied.
#[derive(Clone, Copy)]
pub(crate) struct Extent<'a> {
    pub wanted: &'a [usize],
    pub last: usize,
    /// Channels that are set, each with its layer.
    pub edits: &'a [(usize, ChannelEdit)],
}

impl CpuModel {
    pub fn new(
        shared: Arc<CompiledCpuNetwork>,
        preprocess: Arc<Preprocess>,
        parameters: Parameters,
    ) -> Result<Self, Error> {
        let mut steps = shared.plan.steps();
        shared.cpu.install(|| steps.pack(shared.cpu.level(), shared.network(), &parameters))?;
        Ok(Self { shared, steps, preprocess, parameters, backward: OnceLock::new() })
    }

    pub fn network(&self) -> &Arc<Network> {
        self.shared.network()
    }

    /// Applies the network to one view of each image: the wanted layers' outputs, and for each chunk of images what
    /// `watch`, which is shown every layer's output, made of it.
    pub fn apply<T: Default + Send>(
        &self,
        images: &[ArrayView3<'_, u8>],
        views: &[View],
        extent: Extent<'_>,
        watch: impl Fn(&mut T, usize, LayerOutput<'_>) + Sync,
    ) -> Result<(Vec<Array2<f32>>, Vec<T>), Error> {
        let layers = self.shared.plan.network.layers();
        let length = |layer: usize| layers[layer].shape.len();
        let mut out: Vec<Array2<f32>> =
            extent.wanted.iter().map(|&layer| Array2::zeros((images.len(), length(layer)))).collect();
        let mut tasks: Vec<Task<'_, '_, T>> = images
            .chunks(self.shared.plan.chunk)
            .zip(views.chunks(self.shared.plan.chunk))
            .map(|(images, views)| Task { images, views, rows: Vec::with_capacity(out.len()), seen: T::default() })
            .collect();
        for (matrix, &layer) in out.iter_mut().zip(extent.wanted) {
            let rows = matrix.as_slice_mut();
            let rows = rows.ok_or_else(|| Error::internal("a matrix of outputs is not in order".into()))?;
            for (task, rows) in tasks.iter_mut().zip(rows.chunks_mut(self.shared.plan.chunk * length(layer))) {
                task.rows.push(rows);
            }
        }
        let run = |task: &mut Task<'_, '_, T>| self.run(task, extent, &watch);
        // Waking other threads costs more than they help with small networks and few images.
        if self.shared.cpu.is_parallel() && (tasks.len() > 1 || self.shared.plan.shares_image(extent.last)) {
            self.shared.cpu.install(|| tasks.par_iter_mut().try_for_each(run))?;
        } else {
            tasks.iter_mut().try_for_each(run)?;
        }
        let seen = tasks.into_iter().map(|task| task.seen).collect();
        Ok((out, seen))
    }

    fn run<T>(
        &self,
        task: &mut Task<'_, '_, T>,
        extent: Extent<'_>,
        watch: &impl Fn(&mut T, usize, LayerOutput<'_>),
    ) -> Result<(), Error> {
        let mut space = self.shared.space(&self.steps);
        let images = task.images.len();
        let pass = self.pass(images, &self.steps, &self.shared.plan.forward_slots);
        for (slot, (image, view)) in task.images.iter().zip(task.views).enumerate() {
            pass.load(&mut space, slot, &self.preprocess, (*image, *view))?;
        }
        pass.forward_edited(&mut space, 0..=extent.last, extent.edits, |layer, maps| {
            watch(&mut task.seen, layer, LayerOutput { maps, images, level: self.shared.cpu.level() });
            for (rows, _) in task.rows.iter_mut().zip(extent.wanted).filter(|(_, w)| **w == layer) {
                let length = maps.layout.shape.len();
                for (image, row) in rows.chunks_exact_mut(length).enumerate() {
                    maps.copy_image(image, row);
                }
            }
        });
        self.shared.spaces.lock().unwrap_or_else(PoisonError::into_inner).push(space);
        Ok(())
    }

    /// The wanted layers' outputs, computed from those of layer `start` (`rows`, one an image), on which alone all
    /// later layers depend.
    pub fn apply_from(
        &self,
        start: usize,
        rows: ArrayView2<'_, f32>,
        extent: Extent<'_>,
    ) -> Result<Vec<Array2<f32>>, Error> {
        let plan = &self.shared.plan;
        let dependents = plan.network.depending_on(start, extent.last);
        let layers = plan.network.layers();
        let run = |part: ArrayView2<'_, f32>| {
            let images = part.nrows();
            let mut out: Vec<Array2<f32>> =
                extent.wanted.iter().map(|&layer| Array2::zeros((images, layers[layer].shape.len()))).collect();
            let mut space = self.shared.space(&self.steps);
            let pass = self.pass(images, &self.steps, &plan.forward_slots);
            let slot = &pass.slots[start];
            let area = slot.activation.shape.height * slot.activation.shape.width;
            let values = &mut space.activations[slot.buffer];
            for (image, row) in part.rows().into_iter().enumerate() {
                for channel in 0..slot.activation.shape.channels {
                    let own = row.iter().skip(channel * area);
                    slot.activation
                        .channel(image, channel)
                        .flatten()
                        .zip(own)
                        .for_each(|(at, &value)| values[at] = value);
                }
            }
            for &layer in [start].iter().chain(&dependents) {
                if layer > start {
                    pass.forward_layer(&mut space, layer);
                }
                pass.edit(&mut space, layer, extent.edits);
                keep(&mut out, extent.wanted, layer, pass.activation(&space, layer));
            }
            self.shared.spaces.lock().unwrap_or_else(PoisonError::into_inner).push(space);
            out
        };
        let chunks: Vec<ArrayView2<'_, f32>> = rows.axis_chunks_iter(Axis(0), plan.chunk).collect();
        let parts: Vec<Vec<Array2<f32>>> = if self.shared.cpu.is_parallel() {
            self.shared.cpu.install(|| chunks.into_par_iter().map(run).collect())
        } else {
            chunks.into_iter().map(run).collect()
        };
        let joined = |place: usize| {
            let views: Vec<ArrayView2<'_, f32>> = parts.iter().map(|part| part[place].view()).collect();
            ndarray::concatenate(Axis(0), &views)
                .map_err(|error| Error::internal(format!("outputs of parts of a batch: {error}")))
        };
        (0..extent.wanted.len()).map(joined).collect()
    }

    /// The gradient of `seed . output of the layer` with respect to the image's pixels.
    pub fn input_gradient(&self, image: ArrayView3<'_, u8>, layer: usize, seed: &[f32]) -> Result<Array3<f32>, Error> {
        let seed = ArrayView2::from_shape((1, seed.len()), seed)
            .map_err(|error| Error::internal(format!("a seed of a gradient: {error}")))?;
        let mut trace = self.trace(true)?;
        trace.forward(&[self.input_of(image)?.view()], layer, &[]);
        let gradient = trace.backward(layer, seed, (RectifierRule::Derivative, &[0]))?;
        Ok(self.by_pixel(gradient[0].row(0)))
    }

    /// What the network sees of an image: its centre view, preprocessed.
    pub fn input_of(&self, image: ArrayView3<'_, u8>) -> Result<Array3<f32>, Error> {
        let mut input = Array3::zeros(self.network().input().dims());
        self.preprocess.write(image, self.network().centre_view(), input.view_mut())?;
        Ok(input)
    }

    /// Turns a gradient with respect to the network's input into one with respect to the image's pixels: zero outside
    /// of the centre view.
    pub fn by_pixel(&self, gradient: ArrayView1<'_, f32>) -> Array3<f32> {
        let network = self.network();
        let (view, shape) = (network.centre_view(), network.input());
        let mut out = Array3::zeros(network.image().dims());
        for (index, value) in gradient.iter().enumerate() {
            let (y, x) = (index / shape.width % shape.height, index % shape.width);
            let (channel, factor) = self.preprocess.by_pixel(index / (shape.height * shape.width), shape.channels);
            out[[channel, y + view.y as usize, x + view.x as usize]] = value * factor;
        }
        out
    }

    /// Room for a chunk of images with all their activations; with gradients, if these are wanted.
    pub fn trace(&self, with_gradients: bool) -> Result<CpuTrace<'_>, Error> {
        let prepared = if with_gradients { Some(self.backward()?) } else { None };
        Ok(CpuTrace::new(TraceParts {
            plan: &self.shared.plan,
            level: self.shared.cpu.level(),
            steps: prepared.map_or(&self.steps, |prepared| &prepared.steps),
            gradients: prepared.map(|prepared| prepared.wanted.as_slice()),
            parameters: &self.parameters,
        }))
    }

    /// The layers prepared for gradients down to the input.
    fn backward(&self) -> Result<&BackwardSteps, Error> {
        if let Some(backward) = self.backward.get() {
            return Ok(backward);
        }
        let CompiledCpuNetwork { plan, cpu, .. } = &*self.shared;
        let wanted = gradients_wanted(&plan.network, true);
        let mut steps = plan.steps();
        steps.prepare_backward(&plan.network, &wanted);
        cpu.install(|| steps.pack(cpu.level(), &plan.network, &self.parameters))?;
        Ok(self.backward.get_or_init(|| BackwardSteps { steps, wanted }))
    }

    fn pass<'a>(&'a self, images: usize, steps: &'a Steps, slots: &'a [BufferSlot]) -> Pass<'a> {
        let chunk = Chunk { level: self.shared.cpu.level(), images, noise: None };
        Pass { plan: &self.shared.plan, slots, steps, chunk }
    }
}
