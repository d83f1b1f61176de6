//! From the request for a sheet to its picture. A sheet is a picture of a grid of tiles, one for each filter of a layer:
//! its weights or its activations, in a style; sheets are drawn on request and cached.

pub(crate) mod aggregate;
pub(crate) mod compiled_networks;
pub(crate) mod geometry;
pub(crate) mod image_group;
pub(crate) mod image_table;
pub(crate) mod layer_axis;
pub(crate) mod mean_image;
pub(crate) mod model_input;
pub(crate) mod models;
pub(crate) mod render;
pub(crate) mod reply;
pub(crate) mod request;
pub(crate) mod separation;
pub(crate) mod sheet_shape;
pub(crate) mod style;
pub(crate) mod thumbnail;
pub(crate) mod uploaded_images;
pub(crate) mod weight_summary;
