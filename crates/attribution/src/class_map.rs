//! Class activation maps: a layer's outputs weighted by the gradient at them.

use crate::error::Error;
use crate::method::Method;
use deepviz_net::ops::Grid;
use deepviz_net::{Layer, Network};
use ndarray::{Array2, ArrayView1};

/// Cells that a side of the default layer's maps has at least.
const SIDE: usize = 8;

/// The layer that class activation maps are taken at: the deepest whose maps are at least 8 x 8, or the deepest with the
/// largest maps where all are smaller. In a transformer with learnt tokens (a class token): the deepest before an
/// attention, of those that no connection skips ([`Network::is_cut`]).
///
/// # Errors
/// A network whose layers have no maps.
pub fn class_map_layer(network: &Network, method: Method) -> Result<usize, Error> {
    let layers = network.layers();
    let side = |index: usize| layers[index].grid.map_or(0, |grid| grid.height.min(grid.width));
    // After the last attention the class token may be all that the classes are computed from.
    let is_read = |index: &usize| {
        let has_learnt = layers[*index].grid.is_some_and(|grid| grid.learnt > 0);
        !has_learnt || (network.is_cut(*index) && layers[*index..].iter().any(Layer::mixes_pixels))
    };
    let candidates = || (1..network.logits()).filter(is_read);
    let deepest = candidates().rev().find(|&index| side(index) >= SIDE);
    deepest
        .or_else(|| candidates().max_by_key(|&index| (side(index), index)).filter(|&index| side(index) >= 2))
        .ok_or(Error::NoMaps { method: method.name() })
}

/// The map of one image from a layer's outputs and the gradient at them, both in channel, row, column order.
pub(crate) fn weighted(
    method: Method,
    Grid { learnt, height, width }: Grid,
    outputs: ArrayView1<'_, f32>,
    gradients: ArrayView1<'_, f32>,
) -> Array2<f32> {
    let mut map = Array2::<f32>::zeros((height, width));
    for (index, (a, g)) in outputs.iter().zip(gradients).enumerate() {
        let Some(position) = (index % (learnt + height * width)).checked_sub(learnt) else { continue };
        map[[position / width, position % width]] += if method == Method::LayerCam { g.max(0.0) * a } else { g * a };
    }
    if method == Method::LayerCam {
        map.mapv_inplace(|value| value.max(0.0));
    }
    map
}
