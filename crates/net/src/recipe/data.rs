//! `[data]`

use super::section::Section;
use crate::error::Error;

/// How images become the network's input.
#[derive(Clone, Debug, PartialEq)]
pub struct DataRecipe {
    /// What is subtracted.
    pub mean: MeanKind,
    /// Factor after the mean is subtracted.
    pub scale: f64,
    /// Side of the square crop; random while training.
    pub crop: Option<usize>,
    /// Mirror at random while training.
    pub flip: bool,
    /// Height and width to which images of other sizes are brought.
    pub resize: Option<[usize; 2]>,
    /// Views whose probabilities are averaged for the test error.
    pub views: TestViews,
}

/// The mean that is subtracted from images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeanKind {
    /// The mean image of the training split.
    Pixel,
    /// One number a channel.
    Channel,
    /// Nothing.
    None,
}

/// Views of a test image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestViews {
    /// The centre.
    Centre,
    /// Centre and corners, plain and mirrored.
    Ten,
}

pub(super) const MEANS: [(&str, MeanKind); 3] =
    [("pixel", MeanKind::Pixel), ("channel", MeanKind::Channel), ("none", MeanKind::None)];

pub(super) const VIEWS: [(&str, TestViews); 2] = [("centre", TestViews::Centre), ("ten", TestViews::Ten)];

impl Default for DataRecipe {
    fn default() -> Self {
        Self { mean: MeanKind::Pixel, scale: 1.0, crop: None, flip: false, resize: None, views: TestViews::Centre }
    }
}

impl DataRecipe {
    pub(crate) fn read(mut section: Section<'_>) -> Result<Self, Error> {
        let default = Self::default();
        let side = "a whole number of pixels, 1 or more,";
        let two = "[height, width], each 1 or more,";
        let is_pair = |sides: &Vec<usize>| sides.len() == 2 && !sides.contains(&0);
        let data = Self {
            mean: section.choice("mean", &MEANS)?.unwrap_or(default.mean),
            scale: section.checked("scale", "a number other than 0", |scale| *scale != 0.0)?.unwrap_or(default.scale),
            crop: section.checked("crop", side, |crop| *crop > 0)?,
            flip: section.or("flip", default.flip)?,
            resize: section.checked("resize", two, is_pair)?.map(|sides| [sides[0], sides[1]]),
            views: section.choice("views", &VIEWS)?.unwrap_or(default.views),
        };
        section.finish()?;
        Ok(data)
    }
}
