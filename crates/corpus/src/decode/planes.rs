//! Decoded pictures as planes of bytes.

use ::image::DynamicImage;

use super::decoded::Decoded;
use crate::ImageShape;

/// Prepares samples of 16 bits so that their conversion to 8 keeps the upper byte, as PIL and libpng do, and does not
/// round.
pub(super) fn keep_upper_bytes(image: &mut DynamicImage) {
    let values: &mut [u16] = match image {
        DynamicImage::ImageLuma16(image) => image,
        DynamicImage::ImageLumaA16(image) => image,
        DynamicImage::ImageRgb16(image) => image,
        DynamicImage::ImageRgba16(image) => image,
        _ => return,
    };
    for value in values {
        // 65535 / 255 = 257: a multiple of it converts to its upper byte exactly.
        *value = (*value >> 8) * 257;
    }
}

/// Writes an image channel after channel. Transparency is dropped, 16 bits become 8.
pub(super) fn planes(image: &DynamicImage) -> Decoded {
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
