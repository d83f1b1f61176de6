//! Channels of groups mixed on the device.

use crate::device::cuda::{Arg, DeviceAddress, Grid};
use crate::error::Error;
use crate::ops::cuda::{CudaBackward, CudaLayer, CudaRun};
use crate::shape::Shape;

#[derive(Debug)]
pub(crate) struct ChannelShuffleLayer {
    pub groups: usize,
    pub input: Shape,
}

impl ChannelShuffleLayer {
    /// Mixes channels of so many groups: the backward pass undoes it with as many groups as there were channels in one.
    fn shuffle(&self, run: &CudaRun<'_>, groups: usize, pointers: [DeviceAddress; 2], add: bool) -> Result<(), Error> {
        let total = run.images * self.input.len();
        let numbers = [Arg::long(total), self.input.channels.into(), groups.into(), add.into()];
        run.on.launch(
            "channel_shuffle",
            Grid::ThreadPerElement(total),
            &[&pointers.map(Arg::from)[..], &numbers].concat(),
        )
    }
}

impl CudaLayer for ChannelShuffleLayer {
    fn forward(&self, run: &CudaRun<'_>, x: &[DeviceAddress], y: DeviceAddress) -> Result<(), Error> {
        self.shuffle(run, self.groups, [x[0], y], false)
    }

    fn input_gradient(&self, run: &CudaRun<'_>, known: &CudaBackward<'_>) -> Result<(), Error> {
        self.shuffle(run, self.input.channels / self.groups, [known.dy, known.dx], known.add)
    }
}
