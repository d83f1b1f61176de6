//! The way back through a network for one chunk of images.

use super::pass::{Pass, Workspace};
use crate::device::cpu::gemm::Start;
use crate::device::cpu::layout::{Maps, MapsMut};
use crate::device::cpu::norm::Kept;
use crate::execute::cpu::plan::{BackwardPlan, InputGradient};
use crate::ops::neuron::cpu::NeuronGradient;
use crate::ops::{Op, add, batch_norm, concat, global_average, softmax};
use std::ops::RangeInclusive;

impl Pass<'_> {
    /// A layer's gradient, cleared, to be written by hand.
    pub fn seed<'s>(&'s self, space: &'s mut Workspace, layer: usize) -> MapsMut<'s> {
        let place = &self.plan.places[layer];
        space.written[place.home] = true;
        let mut maps = MapsMut { layout: &place.gradient, values: &mut space.gradients[place.home] };
        maps.clear(self.images);
        maps
    }

    /// Carries the gradients from the last of `layers` down to the first. `weights` is told, for
    /// every layer that learns, its number, its input's activation and its output's gradient.
    ///
    /// While training, the way back through a batch normalisation is [`Pass::descend_batch_norm`],
    /// for it needs sums over the minibatch.
    pub fn backward(
        &self,
        space: &mut Workspace,
        range: RangeInclusive<usize>,
        back: &BackwardPlan,
        mut weights: impl FnMut(usize, Maps<'_>, Maps<'_>),
    ) {
        let layers = self.plan.network.layers();
        for layer in range.rev() {
            let place = &self.plan.places[layer];
            if !space.written[place.home] || !back.wanted[layer] {
                continue;
            }
            let mut own = std::mem::take(&mut space.gradients[place.home]);
            if let Op::Neuron(geometry) = &layers[layer].op
                && place.home != layer
            {
                let gradient = MapsMut { layout: &place.gradient, values: &mut own };
                let y = self.activation(space, layer);
                geometry.neuron.backward_in_place(self.level, self.images, y, gradient);
            } else {
                let dy = Maps { layout: &place.gradient, values: &own };
                let batch_norm = matches!(layers[layer].op, Op::BatchNorm(_));
                if self.plan.weighted[layer].is_some() || batch_norm {
                    weights(layer, self.activation(space, layers[layer].inputs[0]), dy);
                }
                let slots = if batch_norm && self.noise.is_some() { 0 } else { layers[layer].inputs.len() };
                for slot in 0..slots {
                    let input = layers[layer].inputs[slot];
                    if back.wanted[input] {
                        self.descend(space, (layer, slot), back, dy);
                    }
                }
            }
            space.gradients[place.home] = own;
        }
    }

    /// The way back through a batch normalisation's statistics, whose sums over the minibatch are
    /// known: writes or adds to its input's gradient.
    pub fn descend_batch_norm(&self, space: &mut Workspace, layer: usize, back: &BackwardPlan) {
        let input = self.plan.network.layers()[layer].inputs[0];
        let (place, below) = (&self.plan.places[layer], &self.plan.places[input]);
        let Some(by) = self.normaliser(layer) else { return };
        if !space.written[place.home] || !back.wanted[input] {
            return;
        }
        let mut values = std::mem::take(&mut space.gradients[below.home]);
        let mut dx = MapsMut { layout: &below.gradient, values: &mut values };
        if !std::mem::replace(&mut space.written[below.home], true) {
            dx.clear(self.images);
        }
        let known = batch_norm::cpu::Backward {
            by,
            means: &self.packed.backward[layer],
            x: self.activation(space, input),
            dy: Maps { layout: &place.gradient, values: &space.gradients[place.home] },
        };
        batch_norm::cpu::backward(self.level, self.images, &known, dx);
        space.gradients[below.home] = values;
    }

    /// Writes or adds the gradient of one of a layer's inputs.
    fn descend(&self, space: &mut Workspace, (layer, slot): (usize, usize), back: &BackwardPlan, dy: Maps<'_>) {
        let (level, images) = (self.level, self.images);
        let this = &self.plan.network.layers()[layer];
        let place = &self.plan.places[this.inputs[slot]];
        let mut values = std::mem::take(&mut space.gradients[place.home]);
        let written = std::mem::replace(&mut space.written[place.home], true);
        let start = if written { Start::Add } else { Start::Zero };
        let packed = &self.packed.backward[layer];
        match &back.input_gradients[layer] {
            Some(InputGradient::Conv(conv)) => {
                conv.apply(level, images, packed, (dy.values, &mut values, start));
            }
            Some(InputGradient::Local(local)) => {
                local.apply(level, images, packed, (dy.values, &mut values, start));
            }
            None => {
                let mut dx = MapsMut { layout: &place.gradient, values: &mut values };
                if let Op::Pool(geometry) = &this.op {
                    let (x, y) = (self.activation(space, this.inputs[slot]), self.activation(space, layer));
                    geometry.backward(level, images, (x, y), (dy, &mut dx, written));
                    space.gradients[place.home] = values;
                    return;
                }
                if !written {
                    dx.clear(images);
                }
                let mut kept = std::mem::take(&mut space.kept[layer]);
                self.carry(space, (layer, slot), &mut kept, (dy, dx));
                space.kept[layer] = kept;
            }
        }
        space.gradients[place.home] = values;
    }

    /// The way back through layers without weights: adds to the input's gradient.
    fn carry(
        &self,
        space: &Workspace,
        (layer, slot): (usize, usize),
        kept: &mut Kept,
        (dy, mut dx): (Maps<'_>, MapsMut<'_>),
    ) {
        let (level, images) = (self.level, self.images);
        let this = &self.plan.network.layers()[layer];
        let x = self.activation(space, this.inputs[slot]);
        let y = self.activation(space, layer);
        match &this.op {
            Op::Input(_) | Op::Conv(_) | Op::Local(_) | Op::Full(_) | Op::Pool(_) => {}
            Op::GlobalAverage(_) => global_average::cpu::backward(level, images, dy, dx),
            Op::BatchNorm(_) => {
                if let Some(by) = self.normaliser(layer) {
                    batch_norm::cpu::backward_fixed(level, images, by, dy, dx);
                }
            }
            Op::Neuron(geometry) => {
                let known = NeuronGradient { x, y, dy };
                geometry.neuron.backward(level, images, &known, dx);
            }
            Op::ResponseNorm(geometry) => {
                geometry.backward(level, images, kept, (x, y), (dy, dx));
            }
            Op::ContrastNorm(geometry) => geometry.backward(level, images, kept, y, (dy, dx)),
            Op::CrossMapNorm(geometry) => {
                geometry.backward(level, images, kept, (x, y), (dy, dx));
            }
            Op::Dropout(geometry) => {
                let mask = self.noise.map(|_| Maps { layout: dy.layout, values: &kept.room });
                geometry.backward(images, dy, mask, &mut dx);
            }
            Op::Softmax(_) => softmax::cpu::backward(images, y, dy, &mut dx),
            Op::Add(geometry) => {
                add::cpu::add_scaled(level, images, geometry.coefficients[slot], dy, dx);
            }
            Op::Concat(geometry) => {
                let first = geometry.inputs[..slot].iter().map(|shape| shape.channels).sum();
                concat::cpu::backward(images, first, dy, &mut dx);
            }
        }
    }
}
