//! A few images inside a network: activations, gradients with respect to them, and the outputs for changed ones.

use crate::error::Error;
use crate::execute::cpu::edits::EditBase;
use crate::execute::cpu::trace::CpuTrace;
use crate::execute::{ChannelEdit, RectifierRule};
use crate::network::Network;
use ndarray::{Array1, Array2, Array3, ArrayView2, ArrayView3, Zip};
use std::fmt;

/// A few images inside a network with one set of weights, on the CPU: what autograd records, not a `torch.jit` trace. All
/// activations stay after [`Trace::forward`]; gradients of any layer's outputs go back to any layer, and channels can be
/// set and what follows computed again.
#[derive(Debug)]
pub struct Trace<'m> {
    inner: CpuTrace<'m>,
    network: &'m Network,
    images: usize,
    last: usize,
}

/// Channels of a layer that are set one after the other; the trace is as it was when this is dropped.
pub struct Edits<'t, 'm> {
    trace: &'t mut Trace<'m>,
    base: EditBase,
    channels: usize,
}

impl Edits<'_, '_> {
    /// The outputs of the wanted layers with one channel set, as [`Trace::forward`] gives them; those that do not depend on
    /// the layer are zero.
    ///
    /// # Errors
    /// A channel that does not exist.
    pub fn set(&mut self, edit: ChannelEdit) -> Result<Vec<Array2<f32>>, Error> {
        if edit.channel >= self.channels {
            let (expected, found) = (format!("0 to {}", self.channels - 1), edit.channel.to_string());
            return Err(Error::Input { what: "channel of a layer", expected, found });
        }
        Ok(self.trace.inner.edited(&mut self.base, edit))
    }
}

impl fmt::Debug for Edits<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Edits({} channels)", self.channels)
    }
}

impl Drop for Edits<'_, '_> {
    fn drop(&mut self) {
        self.trace.inner.end_edits(&self.base);
    }
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

    /// Sets channels of layers' outputs in every forward pass from now on, as soon as they are computed, as
    /// [`crate::Model::forward_edited`] does. The outputs do not depend on what they would have been: their gradients are
    /// zero.
    ///
    /// # Errors
    /// Layers or channels that do not exist.
    pub fn fix(&mut self, channels: &[(usize, ChannelEdit)]) -> Result<(), Error> {
        for (layer, edit) in channels {
            self.check_layer(*layer)?;
            let count = self.network.layers()[*layer].shape.channels;
            if edit.channel >= count {
                let (expected, found) = (format!("0 to {}", count - 1), edit.channel.to_string());
                return Err(Error::Input { what: "channel of a layer", expected, found });
            }
        }
        self.inner.fix(channels.to_vec());
        Ok(())
    }

    /// Takes network inputs (see [`crate::Model::input_of`]) and computes the layers up to `last`; for each wanted layer a
    /// matrix with a row an image, values in channel, row, column order.
    ///
    /// # Errors
    /// Too many inputs, or of another shape; layers that do not exist.
    pub fn forward(
        &mut self,
        inputs: &[ArrayView3<'_, f32>],
        last: usize,
        wanted: &[usize],
    ) -> Result<Vec<Array2<f32>>, Error> {
        wanted.iter().chain([&last]).try_for_each(|&layer| self.check_layer(layer))?;
        self.check_inputs(inputs, inputs.len())?;
        (self.images, self.last) = (inputs.len(), last);
        Ok(self.inner.forward(inputs, last, wanted))
    }

    /// The gradients of the dot product of each image's row of `seeds` and its output of the layer `of.from`: for each
    /// wanted layer a matrix with a row an image, in channel, row, column order. `seeds` has a value for each of the
    /// layer's.
    ///
    /// # Errors
    /// Layers after the last that was computed; seeds of another shape.
    pub fn backward(&mut self, seeds: ArrayView2<'_, f32>, of: Backward<'_>) -> Result<Vec<Array2<f32>>, Error> {
        of.wanted.iter().chain([&of.from]).try_for_each(|&layer| self.check_computed(layer))?;
        self.check_seeds(seeds, of.from)?;
        self.inner.backward(of.from, seeds, (of.rule, of.wanted))
    }

    /// Computes the layers up to `last` for points on the line from one network input to another: `start + share * (end -
    /// start)` for each of `shares`. Layers of the linear prefix ([`Network::linear_prefix`]) are computed at the ends alone.
    ///
    /// # Errors
    /// As of [`Trace::forward`].
    pub fn forward_line(&mut self, ends: [ArrayView3<'_, f32>; 2], shares: &[f32], last: usize) -> Result<(), Error> {
        let cut = self.network.linear_prefix().min(last);
        if cut == 0 || self.capacity() < ends.len() {
            let [start, end] = ends;
            let point = |share: &f32| Zip::from(start).and(end).map_collect(|start, end| start + share * (end - start));
            let points: Vec<Array3<f32>> = shares.iter().map(point).collect();
            let views: Vec<_> = points.iter().map(Array3::view).collect();
            return self.forward(&views, last, &[]).map(drop);
        }
        self.check_layer(last)?;
        self.check_inputs(&ends, shares.len())?;
        (self.images, self.last) = (shares.len(), last);
        self.inner.forward_line(ends, shares, (cut, last));
        Ok(())
    }

    /// The gradient of the sum over images of the dot product of `seed` and the image's output of the layer `from`, with
    /// respect to one image's input: in channel, row, column order. It is propagated through the linear prefix once.
    ///
    /// # Errors
    /// A layer after the last that was computed; a seed of another length.
    pub fn backward_sum(&mut self, seed: &[f32], from: usize, rule: RectifierRule) -> Result<Array1<f32>, Error> {
        self.check_computed(from)?;
        let seeds = Array2::from_shape_fn((self.images, seed.len()), |(_, index)| seed[index]);
        self.check_seeds(seeds.view(), from)?;
        self.inner.backward_sum(from, seeds.view(), (rule, self.network.linear_prefix().min(from)))
    }

    /// The layer in whose memory a layer's output lies when all layers are computed: itself, or the last of those that
    /// overwrite it one after the other.
    pub fn settled(&self, layer: usize) -> usize {
        self.inner.settled(layer)
    }

    /// Prepares to set channels of a layer's output one after the other, each alone. For each that is set the layers that
    /// depend on it are computed again; `wanted` says whose outputs are.
    ///
    /// # Errors
    /// A layer that is not [settled](Trace::settled), or after the last that was computed; channels that are set in
    /// every pass ([`Trace::fix`]).
    pub fn edits(&mut self, layer: usize, wanted: &[usize]) -> Result<Edits<'_, 'm>, Error> {
        wanted.iter().chain([&layer]).try_for_each(|&layer| self.check_computed(layer))?;
        let base = self.inner.begin_edits(layer, (self.last, wanted))?;
        Ok(Edits { channels: self.network.layers()[layer].shape.channels, trace: self, base })
    }

    fn check_inputs(&self, inputs: &[ArrayView3<'_, f32>], images: usize) -> Result<(), Error> {
        let dims: (usize, usize, usize) = self.network.input().dims().into();
        let capacity = self.capacity();
        if images <= capacity && inputs.iter().all(|input| input.dim() == dims) {
            return Ok(());
        }
        let shape = inputs.iter().map(ArrayView3::dim).find(|&shape| shape != dims);
        let found = shape.map_or_else(|| images.to_string(), |shape| format!("{shape:?}"));
        let expected = format!("at most {capacity} of shape {dims:?}");
        Err(Error::Input { what: "network inputs", expected, found })
    }

    fn check_seeds(&self, seeds: ArrayView2<'_, f32>, layer: usize) -> Result<(), Error> {
        let expected = (self.images, self.network.layers()[layer].shape.len());
        if seeds.dim() == expected {
            return Ok(());
        }
        let (expected, found) = (format!("{expected:?}"), format!("{:?}", seeds.dim()));
        Err(Error::Input { what: "seeds of gradients (images, values)", expected, found })
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
