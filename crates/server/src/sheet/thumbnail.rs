//! Small pictures of a corpus's images, all of one size, where the images themselves are large or differ in size.

use deepviz_corpus::{Corpus, ImageShape};
use image::imageops::FilterType;
use image::{DynamicImage, GrayImage, RgbImage};
use ndarray::{Array3, ArrayView3, CowArray, Ix3};

/// Images of one size are shown as they are up to this side.
const MAX_SIDE_PX: usize = 128;
/// The side of a thumbnail of any other.
const SIDE_PX: usize = 96;

/// The shape of every tile in a sheet of a corpus's images.
pub(crate) fn thumbnail_shape(corpus: &Corpus) -> ImageShape {
    let small = corpus.common_shape().filter(|shape| shape.height.max(shape.width) <= MAX_SIDE_PX);
    small.unwrap_or(ImageShape { channels: corpus.channels(), height: SIDE_PX, width: SIDE_PX })
}

/// An image as a tile: as it is where it has the shape, else in its channels, scaled until it covers it and cut to its
/// middle.
pub(crate) fn thumbnail(image: ArrayView3<'_, u8>, shape: ImageShape) -> CowArray<'_, u8, Ix3> {
    let (channels, height, width) = image.dim();
    if (channels, height, width) == (shape.channels, shape.height, shape.width) {
        return image.into();
    }
    let interleaved: Vec<u8> = image.permuted_axes([1, 2, 0]).iter().copied().collect();
    let (wide, high) = (width as u32, height as u32);
    let whole = if channels == 1 {
        GrayImage::from_raw(wide, high, interleaved).map(DynamicImage::from)
    } else {
        RgbImage::from_raw(wide, high, interleaved).map(DynamicImage::from)
    };
    // The sizes agree by construction; an empty tile would show where they do not.
    let whole = whole.unwrap_or_else(|| DynamicImage::new_rgb8(1, 1));
    let tile = whole.resize_to_fill(shape.width as u32, shape.height as u32, FilterType::Triangle);
    let bytes = if shape.channels == 1 { tile.to_luma8().into_raw() } else { tile.to_rgb8().into_raw() };
    Array3::from_shape_fn((shape.channels, shape.height, shape.width), |(c, y, x)| {
        bytes[(y * shape.width + x) * shape.channels + c]
    })
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_is_the_middle_of_the_image() {
        // Left third 10, middle 20, right 30.
        let image = Array3::from_shape_fn((3, 40, 120), |(c, _, x)| (10 * (x / 40 + 1) + c) as u8);
        let shape = ImageShape { channels: 3, height: 20, width: 20 };
        let tile = thumbnail(image.view(), shape);
        assert_eq!(tile.dim(), (3, 20, 20));
        // At its borders the thirds run into each other.
        let inner = tile.slice(ndarray::s![.., .., 2..18]);
        assert!(inner.outer_iter().zip([20, 21, 22]).all(|(plane, value)| plane.iter().all(|v| *v == value)));
        let grey = ImageShape { channels: 1, height: 40, width: 120 };
        assert_eq!(thumbnail(image.view(), grey).dim(), (1, 40, 120));
        let same = ImageShape { channels: 3, height: 40, width: 120 };
        assert_eq!(thumbnail(image.view(), same), image);
    }
}
