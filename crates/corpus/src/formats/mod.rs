//! The layouts that are read; each module recognises its own and hands images to the sink.

pub(crate) mod cifar_binary;
pub(crate) mod cifar_pickle;
pub(crate) mod class_folders;
pub(crate) mod native;

use crate::reader::Detect;

/// Every layout, in the order in which they are tried; one line each.
pub(crate) const LAYOUTS: &[Detect] =
    &[native::detect, cifar_binary::detect, cifar_pickle::detect, class_folders::detect];
