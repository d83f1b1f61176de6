//! Plain images, one or many in one picture.

use ndarray::ArrayView3;

use crate::encode::Pixels;
use crate::{Error, MAX_PIXELS};

/// The layout of images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Images side by side.
    pub columns: usize,
    /// Pixels of the picture per pixel of an image, in each direction.
    pub scale: usize,
}

/// Images of one shape, `[channels, h, w]` bytes each, side by side without gaps; unused cells are transparent.
pub fn atlas(images: &[ArrayView3<'_, u8>], grid: Grid) -> Result<Vec<u8>, Error> {
    let Grid { columns, scale } = grid;
    let first = images.first().ok_or(Error::Empty { found: vec![0] })?;
    let (channels, height, width) = first.dim();
    if channels != 1 && channels != 3 {
        return Err(Error::ImageChannels { found: channels });
    }
    if height == 0 || width == 0 {
        return Err(Error::Empty { found: first.shape().to_vec() });
    }
    if scale == 0 {
        return Err(Error::Scale { found: scale });
    }
    let columns = columns.clamp(1, images.len());
    let rows = images.len().div_ceil(columns);
    let pixels = [columns, rows, width, height, scale, scale]
        .iter()
        .fold(1u128, |product, n| product.saturating_mul(*n as u128));
    if pixels > MAX_PIXELS as u128 {
        return Err(Error::TooLarge { pixels, limit: MAX_PIXELS });
    }
    let stride = columns * width * scale;
    let mut bytes = vec![0; stride * rows * height * scale * 4];
    for (index, image) in images.iter().enumerate() {
        if image.shape() != first.shape() {
            return Err(Error::Unequal { expected: first.shape().to_vec(), found: image.shape().to_vec() });
        }
        let left = index % columns * width * scale;
        let top = index / columns * height * scale;
        for y in 0..height * scale {
            for x in 0..width * scale {
                let at = ((top + y) * stride + left + x) * 4;
                for colour in 0..3 {
                    bytes[at + colour] = image[[colour.min(channels - 1), y / scale, x / scale]];
                }
                bytes[at + 3] = 255;
            }
        }
    }
    Pixels::Rgba(bytes).encode(stride, rows * height * scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode_tests::decode;
    use ndarray::Array3;

    fn image(pixels: ArrayView3<'_, u8>, scale: usize) -> Result<Vec<u8>, Error> {
        atlas(&[pixels], Grid { columns: 1, scale })
    }

    #[test]
    fn images_lie_in_rows_and_the_rest_is_transparent() {
        let images: Vec<_> = (1..=3u8).map(|v| Array3::from_elem([3, 2, 2], v * 10)).collect();
        let views: Vec<_> = images.iter().map(Array3::view).collect();
        let (width, height, rgba) = decode(&atlas(&views, Grid { columns: 2, scale: 3 }).unwrap());
        assert_eq!((width, height), (12, 12));
        let at = |x: usize, y: usize| rgba[(y * width + x) * 4..][..4].to_vec();
        assert_eq!(at(0, 0), [10, 10, 10, 255]);
        assert_eq!(at(6, 5), [20, 20, 20, 255]);
        assert_eq!(at(5, 6), [30, 30, 30, 255]);
        assert_eq!(at(6, 6)[3], 0);
    }

    #[test]
    fn grey_images_are_grey_and_colours_keep_their_order() {
        let grey = Array3::from_elem([1, 1, 1], 7);
        assert_eq!(decode(&image(grey.view(), 1).unwrap()).2, [7, 7, 7, 255]);
        let colour = Array3::from_shape_vec([3, 1, 1], vec![1, 2, 3]).unwrap();
        assert_eq!(decode(&image(colour.view(), 1).unwrap()).2, [1, 2, 3, 255]);
    }

    #[test]
    fn what_cannot_be_drawn_is_refused_with_the_reason() {
        let two = Array3::from_elem([2, 1, 1], 0);
        assert!(matches!(image(two.view(), 1), Err(Error::ImageChannels { found: 2 })));
        let one = Array3::from_elem([1, 1, 1], 0);
        assert!(matches!(image(one.view(), 0), Err(Error::Scale { found: 0 })));
        assert!(matches!(image(one.view(), 1 << 40), Err(Error::TooLarge { .. })));
        assert!(matches!(atlas(&[], Grid { columns: 1, scale: 1 }), Err(Error::Empty { .. })));
    }
}
