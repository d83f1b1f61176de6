//! The filters of deep layers as filters over the image: their weights carried through the layers below.

use crate::error::Error;
use deepviz_net::{Backward, Model, Network, Patch, RectifierRule};
use ndarray::{Array2, Array3, Array4, ArrayView3, s};

/// What the middle unit of a layer's maps depends on, in the network's input.
fn middle(network: &Network, layer: usize) -> ((usize, usize), Patch) {
    let shape = network.layers()[layer].shape;
    let unit = (shape.height / 2, shape.width / 2);
    let view = network.centre_view();
    let whole = Patch { x: 0, y: 0, width: network.input().width, height: network.input().height };
    let patch = network.receptive_field(layer, unit).map_or(whole, |patch| Patch {
        x: patch.x - view.x as usize,
        y: patch.y - view.y as usize,
        ..patch
    });
    (unit, patch)
}

/// Channels, height and width of a layer's filters in the network's input: as much as the unit in the middle of its maps
/// depends on.
#[must_use]
pub fn expanded_shape(network: &Network, layer: usize) -> [usize; 3] {
    let (_, patch) = middle(network, layer);
    [network.input().channels, patch.height, patch.width]
}

/// Filters of a layer as filters over the network's input, `[filters, channels, height, width]` (see [`expanded_shape`]):
/// the derivative of the unit in the middle of each map with respect to the input, of a network that is linear up to
/// there ([`Network::linearised`]). For the second convolution it is the sum over the first one's filters of each times the
/// second's weights for it, shifted; pools on the way widen it.
///
/// # Errors
/// A layer or filter that does not exist; a network that a worker computes.
///
/// # Source
/// "Expanded weights": Voss and others, "Visualizing weights", Distill, 2021.
pub fn expanded(model: &Model, layer: usize, filters: &[usize]) -> Result<Array4<f32>, Error> {
    let network = model.network();
    let [channels, height, width] = expanded_shape(network, layer);
    let ((y, x), patch) = middle(network, layer);
    let shape = network.layers()[layer].shape;
    let mut trace = model.trace()?;
    let mut all = Array4::zeros((filters.len(), channels, height, width));
    let zeros = Array3::zeros(<(usize, usize, usize)>::from(network.input().dims()));
    let mut filled = 0;
    for chunk in filters.chunks(trace.capacity().max(1)) {
        let inputs: Vec<ArrayView3<'_, f32>> = chunk.iter().map(|_| zeros.view()).collect();
        trace.forward(&inputs, layer, &[])?;
        let mut seeds = Array2::zeros((chunk.len(), shape.len()));
        for (row, &filter) in chunk.iter().enumerate() {
            let unit = (filter * shape.height + y) * shape.width + x;
            let seed = seeds.get_mut((row, unit)).ok_or(Error::NoFilter { last: shape.channels - 1, found: filter })?;
            *seed = 1.0;
        }
        let of = Backward { from: layer, rule: RectifierRule::Derivative, wanted: &[0] };
        let gradients = trace.backward(seeds.view(), of)?;
        for row in gradients[0].rows() {
            let gradient = row.to_shape(zeros.dim()).map_err(|_| Error::NotFinite)?;
            let (rows, columns) = (patch.y..patch.y + height, patch.x..patch.x + width);
            all.slice_mut(s![filled, .., .., ..]).assign(&gradient.slice(s![.., rows, columns]));
            filled += 1;
        }
    }
    Ok(all)
}
