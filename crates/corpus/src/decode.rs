//! One decoding rule for every way in: folders, archives, uploads, files named on the command line.

use std::io::Cursor;

use ::image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, metadata::Orientation as Noted};
use serde::{Deserialize, Serialize};

use crate::{ImageShape, account::Reason};

/// What becomes of a camera's note (EXIF) that an image should be turned or mirrored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Orientation {
    /// Pixels are taken as they are stored: what PIL, and with it torchvision's `ImageFolder`, does.
    #[default]
    Stored,
    /// Images are turned upright.
    Turned,
}

/// A decoded image: bytes channel by channel, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// 1 channel for grey, 3 for red, green and blue.
    pub shape: ImageShape,
    /// [`ImageShape::len`] bytes: channels x height x width.
    pub pixels: Vec<u8>,
    /// Whether the file carries a camera's note that it should be turned or mirrored, obeyed or not.
    pub is_turned: bool,
}

/// Why bytes are no image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undecodable {
    /// The kind of fault.
    pub reason: Reason,
    /// What was found, in words.
    pub detail: String,
}

impl Undecodable {
    fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

/// Decodes an image file's bytes. The content decides on the format.
///
/// # Errors
/// [`Undecodable`] with what was found instead.
pub fn decode(bytes: &[u8], orientation: Orientation) -> Result<Decoded, Undecodable> {
    if bytes.is_empty() {
        return Err(Undecodable::new(Reason::Empty, "the file is empty"));
    }
    let not_an_image = || Undecodable::new(Reason::NotAnImage, "not an image; expected png, jpg, jpeg, webp");
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|_| not_an_image())?;
    if reader.format().is_none() {
        return Err(not_an_image());
    }
    if reader.format() == Some(ImageFormat::Jpeg) && !has_jpeg_end(bytes) {
        return Err(Undecodable::new(Reason::Damaged, "the JPEG is cut short"));
    }
    let damaged = |error: ::image::ImageError| Undecodable::new(Reason::Damaged, error.to_string());
    let mut decoder = reader.into_decoder().map_err(damaged)?;
    // A note that cannot be read is none.
    let noted = decoder.orientation().unwrap_or(Noted::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    if orientation == Orientation::Turned {
        image.apply_orientation(noted);
    }
    Ok(Decoded { is_turned: noted != Noted::NoTransforms, ..planes(&image) })
}

/// Writes an image channel after channel. Transparency is dropped, 16 bits become 8.
fn planes(image: &DynamicImage) -> Decoded {
    let (height, width) = (image.height() as usize, image.width() as usize);
    if !image.color().has_color() {
        let shape = ImageShape { channels: 1, height, width };
        return Decoded { shape, pixels: image.to_luma8().into_raw(), is_turned: false };
    }
    let shape = ImageShape { channels: 3, height, width };
    let colour = image.to_rgb8();
    let mut pixels = vec![0; shape.len()];
    let (red, rest) = pixels.split_at_mut(height * width);
    let (green, blue) = rest.split_at_mut(height * width);
    let planes = red.iter_mut().zip(green).zip(blue);
    for (rgb, ((red, green), blue)) in colour.as_raw().as_chunks::<3>().0.iter().zip(planes) {
        (*red, *green, *blue) = (rgb[0], rgb[1], rgb[2]);
    }
    Decoded { shape, pixels, is_turned: false }
}

/// Whether the last scan of a JPEG has its end marker: the decoder fills what is missing with grey, and says
/// nothing. Neither marker can occur inside a scan.
fn has_jpeg_end(bytes: &[u8]) -> bool {
    let last = bytes.windows(2).rev().find(|pair| matches!(pair, [0xff, 0xd9 | 0xda]));
    last == Some(&[0xff, 0xd9])
}
