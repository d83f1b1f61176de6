//! A network with one set of weights on the device, applied to images.

use super::layout::channels_first;
use super::pass::{Buffers, Pass, Weights};
use crate::device::VectorLevel;
use crate::device::cpu::layout::{FeatureMaps, Halo, Layout};
use crate::device::cuda::{Cuda, Memory};
use crate::error::Error;
use crate::execute::cuda::images::{Images, Preprocessing, padded};
use crate::input::{Preprocess, View};
use crate::network::Network;
use crate::output::LayerOutput;
use crate::parameters::Parameters;
use ndarray::{Array2, ArrayView3};
use std::sync::{Arc, Mutex, PoisonError};

/// Images that go through the network together at most.
const TOGETHER: usize = 256;

pub(crate) struct CudaModel {
    on: Cuda,
    network: Arc<Network>,
    preprocess: Arc<Preprocess>,
    weights: Weights,
    buffers: Mutex<Option<BatchBuffers>>,
}

impl std::fmt::Debug for CudaModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CudaModel({} layers, {:?})", self.network.layers().len(), self.on)
    }
}

/// A callback that is shown every layer's output, and gathers what it makes of a chunk in `T`.
type Watch<'w, T> = dyn Fn(&mut T, usize, LayerOutput<'_>) + 'w;

struct BatchBuffers {
    space: Buffers,
    preprocessing: Preprocessing,
}

impl CudaModel {
    pub fn new(
        network: Arc<Network>,
        preprocess: Arc<Preprocess>,
        parameters: &Parameters,
        on: &Cuda,
    ) -> Result<Self, Error> {
        let mut weights = Weights::zeros(on, &network)?;
        weights.upload(on, &network, parameters)?;
        Ok(Self { on: on.clone(), network, preprocess, weights, buffers: Mutex::default() })
    }

    pub fn network(&self) -> &Arc<Network> {
        &self.network
    }

    pub fn preprocess(&self) -> &Arc<Preprocess> {
        &self.preprocess
    }

    /// Applies the network up to layer `last` to one view of each image, some images at a time; gives
    /// the wanted layers' outputs, and shows `watch` those of all layers.
    pub fn apply<T: Default>(
        &self,
        images: &[ArrayView3<'_, u8>],
        views: &[View],
        (wanted, last): (&[usize], usize),
        watch: Option<&Watch<'_, T>>,
    ) -> Result<(Vec<Array2<f32>>, Vec<T>), Error> {
        let layers = self.network.layers();
        let length = |layer: usize| layers[layer].shape.len();
        let mut out: Vec<_> = wanted.iter().map(|&layer| Array2::zeros((images.len(), length(layer)))).collect();
        let (mut seen, level) = (Vec::new(), VectorLevel::detect());
        let mut kept = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        for (index, (images, views)) in images.chunks(TOGETHER).zip(views.chunks(TOGETHER)).enumerate() {
            let buffers = self.run(&mut kept, images, views, last)?;
            for (matrix, &layer) in out.iter_mut().zip(wanted) {
                let length = length(layer);
                let values = buffers.space.activation(layer).read(&self.on, images.len() * length)?;
                let rows = matrix
                    .as_slice_mut()
                    .ok_or_else(|| Error::internal("a matrix of outputs is not in order".into()))?;
                let rows = rows[index * TOGETHER * length..].chunks_mut(length);
                for (values, row) in values.chunks_exact(length).zip(rows) {
                    channels_first(layers[layer].shape, values, row);
                }
            }
            let mut own = T::default();
            if let Some(watch) = watch {
                for (layer, this) in layers.iter().enumerate().take(last + 1) {
                    let layout = Layout::unpadded(this.shape, Halo::default());
                    let values = buffers.space.activation(layer).read(&self.on, images.len() * this.shape.len())?;
                    let maps = FeatureMaps { layout: &layout, values: &values };
                    watch(&mut own, layer, LayerOutput { maps, images: images.len(), level });
                }
            }
            seen.push(own);
        }
        Ok((out, seen))
    }

    /// One chunk of images; the buffers then hold every layer's output.
    fn run<'b>(
        &self,
        kept: &'b mut Option<BatchBuffers>,
        images: &[ArrayView3<'_, u8>],
        views: &[View],
        last: usize,
    ) -> Result<&'b BatchBuffers, Error> {
        // A power of two, so that cuDNN has few sizes to measure its algorithms for.
        let count = images.len().next_power_of_two().min(TOGETHER);
        let (on, network) = (&self.on, &*self.network);
        let buffers = match kept.take() {
            Some(buffers) if buffers.space.images >= count => buffers,
            _ => BatchBuffers {
                space: Buffers::new(on, network, count, false)?,
                preprocessing: Preprocessing::new(on, network, Arc::clone(&self.preprocess), count)?,
            },
        };
        let buffers = kept.insert(buffers);
        buffers.preprocessing.check(network, images, views)?;
        let bytes = Memory::of(on, &network.transform().bytes(images)?)?;
        let (ids, views, coloured) = padded(views, count);
        let (ids, views) = (Memory::of(on, &ids)?, Memory::of(on, &views)?);
        let given = Images { pixels: bytes.at(), ids: ids.at(), views: views.at(), count, coloured };
        buffers.preprocessing.run(on, network, given, buffers.space.activation(0).at())?;
        let pass = Pass { on, network, space: &buffers.space, weights: &self.weights, images: count, training: None };
        pass.forward(last)?;
        // The images' memory is given back at the end of this call.
        on.synchronise()?;
        Ok(buffers)
    }
}
