//! What happens to an image before it reaches the first layer.

pub(crate) mod cuda;
mod preprocess;
mod resize;
mod spec;
mod statistics;
mod transform;
mod whitening;

pub(crate) use preprocess::STD_LENGTH;
pub use preprocess::{Cutout, Preprocess, View};
pub use resize::Resize;
pub use spec::{ChannelOrder, InputSpec, MeanKind, Padding, StdKind, TestViews, ValueRange};
pub use statistics::InputStatistics;
pub use transform::InputTransform;
pub(crate) use transform::half_to_even;
pub use whitening::whiten;
