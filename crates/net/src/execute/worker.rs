//! A network whose layers a Python process computes, with the weights of one snapshot.

use crate::device::VectorLevel;
use crate::device::cpu::layout::{FeatureMaps, Halo, Layout};
use crate::device::worker::{Question, Worker};
use crate::error::Error;
use crate::input::{Preprocess, View};
use crate::network::Network;
use crate::ops::Op;
use crate::output::LayerOutput;
use crate::shape::{Shape, Step};
use ndarray::{Array2, Array3, ArrayView3};
use std::sync::Arc;

/// Floats that are asked for at once: 64 MB.
const MAX_FLOATS: usize = 1 << 24;
/// Images that go through the network together at most.
const TOGETHER: usize = 64;

/// A network with the weights of one snapshot, which the process reads itself.
#[derive(Debug)]
pub(crate) struct WorkerModel {
    pub network: Arc<Network>,
    pub preprocess: Arc<Preprocess>,
    pub worker: Worker,
    pub step: Step,
    pub hash: String,
}

/// A callback that is shown every layer's output, and gathers what it makes of a chunk in `T`.
type Watch<'w, T> = dyn Fn(&mut T, usize, LayerOutput<'_>) + 'w;

/// The outputs of some layers for a few images, `images * length` values each, channels first.
struct Outputs {
    layers: Vec<(usize, Vec<f32>)>,
}

impl Outputs {
    fn of(&self, layer: usize) -> Result<&[f32], Error> {
        let found = self.layers.iter().find(|(index, _)| *index == layer);
        let missing = || Error::internal(format!("the output of layer {layer} was not asked for"));
        found.map(|(_, values)| &values[..]).ok_or_else(missing)
    }
}

impl WorkerModel {
    /// Applies the network to one view of each image; gives the wanted layers' outputs and shows `watch` all of them, where
    /// there is one.
    pub fn apply<T: Default>(
        &self,
        images: &[ArrayView3<'_, u8>],
        views: &[View],
        wanted: &[usize],
        watch: Option<&Watch<'_, T>>,
    ) -> Result<(Vec<Array2<f32>>, Vec<T>), Error> {
        let layers = self.network.layers();
        let length = |layer: usize| layers[layer].shape.len();
        let asked: Vec<usize> = match watch {
            Some(_) => (0..layers.len()).collect(),
            None => wanted.to_vec(),
        };
        let floats: usize = asked.iter().map(|layer| length(*layer)).sum();
        let together = (MAX_FLOATS / floats.max(1)).clamp(1, TOGETHER);
        let mut out: Vec<_> = wanted.iter().map(|&layer| Array2::zeros((images.len(), length(layer)))).collect();
        let (mut seen, level) = (Vec::new(), VectorLevel::detect());
        for (index, (images, views)) in images.chunks(together).zip(views.chunks(together)).enumerate() {
            let outputs = self.outputs(images, views, &asked)?;
            for (matrix, &layer) in out.iter_mut().zip(wanted) {
                let first = index * together * length(layer);
                let rows =
                    matrix.as_slice_mut().and_then(|all| all.get_mut(first..first + images.len() * length(layer)));
                let rows = rows.ok_or_else(|| Error::internal("a matrix of outputs is not in order".into()))?;
                rows.copy_from_slice(outputs.of(layer)?);
            }
            let mut own = T::default();
            if let Some(watch) = watch {
                for (layer, this) in layers.iter().enumerate() {
                    let layout = Layout::unpadded(this.shape, Halo::default());
                    let values = channels_last(this.shape, outputs.of(layer)?);
                    let maps = FeatureMaps { layout: &layout, values: &values };
                    watch(&mut own, layer, LayerOutput { maps, images: images.len(), level });
                }
            }
            seen.push(own);
        }
        Ok((out, seen))
    }

    /// The outputs for a few images: the process computes those of its layers, this program the image and the softmax.
    fn outputs(&self, images: &[ArrayView3<'_, u8>], views: &[View], asked: &[usize]) -> Result<Outputs, Error> {
        let (network, softmax) = (&*self.network, self.network.output());
        let input = self.input(images, views)?;
        let mut external: Vec<usize> = asked.iter().copied().filter(|layer| is_external(network, *layer)).collect();
        let needs_logits = asked.contains(&softmax) && !external.contains(&network.logits());
        external.extend(needs_logits.then_some(network.logits()));
        external.sort_unstable();
        external.dedup();
        let names = external.iter().map(|layer| network.layers()[*layer].name.as_str());
        let lengths: Vec<usize> = external.iter().map(|layer| network.layers()[*layer].shape.len()).collect();
        let question = Question { step: self.step, hash: &self.hash, images: images.len(), layers: names.collect() };
        let mut outputs = Outputs { layers: Vec::new() };
        if !external.is_empty() {
            let found = self.worker.outputs(&question, &input, &lengths)?;
            outputs.layers = external.into_iter().zip(found).collect();
        }
        if asked.contains(&softmax) {
            let logits = outputs.of(network.logits())?;
            let rows = logits.chunks_exact(network.classes()).flat_map(probabilities);
            let rows = rows.collect();
            outputs.layers.push((softmax, rows));
        }
        if asked.contains(&0) {
            outputs.layers.push((0, input));
        }
        Ok(outputs)
    }

    /// The images as the network sees them, images x channels x height x width.
    fn input(&self, images: &[ArrayView3<'_, u8>], views: &[View]) -> Result<Vec<f32>, Error> {
        let shape = self.network.layers()[0].shape;
        let mut values = Vec::with_capacity(images.len() * shape.len());
        let mut image = Array3::zeros(shape.dims());
        for (bytes, view) in images.iter().zip(views) {
            self.preprocess.write(bytes.view(), *view, image.view_mut())?;
            values.extend(image.iter());
        }
        Ok(values)
    }
}

fn is_external(network: &Network, layer: usize) -> bool {
    matches!(network.layers()[layer].op, Op::External(_))
}

/// The softmax of one image's outputs.
fn probabilities(logits: &[f32]) -> Vec<f32> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = logits.iter().map(|logit| (logit - largest).exp()).collect();
    let sum: f32 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

/// Values of several images with the channels of a pixel side by side.
fn channels_last(shape: Shape, values: &[f32]) -> Vec<f32> {
    let pixels = shape.height * shape.width;
    let mut out = vec![0.0; values.len()];
    for (image, out) in values.chunks_exact(shape.len()).zip(out.chunks_mut(shape.len())) {
        for (channel, map) in image.chunks_exact(pixels).enumerate() {
            for (pixel, value) in map.iter().enumerate() {
                out[pixel * shape.channels + channel] = *value;
            }
        }
    }
    out
}
