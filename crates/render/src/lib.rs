//! Arrays in, PNG bytes out: sheets of filters and feature maps, strips of many sheets, atlases of images.
//!
//! A *sheet* holds one pixel per value (times an integer scale), tiles with one transparent pixel
//! between them, and comes with its [`Layout`], so that a client can tell which filter, channel,
//! row and column lies under a pointer. Letters: a sheet's values are `[filters, channels, h, w]`.
//!
//! The crate knows nothing of networks, files or HTTP.

mod atlas;
mod encode;
#[cfg(test)]
mod encode_tests;
mod layout;
mod overlay;
mod palette;
mod range;
mod sheet;
mod tint;

pub use atlas::{Grid, atlas};
pub use layout::{Arrangement, GAP_PX, Layout, MAX_PIXELS, Tile, ValuePosition, near_square_columns};
pub use overlay::{MapArea, overlay};
pub use palette::Palette;
pub use range::{Normalise, Range};
pub use sheet::{Picture, Style, sheet, strip};
pub use tint::{Tint, tinted};

/// The errors of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing was selected, so there is nothing to draw.
    #[error("a picture needs at least one value; found an array of shape {found:?}")]
    Empty {
        /// The shape that was given.
        found: Vec<usize>,
    },
    /// A colour picture of something that has not three channels.
    #[error("the rgb palette needs exactly 3 channels, found {found}; choose another palette")]
    NotColour {
        /// Channels that were given.
        found: usize,
    },
    /// An image that is neither grey nor colour.
    #[error("an image has 1 or 3 channels, found {found}")]
    ImageChannels {
        /// Channels that were given.
        found: usize,
    },
    /// The pieces of a strip or an atlas differ in shape.
    #[error("all parts of one picture have the same shape; expected {expected:?}, found {found:?}")]
    Unequal {
        /// Shape of the first part.
        expected: Vec<usize>,
        /// Shape of the part that differs.
        found: Vec<usize>,
    },
    /// The picture would be larger than any screen or decoder wants.
    #[error(
        "the picture would have {pixels} pixels, at most {limit} are drawn; select fewer filters or a smaller scale"
    )]
    TooLarge {
        /// Pixels the picture would have.
        pixels: u128,
        /// Pixels at most.
        limit: usize,
    },
    /// A scale of nothing.
    #[error("the scale is a whole number of 1 or more, found {found}")]
    Scale {
        /// The scale that was given.
        found: usize,
    },
    /// An unknown word for a palette or a normalisation.
    #[error("unknown {what} `{found}`; expected one of {expected}")]
    Word {
        /// The thing that the word should name.
        what: &'static str,
        /// The word that was given.
        found: String,
        /// The words that are known.
        expected: &'static str,
    },
    /// The PNG writer refused.
    #[error("writing the PNG failed: {source}")]
    Png {
        /// The writer's reason.
        #[from]
        source: png::EncodingError,
    },
}
