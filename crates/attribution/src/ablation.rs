//! Ablation: what each class loses when a filter is set to zero, and when it is set to its mean.
//!
//! A filter's output is set after its nonlinearity ([`Network::nonlinearity_of`]). Zero removes it and changes the mean
//! of what the next layer receives; its mean removes only how it differs between images and positions.

use crate::error::Error;
use deepviz_net::{ChannelEdit, ChannelSums, LayerOutput, Model, Network, Role, Trace};
use ndarray::{Array2, ArrayView1, ArrayView3};
use rayon::prelude::*;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Images that one thread takes at a time.
const GROUP: usize = 32;

/// How the network classifies the images of one class.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ClassResult {
    /// Images of the class that are classified correctly.
    pub correct: u32,
    /// Images of the class that are classified correctly by the network as it is, and wrongly with the filter set.
    pub lost: u32,
    /// Mean of the class' own logit over its images.
    pub logit: f64,
}

/// How the classification changes when the filters of a layer are set, one at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerEffects {
    /// The layer with the weights, by index.
    pub layer: usize,
    /// Where its filters are set.
    pub measured_at: usize,
    /// The mean of each filter over images and positions.
    pub means: Vec<f32>,
    /// Filters x classes, each filter set to zero.
    pub zero: Array2<ClassResult>,
    /// Filters x classes, each filter set to its mean.
    pub mean: Array2<ClassResult>,
}

/// The effects of the filters of some layers, with what they are compared to.
#[derive(Clone, Debug, PartialEq)]
pub struct Atlas {
    /// Images of each class.
    pub images: Vec<u32>,
    /// The network as it is.
    pub base: Vec<ClassResult>,
    /// In the order of the layers.
    pub layers: Vec<LayerEffects>,
}

/// The layers whose filters can be ablated: those with filters, but the last, whose outputs are the logits. Of layers that
/// are measured at the same layer, the first.
pub fn layers(network: &Network) -> Vec<usize> {
    let mut measured_layers = Vec::new();
    let has_filters = |index: &usize| {
        let layer = &network.layers()[*index];
        *index != network.logits() && layer.parameter(Role::Weight).is_some() && layer.kernel_dims.is_some()
    };
    (1..network.output())
        .filter(has_filters)
        .filter(|&index| {
            let measured_at = network.nonlinearity_of(index);
            let is_new = !measured_layers.contains(&measured_at) && measured_at < network.logits();
            measured_layers.push(measured_at);
            is_new
        })
        .collect()
}

/// The edits that switch off several filters at once, each with the layer it is made at; `off` has a filter's layer and
/// its number.
pub fn edits(network: &Network, off: &[(usize, usize)]) -> Vec<(usize, ChannelEdit)> {
    let zero =
        |&(layer, channel): &(usize, usize)| (network.nonlinearity_of(layer), ChannelEdit { channel, value: 0.0 });
    off.iter().map(zero).collect()
}

/// The images over which effects are counted.
#[derive(Clone, Copy)]
pub struct LabelledImages<'a> {
    /// `[c, h, w]` each, as the corpus has them.
    pub images: &'a [ArrayView3<'a, u8>],
    /// Their classes.
    pub labels: &'a [u16],
}

/// Sums over some images.
#[derive(Clone)]
struct Sums {
    base: Vec<ClassResult>,
    /// By layer, then [zero, mean]: filters x classes.
    layers: Vec<[Array2<ClassResult>; 2]>,
}

impl Sums {
    fn new(classes: usize, filters: &[usize]) -> Self {
        let array = |&filters: &usize| Array2::from_elem((filters, classes), ClassResult::default());
        Self {
            base: vec![ClassResult::default(); classes],
            layers: filters.iter().map(|filters| [array(filters), array(filters)]).collect(),
        }
    }

    fn add(mut self, other: &Self) -> Self {
        let add = |a: &mut ClassResult, b: &ClassResult| {
            a.correct += b.correct;
            a.lost += b.lost;
            a.logit += b.logit;
        };
        self.base.iter_mut().zip(&other.base).for_each(|(a, b)| add(a, b));
        for (mine, theirs) in self.layers.iter_mut().flatten().zip(other.layers.iter().flatten()) {
            mine.iter_mut().zip(theirs).for_each(|(a, b)| add(a, b));
        }
        self
    }
}

impl ClassResult {
    /// Counts an image of a class that was right before or not; whether it is now.
    fn count(&mut self, class: usize, logits: ArrayView1<'_, f32>, was_right: bool) -> bool {
        let own = logits[class];
        // The first of equal logits wins, as everywhere.
        let is_right = logits.iter().enumerate().all(|(other, &value)| value < own || (value <= own && other >= class));
        self.correct += u32::from(is_right);
        self.lost += u32::from(was_right && !is_right);
        self.logit += f64::from(own);
        is_right
    }

    /// Images that are classified correctly only with the filter set.
    pub fn gained(&self, base: &Self) -> u32 {
        (self.correct + self.lost).saturating_sub(base.correct)
    }
}

/// The effects of all filters of `layers` (see [`layers`]) over images, on the threads of the pool it is called in.
/// `done` counts images times layers. None when `stop` is set.
///
/// # Errors
/// Labels that do not fit; a network without gradients; outputs that are not finite.
pub fn atlas(
    model: &Model,
    of: LabelledImages<'_>,
    layers: &[usize],
    (done, stop): (&AtomicUsize, &AtomicBool),
) -> Result<Option<Atlas>, Error> {
    let network = model.network();
    let classes = network.classes();
    if of.labels.len() != of.images.len() {
        return Err(Error::Labels { expected: of.images.len(), found: of.labels.len() });
    }
    if let Some(&label) = of.labels.iter().find(|&&label| usize::from(label) >= classes) {
        return Err(Error::Class { last: classes - 1, found: usize::from(label) });
    }
    let settled = {
        let trace = model.trace_forward()?;
        layers.iter().map(|&layer| trace.settled(network.nonlinearity_of(layer))).collect::<Vec<_>>()
    };
    let filters: Vec<usize> = settled.iter().map(|&layer| network.layers()[layer].shape.channels).collect();
    let means = means(model, of.images, &settled)?;
    let groups: Vec<usize> = (0..of.images.len()).step_by(GROUP).collect();
    let sums = groups
        .par_iter()
        .map(|&first| {
            let end = of.images.len().min(first + GROUP);
            let part = LabelledImages { images: &of.images[first..end], labels: &of.labels[first..end] };
            let mut sums = Sums::new(classes, &filters);
            let mut trace = model.trace_forward()?;
            for (images, labels) in part.images.chunks(trace.capacity()).zip(part.labels.chunks(trace.capacity())) {
                if stop.load(Ordering::Relaxed) {
                    return Ok(None);
                }
                let inputs = images.iter().map(|image| model.input_of(*image)).collect::<Result<Vec<_>, _>>()?;
                add_chunk(&mut trace, network, (&inputs, labels), (&settled, &means), &mut sums)?;
                done.fetch_add(images.len() * layers.len(), Ordering::Relaxed);
            }
            Ok(Some(sums))
        })
        .collect::<Result<Option<Vec<Sums>>, Error>>()?;
    let Some(sums) = sums else { return Ok(None) };
    // One after the other: sums of doubles do not depend on the number of threads.
    let total = sums.iter().fold(Sums::new(classes, &filters), Sums::add);
    let mut images = vec![0; classes];
    of.labels.iter().for_each(|&label| images[usize::from(label)] += 1);
    let mean = |result: ClassResult, class: usize| ClassResult {
        logit: result.logit / f64::from(images[class].max(1)),
        ..result
    };
    let mean_all = |mut array: Array2<ClassResult>| {
        array.indexed_iter_mut().for_each(|((_, class), result)| *result = mean(*result, class));
        array
    };
    let layers = layers.iter().zip(&settled).zip(means).zip(total.layers);
    Ok(Some(Atlas {
        base: total.base.iter().enumerate().map(|(class, result)| mean(*result, class)).collect(),
        layers: layers
            .map(|(((&layer, &measured_at), means), [zero, mean])| LayerEffects {
                layer,
                measured_at,
                means,
                zero: mean_all(zero),
                mean: mean_all(mean),
            })
            .collect(),
        images,
    }))
}

fn add_chunk(
    trace: &mut Trace<'_>,
    network: &Network,
    (inputs, labels): (&[ndarray::Array3<f32>], &[u16]),
    (settled, means): (&[usize], &[Vec<f32>]),
    sums: &mut Sums,
) -> Result<(), Error> {
    let at = network.logits();
    let views: Vec<ArrayView3<'_, f32>> = inputs.iter().map(ndarray::Array3::view).collect();
    let logits = trace.forward(&views, at, &[at])?;
    if !logits[0].iter().all(|value| value.is_finite()) {
        return Err(Error::NotFinite);
    }
    let was_right: Vec<bool> = labels
        .iter()
        .zip(logits[0].rows())
        .map(|(&label, row)| sums.base[usize::from(label)].count(usize::from(label), row, false))
        .collect();
    // From the last layer up: what an earlier one needs is then as it was.
    for layer_index in (0..settled.len()).rev() {
        let layer = settled[layer_index];
        let mut edits = trace.edits(layer, &[at])?;
        for (channel, &mean) in means[layer_index].iter().enumerate() {
            for (way, value) in [0.0, mean].into_iter().enumerate() {
                let logits = edits.set(ChannelEdit { channel, value })?;
                for ((&label, row), &was_right) in labels.iter().zip(logits[0].rows()).zip(&was_right) {
                    let class = usize::from(label);
                    sums.layers[layer_index][way][[channel, class]].count(class, row, was_right);
                }
            }
        }
    }
    Ok(())
}

/// The mean of every channel of each layer over images and positions.
fn means(model: &Model, images: &[ArrayView3<'_, u8>], layers: &[usize]) -> Result<Vec<Vec<f32>>, Error> {
    let watch = |sums: &mut Vec<Vec<f64>>, layer: usize, output: LayerOutput<'_>| {
        sums.resize(layers.len(), Vec::new());
        let channels = output.shape().channels;
        let mut blocks: Vec<ChannelSums> = Vec::new();
        for (layer_index, _) in layers.iter().enumerate().filter(|(_, of)| **of == layer) {
            sums[layer_index].resize(channels, 0.0);
            for image in 0..output.images() {
                output.add_up(image, &mut blocks);
                let values = blocks.iter().flat_map(|block| block.sums);
                sums[layer_index].iter_mut().zip(values).for_each(|(sum, value)| *sum += f64::from(value));
            }
        }
    };
    let (_, parts) = model.forward_watched(images, &[], watch)?;
    let mean = |(layer_index, &layer): (usize, &usize)| {
        let shape = model.network().layers()[layer].shape;
        let count = (images.len() * shape.height * shape.width).max(1) as f64;
        let sum = |channel: usize| parts.iter().map(|part| part[layer_index][channel]).sum::<f64>();
        (0..shape.channels).map(|channel| (sum(channel) / count) as f32).collect()
    };
    Ok(layers.iter().enumerate().map(mean).collect())
}
