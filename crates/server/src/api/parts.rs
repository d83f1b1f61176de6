//! Parts that several answers have.

use deepviz_net::Shape;
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

/// A gap on the timeline.
#[derive(Serialize, ToSchema)]
pub(crate) struct CheckpointProblem {
    pub(crate) checkpoint: usize,
    pub(crate) problem: String,
}
