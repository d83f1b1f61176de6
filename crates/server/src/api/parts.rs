//! Parts that several answers have.

use deepviz_net::ops::Grid;
use deepviz_net::{Layer, Shape};
use serde::Serialize;
use utoipa::ToSchema;

/// Channels, rows and columns.
#[derive(Clone, Copy, Serialize, ToSchema)]
pub(crate) struct Size {
    channels: usize,
    height: usize,
    width: usize,
}

impl From<Shape> for Size {
    fn from(shape: Shape) -> Self {
        Self { channels: shape.channels, height: shape.height, width: shape.width }
    }
}

impl Size {
    /// Of a layer's output as it is drawn: of a transformer's tokens the grid of the image's patches.
    pub(crate) fn of_layer(layer: &Layer) -> Self {
        let Grid { height, width, .. } = layer.drawn_grid();
        Self { channels: layer.shape.channels, height, width }
    }
}

/// A checkpoint that cannot be used: a gap on the timeline.
#[derive(Serialize, ToSchema)]
pub(crate) struct CheckpointProblem {
    pub(crate) checkpoint: usize,
    pub(crate) problem: String,
}
