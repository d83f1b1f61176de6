//! A network with one set of weights, ready to be applied to images.

use crate::device::cuda::Cuda;
use crate::device::{Cpu, Device, Worker};
use crate::error::Error;
use crate::execute::ChannelEdit;
use crate::execute::cpu::model::{CompiledCpuNetwork, CpuModel, Extent};
use crate::execute::cuda::CudaModel;
use crate::execute::worker::WorkerModel;
use crate::input::{Preprocess, View};
use crate::network::Network;
use crate::output::LayerOutput;
use crate::parameters::Parameters;
use crate::snapshot::Snapshot;
use crate::trace::Trace;
use ndarray::{Array2, Array3, ArrayView1, ArrayView2, ArrayView3};
use std::sync::{Arc, OnceLock};

/// A network with one set of weights, ready to be applied. Results for an image do not depend on
/// the images it is given together with, nor on the number of threads.
#[derive(Debug)]
pub struct Model(Backend);

#[derive(Debug)]
enum Backend {
    Cpu(Box<CpuModel>),
    Cuda(Box<OnDevice>),
    Worker(WorkerModel),
}

/// A model on a GPU.
#[derive(Debug)]
struct OnDevice {
    model: CudaModel,
    /// Weights for `backward`.
    parameters: Parameters,
    /// A model on the CPU for the gradient with respect to an image's pixels; built when first needed.
    backward: OnceLock<CpuModel>,
}

/// What all models of a network on a device have in common, whatever their weights: made once where one
/// checkpoint after the other is applied.
#[derive(Clone, Debug)]
pub struct CompiledNetwork(Backing);

#[derive(Clone, Debug)]
enum Backing {
    Cpu(Arc<CompiledCpuNetwork>),
    Cuda(Arc<Network>, Cuda),
    Worker(Arc<Network>, Worker),
    /// Neither a network of external layers on a worker, nor one of deepViz's layers on a CPU or GPU: it cannot be
    /// computed.
    Unsupported(Arc<Network>),
}

impl CompiledNetwork {
    /// Prepares the network for the device.
    pub fn new(network: Arc<Network>, device: &Device) -> Self {
        let is_worker = matches!(device, Device::Worker(_));
        Self(match device {
            _ if network.is_external() != is_worker => Backing::Unsupported(network),
            Device::Cpu(cpu) => Backing::Cpu(Arc::new(CompiledCpuNetwork::new(network, cpu))),
            Device::Cuda(cuda) => Backing::Cuda(network, cuda.clone()),
            Device::Worker(worker) => Backing::Worker(network, worker.clone()),
        })
    }

    /// The network.
    pub fn network(&self) -> &Arc<Network> {
        match &self.0 {
            Backing::Cpu(shared) => shared.network(),
            Backing::Cuda(network, _) | Backing::Worker(network, _) | Backing::Unsupported(network) => network,
        }
    }

    /// The network with a snapshot's weights and mean.
    pub fn model(&self, snapshot: &Snapshot) -> Result<Model, Error> {
        let preprocess = Arc::new(self.network().preprocess(snapshot.mean.clone(), snapshot.std.clone()));
        if let Backing::Worker(network, worker) = &self.0 {
            let (network, worker) = (Arc::clone(network), worker.clone());
            let (step, hash) = (snapshot.step, snapshot.hash.clone());
            return Ok(Model(Backend::Worker(WorkerModel { network, preprocess, worker, step, hash })));
        }
        self.with(preprocess, &snapshot.parameters)
    }

    fn with(&self, preprocess: Arc<Preprocess>, parameters: &Parameters) -> Result<Model, Error> {
        parameters.check_in_memory(self.network())?;
        let parameters = parameters.clone();
        Ok(Model(match &self.0 {
            Backing::Cpu(shared) => Backend::Cpu(Box::new(CpuModel::new(Arc::clone(shared), preprocess, parameters)?)),
            Backing::Cuda(network, cuda) => Backend::Cuda(Box::new(OnDevice {
                model: CudaModel::new(Arc::clone(network), preprocess, &parameters, cuda)?,
                parameters,
                backward: OnceLock::new(),
            })),
            Backing::Worker(..) | Backing::Unsupported(_) => return Err(Error::NeedsWorker),
        }))
    }
}

impl OnDevice {
    /// The same model on one thread of the CPU.
    fn on_cpu(&self) -> Result<&CpuModel, Error> {
        if let Some(model) = self.backward.get() {
            return Ok(model);
        }
        let cpu = Cpu::new(Some(1), None)?;
        let shared = Arc::new(CompiledCpuNetwork::new(Arc::clone(self.model.network()), &cpu));
        let model = CpuModel::new(shared, Arc::clone(self.model.preprocess()), self.parameters.clone())?;
        Ok(self.backward.get_or_init(|| model))
    }
}

impl Model {
    /// Makes the weights ready for the device.
    pub fn new(
        network: Arc<Network>,
        preprocess: Arc<Preprocess>,
        parameters: &Parameters,
        device: &Device,
    ) -> Result<Self, Error> {
        CompiledNetwork::new(network, device).with(preprocess, parameters)
    }

    /// The network with a snapshot's weights and mean.
    pub fn from_snapshot(network: Arc<Network>, snapshot: &Snapshot, device: &Device) -> Result<Self, Error> {
        CompiledNetwork::new(network, device).model(snapshot)
    }

    /// The network.
    pub fn network(&self) -> &Arc<Network> {
        match &self.0 {
            Backend::Cpu(cpu) => cpu.network(),
            Backend::Cuda(cuda) => cuda.model.network(),
            Backend::Worker(worker) => &worker.network,
        }
    }

    /// Applies the network to the centre view of each image; for each wanted layer a matrix with a
    /// row an image, values in channel, row, column order.
    pub fn forward(&self, images: &[ArrayView3<'_, u8>], wanted: &[usize]) -> Result<Vec<Array2<f32>>, Error> {
        let network = self.network();
        let centre = network.centre_view();
        self.forward_views(images, &vec![centre; images.len()], wanted)
    }

    /// Applies the network to one view of each image.
    pub fn forward_views(
        &self,
        images: &[ArrayView3<'_, u8>],
        views: &[View],
        wanted: &[usize],
    ) -> Result<Vec<Array2<f32>>, Error> {
        let extent = Extent { wanted, last: wanted.iter().copied().max().unwrap_or(0), edits: &[] };
        self.check(images, views, wanted)?;
        match &self.0 {
            Backend::Cpu(cpu) => cpu.apply(images, views, extent, |(): &mut (), _, _| ()).map(|(out, _)| out),
            Backend::Cuda(cuda) => {
                let model = &cuda.model;
                model.apply::<()>(images, views, (wanted, extent.last), None).map(|(out, _)| out)
            }
            Backend::Worker(worker) => worker.apply::<()>(images, views, wanted, None).map(|(out, _)| out),
        }
    }

    /// As [`Model::forward`], and calls `watch` with the output of every layer and its index while it is
    /// in memory. Images go through the network in chunks; each chunk has a `T` of its own, and
    /// these come back in the order of the images.
    pub fn forward_watched<T: Default + Send>(
        &self,
        images: &[ArrayView3<'_, u8>],
        wanted: &[usize],
        watch: impl Fn(&mut T, usize, LayerOutput<'_>) + Sync,
    ) -> Result<(Vec<Array2<f32>>, Vec<T>), Error> {
        self.forward_watched_until(images, (wanted, self.network().output()), watch)
    }

    /// As [`Model::forward_watched`], up to a layer; a worker computes all.
    pub fn forward_watched_until<T: Default + Send>(
        &self,
        images: &[ArrayView3<'_, u8>],
        (wanted, last): (&[usize], usize),
        watch: impl Fn(&mut T, usize, LayerOutput<'_>) + Sync,
    ) -> Result<(Vec<Array2<f32>>, Vec<T>), Error> {
        self.check_layer(last)?;
        let last = wanted.iter().copied().fold(last, usize::max);
        let (views, extent) = (vec![self.network().centre_view(); images.len()], Extent { wanted, last, edits: &[] });
        self.check(images, &views, wanted)?;
        match &self.0 {
            Backend::Cpu(cpu) => cpu.apply(images, &views, extent, watch),
            Backend::Cuda(cuda) => cuda.model.apply(images, &views, (wanted, extent.last), Some(&watch)),
            Backend::Worker(worker) => worker.apply(images, &views, wanted, Some(&watch)),
        }
    }

    /// As [`Model::forward`], with channels of layers set to values, each as soon as its layer is computed.
    ///
    /// # Errors
    /// A layer or channel that does not exist; a network that a worker computes. On a GPU's model it is computed on
    /// the CPU.
    pub fn forward_edited(
        &self,
        images: &[ArrayView3<'_, u8>],
        wanted: &[usize],
        edits: &[(usize, ChannelEdit)],
    ) -> Result<Vec<Array2<f32>>, Error> {
        let network = self.network();
        let views = vec![network.centre_view(); images.len()];
        self.check(images, &views, wanted)?;
        for (layer, edit) in edits {
            self.check_channel(*layer, edit)?;
        }
        let extent = Extent { wanted, last: wanted.iter().copied().max().unwrap_or(0), edits };
        self.on_cpu()?.apply(images, &views, extent, |(): &mut (), _, _| ()).map(|(out, _)| out)
    }

    /// The outputs of the wanted layers, computed from those of layer `start`, on which alone all later ones depend
    /// ([`Network::is_cut`]), with a row an image, in channel, row, column order; channels of it and of later layers
    /// may be set.
    ///
    /// # Errors
    /// A layer that a connection skips, rows of another length; otherwise as [`Model::forward_edited`].
    pub fn forward_from(
        &self,
        (start, rows): (usize, ArrayView2<'_, f32>),
        wanted: &[usize],
        edits: &[(usize, ChannelEdit)],
    ) -> Result<Vec<Array2<f32>>, Error> {
        let network = self.network();
        wanted.iter().chain([&start]).try_for_each(|&layer| self.check_layer(layer))?;
        let length = network.layers()[start].shape.len();
        let found = match () {
            () if !network.is_cut(start) => "one that others go past".to_owned(),
            () if rows.ncols() != length => format!("rows of {} values", rows.ncols()),
            () => String::new(),
        };
        if !found.is_empty() {
            let expected = format!("a layer that all later ones follow from, with rows of its {length} values");
            return Err(Error::Input { what: "layer to go on from", expected, found });
        }
        for (layer, edit) in edits {
            self.check_channel(*layer, edit)?;
        }
        let extent = Extent { wanted, last: wanted.iter().copied().max().unwrap_or(0), edits };
        self.on_cpu()?.apply_from(start, rows, extent)
    }

    /// The model on the CPU.
    fn on_cpu(&self) -> Result<&CpuModel, Error> {
        match &self.0 {
            Backend::Cpu(cpu) => Ok(cpu),
            Backend::Cuda(cuda) => cuda.on_cpu(),
            Backend::Worker(_) => Err(Error::NoGradients),
        }
    }

    /// What the network sees of an image: its centre view, preprocessed, `[c, h, w]`.
    ///
    /// # Errors
    /// An image of another shape; a network that a worker computes.
    pub fn input_of(&self, image: ArrayView3<'_, u8>) -> Result<Array3<f32>, Error> {
        self.on_cpu()?.input_of(image)
    }

    /// Converts a gradient with respect to the network's input, in channel, row, column order, into one with respect to
    /// the image's pixels of 0 to 255: `[c, h, w]` of the image, zero outside of the centre view.
    ///
    /// # Errors
    /// A length that is not the input's; a network that a worker computes.
    pub fn by_pixel(&self, gradient: ArrayView1<'_, f32>) -> Result<Array3<f32>, Error> {
        let expected = self.network().input().len();
        if gradient.len() != expected {
            return Err(Error::Input {
                what: "gradient with respect to the input",
                expected: format!("{expected} values"),
                found: gradient.len().to_string(),
            });
        }
        Ok(self.on_cpu()?.by_pixel(gradient))
    }

    /// Buffers for a few images with all their activations, from which gradients are taken. Those of a GPU's model are
    /// on the CPU.
    ///
    /// # Errors
    /// A network that a worker computes.
    pub fn trace(&self) -> Result<Trace<'_>, Error> {
        Ok(Trace::new(self.on_cpu()?.trace(true)?, self.network()))
    }

    /// The same for forward passes alone.
    ///
    /// # Errors
    /// A network that a worker computes.
    pub fn trace_forward(&self) -> Result<Trace<'_>, Error> {
        Ok(Trace::new(self.on_cpu()?.trace(false)?, self.network()))
    }

    /// The gradient of the dot product of `seed` and the layer's output with respect to the image's pixels (centre
    /// view; zero outside of it). `seed` has a value for each of the layer's, in channel, row, column order: for one
    /// unit, 1 there and 0 elsewhere. Computed on the CPU, for it is of one image.
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
        self.on_cpu()?.input_gradient(image, layer, seed)
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

    fn check_channel(&self, layer: usize, edit: &ChannelEdit) -> Result<(), Error> {
        self.check_layer(layer)?;
        let channels = self.network().layers()[layer].shape.channels;
        if edit.channel < channels {
            return Ok(());
        }
        let (expected, found) = (format!("0 to {}", channels - 1), edit.channel.to_string());
        Err(Error::Input { what: "channel of a layer", expected, found })
    }

    fn check_layer(&self, layer: usize) -> Result<(), Error> {
        let layers = self.network().layers().len();
        if layer < layers {
            return Ok(());
        }
        Err(Error::Input { what: "layer index", expected: format!("0 to {}", layers - 1), found: layer.to_string() })
    }
}
