//! Batch normalisation on the device.

use super::BatchNorm;
use crate::device::cuda::{Arg, Cuda, DeviceAddress, Grid, Memory};
use crate::error::Error;
use crate::ops::Role;
use crate::ops::cuda::{CudaBackward, CudaContext, CudaLayer, CudaRun, DeviceArrays};
use crate::shape::Shape;

/// What a layer keeps of its normalisation, channel by channel.
#[derive(Debug)]
struct Normaliser {
    memory: Memory<f32>,
    channels: usize,
}

/// Addresses of the arrays of a [`Normaliser`].
#[derive(Clone, Copy)]
struct Addresses {
    mean: DeviceAddress,
    inverse: DeviceAddress,
    factor: DeviceAddress,
    shift: DeviceAddress,
    mean_dy: DeviceAddress,
    mean_dy_x: DeviceAddress,
}

impl Normaliser {
    fn new(on: &Cuda, channels: usize) -> Result<Self, Error> {
        Ok(Self { memory: Memory::zeros(on, 6 * channels)?, channels })
    }

    fn addresses(&self) -> Addresses {
        let at = |index: usize| self.memory.at().plus(index * self.channels);
        Addresses { mean: at(0), inverse: at(1), factor: at(2), shift: at(3), mean_dy: at(4), mean_dy_x: at(5) }
    }
}

/// The learnt arrays of a layer or their gradients, and two statistics: running ones or the minibatch's.
struct Arrays {
    weight: Option<DeviceAddress>,
    bias: Option<DeviceAddress>,
    mean: DeviceAddress,
    variance: DeviceAddress,
}

impl Arrays {
    fn of(arrays: DeviceArrays<'_>) -> Result<Self, Error> {
        Ok(Self {
            weight: arrays.get(Role::Weight),
            bias: arrays.get(Role::Bias),
            mean: arrays.need(Role::RunningMean)?,
            variance: arrays.need(Role::RunningVariance)?,
        })
    }
}

#[derive(Debug)]
pub(crate) struct BatchNormLayer {
    epsilon: f64,
    input: Shape,
    normaliser: Normaliser,
}

impl BatchNormLayer {
    pub fn new(norm: &BatchNorm, context: &CudaContext<'_>) -> Result<Self, Error> {
        let input = context.output;
        Ok(Self { epsilon: norm.epsilon, input, normaliser: Normaliser::new(context.on, input.channels)? })
    }

    /// Pixels of the images.
    fn rows(&self, images: usize) -> usize {
        images * self.input.height * self.input.width
    }

    /// Takes mean and variance from the running ones.
    fn fix(&self, run: &CudaRun<'_>) -> Result<(), Error> {
        let (channels, to, learnt) = (self.input.channels, self.normaliser.addresses(), Arrays::of(run.arrays)?);
        let statistics = [learnt.mean.into(), learnt.variance.into(), Arg::Double(self.epsilon)];
        let affine = [learnt.weight.into(), learnt.bias.into(), channels.into()];
        let out = [to.mean, to.inverse, to.factor, to.shift].map(Arg::from);
        run.on.launch("batch_norm_fixed", Grid::ThreadPerElement(channels), &[&statistics[..], &affine, &out].concat())
    }

    /// Takes mean and variance from the minibatch, and writes them down in place of the running ones' gradients.
    fn measure(&self, run: &CudaRun<'_>, x: DeviceAddress, batch: DeviceArrays<'_>) -> Result<(), Error> {
        let (rows, channels, to) = (self.rows(run.images), self.input.channels, self.normaliser.addresses());
        let (learnt, batch) = (Arrays::of(run.arrays)?, Arrays::of(batch)?);
        let parts = run.workspace.parts(rows, 2 * channels);
        let args = [x.into(), run.workspace.partial.into(), Arg::long(rows), channels.into()];
        run.on.launch("channel_moments", Grid::Columns { columns: channels, parts }, &args)?;
        let known = [run.workspace.partial.into(), parts.into(), Arg::Double(rows as f64), Arg::Double(self.epsilon)];
        let affine = [learnt.weight.into(), learnt.bias.into(), channels.into()];
        let out = [to.mean, to.inverse, to.factor, to.shift, batch.mean, batch.variance].map(Arg::from);
        run.on.launch("batch_norm_statistics", Grid::ThreadPerElement(channels), &[&known[..], &affine, &out].concat())
    }
}

impl CudaLayer for BatchNormLayer {
    fn forward(&self, run: &CudaRun<'_>, x: &[DeviceAddress], y: DeviceAddress) -> Result<(), Error> {
        match run.training {
            Some(training) => self.measure(run, x[0], training.gradients)?,
            None => self.fix(run)?,
        }
        let (total, to) = (run.images * self.input.len(), self.normaliser.addresses());
        let args = [x[0], y, to.mean, to.factor, to.shift].map(Arg::from);
        let args = [&args[..], &[Arg::long(total), self.input.channels.into()]].concat();
        run.on.launch("batch_norm_forward", Grid::ThreadPerElement(total), &args)
    }

    /// Also the means that the input's gradient needs.
    fn weight_gradient(
        &self,
        run: &CudaRun<'_>,
        x: DeviceAddress,
        dy: DeviceAddress,
        gradients: DeviceArrays<'_>,
    ) -> Result<(), Error> {
        let (rows, channels, to) = (self.rows(run.images), self.input.channels, self.normaliser.addresses());
        let parts = run.workspace.parts(rows, 2 * channels);
        let args = [x, dy, to.mean, to.inverse, run.workspace.partial].map(Arg::from);
        let args = [&args[..], &[Arg::long(rows), channels.into()]].concat();
        run.on.launch("batch_norm_gradients", Grid::Columns { columns: channels, parts }, &args)?;
        let known = [run.workspace.partial.into(), parts.into(), Arg::Double(rows as f64), channels.into()];
        let learnt = [gradients.get(Role::Weight).into(), gradients.get(Role::Bias).into()];
        let out = [to.mean_dy.into(), to.mean_dy_x.into()];
        run.on.launch(
            "finish_batch_norm_gradients",
            Grid::ThreadPerElement(channels),
            &[&known[..], &learnt, &out].concat(),
        )
    }

    /// Through the minibatch's statistics.
    fn input_gradient(&self, run: &CudaRun<'_>, known: &CudaBackward<'_>) -> Result<(), Error> {
        let (total, to) = (run.images * self.input.len(), self.normaliser.addresses());
        let CudaBackward { x, dy, dx, add, .. } = *known;
        let args = [x[0], dy, to.mean, to.inverse, to.factor, to.mean_dy, to.mean_dy_x, dx].map(Arg::from);
        let args = [&args[..], &[Arg::long(total), self.input.channels.into(), add.into()]].concat();
        run.on.launch("batch_norm_backward", Grid::ThreadPerElement(total), &args)
    }
}
