//! Forward and backward through a network for one chunk of images, with the buffers they need.

use super::plan::{BackwardPlan, Packed, PackedLayer, Plan, Weighted};
use crate::device::VectorLevel;
use crate::device::cpu::buffer::Buffer;
use crate::device::cpu::layout::{Maps, MapsMut};
use crate::device::cpu::norm::Kept;
use crate::error::Error;
use crate::input::{Preprocess, View};
use crate::ops::batch_norm::cpu::Normaliser;
use crate::ops::dropout::cpu::Noise;
use crate::ops::{Op, add, batch_norm, concat, global_average, softmax};
use ndarray::{ArrayView3, ArrayViewMut3, ShapeBuilder};

/// Buffers for one chunk of images, by layer; a layer in place has none.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    pub activations: Vec<Buffer>,
    pub gradients: Vec<Buffer>,
    /// Whether a gradient holds something of this pass.
    pub written: Vec<bool>,
    pub(super) kept: Vec<Kept>,
}

impl Workspace {
    /// Buffers for the forward pass, and for the way back if wanted.
    pub fn new(plan: &Plan, back: Option<&BackwardPlan>) -> Self {
        let layers = plan.network.layers();
        let mut this = Self { written: vec![false; layers.len()], ..Self::default() };
        for (index, (layer, place)) in layers.iter().zip(&plan.places).enumerate() {
            let own = place.home == index;
            let gradient = place.gradient.len(plan.chunk);
            let activation = if own { place.activation.len(plan.chunk) } else { 0 };
            this.activations.push(Buffer::zeros(activation));
            let wanted = own && back.is_some_and(|back| back.wanted[index]);
            this.gradients.push(Buffer::zeros(if wanted { gradient } else { 0 }));
            let zeros = |needed: bool| Buffer::zeros(if needed { gradient } else { 0 });
            let normalises = matches!(layer.op, Op::ResponseNorm(_) | Op::ContrastNorm(_) | Op::CrossMapNorm(_));
            let distances = match &layer.op {
                Op::ContrastNorm(_) => gradient,
                Op::CrossMapNorm(geometry) => geometry.line(),
                _ => 0,
            };
            this.kept.push(Kept {
                denominators: zeros(normalises),
                distances: Buffer::zeros(distances),
                room: zeros(back.is_some() && (normalises || matches!(layer.op, Op::Dropout(_)))),
            });
        }
        this
    }

    /// Forgets all gradients.
    pub fn reset(&mut self) {
        self.written.fill(false);
    }
}

/// One chunk's way through a network.
pub(crate) struct Pass<'a> {
    pub plan: &'a Plan,
    pub packed: &'a Packed,
    pub level: VectorLevel,
    /// Images of the chunk.
    pub images: usize,
    /// What dropout draws from: the step's noise and the position of the first image in the
    /// batch; nothing when not training.
    pub noise: Option<(u64, usize)>,
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
        let layout = self.plan.places[0].activation;
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
    pub fn activation<'s>(&'s self, space: &'s Workspace, layer: usize) -> Maps<'s> {
        let place = &self.plan.places[layer];
        Maps { layout: &place.activation, values: &space.activations[place.home] }
    }

    /// Computes layers 1 to `last` from the loaded images, telling `seen` of each as it is done
    /// (later layers may overwrite it).
    pub fn forward(&self, space: &mut Workspace, last: usize, mut seen: impl FnMut(usize, Maps<'_>)) {
        if let Some(first) = (last < self.plan.places.len()).then_some(0) {
            seen(first, self.activation(space, first));
        }
        for layer in 1..=last {
            self.forward_layer(space, layer);
            seen(layer, self.activation(space, layer));
        }
    }

    /// Computes one layer from its inputs.
    pub fn forward_layer(&self, space: &mut Workspace, layer: usize) {
        let place = &self.plan.places[layer];
        let mut out = std::mem::take(&mut space.activations[place.home]);
        let mut kept = std::mem::take(&mut space.kept[layer]);
        self.compute(space, layer, &mut kept, &mut out);
        space.activations[place.home] = out;
        space.kept[layer] = kept;
    }

    fn compute(&self, space: &Workspace, layer: usize, kept: &mut Kept, values: &mut [f32]) {
        let (level, images) = (self.level, self.images);
        let this = &self.plan.network.layers()[layer];
        let place = &self.plan.places[layer];
        if let Op::Neuron(geometry) = &this.op
            && place.home != layer
        {
            let y = MapsMut { layout: &place.activation, values };
            geometry.neuron.forward(level, images, y);
            return;
        }
        let input = |slot: usize| self.activation(space, this.inputs[slot]);
        match (&self.plan.weighted[layer], &self.packed.forward[layer]) {
            (Some(Weighted::Conv(conv)), PackedLayer::Conv(weights)) => {
                return conv.apply(level, images, weights, (input(0).values, values));
            }
            (Some(Weighted::Local(local)), PackedLayer::Local(weights)) => {
                return local.apply(level, images, weights, (input(0).values, values));
            }
            _ => {}
        }
        let mut y = MapsMut { layout: &place.activation, values };
        match &this.op {
            Op::Input(_) | Op::Conv(_) | Op::Local(_) | Op::Full(_) => {}
            Op::Pool(geometry) => geometry.forward(level, images, input(0), &mut y),
            Op::GlobalAverage(_) => global_average::cpu::forward(level, images, input(0), y),
            Op::BatchNorm(_) => {
                if let Some(by) = self.normaliser(layer) {
                    batch_norm::cpu::forward(level, images, by, input(0), y);
                }
            }
            Op::Neuron(geometry) => {
                concat::cpu::forward(images, 0, input(0), &mut y);
                geometry.neuron.forward(level, images, y);
            }
            Op::ResponseNorm(geometry) => {
                geometry.forward(level, images, (&place.gradient, kept), (input(0), y));
            }
            Op::ContrastNorm(geometry) => {
                geometry.forward(level, images, (&place.gradient, kept), (input(0), y));
            }
            Op::CrossMapNorm(geometry) => {
                geometry.forward(level, images, (&place.gradient, kept), (input(0), y));
            }
            Op::Dropout(geometry) => {
                let mask = self.noise.map(|(step, first_image)| {
                    let mut mask = MapsMut { layout: &place.gradient, values: &mut kept.room };
                    let noise = Noise { step, layer, first_image };
                    geometry.draw(noise, images, &mut mask);
                    Maps { layout: &place.gradient, values: &kept.room }
                });
                geometry.forward(images, input(0), mask, &mut y);
            }
            Op::Softmax(_) => softmax::cpu::forward(images, input(0), &mut y),
            Op::Add(geometry) => {
                y.clear(images);
                for (slot, &factor) in geometry.coefficients.iter().enumerate() {
                    add::cpu::add_scaled(level, images, factor, input(slot), y.again());
                }
            }
            Op::Concat(geometry) => {
                let mut first = 0;
                for (slot, shape) in geometry.inputs.iter().enumerate() {
                    concat::cpu::forward(images, first, input(slot), &mut y);
                    first += shape.channels;
                }
            }
        }
    }

    /// What a batch normalisation does at present.
    pub fn normaliser(&self, layer: usize) -> Option<&Normaliser> {
        match &self.packed.forward[layer] {
            PackedLayer::BatchNorm(normaliser) => Some(normaliser),
            _ => None,
        }
    }
}
