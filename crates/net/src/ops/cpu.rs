//! The traits of a layer on the CPU.
//!
//! Images go through the network in chunks. Values lie channels last, each pixel's channels rounded up to whole vectors,
//! with as many zeros around a map as the layers that read it need ([`crate::device::cpu::layout`]).

use super::parameter::Role;
use crate::device::VectorLevel;
use crate::device::cpu::buffer::Buffer;
pub(crate) use crate::device::cpu::buffer::SavedForBackward;
use crate::device::cpu::gemm::InitialSum;
use crate::device::cpu::layout::{FeatureMaps, FeatureMapsMut, Halo, Layout};
use crate::error::Error;
use std::fmt;

/// Images whose gradients are summed on their own, by position in the batch: groups, not threads, are the unit of work, so
/// that sums do not depend on who computed them.
pub(crate) const GROUP_IMAGES: usize = 8;

/// Where a layer's values and their gradients are: how they lie, and in which layer's buffers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BufferSlot {
    pub activation: Layout,
    pub gradient: Layout,
    /// The layer whose buffers hold the values: its own, or its input's where it overwrites that.
    pub buffer: usize,
}

/// What the backward pass reads of a layer's own output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutputUse {
    /// The output may be overwritten.
    None,
    /// Only where it lies strictly inside the bounds of a rectifier, past which no gradient comes back: a rectifier may
    /// overwrite it.
    InsideBounds,
    /// The output has to stay.
    Values,
}

/// What the plan of a network's memory needs to know of a layer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MemoryNeeds {
    /// Zeros around the input's values.
    pub input_halo: Halo,
    /// Zeros around the gradient of the output.
    pub gradient_halo: Halo,
    /// Reads single floats of its input, not vectors: the input may lie without padding channels.
    pub reads_unpadded: bool,
    pub output_use: OutputUse,
    /// Costs more to compute again than to keep.
    pub is_costly: bool,
}

impl MemoryNeeds {
    /// Of a layer that reads pixel by pixel.
    pub fn plain(output_use: OutputUse) -> Self {
        let halo = Halo::default();
        Self { input_halo: halo, gradient_halo: halo, reads_unpadded: false, output_use, is_costly: false }
    }
}

/// What a layer is built from.
pub(crate) struct CpuContext<'a> {
    pub inputs: &'a [BufferSlot],
    pub output: BufferSlot,
    /// Images of a chunk.
    pub images: usize,
    /// Number of the layer in its network.
    pub layer: usize,
}

/// The images that go through together, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunk {
    pub level: VectorLevel,
    pub images: usize,
    /// While training.
    pub noise: Option<Noise>,
}

/// What random masks are drawn from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Noise {
    /// Of the training step.
    pub step: u64,
    /// Position in the batch of the first image of the chunk.
    pub first_image: usize,
}

/// The values of a layer's inputs.
#[derive(Clone, Copy)]
pub(crate) struct Inputs<'a> {
    pub layers: &'a [usize],
    pub slots: &'a [BufferSlot],
    pub buffers: &'a [Buffer],
}

impl<'a> Inputs<'a> {
    pub fn get(&self, index: usize) -> FeatureMaps<'a> {
        let slot = &self.slots[self.layers[index]];
        FeatureMaps { layout: &slot.activation, values: &self.buffers[slot.buffer] }
    }

    /// The only input, or the first.
    pub fn first(&self) -> FeatureMaps<'a> {
        self.get(0)
    }
}

/// What a layer's input gradient is computed from.
#[derive(Clone, Copy)]
pub(crate) struct BackwardInputs<'a> {
    pub x: Inputs<'a>,
    /// The output; overwritten where [`OutputUse`] allowed that.
    pub y: FeatureMaps<'a>,
    /// Its gradient.
    pub dy: FeatureMaps<'a>,
    /// Number of the input whose gradient is asked for.
    pub slot: usize,
}

/// An input's gradient, written by this layer alone or by several in turn.
pub(crate) struct GradientMut<'a> {
    pub maps: FeatureMapsMut<'a>,
    /// Another layer's gradient is there already, to be added to.
    pub is_written: bool,
}

impl<'a> GradientMut<'a> {
    /// The gradient to add to, cleared if nothing is there yet.
    pub fn zeroed_unless_written(self, images: usize) -> FeatureMapsMut<'a> {
        let mut maps = self.maps;
        if !self.is_written {
            maps.clear(images);
        }
        maps
    }

    /// How a product begins its sums.
    pub fn start(&self) -> InitialSum<'static> {
        if self.is_written { InitialSum::Add } else { InitialSum::Zero }
    }
}

/// A layer's arrays, in the axis order of the snapshot files; empty where there is none of that role.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LayerArrays<'a> {
    pub weight: &'a [f32],
    pub bias: &'a [f32],
    pub running_mean: &'a [f32],
    pub running_variance: &'a [f32],
}

impl<'a> LayerArrays<'a> {
    pub fn set(&mut self, role: Role, values: &'a [f32]) {
        match role {
            Role::Weight => self.weight = values,
            Role::Bias => self.bias = values,
            Role::RunningMean => self.running_mean = values,
            Role::RunningVariance => self.running_variance = values,
        }
    }
}

/// A layer with its tables of offsets and packed weights, for chunks of up to [`CpuContext::images`] images.
pub(crate) trait CpuLayer: fmt::Debug + Send + Sync {
    /// The same layer for other weights; tables may be shared.
    fn without_weights(&self) -> Box<dyn CpuLayer>;

    /// Builds what [`CpuLayer::backward`] needs, before the next [`CpuLayer::pack`].
    fn prepare_backward(&mut self) {}

    /// Builds what the gradients of the layer's weights need.
    fn prepare_training(&mut self) {}

    /// Packs the layer's arrays, at first and after each change.
    fn pack(&mut self, _level: VectorLevel, _arrays: LayerArrays<'_>) {}

    /// Whether one image is work enough for several threads.
    fn shares_image(&self) -> bool {
        false
    }

    /// Buffers for one chunk: for the backward pass too, if asked for.
    fn saved(&self, _backward: bool) -> SavedForBackward {
        SavedForBackward::default()
    }

    /// Whether [`CpuLayer::backward`] reads what the forward pass saved, which lasts only until the next chunk.
    fn has_saved(&self) -> bool {
        false
    }

    fn forward(&self, chunk: Chunk, x: Inputs<'_>, saved: &mut SavedForBackward, y: FeatureMapsMut<'_>);

    /// The gradient of one input.
    ///
    /// # Errors
    /// Only [`Error::Internal`]: the layer was not prepared, or has no inputs.
    fn backward(
        &self,
        chunk: Chunk,
        known: BackwardInputs<'_>,
        saved: &mut SavedForBackward,
        dx: GradientMut<'_>,
    ) -> Result<(), Error>;

    /// The gradients of the layer's weights, if it was prepared for training and has any that are summed image by image.
    fn weight_gradient(&self) -> Option<&dyn WeightGradient> {
        None
    }

    /// The same, to be told where its sums are.
    fn weight_gradient_mut(&mut self) -> Option<&mut dyn WeightGradient> {
        None
    }

    /// The layer's sums over the minibatch, if it was prepared for training and needs any.
    fn batch_statistics(&self) -> Option<&dyn BatchStatistics> {
        None
    }

    /// The same, to take the sums.
    fn batch_statistics_mut(&mut self) -> Option<&mut dyn BatchStatistics> {
        None
    }
}

/// A layer that overwrites its input with its output.
pub(crate) trait InPlaceLayer: fmt::Debug + Send + Sync {
    /// Gives only values inside or on bounds past which no gradient comes back: see [`OutputUse::InsideBounds`].
    fn is_rectifier(&self) -> bool;

    fn forward(&self, chunk: Chunk, y: FeatureMapsMut<'_>);

    /// Turns the output's gradient into the input's.
    fn backward(&self, chunk: Chunk, y: FeatureMaps<'_>, gradient: FeatureMapsMut<'_>);
}

/// Floats that the gradients of a layer's weights are summed in.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct GradientSpace {
    /// Sums over images, one array for every part of a batch.
    pub sums: usize,
    /// For each group of images, inputs and output gradients that are kept until the gradient is computed, once a
    /// batch.
    pub deferred: usize,
}

/// Where a layer finds what it defers: `offset` floats into every group's, of which there are `groups`, `group_stride`
/// floats apart.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DeferredGradients {
    pub offset: usize,
    pub group_stride: usize,
    pub groups: usize,
}

/// What a chunk's contribution to the gradients of a layer's weights is computed from.
#[derive(Clone, Copy)]
pub(crate) struct WeightGradientInputs<'a> {
    /// The layer's input.
    pub x: FeatureMaps<'a>,
    /// The gradient of its output.
    pub dy: FeatureMaps<'a>,
    /// Position in its group of the chunk's first image.
    pub first_slot: usize,
}

/// The gradients of a layer's weights and biases: summed chunk by chunk, or kept and computed once for the batch.
pub(crate) trait WeightGradient {
    fn space(&self) -> GradientSpace;

    /// Says where what is deferred will be.
    fn place(&mut self, _deferred: DeferredGradients) {}

    /// Adds a chunk to its part's `sums`, or keeps it in its group's `deferred` (of all layers).
    fn accumulate(&self, chunk: Chunk, known: WeightGradientInputs<'_>, sums: &mut [f32], deferred: &mut [f32]);

    /// Marks a slot of a group as holding no image.
    fn clear_slot(&self, _slot: usize, _deferred: &mut [f32]) {}

    /// Brings the batch's gradients into the order of [`LayerArrays`]; `bias` is empty where none are learnt.
    fn finish(&self, level: VectorLevel, totals: GradientTotals<'_>, weight: &mut [f32], bias: &mut [f32]);
}

/// The sums of a whole batch.
#[derive(Clone, Copy)]
pub(crate) struct GradientTotals<'a> {
    /// The layer's sums.
    pub sums: &'a [f32],
    /// What all layers deferred.
    pub deferred: &'a [f32],
    /// Groups of the batch.
    pub groups: usize,
}

/// A layer whose training needs sums over the whole minibatch: first for its output, then for its input's gradient.
pub(crate) trait BatchStatistics {
    /// Doubles of the sums.
    fn sums_len(&self) -> usize;

    /// Adds a chunk's inputs.
    fn add_inputs(&self, chunk: Chunk, x: FeatureMaps<'_>, sums: &mut [f64]);

    /// Takes the sums over `count` values a channel.
    fn set_statistics(&mut self, sums: &[f64], count: f64, arrays: LayerArrays<'_>);

    /// Adds a chunk's gradients.
    fn add_gradients(&self, chunk: Chunk, x: FeatureMaps<'_>, dy: FeatureMaps<'_>, sums: &mut [f64]);

    /// Takes the sums.
    fn set_gradients(&mut self, sums: &[f64]);

    /// The input's gradient through the statistics.
    fn backward(&self, chunk: Chunk, x: FeatureMaps<'_>, dy: FeatureMaps<'_>, dx: GradientMut<'_>);

    /// Writes the gradient of a learnt array, or the minibatch's statistic in place of a running one.
    fn write(&self, role: Role, into: &mut [f32]);
}
