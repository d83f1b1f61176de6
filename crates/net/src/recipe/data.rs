//! `[data]`

use crate::error::Error;
use crate::input::{ChannelOrder, InputSpec, MeanKind, Padding, Resize, StdKind, TestViews, ValueRange};
use crate::table::section::{FromNode as _, Section};
use crate::table::tree::Value;

/// How images become the network's input.
#[derive(Clone, Debug, PartialEq)]
pub struct DataRecipe {
    /// Range of the pixel values (0 to 255, or 0 to 1), before anything else.
    pub values: ValueRange,
    /// Order of the channels that the network sees.
    pub order: ChannelOrder,
    /// Channels that the network sees; the corpus' own without it.
    pub channels: Option<usize>,
    /// What is subtracted.
    pub mean: MeanKind,
    /// What is divided by then.
    pub std: StdKind,
    /// Factor after that.
    pub scale: f64,
    /// Side of the square crop; random while training.
    pub crop: Option<usize>,
    /// Pixels around the image that crops may reach into while training.
    pub pad: usize,
    /// What those pixels are.
    pub padding: Padding,
    /// Mirroring while training.
    pub flip: Flip,
    /// Side of the square that is blanked while training.
    pub cutout: Option<usize>,
    /// Largest change of brightness while training, as a share.
    pub brightness: f64,
    /// Largest change of contrast while training, as a share.
    pub contrast: f64,
    /// Size to which images of other sizes are scaled.
    pub resize: Option<Resize>,
    /// Views whose probabilities are averaged for a second measure of the last test error.
    pub views: TestViews,
}

/// Which images are mirrored while training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flip {
    /// None.
    None,
    /// Half of them, at random.
    Random,
    /// Half of them at random in the first epoch; then each image in every other epoch.
    Alternating,
}

pub(super) const MEANS: [(&str, MeanKind); 3] =
    [("pixel", MeanKind::Pixel), ("channel", MeanKind::Channel), ("none", MeanKind::None)];

pub(super) const STDS: [(&str, StdKind); 2] = [("channel", StdKind::Channel), ("none", StdKind::None)];

pub(super) const RANGES: [(&str, ValueRange); 2] = [("byte", ValueRange::Byte), ("unit", ValueRange::Unit)];

pub(super) const ORDERS: [(&str, ChannelOrder); 2] = [("rgb", ChannelOrder::Rgb), ("bgr", ChannelOrder::Bgr)];

pub(super) const VIEWS: [(&str, TestViews); 4] =
    [("centre", TestViews::Centre), ("ten", TestViews::Ten), ("mirror", TestViews::Mirror), ("six", TestViews::Six)];

pub(super) const PADDINGS: [(&str, Padding); 2] = [("zero", Padding::Zero), ("reflect", Padding::Reflect)];

/// The word for [`Flip::Alternating`] in recipes; false and true stand for the others.
pub(super) const ALTERNATING: &str = "alternating";

impl Default for DataRecipe {
    fn default() -> Self {
        Self {
            values: ValueRange::Byte,
            order: ChannelOrder::Rgb,
            channels: None,
            mean: MeanKind::Pixel,
            std: StdKind::None,
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
    /// What the network needs of it: everything but how training changes images, and how tests view them.
    pub fn input(&self) -> InputSpec {
        let reaches_beyond = self.pad > 0 || self.views == TestViews::Six;
        InputSpec {
            resize: self.resize,
            channels: self.channels,
            crop: self.crop,
            values: self.values,
            order: self.order,
            mean: self.mean.clone(),
            std: self.std.clone(),
            scale: self.scale,
            padding: reaches_beyond.then_some(self.padding),
        }
    }

    pub(crate) fn read(mut section: Section<'_>) -> Result<Self, Error> {
        let default = Self::default();
        let side = "a whole number of pixels, 1 or more,";
        let (share, is_share) = ("a number from 0 to 1", |value: &f64| (0.0..=1.0).contains(value));
        let data = Self {
            values: section.choice("values", &RANGES)?.unwrap_or(default.values),
            order: section.choice("order", &ORDERS)?.unwrap_or(default.order),
            channels: section.checked("channels", "1 or 3", |channels| matches!(channels, 1 | 3))?,
            mean: match read_numbers(&mut section, "mean", |_| true)? {
                Some(numbers) => MeanKind::Values(numbers),
                None => section.choice("mean", &MEANS)?.unwrap_or(default.mean),
            },
            std: match read_numbers(&mut section, "std", |std| std > 0.0)? {
                Some(numbers) => StdKind::Values(numbers),
                None => section.choice("std", &STDS)?.unwrap_or(default.std),
            },
            scale: section.checked("scale", "a number other than 0", |scale| *scale != 0.0)?.unwrap_or(default.scale),
            crop: section.checked("crop", side, |crop| *crop > 0)?,
            pad: section.checked("pad", "a whole number of pixels up to 1,000", |pad| *pad <= 1000)?.unwrap_or(0),
            padding: section.choice("padding", &PADDINGS)?.unwrap_or(default.padding),
            flip: read_flip(&mut section)?,
            cutout: section.checked("cutout", side, |side| *side > 0)?,
            brightness: section.checked("brightness", share, is_share)?.unwrap_or(0.0),
            contrast: section.checked("contrast", share, is_share)?.unwrap_or(0.0),
            resize: Resize::read(&mut section)?,
            views: section.choice("views", &VIEWS)?.unwrap_or(default.views),
        };
        section.finish()?;
        Ok(data)
    }
}

/// A list of numbers, one for each channel; none where there is no list.
fn read_numbers(
    section: &mut Section<'_>,
    key: &'static str,
    holds: impl Fn(f64) -> bool,
) -> Result<Option<Vec<f64>>, Error> {
    let Some(node) = section.node(key) else {
        return Ok(None);
    };
    let Value::List(items) = &node.value else {
        return Ok(None);
    };
    let numbers: Option<Vec<_>> = items.iter().map(|item| f64::from_node(item).filter(|value| holds(*value))).collect();
    if let Some(numbers) = numbers.filter(|numbers| matches!(numbers.len(), 1 | 3)) {
        return Ok(Some(numbers));
    }
    let kind = if holds(-1.0) { "finite numbers" } else { "finite numbers above 0" };
    let expected = format!("{kind}, one for each channel (3 of colour, 1 of grey), for `{key}`");
    let found: Vec<_> = items.iter().map(|item| item.value.describe()).collect();
    Err(section.scope.error(&node.location, expected, format!("[{}]", found.join(", "))))
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
            Err(section.scope.error(&node.location, expected, other.describe()))
        }
    }
}
