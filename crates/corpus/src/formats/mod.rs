//! The layouts that are read; each module recognises its own and hands images to the sink.

mod archive;
pub(crate) mod cifar100_binary;
pub(crate) mod cifar_binary;
pub(crate) mod cifar_pickle;
pub(crate) mod class_folders;
mod description;
pub(crate) mod idx;
mod listed;
mod mat;
pub(crate) mod native;
mod parquet;
mod records;
mod splits;
pub(crate) mod stl10;
pub(crate) mod svhn;
mod text;

use crate::reader::Detect;

/// Every layout, in the order in which they are tried; one line each. The more a layout asks for, the earlier it stands.
pub(crate) const LAYOUTS: &[Detect] = &[
    native::detect,
    idx::detect,
    cifar_binary::detect,
    cifar100_binary::detect,
    cifar_pickle::detect,
    svhn::detect,
    stl10::detect,
    listed::tiny_imagenet::detect,
    listed::gtsrb::detect,
    listed::pets::detect,
    listed::flowers::detect,
    listed::food::detect,
    parquet::detect,
    archive::detect,
    class_folders::detect,
];
