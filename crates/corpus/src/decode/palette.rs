//! TIFF with a palette: its decoder reads the indices as grey, and the colour map makes colours of them.

use ::image::{DynamicImage, RgbImage};

const BITS_PER_SAMPLE: u16 = 258;
const PHOTOMETRIC: u16 = 262;
const SAMPLES_PER_PIXEL: u16 = 277;
const COLOUR_MAP: u16 = 320;
/// The type of entries of 16 bits.
const SHORT: u16 = 3;
/// Values of [`PHOTOMETRIC`].
const BLACK_IS_ZERO: u16 = 1;
const PALETTE: u16 = 3;
const COLOURS: usize = 256;

/// A TIFF whose pixels are indices of 8 bits.
pub(super) struct Indexed {
    /// The file, its indices called grey.
    pub(super) bytes: Vec<u8>,
    /// Red, green and blue of each index.
    colours: Vec<[u8; 3]>,
}

impl Indexed {
    /// The colours in place of the decoded indices.
    pub(super) fn apply(&self, indices: &DynamicImage) -> DynamicImage {
        let indices = indices.to_luma8();
        let (width, height) = indices.dimensions();
        let colour = |x, y| ::image::Rgb(self.colours[usize::from(indices.get_pixel(x, y).0[0])]);
        DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, colour))
    }
}

/// Understands a TIFF with a palette of 8 bits; `None` for all others.
pub(super) fn of_tiff(bytes: &[u8]) -> Option<Indexed> {
    let file = Tiff { bytes, is_little: bytes.starts_with(b"II*\0") };
    if !file.is_little && !bytes.starts_with(b"MM\0*") {
        return None;
    }
    let directory = file.long(4)?;
    let count = usize::from(file.short(directory)?);
    let entry = |tag| {
        let entries = (0..count).map(|index| directory.saturating_add(2 + 12 * index));
        entries.into_iter().find(|at| file.short(*at) == Some(tag) && file.short(at + 2) == Some(SHORT))
    };
    let is =
        |tag, value| entry(tag).is_some_and(|at| file.long(at + 4) == Some(1) && file.short(at + 8) == Some(value));
    let has_one_sample = entry(SAMPLES_PER_PIXEL).is_none() || is(SAMPLES_PER_PIXEL, 1);
    if !is(PHOTOMETRIC, PALETTE) || !is(BITS_PER_SAMPLE, 8) || !has_one_sample {
        return None;
    }
    let map = entry(COLOUR_MAP).filter(|at| file.long(at + 4) == Some(3 * COLOURS))?;
    let map = file.long(map + 8)?;
    // All reds, then all greens, then all blues, of 16 bits each; Pillow keeps the upper 8 too.
    let level = |index: usize| file.short(map.checked_add(2 * index)?).map(|level| (level >> 8) as u8);
    let colour = |index| Some([level(index)?, level(COLOURS + index)?, level(2 * COLOURS + index)?]);
    let colours = (0..COLOURS).map(colour).collect::<Option<Vec<_>>>()?;
    let mut bytes = bytes.to_vec();
    let at = entry(PHOTOMETRIC)? + 8;
    let grey = if file.is_little { BLACK_IS_ZERO.to_le_bytes() } else { BLACK_IS_ZERO.to_be_bytes() };
    bytes.get_mut(at..at + 2)?.copy_from_slice(&grey);
    Some(Indexed { bytes, colours })
}

/// Numbers in a TIFF.
struct Tiff<'a> {
    bytes: &'a [u8],
    is_little: bool,
}

impl Tiff<'_> {
    fn short(&self, at: usize) -> Option<u16> {
        let pair = self.bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if self.is_little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) })
    }

    fn long(&self, at: usize) -> Option<usize> {
        let four = self.bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.is_little { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) } as usize)
    }
}
