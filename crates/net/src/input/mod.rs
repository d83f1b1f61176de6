//! What happens to an image before it reaches the first layer.

mod preprocess;
mod resize;
mod spec;
mod transform;

pub(crate) use preprocess::STD_LENGTH;
pub use preprocess::{Cutout, Preprocess, View};
pub use resize::Resize;
pub use spec::{ChannelOrder, InputSpec, MeanKind, Padding, StdKind, TestViews, ValueRange};
pub use transform::InputTransform;
pub(crate) use transform::half_to_even;
