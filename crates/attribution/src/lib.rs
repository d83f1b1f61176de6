//! Why a network answers as it does: which parts of an image speak for a class, what a filter's loss costs.
//!
//! Arrays in, numbers out: nothing here knows files, runs or HTTP. An [`Explainer`] makes the map of one image by a
//! [`Method`]; [`randomisation`] asks of a method whether its maps depend on the network at all; [`ablation`] sets
//! filters to zero or to their mean and counts what that changes.
//!
//! Modules use those before them, never those after:
//!
//! `error` <- `target` <- `method` <- `map` <- `class_map` <- `pixel_gradient` <- `occlusion` <- `explainer` <- `expanded` <- `spearman` <- `randomisation` <- `ablation` <- `picture`

pub mod ablation;
mod class_map;
mod error;
mod expanded;
mod explainer;
mod map;
mod method;
mod occlusion;
pub mod picture;
mod pixel_gradient;
pub mod randomisation;
mod spearman;
mod target;

pub use class_map::class_map_layer;
pub use error::Error;
pub use expanded::{expanded, expanded_shape};
pub use explainer::Explainer;
pub use map::{Area, Map, MapKind};
pub use method::{Method, UnknownMethod};
pub use spearman::spearman;
pub use target::Target;
