//! A network with one set of weights, ready to be applied to images.

use crate::cpu::layout::Maps;
use crate::cpu::pass::{Pass, Workspace};
use crate::cpu::plan::{BackwardPlan, Packed, Plan, Weighted, check};
use crate::cuda::CudaModel;
use crate::device::{Cpu, Device};
use crate::error::Error;
use crate::network::Network;
use crate::output::LayerOutput;
use crate::parameters::Parameters;
use crate::preprocess::{Preprocess, View};
use crate::snapshot::Snapshot;
use ndarray::{Array2, Array3, ArrayView3};
use rayon::prelude::*;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A network with one set of weights, ready to be applied. Results for an image do not depend on
/// the images it is given together with, nor on the number of threads.
#[derive(Debug)]
pub struct Model(Backend);

#[derive(Debug)]
enum Backend {
    Cpu(Box<CpuModel>),
    Cuda(Box<OnDevice>),
}

/// A model on a graphics processor.
#[derive(Debug)]
struct OnDevice {
    model: CudaModel,
    /// What the way back to one image's pixels is computed from, on the processor: set up when first
    /// asked for.
    parameters: Parameters,
    back: OnceLock<CpuModel>,
}

impl Model {
    /// Makes the weights ready for the device.
    pub fn new(
        network: Arc<Network>,
        preprocess: Arc<Preprocess>,
        parameters: &Parameters,
        device: &Device,
    ) -> Result<Self, Error> {
        check(parameters, &network)?;
        Ok(Self(match device {
            Device::Cpu(cpu) => Backend::Cpu(Box::new(CpuModel::new(network, preprocess, parameters, cpu))),
            Device::Cuda(cuda) => Backend::Cuda(Box::new(OnDevice {
                model: CudaModel::new(network, preprocess, parameters, cuda)?,
                parameters: parameters.clone(),
                back: OnceLock::new(),
            })),
        }))
    }

    /// The network with a snapshot's weights and mean.
    pub fn from_snapshot(network: Arc<Network>, snapshot: &Snapshot, device: &Device) -> Result<Self, Error> {
        let preprocess = Arc::new(network.preprocess(snapshot.mean.clone()));
        Self::new(network, preprocess, &snapshot.parameters, device)
    }

    /// The network.
    pub fn network(&self) -> &Arc<Network> {
        match &self.0 {
            Backend::Cpu(cpu) => &cpu.plan.network,
            Backend::Cuda(cuda) => cuda.model.network(),
        }
    }

    /// Applies the network to the centre view of each image; for each wanted layer a matrix with a
    /// row an image, values in channel, row, column order.
    pub fn forward(&self, images: &[ArrayView3<'_, u8>], wanted: &[usize]) -> Result<Vec<Array2<f32>>, Error> {
        let network = self.network();
        let centre = View::centre(network.image(), network.input());
        self.forward_views(images, &vec![centre; images.len()], wanted)
    }

    /// Applies the network to one view of each image.
    pub fn forward_views(
        &self,
        images: &[ArrayView3<'_, u8>],
        views: &[View],
        wanted: &[usize],
    ) -> Result<Vec<Array2<f32>>, Error> {
        let extent = Extent { wanted, last: wanted.iter().copied().max().unwrap_or(0) };
        self.check(images, views, wanted)?;
        match &self.0 {
            Backend::Cpu(cpu) => cpu.apply(images, views, extent, |(): &mut (), _, _| ()).map(|(out, _)| out),
            Backend::Cuda(cuda) => {
                let model = &cuda.model;
                model.apply::<()>(images, views, (wanted, extent.last), None).map(|(out, _)| out)
            }
        }
    }

    /// As [`Model::forward`], and shows `watch` the output of every layer by its index while it is
    /// at hand. Images go through the network a few at a time; each few have a `T` of their own, and
    /// these come back in the order of the images.
    pub fn forward_watched<T: Default + Send>(
        &self,
        images: &[ArrayView3<'_, u8>],
        wanted: &[usize],
        watch: impl Fn(&mut T, usize, LayerOutput<'_>) + Sync,
    ) -> Result<(Vec<Array2<f32>>, Vec<T>), Error> {
        let network = self.network();
        let centre = View::centre(network.image(), network.input());
        let (views, extent) = (vec![centre; images.len()], Extent { wanted, last: network.output() });
        self.check(images, &views, wanted)?;
        match &self.0 {
            Backend::Cpu(cpu) => cpu.apply(images, &views, extent, watch),
            Backend::Cuda(cuda) => cuda.model.apply(images, &views, (wanted, extent.last), Some(&watch)),
        }
    }

    /// The gradient of `seed . output of the layer` by the image's pixels (centre view; zero
    /// outside of it). `seed` has a value for each of the layer's, in channel, row, column order:
    /// for one unit, 1 there and 0 elsewhere. Computed on the processor, for it is of one image.
    pub fn input_gradient(&self, image: ArrayView3<'_, u8>, layer: usize, seed: &[f32]) -> Result<Array3<f32>, Error> {
        self.check_layer(layer)?;
        let length = self.network().layers()[layer].shape.len();
        if seed.len() != length {
            return Err(Error::Input {
                what: "seed of a gradient",
                expected: format!("{length} values, one for each of the layer's"),
                found: seed.len().to_string(),
            });
        }
        let cuda = match &self.0 {
            Backend::Cpu(cpu) => return cpu.input_gradient(image, layer, seed),
            Backend::Cuda(cuda) => cuda,
        };
        if cuda.back.get().is_none()
            && let Device::Cpu(cpu) = Device::cpu(Some(1), None)?
        {
            let (network, preprocess) = (Arc::clone(cuda.model.network()), Arc::clone(cuda.model.preprocess()));
            cuda.back.get_or_init(|| CpuModel::new(network, preprocess, &cuda.parameters, &cpu));
        }
        match cuda.back.get() {
            Some(model) => model.input_gradient(image, layer, seed),
            None => Ok(Array3::zeros(image.dim())),
        }
    }

    fn check(&self, images: &[ArrayView3<'_, u8>], views: &[View], wanted: &[usize]) -> Result<(), Error> {
        if views.len() != images.len() {
            return Err(Error::Input {
                what: "views",
                expected: format!("{}, one an image", images.len()),
                found: views.len().to_string(),
            });
        }
        wanted.iter().try_for_each(|&layer| self.check_layer(layer))
    }

    fn check_layer(&self, layer: usize) -> Result<(), Error> {
        let layers = self.network().layers().len();
        if layer < layers {
            return Ok(());
        }
        Err(Error::Input { what: "layer index", expected: format!("0 to {}", layers - 1), found: layer.to_string() })
    }
}

/// A model on the processor.
struct CpuModel {
    plan: Plan,
    packed: Packed,
    preprocess: Arc<Preprocess>,
    parameters: Parameters,
    cpu: Cpu,
    spaces: Mutex<Vec<Workspace>>,
    /// The way back to the input, set up when first asked for.
    back: OnceLock<Back>,
}

struct Back {
    plan: BackwardPlan,
    packed: Packed,
}

impl fmt::Debug for CpuModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layers = self.plan.network.layers().len();
        write!(f, "CpuModel({layers} layers, {:?})", self.cpu)
    }
}

/// One chunk of images and the rows of the results that belong to them.
struct Task<'a, 'i, T> {
    images: &'a [ArrayView3<'i, u8>],
    views: &'a [View],
    rows: Vec<&'a mut [f32]>,
    /// What a watcher made of the chunk.
    seen: T,
}

/// Which layers' outputs are kept, and how far the network is applied.
#[derive(Clone, Copy)]
struct Extent<'a> {
    wanted: &'a [usize],
    last: usize,
}

impl CpuModel {
    fn new(network: Arc<Network>, preprocess: Arc<Preprocess>, parameters: &Parameters, cpu: &Cpu) -> Self {
        let plan = Plan::new(network);
        let mut packed = Packed::new(&plan);
        cpu.install(|| packed.fill(&plan, None, parameters));
        Self {
            plan,
            packed,
            preprocess,
            parameters: parameters.clone(),
            cpu: cpu.clone(),
            spaces: Mutex::default(),
            back: OnceLock::new(),
        }
    }

    fn apply<T: Default + Send>(
        &self,
        images: &[ArrayView3<'_, u8>],
        views: &[View],
        extent: Extent<'_>,
        watch: impl Fn(&mut T, usize, LayerOutput<'_>) + Sync,
    ) -> Result<(Vec<Array2<f32>>, Vec<T>), Error> {
        let layers = self.plan.network.layers();
        let length = |layer: usize| layers[layer].shape.len();
        let mut out: Vec<Array2<f32>> =
            extent.wanted.iter().map(|&layer| Array2::zeros((images.len(), length(layer)))).collect();
        let mut tasks: Vec<Task<'_, '_, T>> = images
            .chunks(self.plan.chunk)
            .zip(views.chunks(self.plan.chunk))
            .map(|(images, views)| Task { images, views, rows: Vec::with_capacity(out.len()), seen: T::default() })
            .collect();
        for (matrix, &layer) in out.iter_mut().zip(extent.wanted) {
            let rows = matrix.as_slice_mut().unwrap_or_default();
            for (task, rows) in tasks.iter_mut().zip(rows.chunks_mut(self.plan.chunk * length(layer))) {
                task.rows.push(rows);
            }
        }
        let run = |task: &mut Task<'_, '_, T>| self.run(task, extent, &watch);
        // Waking other threads costs more than they help with small networks and few images.
        let layers = self.plan.weighted[..=extent.last].iter();
        let shared = || layers.flatten().any(|layer| matches!(layer, Weighted::Conv(conv) if conv.is_shared()));
        if self.cpu.is_parallel() && (tasks.len() > 1 || shared()) {
            self.cpu.install(|| tasks.par_iter_mut().try_for_each(run))?;
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
        let mut space = self.space();
        let images = task.images.len();
        let pass = self.pass(images, &self.packed);
        for (slot, (image, view)) in task.images.iter().zip(task.views).enumerate() {
            pass.load(&mut space, slot, &self.preprocess, (*image, *view))?;
        }
        pass.forward(&mut space, extent.last, |layer, maps| {
            watch(&mut task.seen, layer, LayerOutput { maps, images, level: self.cpu.level() });
            for (rows, _) in task.rows.iter_mut().zip(extent.wanted).filter(|(_, w)| **w == layer) {
                let length = maps.layout.shape.len();
                for (image, row) in rows.chunks_exact_mut(length).enumerate() {
                    copy_out(maps, image, row);
                }
            }
        });
        self.spaces.lock().unwrap_or_else(PoisonError::into_inner).push(space);
        Ok(())
    }

    fn input_gradient(&self, image: ArrayView3<'_, u8>, layer: usize, seed: &[f32]) -> Result<Array3<f32>, Error> {
        let network = &self.plan.network;
        let back = self.back.get_or_init(|| {
            let plan = BackwardPlan::new(&self.plan, true);
            let mut packed = Packed::new(&self.plan);
            let fill = || packed.fill(&self.plan, Some(&plan), &self.parameters);
            self.cpu.install(fill);
            Back { plan, packed }
        });
        let mut space = Workspace::new(&self.plan, Some(&back.plan));
        let pass = self.pass(1, &back.packed);
        let view = View::centre(network.image(), network.input());
        pass.load(&mut space, 0, &self.preprocess, (image, view))?;
        pass.forward(&mut space, layer, |_, _| ());
        space.reset();
        let gradient = pass.seed(&mut space, layer);
        let layout = *gradient.layout;
        let area = layout.shape.height * layout.shape.width;
        for (index, &value) in seed.iter().enumerate() {
            let (channel, place) = (index / area, index % area);
            let (y, x) = (place / layout.shape.width, place % layout.shape.width);
            gradient.values[layout.pixel(0, y, x).start + channel] = value;
        }
        pass.backward(&mut space, 1..=layer, &back.plan, |_, _, _| ());
        let layout = self.plan.places[0].gradient;
        let mut out = Array3::zeros(network.image().dims());
        for y in 0..layout.shape.height {
            for x in 0..layout.shape.width {
                let pixel = &space.gradients[0][layout.pixel(0, y, x)];
                for (channel, value) in pixel.iter().enumerate() {
                    let at = [channel, y + view.y as usize, x + view.x as usize];
                    out[at] = value * self.preprocess.scale;
                }
            }
        }
        Ok(out)
    }

    fn pass<'a>(&'a self, images: usize, packed: &'a Packed) -> Pass<'a> {
        Pass { plan: &self.plan, packed, level: self.cpu.level(), images, noise: None }
    }

    fn space(&self) -> Workspace {
        let mut spaces = self.spaces.lock().unwrap_or_else(PoisonError::into_inner);
        let space = spaces.pop();
        drop(spaces);
        space.unwrap_or_else(|| Workspace::new(&self.plan, None))
    }
}

/// One image's values in channel, row, column order.
fn copy_out(maps: Maps<'_>, image: usize, row: &mut [f32]) {
    let shape = maps.layout.shape;
    let area = shape.height * shape.width;
    for y in 0..shape.height {
        for x in 0..shape.width {
            let pixel = &maps.values[maps.layout.pixel(image, y, x)];
            for (channel, &value) in pixel.iter().enumerate() {
                row[channel * area + y * shape.width + x] = value;
            }
        }
    }
}
