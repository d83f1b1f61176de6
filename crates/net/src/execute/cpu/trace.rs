//! A few images inside a network on the processor: every activation stays, and gradients go to any layer.

use super::pass::{Pass, Workspace};
use super::plan::{Plan, Step, Steps};
use crate::device::VectorLevel;
use crate::device::cpu::elementwise::{BackwardOperands, accumulate_gradient};
use crate::device::cpu::lanes::positive;
use crate::device::cpu::layout::{FeatureMaps, FeatureMapsMut};
use crate::error::Error;
use crate::execute::{ChannelEdit, RectifierRule};
use crate::network::Network;
use crate::ops::cpu::{Chunk, GradientMut};
use crate::parameters::Parameters;
use ndarray::{Array1, Array2, ArrayView2, ArrayView3};
use std::fmt;

/// What a trace is made of.
pub(crate) struct TraceParts<'m> {
    pub plan: &'m Plan,
    pub level: VectorLevel,
    pub steps: &'m Steps,
    /// Layers whose gradient can be asked for; `None` for a trace without gradients.
    pub gradients: Option<&'m [bool]>,
    pub parameters: &'m Parameters,
}

/// A chunk of images with all their activations.
pub(crate) struct CpuTrace<'m> {
    pub(super) parts: TraceParts<'m>,
    pub(super) space: Workspace,
    pub(super) images: usize,
    /// Channels that are set in every forward pass, with their layers.
    pub(super) fixed: Vec<(usize, ChannelEdit)>,
}

impl fmt::Debug for CpuTrace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CpuTrace({} layers, {} images)", self.parts.plan.network.layers().len(), self.images)
    }
}

impl<'m> CpuTrace<'m> {
    /// Buffers for a chunk.
    pub fn new(parts: TraceParts<'m>) -> Self {
        let none = vec![false; parts.plan.network.layers().len()];
        let space = Workspace::new(parts.plan, parts.steps, Some(parts.gradients.unwrap_or(&none)));
        Self { parts, space, images: 0, fixed: Vec::new() }
    }

    /// Images of a chunk, at most.
    pub fn capacity(&self) -> usize {
        self.parts.plan.chunk
    }

    pub(super) fn network(&self) -> &'m Network {
        &self.parts.plan.network
    }

    /// Sets channels in every forward pass from now on; nothing flows back through them.
    pub fn fix(&mut self, channels: Vec<(usize, ChannelEdit)>) {
        self.fixed = channels;
    }

    /// The last layer whose output is written over that of `layer`, or the layer itself.
    pub fn settled(&self, layer: usize) -> usize {
        let slots = &self.parts.plan.slots;
        (layer..slots.len()).rev().find(|&later| slots[later].buffer == slots[layer].buffer).unwrap_or(layer)
    }

    pub(super) fn pass(&self) -> Pass<'m> {
        let TraceParts { plan, level, steps, .. } = self.parts;
        Pass { plan, slots: &plan.slots, steps, chunk: Chunk { level, images: self.images, noise: None } }
    }

    /// Takes the network's inputs, `[c, h, w]` each, and computes the layers up to `last`; for each wanted layer a matrix
    /// with a row an image.
    pub fn forward(&mut self, inputs: &[ArrayView3<'_, f32>], last: usize, wanted: &[usize]) -> Vec<Array2<f32>> {
        self.images = inputs.len();
        let pass = self.pass();
        let layout = pass.slots[0].activation;
        for (image, input) in inputs.iter().enumerate() {
            for ((channel, y, x), &value) in input.indexed_iter() {
                self.space.activations[0][layout.pixel(image, y, x).start + channel] = value;
            }
        }
        let mut out = self.matrices(wanted);
        pass.forward_edited(&mut self.space, 0..=last, &self.fixed, |layer, maps| keep(&mut out, wanted, layer, maps));
        out
    }

    /// The same of points on the line from one input to another, at shares of the way, of which nothing is kept. Up to
    /// `cut` all layers are affine, so that their outputs are computed at both ends alone.
    pub fn forward_line(&mut self, ends: [ArrayView3<'_, f32>; 2], shares: &[f32], (cut, last): (usize, usize)) {
        self.forward(&ends, cut, &[]);
        let slot = &self.parts.plan.slots[cut];
        let length = slot.activation.image();
        let values = &mut self.space.activations[slot.buffer];
        let (start, end) = (values[..length].to_vec(), values[length..2 * length].to_vec());
        for (image, share) in shares.iter().enumerate() {
            let out = &mut values[image * length..(image + 1) * length];
            for ((out, start), end) in out.iter_mut().zip(&start).zip(&end) {
                *out = start + share * (end - start);
            }
        }
        self.images = shares.len();
        self.pass().forward_edited(&mut self.space, cut + 1..=last, &self.fixed, |_, _| ());
    }

    pub(super) fn matrices(&self, wanted: &[usize]) -> Vec<Array2<f32>> {
        let layers = self.network().layers();
        wanted.iter().map(|&layer| Array2::zeros((self.images, layers[layer].shape.len()))).collect()
    }

    /// The gradients of `seeds . output of the layer`, image by image, at the outputs of the wanted layers.
    pub fn backward(
        &mut self,
        from: usize,
        seeds: ArrayView2<'_, f32>,
        (rule, wanted): (RectifierRule, &[usize]),
    ) -> Result<Vec<Array2<f32>>, Error> {
        let prepared = self.prepared()?;
        self.seed(from, seeds);
        let mut out = self.matrices(wanted);
        let lowest = wanted.iter().copied().min().unwrap_or(from);
        self.backward_range(from, lowest, (rule, prepared), |layer, maps| keep(&mut out, wanted, layer, maps))?;
        Ok(out)
    }

    /// The gradient of the sum over images at the network's input. Up to `cut` all layers are affine, so that the images'
    /// gradients are summed there and propagated on as one.
    pub fn backward_sum(
        &mut self,
        from: usize,
        seeds: ArrayView2<'_, f32>,
        (rule, cut): (RectifierRule, usize),
    ) -> Result<Array1<f32>, Error> {
        let prepared = self.prepared()?;
        self.seed(from, seeds);
        self.backward_range(from, cut, (rule, prepared), |_, _| ())?;
        let slot = &self.parts.plan.slots[cut];
        let length = slot.gradient.image();
        let (sum, others) = self.space.gradients[slot.buffer].split_at_mut(length);
        for other in others.chunks_exact(length).take(self.images.saturating_sub(1)) {
            sum.iter_mut().zip(other).for_each(|(sum, other)| *sum += other);
        }
        let images = std::mem::replace(&mut self.images, 1);
        let mut out = self.matrices(&[0]);
        let result = self.backward_range(cut, 0, (rule, prepared), |layer, maps| keep(&mut out, &[0], layer, maps));
        self.images = images;
        result.map(|()| out[0].row(0).to_owned())
    }

    fn prepared(&self) -> Result<&'m [bool], Error> {
        self.parts.gradients.ok_or_else(|| Error::internal("a trace without gradients was asked for one".into()))
    }

    /// Makes the seeds, a row an image, the only gradient: that of a layer.
    fn seed(&mut self, layer: usize, seeds: ArrayView2<'_, f32>) {
        let pass = self.pass();
        self.space.reset();
        let seed = pass.seed(&mut self.space, layer);
        let layout = seed.layout;
        let width = layout.shape.width;
        let area = layout.shape.height * width;
        for ((image, index), &value) in seeds.indexed_iter() {
            let (channel, position) = (index / area, index % area);
            seed.values[layout.pixel(image, position / width, position % width).start + channel] = value;
        }
    }

    /// Carries gradients from a layer down to another, telling `seen` of each as it is complete.
    fn backward_range(
        &mut self,
        from: usize,
        lowest: usize,
        (rule, prepared): (RectifierRule, &[bool]),
        mut seen: impl FnMut(usize, FeatureMaps<'_>),
    ) -> Result<(), Error> {
        let pass = self.pass();
        for layer in (lowest..=from).rev() {
            let slot = &pass.slots[layer];
            if !self.space.written[slot.buffer] {
                continue;
            }
            for (_, edit) in self.fixed.iter().filter(|(of, _)| *of == layer) {
                let gradient = &mut self.space.gradients[slot.buffer];
                for image in 0..self.images {
                    slot.gradient.channel(image, edit.channel).flatten().for_each(|at| gradient[at] = 0.0);
                }
            }
            seen(layer, FeatureMaps { layout: &slot.gradient, values: &self.space.gradients[slot.buffer] });
            if layer > lowest {
                self.backward_layer(&pass, layer, rule, prepared)?;
            }
        }
        Ok(())
    }

    /// Carries a layer's gradient to its inputs.
    fn backward_layer(
        &mut self,
        pass: &Pass<'_>,
        layer: usize,
        rule: RectifierRule,
        wanted: &[bool],
    ) -> Result<(), Error> {
        let is_rectifier = self.network().layers()[layer].op.operation().is_rectifier();
        if rule == RectifierRule::Derivative || !is_rectifier {
            return pass.backward(&mut self.space, layer..=layer, wanted, |_, _, _, _| ());
        }
        let slot = &pass.slots[layer];
        let gradient = &mut self.space.gradients[slot.buffer];
        for image in 0..self.images {
            for y in 0..slot.gradient.shape.height {
                positive(pass.chunk.level, &mut gradient[slot.gradient.pixels(image, y)]);
            }
        }
        if rule == RectifierRule::Guided {
            return pass.backward(&mut self.space, layer..=layer, wanted, |_, _, _, _| ());
        }
        // The deconvolution network's rule: positive gradients pass, whatever the activation was.
        if matches!(self.parts.steps.0[layer], Step::InPlace(_)) {
            return Ok(());
        }
        let input = self.network().layers()[layer].inputs[0];
        let gradient = std::mem::take(&mut self.space.gradients[slot.buffer]);
        let (mut values, is_written) = pass.take_gradient(&mut self.space, input);
        let dy = FeatureMaps { layout: &slot.gradient, values: &gradient };
        let maps = FeatureMapsMut { layout: &pass.slots[input].gradient, values: &mut values };
        let dx = GradientMut { maps, is_written }.zeroed_unless_written(self.images);
        accumulate_gradient(pass.chunk.level, self.images, &BackwardOperands { x: dy, y: dy, dy }, dx, |_, _| 1.0);
        self.space.gradients[pass.slots[input].buffer] = values;
        self.space.gradients[slot.buffer] = gradient;
        Ok(())
    }
}

/// Copies a layer's values into its matrices.
pub(super) fn keep(out: &mut [Array2<f32>], wanted: &[usize], layer: usize, maps: FeatureMaps<'_>) {
    for (matrix, _) in out.iter_mut().zip(wanted).filter(|(_, wanted)| **wanted == layer) {
        for (image, mut row) in matrix.rows_mut().into_iter().enumerate() {
            if let Some(row) = row.as_slice_mut() {
                maps.copy_image(image, row);
            }
        }
    }
}
