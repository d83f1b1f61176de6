//! From a request for a sheet to a picture: which weights or activations, in which style, drawn and cached.

pub(crate) mod aggregate;
pub(crate) mod compiled_networks;
pub(crate) mod geometry;
pub(crate) mod image_group;
pub(crate) mod image_table;
pub(crate) mod kernel_shape;
pub(crate) mod layer_axis;
pub(crate) mod mean_image;
pub(crate) mod model_input;
pub(crate) mod models;
pub(crate) mod render;
pub(crate) mod reply;
pub(crate) mod request;
pub(crate) mod separation;
pub(crate) mod style;
pub(crate) mod thumbnail;
pub(crate) mod uploaded_images;
pub(crate) mod weight_summary;
