//! A decoded image.

use crate::ImageShape;

/// A decoded image: bytes channel by channel, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// 1 channel for grey, 3 for red, green and blue.
    pub shape: ImageShape,
    /// [`ImageShape::len`] bytes: channels x height x width.
    pub pixels: Vec<u8>,
    /// True when the file has an EXIF orientation that turns or mirrors it, whether it was applied or not.
    pub is_turned: bool,
}
