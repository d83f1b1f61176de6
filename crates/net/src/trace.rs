//! A few images inside a network: activations, gradients by them, and what follows from changed ones.

use crate::error::Error;
use crate::execute::cpu::trace::CpuTrace;
use crate::execute::{ChannelEdit, RectifierRule};
use crate::network::Network;
use ndarray::{Array2, ArrayView2, ArrayView3};

/// A few images inside a network with one set of weights, on the CPU. All activations stay after [`Trace::forward`];
/// gradients of any layer's outputs go back to any layer, and channels can be set and what follows computed again.
#[derive(Debug)]
pub struct Trace<'m> {
    inner: CpuTrace<'m>,
    network: &'m Network,
    images: usize,
    last: usize,
}

/// A backward pass.
#[derive(Clone, Copy, Debug)]
pub struct Backward<'a> {
    /// The layer that it begins at.
    pub from: usize,
    /// How gradients pass rectifiers.
    pub rule: RectifierRule,
    /// The layers at whose outputs the gradients are wanted; 0 is the network's input.
    pub wanted: &'a [usize],
}

impl<'m> Trace<'m> {
    pub(crate) fn new(inner: CpuTrace<'m>, network: &'m Network) -> Self {
        Self { inner, network, images: 0, last: 0 }
    }

    /// Images that it takes at a time, at most.
    pub fn capacity(&self) -> usize {
        self.inner.capacity()
    }

    /// Takes network inputs (see [`crate::Model::input_of`]) and computes the layers up to `last`; for each wanted layer a
    /// matrix with a row an image, values in channel, row, column order.
    ///
    /// # Errors
    /// Too many inputs, or of another shape; layers that there are none of.
    pub fn forward(
        &mut self,
        inputs: &[ArrayView3<'_, f32>],
        last: usize,
        wanted: &[usize],
    ) -> Result<Vec<Array2<f32>>, Error> {
        wanted.iter().chain([&last]).try_for_each(|&layer| self.check_layer(layer))?;
        let dims: (usize, usize, usize) = self.network.input().dims().into();
        let (capacity, found) = (self.capacity(), inputs.len());
        if found > capacity || inputs.iter().any(|input| input.dim() != dims) {
            let shape = inputs.iter().map(ArrayView3::dim).find(|&shape| shape != dims);
            let found = shape.map_or_else(|| found.to_string(), |shape| format!("{shape:?}"));
            let expected = format!("at most {capacity} of shape {dims:?}");
            return Err(Error::Input { what: "network inputs", expected, found });
        }
        (self.images, self.last) = (found, last);
        self.inner.forward(inputs, last, wanted)
    }

    /// The gradients of `seeds . output of the layer`, image by image: for each wanted layer a matrix with a row an image,
    /// in channel, row, column order. `seeds` has a row an image with a value for each of the layer's.
    ///
    /// # Errors
    /// Layers behind the last that was computed; seeds of another shape.
    pub fn backward(&mut self, seeds: ArrayView2<'_, f32>, of: Backward<'_>) -> Result<Vec<Array2<f32>>, Error> {
        of.wanted.iter().chain([&of.from]).try_for_each(|&layer| self.check_computed(layer))?;
        let expected = (self.images, self.network.layers()[of.from].shape.len());
        if seeds.dim() != expected {
            let (expected, found) = (format!("{expected:?}"), format!("{:?}", seeds.dim()));
            return Err(Error::Input { what: "seeds of gradients (images, values)", expected, found });
        }
        self.inner.backward(of.from, seeds, (of.rule, of.wanted))
    }

    /// The layer in whose memory a layer's output lies when all layers are computed: itself, or the last of those that
    /// overwrite it one after the other.
    pub fn settled(&self, layer: usize) -> usize {
        self.inner.settled(layer)
    }

    /// Sets channels of a layer's output, computes again the layers that depend on it, and gives the outputs of the
    /// wanted ones among them. The channels come back afterwards; what follows has to be computed again, by another call
    /// or [`Trace::restore`].
    ///
    /// # Errors
    /// A layer that is not [settled](Trace::settled), or behind the last that was computed; channels that there are none
    /// of.
    pub fn resume(&mut self, layer: usize, edits: &[ChannelEdit], wanted: &[usize]) -> Result<Vec<Array2<f32>>, Error> {
        wanted.iter().chain([&layer]).try_for_each(|&layer| self.check_computed(layer))?;
        let channels = self.network.layers()[layer].shape.channels;
        if let Some(edit) = edits.iter().find(|edit| edit.channel >= channels) {
            let (expected, found) = (format!("0 to {}", channels - 1), edit.channel.to_string());
            return Err(Error::Input { what: "channel of a layer", expected, found });
        }
        self.inner.resume_edited(layer, edits, (self.last, wanted))
    }

    /// Computes again what depends on a layer, as it was before [`Trace::resume`].
    ///
    /// # Errors
    /// A layer behind the last that was computed.
    pub fn restore(&mut self, layer: usize) -> Result<(), Error> {
        self.check_computed(layer)?;
        self.inner.resume(layer, self.last);
        Ok(())
    }

    fn check_computed(&self, layer: usize) -> Result<(), Error> {
        self.check_layer(layer)?;
        if layer <= self.last {
            return Ok(());
        }
        let expected = format!("at most {}, the last that was computed", self.last);
        Err(Error::Input { what: "layer index", expected, found: layer.to_string() })
    }

    fn check_layer(&self, layer: usize) -> Result<(), Error> {
        let layers = self.network.layers().len();
        if layer < layers {
            return Ok(());
        }
        Err(Error::Input { what: "layer index", expected: format!("0 to {}", layers - 1), found: layer.to_string() })
    }
}
