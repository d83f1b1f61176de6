//! Convolution on the CPU: direct, as products over shifted rows, or through Winograd's transforms
//! where the shape is expected to gain by it.

mod forward;
mod input_gradient;
mod weight_gradient;
mod winograd;
mod winograd_gradient;

pub(crate) use input_gradient::gradient_halo;

use super::Conv;
use crate::device::VectorLevel;
use crate::device::cpu::buffer::Buffer;
use crate::device::cpu::layout::FeatureMapsMut;
use crate::device::cpu::window::{Layouts, Windows};
use crate::error::Error;
use crate::ops::cpu::{
    BackwardInputs, Chunk, CpuContext, CpuLayer, GradientMut, GradientSpace, GradientTotals, Inputs, LayerArrays,
    SavedForBackward, WeightGradient, WeightGradientInputs,
};
use forward::{ConvForward, ConvWeights};
use input_gradient::ConvInputGradient;
use std::sync::Arc;
use weight_gradient::ConvWeightGradient;

/// A convolution with its packed filters.
#[derive(Debug)]
pub(crate) struct ConvLayer {
    windows: Windows,
    /// Of input and output.
    values: Layouts,
    /// Of their gradients.
    gradients: Layouts,
    images: usize,
    forward: Arc<ConvForward>,
    input_gradient: Option<Box<ConvInputGradient>>,
    shared_bias: bool,
    weight_gradient: Option<Box<ConvWeightGradient>>,
    weights: ConvWeights,
    backward_weights: Buffer,
}

impl ConvLayer {
    pub fn new(conv: &Conv, context: &CpuContext<'_>) -> Self {
        let (input, output) = (context.inputs[0], context.output);
        let windows = conv.filters.windows(input.activation.shape, output.activation.shape);
        let values = Layouts { input: input.activation, output: output.activation };
        let gradients = Layouts { input: input.gradient, output: output.gradient };
        Self {
            forward: Arc::new(ConvForward::new(windows, conv.shared_bias, values, context.images)),
            weight_gradient: None,
            shared_bias: conv.shared_bias,
            windows,
            values,
            gradients,
            images: context.images,
            input_gradient: None,
            weights: ConvWeights::default(),
            backward_weights: Buffer::default(),
        }
    }
}

impl CpuLayer for ConvLayer {
    fn without_weights(&self) -> Box<dyn CpuLayer> {
        Box::new(Self {
            windows: self.windows,
            values: self.values,
            gradients: self.gradients,
            images: self.images,
            forward: Arc::clone(&self.forward),
            input_gradient: None,
            weight_gradient: None,
            shared_bias: self.shared_bias,
            weights: ConvWeights::default(),
            backward_weights: Buffer::default(),
        })
    }

    fn prepare_backward(&mut self) {
        let input_gradient = ConvInputGradient::new(self.windows, self.gradients, self.images);
        self.input_gradient = Some(Box::new(input_gradient));
    }

    fn prepare_training(&mut self) {
        let layouts = Layouts { input: self.values.input, output: self.gradients.output };
        let weight_gradient = ConvWeightGradient::new(self.windows, self.shared_bias, layouts, self.images);
        self.weight_gradient = Some(Box::new(weight_gradient));
    }

    fn pack(&mut self, level: VectorLevel, arrays: LayerArrays<'_>) {
        self.forward.pack(level, arrays.weight, arrays.bias, &mut self.weights);
        if let Some(input_gradient) = &self.input_gradient {
            input_gradient.pack(level, arrays.weight, &mut self.backward_weights);
        }
    }

    fn shares_image(&self) -> bool {
        self.forward.is_shared()
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
}

impl WeightGradient for ConvWeightGradient {
    fn space(&self) -> GradientSpace {
        GradientSpace { sums: self.len(), deferred: 0 }
    }

    fn accumulate(&self, chunk: Chunk, known: WeightGradientInputs<'_>, sums: &mut [f32], _: &mut [f32]) {
        self.apply(chunk.level, chunk.images, known, sums);
    }

    fn finish(&self, _: VectorLevel, totals: GradientTotals<'_>, weight: &mut [f32], bias: &mut [f32]) {
        self.unpack(totals.sums, weight, bias);
    }
}
