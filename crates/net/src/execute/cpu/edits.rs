//! Channels of a layer that are set one after the other, and what follows from each.
//!
//! Most of the work is that of the next convolution, and only one channel of its input has changed: its output is the one
//! that is kept plus the convolution of that channel's change.

use super::pass::Pass;
use super::trace::{CpuTrace, keep};
use crate::device::cpu::buffer::Buffer;
use crate::device::cpu::layout::{FeatureMapsMut, Layout};
use crate::error::Error;
use crate::execute::ChannelEdit;
use crate::ops::Role;
use crate::ops::cpu::{BufferSlot, CpuContext, CpuLayer, Inputs, LayerArrays};
use crate::shape::Shape;
use ndarray::Array2;

/// A layer whose channels are set, with what follows from it as it is.
pub(crate) struct EditBase {
    layer: usize,
    wanted: Vec<usize>,
    /// Layers that depend on it, in order.
    dependents: Vec<usize>,
    updates: Vec<ChannelUpdate>,
    /// The outputs of the wanted layers with nothing set.
    outputs: Vec<Array2<f32>>,
}

/// A layer that is updated by the change of one channel of its input.
struct ChannelUpdate {
    layer: usize,
    input: usize,
    /// Input and output as they are without a change, in the layouts of their layers.
    base_input: Vec<f32>,
    base_output: Vec<f32>,
    /// The layer on one channel, for each.
    channels: Vec<Box<dyn CpuLayer>>,
    change: [Buffer; 1],
    change_slot: [BufferSlot; 1],
    result: Buffer,
}

impl CpuTrace<'_> {
    /// Prepares to set channels of a layer; all that depends on it is computed again as it is.
    pub fn begin_edits(&mut self, layer: usize, (last, wanted): (usize, &[usize])) -> Result<EditBase, Error> {
        if self.settled(layer) != layer {
            return Err(Error::Input {
                what: "layer whose channels are set",
                expected: "one that its reader does not overwrite".into(),
                found: self.network().layers()[layer].name.clone(),
            });
        }
        if let Some((fixed, _)) = self.fixed.first() {
            return Err(Error::Input {
                what: "trace whose channels are set one after the other",
                expected: "one of which none is set in every pass".into(),
                found: format!("one with a channel of {} set", self.network().layers()[*fixed].name),
            });
        }
        let pass = self.pass();
        let dependents = self.network().depending_on(layer, last);
        let (mut outputs, mut updates) = (self.matrices(wanted), Vec::new());
        // Layers that change in the channel alone that is set.
        let mut confined = vec![layer];
        for &next in &dependents {
            let of = &self.network().layers()[next];
            let operation = of.op.operation();
            let input = of.inputs.first().copied().filter(|input| of.inputs.len() == 1 && confined.contains(input));
            let update = match input {
                Some(_) if operation.is_channelwise() => {
                    confined.push(next);
                    None
                }
                Some(input) => self.channel_update(&pass, next, input)?,
                None => None,
            };
            pass.forward_layer(&mut self.space, next);
            keep(&mut outputs, wanted, next, pass.activation(&self.space, next));
            if let Some(mut update) = update {
                update.base_output = self.space.activations[pass.slots[next].buffer].to_vec();
                updates.push(update);
            }
        }
        Ok(EditBase { layer, wanted: wanted.to_vec(), dependents, updates, outputs })
    }

    /// A layer as sums over the channels of its input, if it is one.
    fn channel_update(&self, pass: &Pass<'_>, layer: usize, input: usize) -> Result<Option<ChannelUpdate>, Error> {
        let network = self.network();
        let of = &network.layers()[layer];
        let Some(weight) = of.parameter(Role::Weight) else { return Ok(None) };
        let weights = self.parts.parameters.values(&weight.name)?;
        let shape = network.layers()[input].shape;
        let one = Shape { channels: 1, ..shape };
        let needs = of.op.operation().memory_needs(&[one], of.shape);
        let activation = if needs.reads_unpadded {
            Layout::unpadded(one, needs.input_halo)
        } else {
            Layout::padded(one, needs.input_halo)
        };
        let slot = BufferSlot { activation, gradient: activation, buffer: 0 };
        let output = BufferSlot { buffer: 0, ..pass.slots[layer] };
        let images = self.capacity();
        let bias = vec![0.0; of.parameter(Role::Bias).map_or(0, crate::ops::ParameterSpec::len)];
        let mut channels = Vec::with_capacity(shape.channels);
        for channel in 0..shape.channels {
            let Some(part) = of.op.operation().weights_of_channel(&[shape], weights, channel) else {
                return Ok(None);
            };
            let mut own = of.op.operation().cpu(&CpuContext { inputs: &[slot], output, images, layer });
            own.pack(self.parts.level, LayerArrays { weight: &part, bias: &bias, ..LayerArrays::default() });
            channels.push(own);
        }
        Ok(Some(ChannelUpdate {
            layer,
            input,
            base_input: self.space.activations[pass.slots[input].buffer].to_vec(),
            base_output: Vec::new(),
            channels,
            change: [Buffer::zeros(activation.len(images))],
            change_slot: [slot],
            result: Buffer::zeros(output.activation.len(images)),
        }))
    }

    /// Sets a channel and gives the outputs of the wanted layers. The channel comes back afterwards; what follows is as it
    /// was only after [`CpuTrace::end_edits`].
    pub fn edited(&mut self, base: &mut EditBase, edit: ChannelEdit) -> Vec<Array2<f32>> {
        let pass = self.pass();
        let slot = &pass.slots[base.layer];
        let values = &mut self.space.activations[slot.buffer];
        let places = (0..self.images).flat_map(|image| slot.activation.channel(image, edit.channel));
        let kept: Vec<(usize, f32)> = places.map(|at| (at, std::mem::replace(&mut values[at], edit.value))).collect();
        // Compared bit by bit: most units are silent for most images.
        if kept.iter().all(|(_, value)| value.to_bits() == edit.value.to_bits()) {
            return base.outputs.clone();
        }
        let mut out = self.matrices(&base.wanted);
        for &next in &base.dependents {
            match base.updates.iter_mut().find(|update| update.layer == next) {
                Some(update) => self.update(&pass, update, edit.channel),
                None => pass.forward_layer(&mut self.space, next),
            }
            keep(&mut out, &base.wanted, next, pass.activation(&self.space, next));
        }
        let values = &mut self.space.activations[slot.buffer];
        for (at, value) in kept {
            values[at] = value;
        }
        out
    }

    fn update(&mut self, pass: &Pass<'_>, update: &mut ChannelUpdate, channel: usize) {
        let (input, output) = (&pass.slots[update.input], &pass.slots[update.layer]);
        let values = &self.space.activations[input.buffer];
        let change_layout = &update.change_slot[0].activation;
        for image in 0..self.images {
            let places = input.activation.channel(image, channel).zip(change_layout.channel(image, 0));
            places.for_each(|(from, to)| update.change[0][to] = values[from] - update.base_input[from]);
        }
        let x = Inputs { layers: &[0], slots: &update.change_slot, buffers: &update.change };
        let y = FeatureMapsMut { layout: &output.activation, values: &mut update.result };
        let own = &update.channels[channel];
        own.forward(pass.chunk, x, &mut own.saved(false), y);
        let values = &mut self.space.activations[output.buffer];
        let sums = update.base_output.iter().zip(update.result.iter());
        values.iter_mut().zip(sums).for_each(|(value, (base, change))| *value = base + change);
    }

    /// Computes what depends on the layer again, as it was.
    pub fn end_edits(&mut self, base: &EditBase) {
        let pass = self.pass();
        base.dependents.iter().for_each(|&next| pass.forward_layer(&mut self.space, next));
    }
}
