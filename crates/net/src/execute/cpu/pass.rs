//! Forward and backward through a network for one chunk of images, with the buffers they need.

use super::plan::{Plan, Step, Steps};
use crate::device::cpu::buffer::{Buffer, SavedForBackward};
use crate::device::cpu::layout::{FeatureMaps, FeatureMapsMut};
use crate::error::Error;
use crate::execute::ChannelEdit;
use crate::input::{Preprocess, View};
use crate::ops::cpu::{BackwardInputs, BufferSlot, Chunk, CpuLayer, GradientMut, Inputs};
use ndarray::{ArrayView3, ArrayViewMut3, ShapeBuilder};
use std::ops::RangeInclusive;

/// Buffers for one chunk of images, by layer; a layer that overwrites its input has none.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    pub activations: Vec<Buffer>,
    pub gradients: Vec<Buffer>,
    /// Whether a gradient was written in this pass.
    pub written: Vec<bool>,
    saved: Vec<SavedForBackward>,
}

impl Workspace {
    /// Buffers for the forward pass, and for a backward pass to the layers whose gradient is wanted. Without one, layers
    /// share buffers ([`Plan::forward_slots`]).
    pub fn new(plan: &Plan, steps: &Steps, wanted: Option<&[bool]>) -> Self {
        let slots = if wanted.is_some() { &plan.slots } else { &plan.forward_slots };
        // The largest that shares each.
        let mut lengths = vec![0; slots.len()];
        for slot in slots {
            lengths[slot.buffer] = lengths[slot.buffer].max(slot.activation.len(plan.chunk));
        }
        let mut this = Self { written: vec![false; slots.len()], ..Self::default() };
        for (index, (slot, step)) in slots.iter().zip(&steps.0).enumerate() {
            let is_own = slot.buffer == index;
            let is_wanted = is_own && wanted.is_some_and(|wanted| wanted[index]);
            let floats = |needed: bool, length: usize| Buffer::zeros(if needed { length } else { 0 });
            this.activations.push(floats(is_own, lengths[index]));
            this.gradients.push(floats(is_wanted, slot.gradient.len(plan.chunk)));
            let saved = step.own().map(|own| own.saved(wanted.is_some()));
            this.saved.push(saved.unwrap_or_default());
        }
        this
    }

    /// Marks all gradients as not written yet.
    pub fn reset(&mut self) {
        self.written.fill(false);
    }
}

/// One chunk's way through a network.
pub(crate) struct Pass<'a> {
    pub plan: &'a Plan,
    /// The slots that the workspace was made for.
    pub slots: &'a [BufferSlot],
    pub steps: &'a Steps,
    pub chunk: Chunk,
}

impl Pass<'_> {
    /// Writes the view of an image, preprocessed, as image `slot` of the chunk.
    pub fn load(
        &self,
        space: &mut Workspace,
        slot: usize,
        preprocess: &Preprocess,
        (image, view): (ArrayView3<'_, u8>, View),
    ) -> Result<(), Error> {
        let layout = self.slots[0].activation;
        let shape = layout.shape;
        let start = layout.pixel(slot, 0, 0).start;
        let strides = (1, layout.row(), layout.stride);
        let values = &mut space.activations[0][start..];
        let out = ArrayViewMut3::from_shape((shape.channels, shape.height, shape.width).strides(strides), values);
        let out =
            out.map_err(|error| Error::Input { what: "image", expected: shape.to_string(), found: error.to_string() })?;
        preprocess.write(image, view, out)
    }

    /// An activation of the chunk.
    pub fn activation<'s>(&'s self, space: &'s Workspace, layer: usize) -> FeatureMaps<'s> {
        let slot = &self.slots[layer];
        FeatureMaps { layout: &slot.activation, values: &space.activations[slot.buffer] }
    }

    fn inputs<'s>(&'s self, space: &'s Workspace, layer: usize) -> Inputs<'s> {
        let layers = &self.plan.network.layers()[layer].inputs;
        Inputs { layers, slots: self.slots, buffers: &space.activations }
    }

    /// Computes layers 1 to `last` from the loaded images, telling `seen` of each as it is done
    /// (later layers may overwrite it).
    pub fn forward(&self, space: &mut Workspace, last: usize, seen: impl FnMut(usize, FeatureMaps<'_>)) {
        self.forward_edited(space, 0..=last, &[], seen);
    }

    /// The same for some of the layers, with channels set as soon as they are computed.
    pub fn forward_edited(
        &self,
        space: &mut Workspace,
        layers: RangeInclusive<usize>,
        edits: &[(usize, ChannelEdit)],
        mut seen: impl FnMut(usize, FeatureMaps<'_>),
    ) {
        for layer in layers {
            if layer > 0 {
                self.forward_layer(space, layer);
            }
            self.edit(space, layer, edits);
            seen(layer, self.activation(space, layer));
        }
    }

    /// Sets the channels of a layer that are to be set.
    pub fn edit(&self, space: &mut Workspace, layer: usize, edits: &[(usize, ChannelEdit)]) {
        for (_, edit) in edits.iter().filter(|(of, _)| *of == layer) {
            let slot = &self.slots[layer];
            let values = &mut space.activations[slot.buffer];
            for image in 0..self.chunk.images {
                slot.activation.channel(image, edit.channel).flatten().for_each(|at| values[at] = edit.value);
            }
        }
    }

    /// Computes one layer from its inputs.
    pub fn forward_layer(&self, space: &mut Workspace, layer: usize) {
        let slot = &self.slots[layer];
        let mut out = std::mem::take(&mut space.activations[slot.buffer]);
        if slot.activation.is_dense() {
            // Another layer's values may have been there.
            out[slot.activation.spare(self.plan.chunk)].fill(0.0);
        }
        let y = FeatureMapsMut { layout: &slot.activation, values: &mut out };
        match &self.steps.0[layer] {
            Step::InPlace(in_place) => in_place.forward(self.chunk, y),
            Step::Own(own) => {
                let mut saved = std::mem::take(&mut space.saved[layer]);
                own.forward(self.chunk, self.inputs(space, layer), &mut saved, y);
                space.saved[layer] = saved;
            }
        }
        space.activations[slot.buffer] = out;
    }

    /// A layer's gradient, cleared, for the caller to fill.
    pub fn seed<'s>(&'s self, space: &'s mut Workspace, layer: usize) -> FeatureMapsMut<'s> {
        let slot = &self.slots[layer];
        space.written[slot.buffer] = true;
        let mut maps = FeatureMapsMut { layout: &slot.gradient, values: &mut space.gradients[slot.buffer] };
        maps.clear(self.chunk.images);
        maps
    }

    /// Carries the gradients from the last of `range` down to the first, to every layer whose gradient is wanted.
    /// `learn` is told, for every layer that learns, its number, its input's activation and its output's gradient.
    ///
    /// While training, batch normalisation is left to [`Pass::backward_batch`], since its input's gradient needs sums
    /// over the minibatch.
    pub fn backward(
        &self,
        space: &mut Workspace,
        range: RangeInclusive<usize>,
        wanted: &[bool],
        mut learn: impl FnMut(usize, &dyn CpuLayer, FeatureMaps<'_>, FeatureMaps<'_>),
    ) -> Result<(), Error> {
        let layers = self.plan.network.layers();
        for layer in range.rev() {
            let slot = &self.slots[layer];
            if !space.written[slot.buffer] || !wanted[layer] {
                continue;
            }
            let mut gradient = std::mem::take(&mut space.gradients[slot.buffer]);
            match &self.steps.0[layer] {
                Step::InPlace(in_place) => {
                    let maps = FeatureMapsMut { layout: &slot.gradient, values: &mut gradient };
                    in_place.backward(self.chunk, self.activation(space, layer), maps);
                }
                Step::Own(own) => {
                    let dy = FeatureMaps { layout: &slot.gradient, values: &gradient };
                    if !layers[layer].parameters.is_empty() {
                        learn(layer, &**own, self.activation(space, layers[layer].inputs[0]), dy);
                    }
                    if own.batch_statistics().is_none() {
                        self.input_gradients(space, layer, wanted, dy)?;
                    }
                }
            }
            space.gradients[slot.buffer] = gradient;
        }
        Ok(())
    }

    fn input_gradients(
        &self,
        space: &mut Workspace,
        layer: usize,
        wanted: &[bool],
        dy: FeatureMaps<'_>,
    ) -> Result<(), Error> {
        let Step::Own(own) = &self.steps.0[layer] else {
            return Ok(());
        };
        for (slot, &input) in self.plan.network.layers()[layer].inputs.iter().enumerate() {
            if !wanted[input] {
                continue;
            }
            let (mut values, is_written) = self.take_gradient(space, input);
            let mut saved = std::mem::take(&mut space.saved[layer]);
            let maps = FeatureMapsMut { layout: &self.slots[input].gradient, values: &mut values };
            let (x, y) = (self.inputs(space, layer), self.activation(space, layer));
            let known = BackwardInputs { x, y, dy, slot };
            own.backward(self.chunk, known, &mut saved, GradientMut { maps, is_written })?;
            space.saved[layer] = saved;
            space.gradients[self.slots[input].buffer] = values;
        }
        Ok(())
    }

    /// The gradient of a batch normalisation's input, once the sums over the minibatch are known.
    pub fn backward_batch(&self, space: &mut Workspace, layer: usize, wanted: &[bool]) {
        let input = self.plan.network.layers()[layer].inputs[0];
        let slot = &self.slots[layer];
        let Some(statistics) = self.steps.own(layer).and_then(CpuLayer::batch_statistics) else {
            return;
        };
        if !space.written[slot.buffer] || !wanted[input] {
            return;
        }
        let (mut values, is_written) = self.take_gradient(space, input);
        let maps = FeatureMapsMut { layout: &self.slots[input].gradient, values: &mut values };
        let dy = FeatureMaps { layout: &slot.gradient, values: &space.gradients[slot.buffer] };
        let x = self.activation(space, input);
        statistics.backward(self.chunk, x, dy, GradientMut { maps, is_written });
        space.gradients[self.slots[input].buffer] = values;
    }

    /// A layer's gradient, to be written or added to, and given back.
    pub fn take_gradient(&self, space: &mut Workspace, layer: usize) -> (Buffer, bool) {
        let buffer = self.slots[layer].buffer;
        (std::mem::take(&mut space.gradients[buffer]), std::mem::replace(&mut space.written[buffer], true))
    }
}
