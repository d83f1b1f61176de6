//! Uploads: images that are decoded, and archives of runs and corpora that are unpacked and checked.

pub(crate) mod archive;
pub(crate) mod body_reader;
mod decode;
pub(crate) mod folder;
pub(crate) mod image;
pub(crate) mod receive;
