//! What happens to an image before it reaches the first layer.

pub(crate) mod cuda;
mod preprocess;
mod spec;
mod statistics;
mod transform;
mod whitening;

pub(crate) use preprocess::STD_LENGTH;
pub use preprocess::{Cutout, Preprocess, View};
pub use spec::{ChannelOrder, InputSpec, MeanKind, Padding, StdKind, ValueRange};
pub use statistics::InputStatistics;
pub use transform::InputTransform;
/// The kernels of the input transform.
pub(crate) const KERNELS: &str = include_str!("preprocess.cu");

pub(crate) use transform::half_to_even;
pub use whitening::whiten;
