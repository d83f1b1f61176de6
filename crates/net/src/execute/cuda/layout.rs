//! Orders of values: files have channels first, the device channels last.

use crate::network::{Layer, ParameterSpec, Role};
use crate::ops::Op;
use crate::shape::Shape;
use ndarray::{ArrayD, ArrayViewD, IxDyn};

/// A parameter's axes in the device's order, as its file's axes; and the shape whose axes those are
/// (a fully connected layer's inputs are taken apart).
fn order(layer: &Layer, spec: &ParameterSpec) -> (Vec<usize>, Vec<usize>) {
    let shape = spec.shape.clone();
    match (&layer.op, spec.role, shape.len()) {
        (Op::Full(geometry), Role::Weight, _) => {
            let [channels, height, width] = geometry.input.dims();
            (vec![geometry.outputs, channels, height, width], vec![0, 2, 3, 1])
        }
        // k c r s, and the same at every position.
        (_, Role::Weight, 4) => (shape, vec![0, 2, 3, 1]),
        (_, Role::Weight, 6) => (shape, vec![0, 1, 2, 4, 5, 3]),
        // A bias of every position: k oh ow.
        (_, Role::Bias, 3) => (shape, vec![1, 2, 0]),
        (_, _, axes) => (shape, (0..axes).collect()),
    }
}

/// A parameter's values in the device's order.
pub(super) fn to_device(layer: &Layer, spec: &ParameterSpec, values: ArrayViewD<'_, f32>) -> Vec<f32> {
    let (shape, axes) = order(layer, spec);
    match values.into_shape_with_order(IxDyn(&shape)) {
        Ok(values) => values.permuted_axes(IxDyn(&axes)).iter().copied().collect(),
        Err(_) => Vec::new(),
    }
}

/// Writes values in the device's order into a parameter's array.
pub(super) fn from_device(layer: &Layer, spec: &ParameterSpec, values: &[f32], into: &mut ArrayD<f32>) {
    let (shape, axes) = order(layer, spec);
    if let Ok(into) = into.view_mut().into_shape_with_order(IxDyn(&shape)) {
        for (to, from) in into.permuted_axes(IxDyn(&axes)).iter_mut().zip(values) {
            *to = *from;
        }
    }
}

/// One image's values, channels last, in channel, row, column order.
pub(super) fn channels_first(shape: Shape, values: &[f32], row: &mut [f32]) {
    let area = shape.height * shape.width;
    for (place, pixel) in values.chunks_exact(shape.channels.max(1)).enumerate() {
        for (channel, value) in pixel.iter().enumerate() {
            row[channel * area + place] = *value;
        }
    }
}
