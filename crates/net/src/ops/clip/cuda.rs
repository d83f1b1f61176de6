//! Values brought into a range on the device.

use super::Clip;
use crate::device::cuda::{Arg, DeviceAddress, Grid};
use crate::error::Error;
use crate::ops::cuda::{CudaBackward, CudaLayer, CudaRun};

#[derive(Debug)]
pub(crate) struct ClipLayer {
    pub clip: Clip,
    /// Values of an image.
    pub values: usize,
}

impl CudaLayer for ClipLayer {
    fn forward(&self, run: &CudaRun<'_>, x: &[DeviceAddress], y: DeviceAddress) -> Result<(), Error> {
        let total = run.images * self.values;
        let [low, high] = self.clip.bounds().map(Arg::Float);
        run.on.launch(
            "clip_forward",
            Grid::ThreadPerElement(total),
            &[x[0].into(), y.into(), Arg::long(total), low, high],
        )
    }

    fn input_gradient(&self, run: &CudaRun<'_>, known: &CudaBackward<'_>) -> Result<(), Error> {
        let total = run.images * self.values;
        let pointers = [known.y, known.dy, known.dx].map(Arg::from);
        let [low, high] = self.clip.bounds().map(Arg::Float);
        let args = [&pointers[..], &[Arg::long(total), low, high, known.add.into()]].concat();
        run.on.launch("clip_backward", Grid::ThreadPerElement(total), &args)
    }
}
