//! A few images inside a network on the processor: every activation stays, gradients go to any layer, and channels may
//! be changed and what follows computed again.

use super::model::{BackwardTables, CpuModel, copy_out};
use super::pass::{Pass, Workspace};
use super::plan::{Step, Steps};
use crate::device::cpu::elementwise::{Known, add};
use crate::device::cpu::lanes::positive;
use crate::device::cpu::layout::{FeatureMaps, FeatureMapsMut};
use crate::error::Error;
use crate::execute::{ChannelEdit, RectifierRule};
use crate::ops::cpu::GradientMut;
use ndarray::{Array2, ArrayView2, ArrayView3};

/// A chunk of images with all their activations.
#[derive(Debug)]
pub(crate) struct CpuTrace<'m> {
    model: &'m CpuModel,
    steps: &'m Steps,
    /// Layers whose gradient can be asked for.
    gradients: Option<&'m BackwardTables>,
    space: Workspace,
    images: usize,
}

impl<'m> CpuTrace<'m> {
    /// Buffers for a chunk; with gradients, the layers are prepared for these too.
    pub fn new(model: &'m CpuModel, with_gradients: bool) -> Result<Self, Error> {
        let gradients = if with_gradients { Some(model.backward()?) } else { None };
        let steps = gradients.map_or(&model.steps, |tables| &tables.steps);
        let none = vec![false; model.network().layers().len()];
        let wanted = gradients.map_or(none.as_slice(), |tables| &tables.wanted);
        let space = Workspace::new(model.plan(), steps, Some(wanted));
        Ok(Self { model, steps, gradients, space, images: 0 })
    }

    /// Images of a chunk, at most.
    pub fn capacity(&self) -> usize {
        self.model.plan().chunk
    }

    /// The last layer whose output is written over that of `layer`, or the layer itself.
    pub fn settled(&self, layer: usize) -> usize {
        let slots = &self.model.plan().slots;
        (layer..slots.len()).rev().find(|&later| slots[later].buffer == slots[layer].buffer).unwrap_or(layer)
    }

    fn pass(&self) -> Pass<'m> {
        self.model.pass(self.images, self.steps, &self.model.plan().slots)
    }

    /// Takes the network's inputs, `[c, h, w]` each, and computes the layers up to `last`; for each wanted layer a matrix
    /// with a row an image.
    pub fn forward(
        &mut self,
        inputs: &[ArrayView3<'_, f32>],
        last: usize,
        wanted: &[usize],
    ) -> Result<Vec<Array2<f32>>, Error> {
        self.images = inputs.len();
        let pass = self.pass();
        let layout = pass.slots[0].activation;
        for (image, input) in inputs.iter().enumerate() {
            for ((channel, y, x), &value) in input.indexed_iter() {
                self.space.activations[0][layout.pixel(image, y, x).start + channel] = value;
            }
        }
        let mut out = self.matrices(wanted);
        pass.forward(&mut self.space, last, |layer, maps| keep(&mut out, wanted, layer, maps));
        Ok(out)
    }

    fn matrices(&self, wanted: &[usize]) -> Vec<Array2<f32>> {
        let layers = self.model.network().layers();
        wanted.iter().map(|&layer| Array2::zeros((self.images, layers[layer].shape.len()))).collect()
    }

    /// The gradients of `seeds . output of the layer`, image by image, at the outputs of the wanted layers.
    pub fn backward(
        &mut self,
        from: usize,
        seeds: ArrayView2<'_, f32>,
        (rule, wanted): (RectifierRule, &[usize]),
    ) -> Result<Vec<Array2<f32>>, Error> {
        let Some(tables) = self.gradients else {
            return Err(Error::internal("a trace without gradients was asked for one".into()));
        };
        let pass = self.pass();
        self.space.reset();
        let seed = pass.seed(&mut self.space, from);
        let layout = seed.layout;
        let width = layout.shape.width;
        let area = layout.shape.height * width;
        for ((image, index), &value) in seeds.indexed_iter() {
            let (channel, place) = (index / area, index % area);
            seed.values[layout.pixel(image, place / width, place % width).start + channel] = value;
        }
        let mut out = self.matrices(wanted);
        let lowest = wanted.iter().copied().min().unwrap_or(from);
        for layer in (lowest..=from).rev() {
            let slot = &pass.slots[layer];
            if !self.space.written[slot.buffer] {
                continue;
            }
            let maps = FeatureMaps { layout: &slot.gradient, values: &self.space.gradients[slot.buffer] };
            keep(&mut out, wanted, layer, maps);
            if layer > lowest {
                self.backward_layer(&pass, layer, rule, &tables.wanted)?;
            }
        }
        Ok(out)
    }

    /// Carries a layer's gradient to its inputs.
    fn backward_layer(
        &mut self,
        pass: &Pass<'_>,
        layer: usize,
        rule: RectifierRule,
        wanted: &[bool],
    ) -> Result<(), Error> {
        let is_rectifier = self.model.network().layers()[layer].op.operation().is_rectifier();
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
        // The deconvolution network's: what is positive comes through, whatever the activation was.
        if matches!(self.steps.0[layer], Step::InPlace(_)) {
            return Ok(());
        }
        let input = self.model.network().layers()[layer].inputs[0];
        let gradient = std::mem::take(&mut self.space.gradients[slot.buffer]);
        let (mut values, is_written) = pass.take_gradient(&mut self.space, input);
        let dy = FeatureMaps { layout: &slot.gradient, values: &gradient };
        let maps = FeatureMapsMut { layout: &pass.slots[input].gradient, values: &mut values };
        let dx = GradientMut { maps, is_written }.zeroed_unless_written(self.images);
        add(pass.chunk.level, self.images, &Known { x: dy, y: dy, dy }, dx, |_, _| 1.0);
        self.space.gradients[pass.slots[input].buffer] = values;
        self.space.gradients[slot.buffer] = gradient;
        Ok(())
    }

    /// Sets channels of a layer's output, computes again what depends on them, up to the layer `last`, and puts the
    /// channels back: what follows is stale until [`CpuTrace::resume`] or the next call.
    pub fn resume_edited(
        &mut self,
        layer: usize,
        edits: &[ChannelEdit],
        (last, wanted): (usize, &[usize]),
    ) -> Result<Vec<Array2<f32>>, Error> {
        let pass = self.pass();
        let buffer = pass.slots[layer].buffer;
        if self.settled(layer) != layer {
            return Err(Error::Input {
                what: "layer whose channels are set",
                expected: "one that its reader does not overwrite".into(),
                found: self.model.network().layers()[layer].name.clone(),
            });
        }
        let layout = pass.slots[layer].activation;
        let mut kept = Vec::new();
        for edit in edits {
            let values = &mut self.space.activations[buffer];
            for image in 0..self.images {
                each_of_channel(&layout, (image, edit.channel), |at| {
                    kept.push((at, std::mem::replace(&mut values[at], edit.value)));
                });
            }
        }
        let mut out = self.matrices(wanted);
        for &next in &self.model.network().depending_on(layer, last) {
            pass.forward_layer(&mut self.space, next);
            keep(&mut out, wanted, next, pass.activation(&self.space, next));
        }
        // Backwards: a channel that was set twice has its first value again.
        for (at, value) in kept.into_iter().rev() {
            self.space.activations[buffer][at] = value;
        }
        Ok(out)
    }

    /// Computes again what depends on a layer.
    pub fn resume(&mut self, layer: usize, last: usize) {
        let pass = self.pass();
        for &next in &self.model.network().depending_on(layer, last) {
            pass.forward_layer(&mut self.space, next);
        }
    }
}

/// Copies a layer's values into its matrices.
fn keep(out: &mut [Array2<f32>], wanted: &[usize], layer: usize, maps: FeatureMaps<'_>) {
    for (matrix, _) in out.iter_mut().zip(wanted).filter(|(_, wanted)| **wanted == layer) {
        for (image, mut row) in matrix.rows_mut().into_iter().enumerate() {
            if let Some(row) = row.as_slice_mut() {
                copy_out(maps, image, row);
            }
        }
    }
}

/// The place of every value of an image's channel.
pub(super) fn each_of_channel(
    layout: &crate::device::cpu::layout::Layout,
    (image, channel): (usize, usize),
    mut tell: impl FnMut(usize),
) {
    for y in 0..layout.shape.height {
        for x in 0..layout.shape.width {
            tell(layout.pixel(image, y, x).start + channel);
        }
    }
}
