//! The image, as the input transform writes it before the first layer.

use super::cpu::{
    BackwardInputs, Chunk, CpuContext, CpuLayer, GradientMut, Inputs, MemoryNeeds, OutputUse, SavedForBackward,
};
use super::cuda::{CudaBackward, CudaContext, CudaLayer, CudaRun};
use super::{Operation, ShapeError};
use crate::device::cpu::layout::FeatureMapsMut;
use crate::device::cuda::DeviceAddress;
use crate::error::Error;
use crate::shape::Shape;

/// The image that the network sees, cropped and normalised: the first layer of every network, `data`.
///
/// # Shapes
/// No input; output `c x h x w`.
///
/// # Errors
/// None.
///
/// # Source
/// cuda-convnet's `data` layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its shape.
    pub shape: Shape,
}

impl Operation for Image {
    fn kind(&self) -> &'static str {
        "data"
    }

    fn output(&self, _: &[Shape]) -> Result<Shape, ShapeError> {
        Ok(self.shape)
    }

    fn describe(&self, _: &[Shape]) -> String {
        let Shape { channels, height, width } = self.shape;
        format!("image of {channels} channels, {height} x {width}")
    }

    fn memory_needs(&self, _: &[Shape], _: Shape) -> MemoryNeeds {
        // Kept as a costly layer's output is: the image is not read and transformed again for the backward pass.
        MemoryNeeds { is_costly: true, ..MemoryNeeds::plain(OutputUse::Values) }
    }

    fn cpu(&self, _: &CpuContext<'_>) -> Box<dyn CpuLayer> {
        Box::new(*self)
    }

    fn cuda(&self, _: &CudaContext<'_>) -> Result<Box<dyn CudaLayer>, Error> {
        Ok(Box::new(*self))
    }
}

/// There is nothing to compute: the values are there before the pass begins, and nothing comes before them.
impl CpuLayer for Image {
    fn without_weights(&self) -> Box<dyn CpuLayer> {
        Box::new(*self)
    }

    fn forward(&self, _: Chunk, _: Inputs<'_>, _: &mut SavedForBackward, _: FeatureMapsMut<'_>) {}

    fn backward(
        &self,
        _: Chunk,
        _: BackwardInputs<'_>,
        _: &mut SavedForBackward,
        _: GradientMut<'_>,
    ) -> Result<(), Error> {
        Err(Error::internal("the image has no input".into()))
    }
}

impl CudaLayer for Image {
    fn forward(&self, _: &CudaRun<'_>, _: &[DeviceAddress], _: DeviceAddress) -> Result<(), Error> {
        Ok(())
    }

    fn input_gradient(&self, _: &CudaRun<'_>, _: &CudaBackward<'_>) -> Result<(), Error> {
        Err(Error::internal("the image has no input".into()))
    }
}
