//! Locally connected layers on the CPU; fully connected ones are the case of a single window.
//!
//! Every weight is used once an image, so weights are what has to be moved: forward and backward
//! take several images at a time, and the gradient of the weights waits for the whole batch, whose
//! inputs and output gradients are kept position by position.

mod forward;
mod input_gradient;
mod weight_gradient;

use crate::device::VectorLevel;
use crate::device::cpu::buffer::Buffer;
use crate::device::cpu::layout::FeatureMapsMut;
use crate::device::cpu::window::{Layouts, Windows};
use crate::error::Error;
use crate::ops::cpu::{
    BackwardInputs, Chunk, CpuContext, CpuLayer, DeferredGradients, GradientMut, Inputs, LayerArrays, SavedForBackward,
    WeightGradient,
};
use crate::ops::dense::Flatten;
use crate::shape::Shape;
use forward::{LocalForward, LocalWeights};
use input_gradient::LocalInputGradient;
use std::sync::Arc;
use weight_gradient::LocalWeightGradient;

fn positions(windows: &Windows) -> impl Iterator<Item = (usize, usize)> + use<> {
    let Shape { height, width, .. } = windows.output;
    (0..height).flat_map(move |y| (0..width).map(move |x| (y, x)))
}

/// A layer with filters for every window, packed.
#[derive(Debug)]
pub(crate) struct LocalLayer {
    windows: Windows,
    /// Order of a filter's values in the files; always channels first but in fully connected layers.
    flatten: Flatten,
    /// Of input and output.
    values: Layouts,
    /// Of their gradients.
    gradients: Layouts,
    images: usize,
    forward: Arc<LocalForward>,
    input_gradient: Option<Box<LocalInputGradient>>,
    weight_gradient: Option<Box<LocalWeightGradient>>,
    weights: LocalWeights,
    backward_weights: Buffer,
}

impl LocalLayer {
    pub fn new(windows: Windows, flatten: Flatten, context: &CpuContext<'_>) -> Self {
        let (input, output) = (context.inputs[0], context.output);
        let values = Layouts { input: input.activation, output: output.activation };
        let gradients = Layouts { input: input.gradient, output: output.gradient };
        Self {
            windows,
            flatten,
            values,
            gradients,
            images: context.images,
            forward: Arc::new(LocalForward::new(windows, values, context.images)),
            input_gradient: None,
            weight_gradient: None,
            weights: LocalWeights::default(),
            backward_weights: Buffer::default(),
        }
    }
}

impl CpuLayer for LocalLayer {
    fn without_weights(&self) -> Box<dyn CpuLayer> {
        Box::new(Self {
            windows: self.windows,
            flatten: self.flatten,
            values: self.values,
            gradients: self.gradients,
            images: self.images,
            forward: Arc::clone(&self.forward),
            input_gradient: None,
            weight_gradient: None,
            weights: LocalWeights::default(),
            backward_weights: Buffer::default(),
        })
    }

    fn prepare_backward(&mut self) {
        let input_gradient = LocalInputGradient::new(self.windows, self.gradients, self.images);
        self.input_gradient = Some(Box::new(input_gradient));
    }

    fn prepare_training(&mut self) {
        let layouts = Layouts { input: self.values.input, output: self.gradients.output };
        let weight_gradient =
            LocalWeightGradient::new(self.windows, self.flatten, layouts, DeferredGradients::default());
        self.weight_gradient = Some(Box::new(weight_gradient));
    }

    fn pack(&mut self, _: VectorLevel, arrays: LayerArrays<'_>) {
        let weight = self.flatten.to_channels_first(self.windows.input, arrays.weight);
        self.forward.pack(&weight, arrays.bias, &mut self.weights);
        if let Some(input_gradient) = &self.input_gradient {
            input_gradient.pack(&weight, &mut self.backward_weights);
        }
    }

    fn forward(&self, chunk: Chunk, x: Inputs<'_>, _: &mut SavedForBackward, y: FeatureMapsMut<'_>) {
        self.forward.apply(chunk.level, chunk.images, &self.weights, (x.first().values, y.values));
    }

    fn backward(
        &self,
        chunk: Chunk,
        known: BackwardInputs<'_>,
        _: &mut SavedForBackward,
        dx: GradientMut<'_>,
    ) -> Result<(), Error> {
        let input_gradient = self.input_gradient.as_ref().ok_or_else(Error::not_prepared)?;
        let start = dx.start();
        let gradients = (known.dy.values, dx.maps.values, start);
        input_gradient.apply(chunk.level, chunk.images, &self.backward_weights, gradients);
        Ok(())
    }

    fn weight_gradient(&self) -> Option<&dyn WeightGradient> {
        self.weight_gradient.as_deref().map(|gradient| gradient as &dyn WeightGradient)
    }

    fn weight_gradient_mut(&mut self) -> Option<&mut dyn WeightGradient> {
        self.weight_gradient.as_deref_mut().map(|gradient| gradient as &mut dyn WeightGradient)
    }
}
