//! How images are scaled to the size of a network's images.

/// The size to which images of other sizes are scaled, and how. Scaling is bilinear, with antialiasing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resize {
    /// Scaled with its proportions until it covers height and width, then cut to the middle.
    Cover {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
    },
    /// Scaled to height and width, whatever its proportions: torchvision's `Resize((height, width))`.
    Stretch {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
    },
    /// Scaled with its proportions until the shorter side is so long, then cut to the square in the
    /// middle: torchvision's `Resize(side)` and `CenterCrop`.
    ShorterSide(usize),
}

impl Resize {
    /// Height and width that images have afterwards.
    pub const fn size(self) -> [usize; 2] {
        match self {
            Self::Cover { height, width } | Self::Stretch { height, width } => [height, width],
            Self::ShorterSide(side) => [side, side],
        }
    }

    /// Height and width of [`Resize::Cover`].
    pub const fn covered(self) -> Option<[usize; 2]> {
        match self {
            Self::Cover { height, width } => Some([height, width]),
            Self::Stretch { .. } | Self::ShorterSide(_) => None,
        }
    }
}
