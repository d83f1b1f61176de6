//! Orders of values: files have channels first, the device channels last.

use crate::error::Error;
use crate::network::{Layer, Network};
use crate::ops::ParameterSpec;
use crate::ops::cuda::AxisOrder;
use crate::shape::Shape;
use ndarray::{ArrayD, ArrayViewD, IxDyn};

fn order(network: &Network, layer: &Layer, spec: &ParameterSpec) -> AxisOrder {
    let inputs: Vec<Shape> = layer.inputs.iter().map(|&input| network.layers()[input].shape).collect();
    layer.op.operation().device_order(&inputs, spec)
}

fn misfit(spec: &ParameterSpec, order: &AxisOrder) -> Error {
    Error::internal(format!("{} {:?} is not {:?} on the device", spec.name, spec.shape, order.shape))
}

/// A parameter's values in the device's order.
pub(crate) fn to_device(
    network: &Network,
    layer: &Layer,
    spec: &ParameterSpec,
    values: ArrayViewD<'_, f32>,
) -> Result<Vec<f32>, Error> {
    let order = order(network, layer, spec);
    let values = values.into_shape_with_order(IxDyn(&order.shape)).map_err(|_| misfit(spec, &order))?;
    Ok(values.permuted_axes(IxDyn(&order.axes)).iter().copied().collect())
}

/// Writes values in the device's order into a parameter's array.
pub(crate) fn from_device(
    network: &Network,
    layer: &Layer,
    spec: &ParameterSpec,
    values: &[f32],
    into: &mut ArrayD<f32>,
) -> Result<(), Error> {
    let order = order(network, layer, spec);
    let into = into.view_mut().into_shape_with_order(IxDyn(&order.shape)).map_err(|_| misfit(spec, &order))?;
    for (to, from) in into.permuted_axes(IxDyn(&order.axes)).iter_mut().zip(values) {
        *to = *from;
    }
    Ok(())
}

/// Writes one image's values, which lie channels last, into `out` in channel, row, column order.
pub(super) fn channels_first(shape: Shape, values: &[f32], out: &mut [f32]) {
    let area = shape.height * shape.width;
    for (place, pixel) in values.chunks_exact(shape.channels.max(1)).enumerate() {
        for (channel, value) in pixel.iter().enumerate() {
            out[channel * area + place] = *value;
        }
    }
}
