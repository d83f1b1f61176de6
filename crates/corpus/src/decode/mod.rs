//! One decoding rule for every way in: folders, archives, uploads, files named on the command line.

mod decoded;
mod jpeg;
mod magic;
mod palette;
mod planes;
#[cfg(test)]
mod tests;

use std::{
    borrow::Cow,
    fs::File,
    io::{self, Cursor, Read},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use ::image::{
    DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, metadata::Orientation as Noted,
};
use serde::{Deserialize, Serialize};

use crate::account::Reason;
pub use decoded::Decoded;
use magic::ImageKind;
use planes::{keep_upper_bytes, planes};

/// More pixels are never decoded. The largest photographs have half as many.
const MAX_PIXELS: u64 = 100_000_000;
const MAX_SIDE: u32 = 65_535;
/// Larger files are not read: no image of a corpus is so large, and whatever it is would fill the memory.
pub(crate) const MAX_FILE_BYTES: u64 = 256 << 20;
/// Memory of decoding for a pixel besides the decoder's output and our copy of it: coefficients of a JPEG, the
/// planes of a WebP, red, green and blue side by side.
const WORK_BYTES_PER_PIXEL: u64 = 9;
/// Memory that a decoder may ask for: four channels of 16 bits, and some for itself.
const MAX_DECODER_BYTES_PER_PIXEL: u64 = 10;
/// Bytes that tell what a file is: an SVG has its element behind comments.
const GLANCE_BYTES: u64 = 1024;

/// The formats that are read, for messages.
const EXPECTED: &str = "PNG, JPEG, WebP, BMP, GIF, TIFF or PNM";

/// The treatment of an EXIF orientation: a camera's note that an image should be turned or mirrored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Orientation {
    /// Pixels are taken as they are stored: what PIL, and with it torchvision's `ImageFolder`, does.
    #[default]
    Stored,
    /// Images are turned upright.
    Turned,
}

/// Why bytes are no image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undecodable {
    /// The kind of fault.
    pub reason: Reason,
    /// The finding, in words.
    pub detail: String,
}

/// The limit of a picture's size.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    max_pixels: u64,
}

/// The size that a picture's head declares.
#[derive(Debug, Clone, Copy)]
struct PictureSize {
    width: u32,
    height: u32,
}

impl PictureSize {
    fn of(decoder: &impl ImageDecoder) -> Self {
        let (width, height) = decoder.dimensions();
        Self { width, height }
    }
}

impl Bounds {
    fn check(self, PictureSize { width, height }: PictureSize) -> Result<(), Undecodable> {
        if width == 0 || height == 0 {
            return Err(Undecodable::new(Reason::Damaged, format!("a picture of {width} x {height} pixels")));
        }
        if u64::from(width) * u64::from(height) > self.max_pixels || width.max(height) > MAX_SIDE {
            let detail = format!(
                "{width} x {height} pixels, at most {} megapixels and {MAX_SIDE} a side are read",
                self.max_pixels / 1_000_000
            );
            return Err(Undecodable::new(Reason::TooLarge, detail));
        }
        Ok(())
    }
}

impl Undecodable {
    fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

/// The kind of a file by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Glance {
    /// An image, in a format that is read or in one that is only known.
    Image,
    Empty,
    Other,
}

/// Looks at the first bytes of a file.
pub(crate) fn glance(path: &Path) -> io::Result<Glance> {
    let mut bytes = Vec::new();
    File::open(path)?.take(GLANCE_BYTES).read_to_end(&mut bytes)?;
    Ok(glance_at(&bytes))
}

/// Looks at the first bytes of a file that has been read.
pub(crate) fn glance_at(bytes: &[u8]) -> Glance {
    match magic::identify(bytes) {
        _ if bytes.is_empty() => Glance::Empty,
        Some(_) => Glance::Image,
        None => Glance::Other,
    }
}

/// Size in memory of an image, by its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Estimate {
    /// Bytes of its channels.
    pub(crate) decoded_bytes: u64,
    /// Bytes that decoding takes meanwhile, about.
    pub(crate) work_bytes: u64,
}

/// Reads the head of an image file: nothing is decoded, and no memory taken for pixels. `None` where [`decode`] would
/// refuse it for its head.
pub(crate) fn estimate(bytes: &[u8]) -> Option<Estimate> {
    catch_unwind(AssertUnwindSafe(|| estimate_unguarded(bytes))).ok()?
}

fn estimate_unguarded(bytes: &[u8]) -> Option<Estimate> {
    let bounds = Bounds { max_pixels: MAX_PIXELS };
    let format = format_of(bytes).ok()?;
    let decoder = decoder_of(bytes, format, bounds).ok()?;
    let size = PictureSize::of(&decoder);
    bounds.check(size).ok()?;
    let pixels = u64::from(size.width) * u64::from(size.height);
    // A TIFF that decodes as grey may hold the indices of a palette.
    let is_grey = format != ImageFormat::Tiff && !decoder.color_type().has_color();
    let decoded_bytes = if is_grey { pixels } else { 3 * pixels };
    let work_bytes = decoder.total_bytes() + pixels * WORK_BYTES_PER_PIXEL + decoded_bytes + bytes.len() as u64;
    Some(Estimate { decoded_bytes, work_bytes })
}

/// Decodes an image file's bytes: PNG, JPEG, WebP, BMP, GIF, TIFF or PNM, of which the content decides. The first
/// picture counts where there are several. Grey stays grey, everything else becomes red, green and blue; transparency
/// is dropped, 16 bits become 8, colour profiles are not applied.
///
/// # Errors
/// [`Undecodable`] with what was found instead: also where the picture is cut short, and where its header promises more
/// than 100 megapixels, before any memory is taken for them.
pub fn decode(bytes: &[u8], orientation: Orientation) -> Result<Decoded, Undecodable> {
    decode_within(bytes, orientation, MAX_PIXELS)
}

/// [`decode`] with another limit to the number of pixels, up to 100 million: for images that strangers send.
///
/// # Errors
/// As [`decode`].
pub fn decode_within(bytes: &[u8], orientation: Orientation, max_pixels: u64) -> Result<Decoded, Undecodable> {
    let bounds = Bounds { max_pixels: max_pixels.min(MAX_PIXELS) };
    // A decoder that panics has met a file that it should have refused.
    catch_unwind(AssertUnwindSafe(|| decode_unguarded(bytes, orientation, bounds))).unwrap_or_else(|_| Err(gave_up()))
}

fn gave_up() -> Undecodable {
    Undecodable::new(Reason::Damaged, "its decoder gave up")
}

/// The format of an image file, where it is one that is read.
fn format_of(bytes: &[u8]) -> Result<ImageFormat, Undecodable> {
    if bytes.is_empty() {
        return Err(Undecodable::new(Reason::Empty, "the file is empty"));
    }
    match magic::identify(bytes) {
        Some(ImageKind::Read(format)) => Ok(format),
        Some(ImageKind::Known(name)) => {
            Err(Undecodable::new(Reason::UnknownFormat, format!("{name}; expected {EXPECTED}")))
        }
        None => {
            let detail = format!("not an image, found {}; expected {EXPECTED}", magic::describe(bytes));
            Err(Undecodable::new(Reason::Damaged, detail))
        }
    }
}

/// A decoder that has read the head.
fn decoder_of(bytes: &[u8], format: ImageFormat, bounds: Bounds) -> Result<impl ImageDecoder, Undecodable> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(MAX_SIDE), Some(MAX_SIDE));
    limits.max_alloc = Some(bounds.max_pixels * MAX_DECODER_BYTES_PER_PIXEL);
    reader.limits(limits);
    reader.into_decoder().map_err(|error| fault(&error))
}

fn decode_unguarded(bytes: &[u8], orientation: Orientation, bounds: Bounds) -> Result<Decoded, Undecodable> {
    let format = format_of(bytes)?;
    let bytes = match format {
        ImageFormat::Jpeg => whole_jpeg(bytes, bounds)?,
        ImageFormat::Png => whole_png(bytes, bounds)?,
        _ => Cow::Borrowed(bytes),
    };
    let indexed = if format == ImageFormat::Tiff { palette::of_tiff(&bytes) } else { None };
    let bytes = indexed.as_ref().map_or(bytes.as_ref(), |indexed| &indexed.bytes);
    let mut decoder = decoder_of(bytes, format, bounds)?;
    bounds.check(PictureSize::of(&decoder))?;
    // A note that cannot be read is none.
    let noted = decoder.orientation().unwrap_or(Noted::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).map_err(|error| fault(&error))?;
    if let Some(indexed) = indexed {
        image = indexed.apply(&image);
    }
    // A PNM has a maximum value of its own, from which samples are scaled; PIL rounds those too.
    if format != ImageFormat::Pnm {
        keep_upper_bytes(&mut image);
    }
    if matches!(image, DynamicImage::ImageRgb32F(_) | DynamicImage::ImageRgba32F(_)) {
        let detail = format!("samples that are no whole numbers; expected {EXPECTED} of 8 or 16 bits");
        return Err(Undecodable::new(Reason::UnknownFormat, detail));
    }
    // In a TIFF it is no camera's note but the order in which rows and columns are stored: PIL obeys it too.
    let is_note = format != ImageFormat::Tiff && noted != Noted::NoTransforms;
    if orientation == Orientation::Turned || !is_note {
        image.apply_orientation(noted);
    }
    Ok(Decoded { is_turned: is_note, ..planes(&image) })
}

/// The bytes of a PNG, with an end chunk where it has none: a picture without it is as whole.
fn whole_png(bytes: &[u8], bounds: Bounds) -> Result<Cow<'_, [u8]>, Undecodable> {
    const END: &[u8; 12] = b"\0\0\0\0IEND\xae\x42\x60\x82";
    if let Some([b'I', b'H', b'D', b'R', size @ ..]) = bytes.get(12..24) {
        let side = |at: usize| size[at..at + 4].try_into().map_or(0, u32::from_be_bytes);
        bounds.check(PictureSize { width: side(0), height: side(4) })?;
    }
    let has_end = bytes.windows(8).rev().any(|window| window == &END[..8]);
    Ok(if has_end { Cow::Borrowed(bytes) } else { Cow::Owned([bytes, END].concat()) })
}

/// The bytes of a JPEG whose picture is complete, with an end marker where it has none: the decoder would fill what is
/// missing with grey and say nothing.
fn whole_jpeg(bytes: &[u8], bounds: Bounds) -> Result<Cow<'_, [u8]>, Undecodable> {
    let damaged = |detail: &str| Undecodable::new(Reason::Damaged, detail);
    match jpeg::inspect(bytes, &|width, height| bounds.check(PictureSize { width, height }).is_ok()) {
        Ok(jpeg::Whole { end, has_end_marker: false }) => {
            Ok(Cow::Owned([&bytes[..end.min(bytes.len())], &[0xff, 0xd9]].concat()))
        }
        Ok(_) => Ok(Cow::Borrowed(bytes)),
        Err(jpeg::Fault::TooLarge { width, height }) => {
            bounds.check(PictureSize { width, height }).map(|()| Cow::Borrowed(bytes))
        }
        Err(jpeg::Fault::Unsupported(what)) => {
            Err(Undecodable::new(Reason::UnknownFormat, format!("{what}; expected {EXPECTED}")))
        }
        Err(jpeg::Fault::Cut) => Err(damaged("the JPEG is cut short: a part of the picture is missing")),
        Err(jpeg::Fault::Broken(what)) => Err(damaged(what)),
    }
}

fn fault(error: &ImageError) -> Undecodable {
    let reason = match error {
        ImageError::Limits(_) => Reason::TooLarge,
        ImageError::Unsupported(_) => Reason::UnknownFormat,
        _ => Reason::Damaged,
    };
    Undecodable::new(reason, error.to_string())
}
