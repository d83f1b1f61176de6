//! Channels of a layer that are set to a value one after the other (ablation), and the later layers' outputs for each.
//!
//! Most of the work is that of the next convolution, and only one channel of its input has changed: its output is the one
//! without an edit, which is kept, plus the convolution of that channel's change. Where it reads the layer itself, that
//! is the value that is set times the convolution of ones, less the convolution of the unedited channel, whatever the
//! value.

use super::pass::Pass;
use super::trace::{CpuTrace, keep};
use crate::device::cpu::buffer::Buffer;
use crate::device::cpu::layout::{FeatureMapsMut, Layout};
use crate::error::Error;
use crate::execute::ChannelEdit;
use crate::ops::Role;
use crate::ops::cpu::{BufferSlot, Chunk, CpuContext, CpuLayer, Inputs, LayerArrays};
use crate::shape::Shape;
use ndarray::Array2;

/// A layer whose channels are set, with its output and those of later layers without an edit.
pub(crate) struct EditBase {
    layer: usize,
    /// Layers whose outputs are asked for.
    wanted: Vec<usize>,
    /// Layers that depend on it, in order.
    dependents: Vec<usize>,
    updates: Vec<ChannelUpdate>,
    /// The layer's output without an edit, in its layout.
    values: Vec<f32>,
    /// The outputs of the wanted layers with nothing set.
    outputs: Vec<Array2<f32>>,
}

/// A layer that is updated by the change of one channel of its input.
struct ChannelUpdate {
    layer: usize,
    input: usize,
    /// Input and output without an edit, in the layouts of their layers.
    base_input: Vec<f32>,
    base_output: Vec<f32>,
    output_layout: Layout,
    /// For each channel of the input, the layer with the weights of that channel alone.
    channels: Vec<Box<dyn CpuLayer>>,
    /// The values of one channel, which such a layer reads.
    change: [Buffer; 1],
    change_slot: [BufferSlot; 1],
    /// Its output.
    result: Buffer,
    /// Where it reads the layer whose channels are set.
    contribution: Option<Contribution>,
}

/// What the channel that was set last contributes to the output of a [`ChannelUpdate`].
#[derive(Default)]
struct Contribution {
    channel: Option<usize>,
    /// Without an edit, and, for one image, with ones in its place.
    unedited: Vec<f32>,
    of_ones: Vec<f32>,
}

impl CpuTrace<'_> {
    /// Prepares to set channels of a layer; all that depends on it is computed again without an edit.
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
        for update in updates.iter_mut().filter(|update| update.input == layer) {
            update.contribution = Some(Contribution::default());
        }
        let values = self.space.activations[pass.slots[layer].buffer].to_vec();
        Ok(EditBase { layer, wanted: wanted.to_vec(), dependents, updates, values, outputs })
    }

    /// The update of a layer whose output is a sum over the channels of its input; `None` for other layers.
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
            output_layout: output.activation,
            channels,
            change: [Buffer::zeros(activation.len(images))],
            change_slot: [slot],
            result: Buffer::zeros(output.activation.len(images)),
            contribution: None,
        }))
    }

    /// Sets a channel and gives the outputs of the wanted layers. The channel is restored afterwards, the later layers
    /// only by [`CpuTrace::end_edits`].
    pub fn edited(&mut self, base: &mut EditBase, edit: ChannelEdit) -> Vec<Array2<f32>> {
        let pass = self.pass();
        let slot = &pass.slots[base.layer];
        // Compared bit by bit: most units are 0 for most images.
        let bits = edit.value.to_bits();
        let mut rows = (0..self.images).flat_map(|image| slot.activation.channel(image, edit.channel));
        if rows.all(|mut row| row.all(|at| base.values[at].to_bits() == bits)) {
            return base.outputs.clone();
        }
        pass.edit(&mut self.space, base.layer, &[(base.layer, edit)]);
        let mut out = self.matrices(&base.wanted);
        for &next in &base.dependents {
            match base.updates.iter_mut().find(|update| update.layer == next) {
                Some(update) => self.update(&pass, update, edit),
                None => pass.forward_layer(&mut self.space, next),
            }
            keep(&mut out, &base.wanted, next, pass.activation(&self.space, next));
        }
        let values = &mut self.space.activations[slot.buffer];
        for image in 0..self.images {
            for row in slot.activation.channel(image, edit.channel) {
                row.for_each(|at| values[at] = base.values[at]);
            }
        }
        out
    }

    fn update(&mut self, pass: &Pass<'_>, update: &mut ChannelUpdate, edit: ChannelEdit) {
        let (input, output) = (&pass.slots[update.input], &pass.slots[update.layer]);
        let length = output.activation.image();
        let values = &mut self.space.activations[output.buffer];
        if update.contribution.is_some() {
            update.find_contribution(pass, input, edit.channel);
            let Some(contribution) = &update.contribution else { return };
            let each = values.chunks_exact_mut(length).zip(update.base_output.chunks_exact(length)).take(self.images);
            for ((values, base), own) in each.zip(contribution.unedited.chunks_exact(length)) {
                let parts = base.iter().zip(own).zip(&contribution.of_ones);
                if edit.value.to_bits() == 0 {
                    values.iter_mut().zip(parts).for_each(|(value, ((base, own), _))| *value = base - own);
                } else {
                    let sum = |((base, own), ones): ((&f32, &f32), &f32)| base - own + edit.value * ones;
                    values.iter_mut().zip(parts).for_each(|(value, part)| *value = sum(part));
                }
            }
            return;
        }
        let now = &self.space.activations[input.buffer];
        update.convolve(pass.chunk, edit.channel, input, |at, base| now[at] - base[at]);
        let values = &mut self.space.activations[output.buffer];
        let sums = update.base_output.iter().zip(update.result.iter());
        values.iter_mut().zip(sums).for_each(|(value, (base, change))| *value = base + change);
    }

    /// Computes what depends on the layer again, without an edit.
    pub fn end_edits(&mut self, base: &EditBase) {
        let pass = self.pass();
        base.dependents.iter().for_each(|&next| pass.forward_layer(&mut self.space, next));
    }
}

impl ChannelUpdate {
    /// Applies the layer to one channel alone. `value` gives its values, from their offset in the input and the input
    /// without an edit.
    fn convolve(&mut self, chunk: Chunk, channel: usize, input: &BufferSlot, value: impl Fn(usize, &[f32]) -> f32) {
        let own_layout = self.change_slot[0].activation;
        for image in 0..chunk.images {
            for (from, to) in input.activation.channel(image, channel).zip(own_layout.channel(image, 0)) {
                from.zip(to).for_each(|(from, to)| self.change[0][to] = value(from, &self.base_input));
            }
        }
        let x = Inputs { layers: &[0], slots: &self.change_slot, buffers: &self.change };
        let y = FeatureMapsMut { layout: &self.output_layout, values: &mut self.result };
        let own = &self.channels[channel];
        own.forward(chunk, x, &mut own.saved(false), y);
    }

    /// Computes a channel's contribution unless the edit before was of the same channel.
    fn find_contribution(&mut self, pass: &Pass<'_>, input: &BufferSlot, channel: usize) {
        if self.contribution.as_ref().is_some_and(|known| known.channel == Some(channel)) {
            return;
        }
        self.convolve(pass.chunk, channel, input, |at, base| base[at]);
        let unedited = self.result.to_vec();
        self.convolve(Chunk { images: 1, ..pass.chunk }, channel, input, |_, _| 1.0);
        self.contribution = Some(Contribution { channel: Some(channel), unedited, of_ones: self.result.to_vec() });
    }
}
