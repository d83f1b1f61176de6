//! Class activation maps: a layer's outputs weighted by the gradient at them.

use crate::error::Error;
use crate::method::Method;
use deepviz_net::Network;
use ndarray::{Array2, ArrayView1};

/// Cells that a side of the default layer's maps has at least.
const SIDE: usize = 8;

/// The layer that class activation maps are taken at: the deepest whose maps are at least 8 x 8, or the deepest with the
/// largest maps where all are smaller.
///
/// # Errors
/// A network whose layers have no maps.
pub fn class_map_layer(network: &Network, method: Method) -> Result<usize, Error> {
    let layers = network.layers();
    let side = |index: usize| layers[index].shape.height.min(layers[index].shape.width);
    let candidates = 1..network.logits();
    let deepest = candidates.clone().rev().find(|&index| side(index) >= SIDE);
    deepest
        .or_else(|| candidates.max_by_key(|&index| (side(index), index)).filter(|&index| side(index) >= 2))
        .ok_or(Error::NoMaps { method: method.name() })
}

/// The map of one image from a layer's outputs and the gradient at them, both in channel, row, column order.
pub(crate) fn weighted(
    method: Method,
    (height, width): (usize, usize),
    outputs: ArrayView1<'_, f32>,
    gradients: ArrayView1<'_, f32>,
) -> Array2<f32> {
    let mut map = Array2::<f32>::zeros((height, width));
    for (index, (a, g)) in outputs.iter().zip(gradients).enumerate() {
        let position = index % (height * width);
        map[[position / width, position % width]] += if method == Method::LayerCam { g.max(0.0) * a } else { g * a };
    }
    if method == Method::LayerCam {
        map.mapv_inplace(|value| value.max(0.0));
    }
    map
}
