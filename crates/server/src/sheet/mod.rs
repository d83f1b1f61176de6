//! From a request for a sheet to a picture: which weights or activations, in which style, drawn and cached.

pub(crate) mod aggregate;
pub(crate) mod bank;
pub(crate) mod group;
pub(crate) mod layer_axis;
pub(crate) mod look;
pub(crate) mod models;
pub(crate) mod render;
pub(crate) mod reply;
pub(crate) mod subject;
pub(crate) mod summary;
pub(crate) mod templates;
pub(crate) mod thumbnail;
pub(crate) mod wish;
