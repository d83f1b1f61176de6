//! The layouts that are read; each module recognises its own and hands images to the sink.

pub(crate) mod archive;
pub(crate) mod cifar100_binary;
pub(crate) mod cifar_binary;
pub(crate) mod cifar_pickle;
pub(crate) mod class_folders;
pub(crate) mod idx;
mod listed;
mod mat;
pub(crate) mod native;
mod parquet;
pub(crate) mod recorded;
mod records;
mod splits;
pub(crate) mod stl10;
pub(crate) mod svhn;
mod text;

use crate::{known::KnownLayout, reader::Detect};
pub(crate) use text::{read_short, to_text};

/// The layouts that names of files show, in the order in which they are tried; one line each. The more a layout asks
/// for, the earlier it stands.
pub(crate) const BY_NAMES: &[Detect] = &[
    recorded::detect,
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
];

/// The layout of a known corpus.
pub(crate) fn known(layout: KnownLayout) -> Detect {
    match layout {
        KnownLayout::Cifar10Binary => cifar_binary::detect,
        KnownLayout::Cifar100Binary => cifar100_binary::detect,
        KnownLayout::Cifar10Python | KnownLayout::Cifar100Python => cifar_pickle::detect,
        KnownLayout::Idx => idx::detect,
        KnownLayout::Mat5 => svhn::detect,
        KnownLayout::Stl10 => stl10::detect,
        KnownLayout::ClassFolders | KnownLayout::Imagenette => class_folders::detect,
        KnownLayout::TinyImagenet => listed::tiny_imagenet::detect,
        KnownLayout::Gtsrb => listed::gtsrb::detect,
        KnownLayout::Pets => listed::pets::detect,
        KnownLayout::Flowers => listed::flowers::detect,
        KnownLayout::Food => listed::food::detect,
    }
}
