//! The layouts that are read; each module recognises its own and hands images to the sink.

pub(crate) mod cifar100_binary;
pub(crate) mod cifar_binary;
pub(crate) mod cifar_pickle;
pub(crate) mod class_folders;
mod description;
pub(crate) mod idx;
pub(crate) mod native;
mod records;
mod splits;
mod text;

use crate::reader::Detect;

/// Every layout, in the order in which they are tried; one line each. The more a layout asks for, the earlier it stands.
pub(crate) const LAYOUTS: &[Detect] = &[
    native::detect,
    idx::detect,
    cifar_binary::detect,
    cifar100_binary::detect,
    cifar_pickle::detect,
    class_folders::detect,
];
