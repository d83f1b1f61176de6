//! The errors of this crate.

/// Everything that can go wrong while something is explained.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The network could not be applied, or has no gradients.
    #[error(transparent)]
    Net(#[from] deepviz_net::Error),
    /// A class that does not exist.
    #[error("expected a class from 0 to {last}, found {found}")]
    Class {
        /// The greatest class.
        last: usize,
        /// What was requested.
        found: usize,
    },
    /// A class against itself.
    #[error("expected two different classes, found {class} twice")]
    SameClass {
        /// The class.
        class: usize,
    },
    /// A network without a layer that class activation maps can be taken at.
    #[error(
        "the network has no layer with maps of at least 2 x 2, so there is no {method} map of it; use `gradient` or `occlusion`"
    )]
    NoMaps {
        /// The method.
        method: &'static str,
    },
    /// A layer without maps.
    #[error(
        "layer {layer} has no maps of the image (its outputs are single values, or no places in it), so there is no {method} map at it; choose a convolution or pooling layer"
    )]
    LayerWithoutMaps {
        /// The layer.
        layer: String,
        /// The method.
        method: &'static str,
    },
    /// Outputs that are not numbers.
    #[error("the network's outputs for this image are not finite, so nothing can be explained")]
    NotFinite,
    /// A filter that does not exist.
    #[error("expected a filter from 0 to {last}, found {found}")]
    NoFilter {
        /// The last.
        last: usize,
        /// What was requested.
        found: usize,
    },
    /// Lists that should have one value an image.
    #[error("expected {expected} labels, one an image, found {found}")]
    Labels {
        /// Images.
        expected: usize,
        /// Labels.
        found: usize,
    },
}
