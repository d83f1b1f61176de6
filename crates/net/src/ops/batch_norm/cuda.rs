//! Batch normalisation on the device.

use super::BatchNormGeometry;
use crate::device::cuda::{Arg, At, Cuda, Grid, Memory, Room};
use crate::error::Error;

/// What a layer keeps of its normalisation, channel by channel.
#[derive(Debug)]
pub(crate) struct Normaliser {
    memory: Memory<f32>,
    channels: usize,
}

/// Places of a [`Normaliser`].
#[derive(Clone, Copy)]
struct Places {
    mean: At,
    inverse: At,
    factor: At,
    shift: At,
    mean_dy: At,
    mean_dy_x: At,
}

impl Normaliser {
    pub fn new(on: &Cuda, channels: usize) -> Result<Self, Error> {
        Ok(Self { memory: Memory::zeros(on, 6 * channels)?, channels })
    }

    fn places(&self) -> Places {
        let at = |index: usize| self.memory.at().plus(index * self.channels);
        Places { mean: at(0), inverse: at(1), factor: at(2), shift: at(3), mean_dy: at(4), mean_dy_x: at(5) }
    }
}

/// The learnt arrays of a layer or their gradients, and two statistics: running ones or the minibatch's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrays {
    pub weight: Option<At>,
    pub bias: Option<At>,
    pub mean: At,
    pub variance: At,
}

impl BatchNormGeometry {
    fn rows(&self, images: usize) -> usize {
        images * self.input.height * self.input.width
    }

    /// Takes mean and variance from the running ones.
    pub(crate) fn cuda_fix(&self, on: &Cuda, learnt: Arrays, by: &Normaliser) -> Result<(), Error> {
        let (channels, to) = (self.input.channels, by.places());
        let statistics = [learnt.mean.into(), learnt.variance.into(), Arg::Double(self.epsilon)];
        let affine = [learnt.weight.into(), learnt.bias.into(), channels.into()];
        let out = [to.mean, to.inverse, to.factor, to.shift].map(Arg::from);
        on.launch("batch_norm_fixed", Grid::Each(channels), &[&statistics[..], &affine, &out].concat())
    }

    /// Takes mean and variance from the minibatch, and writes them down.
    pub(crate) fn cuda_measure(
        &self,
        on: &Cuda,
        images: usize,
        x: At,
        (learnt, batch): (Arrays, Arrays),
        (by, room): (&Normaliser, &Room),
    ) -> Result<(), Error> {
        let (rows, channels, to) = (self.rows(images), self.input.channels, by.places());
        let parts = room.parts(rows, 2 * channels);
        let args = [x.into(), room.partial.into(), Arg::long(rows), channels.into()];
        on.launch("channel_moments", Grid::Columns { columns: channels, parts }, &args)?;
        let known = [room.partial.into(), parts.into(), Arg::Double(rows as f64), Arg::Double(self.epsilon)];
        let affine = [learnt.weight.into(), learnt.bias.into(), channels.into()];
        let out = [to.mean, to.inverse, to.factor, to.shift, batch.mean, batch.variance].map(Arg::from);
        on.launch("batch_norm_statistics", Grid::Each(channels), &[&known[..], &affine, &out].concat())
    }

    /// Normalises the first `images` images.
    pub(crate) fn cuda_forward(
        &self,
        on: &Cuda,
        images: usize,
        (x, y): (At, At),
        by: &Normaliser,
    ) -> Result<(), Error> {
        let (total, to) = (images * self.input.len(), by.places());
        let args = [x, y, to.mean, to.factor, to.shift].map(Arg::from);
        let args = [&args[..], &[Arg::long(total), self.input.channels.into()]].concat();
        on.launch("batch_norm_forward", Grid::Each(total), &args)
    }

    /// Gradients of what is learnt, and the means that the way back to the input needs.
    pub(crate) fn cuda_weight_gradient(
        &self,
        on: &Cuda,
        images: usize,
        (x, dy): (At, At),
        gradients: Arrays,
        (by, room): (&Normaliser, &Room),
    ) -> Result<(), Error> {
        let (rows, channels, to) = (self.rows(images), self.input.channels, by.places());
        let parts = room.parts(rows, 2 * channels);
        let args = [x, dy, to.mean, to.inverse, room.partial].map(Arg::from);
        let args = [&args[..], &[Arg::long(rows), channels.into()]].concat();
        on.launch("batch_norm_gradients", Grid::Columns { columns: channels, parts }, &args)?;
        let known = [room.partial.into(), parts.into(), Arg::Double(rows as f64), channels.into()];
        let out = [gradients.weight.into(), gradients.bias.into(), to.mean_dy.into(), to.mean_dy_x.into()];
        on.launch("finish_batch_norm_gradients", Grid::Each(channels), &[known, out].concat())
    }

    /// Gradient of the input, through the minibatch's statistics; added to what is there, or written.
    pub(crate) fn cuda_input_gradient(
        &self,
        on: &Cuda,
        images: usize,
        (x, dy): (At, At),
        (dx, add): (At, bool),
        by: &Normaliser,
    ) -> Result<(), Error> {
        let (total, to) = (images * self.input.len(), by.places());
        let args = [x, dy, to.mean, to.inverse, to.factor, to.mean_dy, to.mean_dy_x, dx].map(Arg::from);
        let args = [&args[..], &[Arg::long(total), self.input.channels.into(), add.into()]].concat();
        on.launch("batch_norm_backward", Grid::Each(total), &args)
    }
}
