//! How a network sees its images.

use crate::error::Error;
use crate::input::Resize;
use crate::shape::Shape;

/// What a network's input is made of: size, channels and range of the images, what is subtracted and divided by. The
/// means and deviations that are measured on the training images are kept in every snapshot of the weights: see
/// [`crate::Network::preprocess`].
#[derive(Clone, Debug, PartialEq)]
pub struct InputSpec {
    /// Size to which images of other sizes are scaled.
    pub resize: Option<Resize>,
    /// Channels that the network sees; the corpus' own without it.
    pub channels: Option<usize>,
    /// Side of the square crop; the whole image without it.
    pub crop: Option<usize>,
    /// Range of the pixel values (0 to 255, or 0 to 1), before anything else.
    pub values: ValueRange,
    /// Order of the channels that the network sees.
    pub order: ChannelOrder,
    /// What is subtracted.
    pub mean: MeanKind,
    /// What is divided by then.
    pub std: StdKind,
    /// What that is multiplied by.
    pub scale: f64,
    /// What lies around the image, for random crops and shifted [`TestViews`] that reach beyond its edge; without padding
    /// there are no such crops.
    pub padding: Option<Padding>,
}

impl Default for InputSpec {
    /// The mean image is subtracted, and nothing else is done.
    fn default() -> Self {
        Self {
            resize: None,
            channels: None,
            crop: None,
            values: ValueRange::Byte,
            order: ChannelOrder::Rgb,
            mean: MeanKind::Pixel,
            std: StdKind::None,
            scale: 1.0,
            padding: None,
        }
    }
}

impl InputSpec {
    /// The shape of a network's images before they are cropped: `channels` and `size` are the corpus', the size being the
    /// one that all images have, if there is one.
    ///
    /// # Errors
    /// [`Error::Input`] where sizes differ and the recipe does not say to which they are scaled.
    pub fn image_shape(&self, channels: usize, size: Option<[usize; 2]>) -> Result<Shape, Error> {
        let [height, width] = self.resize.map(Resize::size).or(size).ok_or_else(|| Error::Input {
            what: "images of the corpus",
            expected: "one size for all, or data.resize in the recipe, to bring them to one (`resize = [32, 32]`, \
                       or `resize = 256` for the shorter side)"
                .into(),
            found: "several sizes".into(),
        })?;
        Ok(Shape::new(self.channels.unwrap_or(channels), height, width))
    }
}

/// The mean that is subtracted from images.
#[derive(Clone, Debug, PartialEq)]
pub enum MeanKind {
    /// The mean image of the training split.
    Pixel,
    /// The mean of each channel over the training split.
    Channel,
    /// Nothing.
    None,
    /// A given number for each channel, in the order that the network sees.
    Values(Vec<f64>),
}

/// What pixels are divided by, once the mean is subtracted.
#[derive(Clone, Debug, PartialEq)]
pub enum StdKind {
    /// Nothing.
    None,
    /// The standard deviation of each channel over the training split.
    Channel,
    /// A given number for each channel, in the order that the network sees.
    Values(Vec<f64>),
}

/// The range of the pixel values; mean and standard deviation are in the same units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueRange {
    /// 0 to 255.
    Byte,
    /// 0 to 1.
    Unit,
}

impl ValueRange {
    /// What a pixel of 0 to 255 is multiplied by to be in this range.
    pub const fn factor(self) -> f64 {
        match self {
            Self::Byte => 1.0,
            Self::Unit => 1.0 / 255.0,
        }
    }
}

/// The order of an image's colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelOrder {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
}

impl ChannelOrder {
    /// The channel of an image (red, green, blue) that the network sees as `channel`; and the other
    /// way round.
    pub const fn source(self, channel: usize, channels: usize) -> usize {
        match self {
            Self::Rgb => channel,
            Self::Bgr => channels - 1 - channel,
        }
    }
}

/// What lies around an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// Zeros after normalisation: the colour of the mean.
    Zero,
    /// The image, mirrored at its outermost pixels.
    Reflect,
}

/// The crops of a test image whose outputs are averaged (test-time augmentation).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestViews {
    /// The centre.
    Centre,
    /// Centre and corners, plain and mirrored.
    Ten,
    /// The centre, plain and mirrored.
    Mirror,
    /// Six crops: the centre, plain and mirrored, and both shifted by a pixel to the upper left and to the lower right,
    /// each of these with half the weight.
    Six,
}
