//! The shape of a layer's weights or outputs as filters x channels x height x width, whatever the type of the layer.

use deepviz_net::ops::Grid;
use deepviz_net::{Layer, Parameters};
use ndarray::Array4;
use std::borrow::Cow;

use crate::http::problem::ApiError;

/// The shape of the values that are drawn as one sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SheetShape {
    pub(crate) filters: usize,
    pub(crate) channels: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    /// Values of a map before those that are drawn: learnt tokens, such as a class token.
    pub(crate) skipped: usize,
}

impl SheetShape {
    /// The shape of a layer's weights; `None` if it has none. A fully connected layer has one filter per
    /// output, shown in the shape of its input; a locally connected (unshared) one has its filters once per position, by rows.
    pub(crate) fn of_weights(layer: &Layer) -> Option<Self> {
        let [filters, channels, height, width] = layer.kernel_dims?;
        Some(Self { filters, channels, height, width, skipped: 0 })
    }

    /// The shape of a layer's output: one filter per channel. Of a transformer's tokens the grid of the
    /// image's patches, without learnt ones.
    pub(crate) fn of_output(layer: &Layer) -> Self {
        let Grid { learnt, height, width } = layer.drawn_grid();
        Self { filters: layer.shape.channels, channels: 1, height, width, skipped: learnt }
    }

    /// Values of a map, those that are not drawn included.
    pub(crate) fn map_values(self) -> usize {
        self.skipped + self.height * self.width
    }

    pub(crate) fn shape(self) -> [usize; 4] {
        [self.filters, self.channels, self.height, self.width]
    }

    /// Picks filters and channels, in the given order, from values of this shape.
    pub(crate) fn pick(self, values: &[f32], filters: &[usize], channels: &[usize]) -> Result<Array4<f32>, ApiError> {
        let misfit =
            || ApiError::unusable(format!("expected values of shape {:?}, found {}", self.shape(), values.len()));
        let area = self.map_values();
        let mut picked = Vec::with_capacity(filters.len() * channels.len() * self.height * self.width);
        for filter in filters {
            for channel in channels {
                let start = (filter * self.channels + channel) * area;
                picked.extend_from_slice(values.get(start + self.skipped..start + area).ok_or_else(misfit)?);
            }
        }
        let shape = (filters.len(), channels.len(), self.height, self.width);
        Array4::from_shape_vec(shape, picked).map_err(|_| misfit())
    }
}

/// The values of a layer's weight in the order of [`SheetShape::of_weights`].
pub(crate) fn weights<'a>(layer: &Layer, parameters: &'a Parameters) -> Result<Cow<'a, [f32]>, ApiError> {
    let name = layer.parameters.first().map(|spec| spec.name.as_str()).unwrap_or_default();
    parameters
        .get(name)
        .and_then(|array| array.as_slice())
        .map(|values| layer.kernel_values(values))
        .ok_or_else(|| ApiError::unusable(format!("the snapshot holds no tensor `{name}`")))
}
