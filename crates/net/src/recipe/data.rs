//! `[data]`

use super::section::Section;
use super::tree::Value;
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
    /// Pixels around the image that crops may reach into while training.
    pub pad: usize,
    /// What is there.
    pub padding: Padding,
    /// Mirroring while training.
    pub flip: Flip,
    /// Side of the square that is blanked while training.
    pub cutout: Option<usize>,
    /// Largest change of brightness while training, as a share.
    pub brightness: f64,
    /// Largest change of contrast while training, as a share.
    pub contrast: f64,
    /// Height and width to which images of other sizes are brought.
    pub resize: Option<[usize; 2]>,
    /// Views whose probabilities are averaged for a second measure of the last test error.
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
    /// The centre, plain and mirrored.
    Mirror,
    /// The centre, plain and mirrored, and with half its weight each shifted by a pixel to the upper
    /// left and to the lower right.
    Six,
}

/// What lies around an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// Inputs of 0: the mean's colour.
    Zero,
    /// The image, mirrored at its outermost pixels.
    Reflect,
}

/// Which images are mirrored while training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flip {
    /// None.
    None,
    /// Half of them, at random.
    Random,
    /// Half of them at random in the first epoch; from then on every image in turn.
    Alternating,
}

pub(super) const MEANS: [(&str, MeanKind); 3] =
    [("pixel", MeanKind::Pixel), ("channel", MeanKind::Channel), ("none", MeanKind::None)];

pub(super) const VIEWS: [(&str, TestViews); 4] =
    [("centre", TestViews::Centre), ("ten", TestViews::Ten), ("mirror", TestViews::Mirror), ("six", TestViews::Six)];

pub(super) const PADDINGS: [(&str, Padding); 2] = [("zero", Padding::Zero), ("reflect", Padding::Reflect)];

/// The word for [`Flip::Alternating`]; the others are false and true.
pub(super) const ALTERNATING: &str = "alternating";

impl Default for DataRecipe {
    fn default() -> Self {
        Self {
            mean: MeanKind::Pixel,
            scale: 1.0,
            crop: None,
            pad: 0,
            padding: Padding::Zero,
            flip: Flip::None,
            cutout: None,
            brightness: 0.0,
            contrast: 0.0,
            resize: None,
            views: TestViews::Centre,
        }
    }
}

impl DataRecipe {
    pub(crate) fn read(mut section: Section<'_>) -> Result<Self, Error> {
        let default = Self::default();
        let side = "a whole number of pixels, 1 or more,";
        let (share, is_share) = ("a number from 0 to 1", |value: &f64| (0.0..=1.0).contains(value));
        let two = "[height, width], each 1 or more,";
        let is_pair = |sides: &Vec<usize>| sides.len() == 2 && !sides.contains(&0);
        let data = Self {
            mean: section.choice("mean", &MEANS)?.unwrap_or(default.mean),
            scale: section.checked("scale", "a number other than 0", |scale| *scale != 0.0)?.unwrap_or(default.scale),
            crop: section.checked("crop", side, |crop| *crop > 0)?,
            pad: section.checked("pad", "a whole number of pixels up to 1,000", |pad| *pad <= 1000)?.unwrap_or(0),
            padding: section.choice("padding", &PADDINGS)?.unwrap_or(default.padding),
            flip: read_flip(&mut section)?,
            cutout: section.checked("cutout", side, |side| *side > 0)?,
            brightness: section.checked("brightness", share, is_share)?.unwrap_or(0.0),
            contrast: section.checked("contrast", share, is_share)?.unwrap_or(0.0),
            resize: section.checked("resize", two, is_pair)?.map(|sides| [sides[0], sides[1]]),
            views: section.choice("views", &VIEWS)?.unwrap_or(default.views),
        };
        section.finish()?;
        Ok(data)
    }
}

fn read_flip(section: &mut Section<'_>) -> Result<Flip, Error> {
    let Some(node) = section.node("flip") else {
        return Ok(Flip::None);
    };
    match &node.value {
        Value::Flag(false) => Ok(Flip::None),
        Value::Flag(true) => Ok(Flip::Random),
        Value::Text(word) if word == ALTERNATING => Ok(Flip::Alternating),
        other => {
            let expected = format!("true, false or \"{ALTERNATING}\" for `flip`");
            Err(section.scope.error(&node.place, expected, other.describe()))
        }
    }
}
