//! A map laid over a photograph.

use ndarray::{ArrayView2, ArrayView3};

use crate::encode::Pixels;
use crate::{Error, MAX_PIXELS};

/// The colours of values above zero, which speak for a class, and below, which speak against it.
const FOR: [f32; 3] = [226.0, 116.0, 24.0];
const AGAINST: [f32; 3] = [36.0, 108.0, 204.0];
/// The opacity of a cell is `OPACITY * strength^POWER`, its strength being 0 to 1.
const OPACITY: f32 = 0.88;
const POWER: f32 = 0.8;

/// Where the cells of a map lie on an image, in its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapArea {
    /// First row.
    pub top: usize,
    /// First column.
    pub left: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// Draws an image `[channels, h, w]` in grey with the cells of a map over it: orange above zero, blue below, the more the
/// stronger; `limit` is the strength of the full colour. Cells are not smoothed.
///
/// # Errors
/// An image of other than 1 or 3 channels, an empty map, a scale of 0, or too large a picture.
pub fn overlay(
    image: ArrayView3<'_, u8>,
    (map, area): (ArrayView2<'_, f32>, MapArea),
    limit: f32,
    scale: usize,
) -> Result<Vec<u8>, Error> {
    let (channels, height, width) = image.dim();
    if channels != 1 && channels != 3 {
        return Err(Error::ImageChannels { found: channels });
    }
    if map.is_empty() {
        return Err(Error::Empty { found: map.shape().to_vec() });
    }
    if scale == 0 {
        return Err(Error::Scale { found: scale });
    }
    let pixels = (height * scale) as u128 * (width * scale) as u128;
    if pixels > MAX_PIXELS as u128 {
        return Err(Error::TooLarge { pixels, limit: MAX_PIXELS });
    }
    let mut bytes = vec![255; height * width * scale * scale * 4];
    for (index, pixel) in bytes.chunks_exact_mut(4).enumerate() {
        let (row, column) = (index / (width * scale), index % (width * scale));
        let (y, x) = (row / scale, column / scale);
        let weights: &[f32] = if channels == 3 { &[0.299, 0.587, 0.114] } else { &[1.0] };
        let grey: f32 = weights.iter().enumerate().map(|(channel, w)| w * f32::from(image[[channel, y, x]])).sum();
        // By the finer pixels of the picture, so that cells need not divide the image's.
        let cell = |at: usize, first: usize, length: usize, cells: usize| {
            at.checked_sub(first * scale).filter(|at| *at < length * scale).map(|at| at * cells / (length * scale))
        };
        let cells = cell(row, area.top, area.height, map.nrows()).zip(cell(column, area.left, area.width, map.ncols()));
        let value = cells.map_or(0.0, |(row, column)| map[[row, column]]);
        let strength = if limit > 0.0 && value.is_finite() { (value / limit).clamp(-1.0, 1.0) } else { 0.0 };
        let opacity = OPACITY * strength.abs().powf(POWER);
        let colour = if strength > 0.0 { FOR } else { AGAINST };
        for (byte, colour) in pixel.iter_mut().zip(colour) {
            *byte = (grey * (1.0 - opacity) + colour * opacity).round() as u8;
        }
    }
    Pixels::Rgba(bytes).encode(width * scale, height * scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode_tests::decode;
    use ndarray::{Array3, arr2};

    #[test]
    fn cells_lie_over_their_area_and_zero_leaves_the_photograph() {
        let image = Array3::from_elem((3, 4, 4), 100);
        let map = arr2(&[[2.0, 0.0], [-2.0, f32::NAN]]);
        let area = MapArea { top: 0, left: 2, height: 4, width: 2 };
        let png = overlay(image.view(), (map.view(), area), 2.0, 2).unwrap();
        let (width, height, rgba) = decode(&png);
        assert_eq!((width, height), (8, 8));
        let pixel = |y: usize, x: usize| rgba[(y * 8 + x) * 4..][..4].to_vec();
        assert_eq!(pixel(0, 0), [100, 100, 100, 255]);
        let [r, _, b, _] = pixel(0, 4)[..] else { unreachable!() };
        assert!(r > b, "orange above zero");
        let [r, _, b, _] = pixel(7, 4)[..] else { unreachable!() };
        assert!(r < b, "blue below");
        assert_eq!(pixel(0, 6), [100, 100, 100, 255]);
        assert_eq!(pixel(7, 7), [100, 100, 100, 255]);
        assert!(matches!(overlay(image.view(), (map.view(), area), 2.0, 0), Err(Error::Scale { .. })));
        let two = Array3::zeros((2, 4, 4));
        assert!(matches!(overlay(two.view(), (map.view(), area), 2.0, 1), Err(Error::ImageChannels { .. })));
    }
}
