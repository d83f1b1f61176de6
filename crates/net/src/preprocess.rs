//! From pixels to what the first layer sees. Every path that applies a network goes through here.

use crate::error::Error;
use crate::shape::Shape;
use ndarray::{Array3, ArrayView3, ArrayViewMut3};

/// Mean, scale and crop of the input: `x = (pixel - mean) * scale`.
#[derive(Clone, Debug, PartialEq)]
pub struct Preprocess {
    /// Mean image, of the full image's size; its centre crop is subtracted wherever the crop lies.
    pub mean: Option<Array3<f32>>,
    /// Factor after the mean is subtracted.
    pub scale: f32,
    /// Side of the square crop the network sees; the whole image without one.
    pub crop: Option<usize>,
}

/// Which part of an image the network sees, and whether mirrored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct View {
    /// First row.
    pub y: u16,
    /// First column.
    pub x: u16,
    /// Mirrored left to right.
    pub flipped: bool,
}

impl View {
    /// The centre of the image.
    pub const fn centre(image: Shape, input: Shape) -> Self {
        Self {
            y: ((image.height - input.height) / 2) as u16,
            x: ((image.width - input.width) / 2) as u16,
            flipped: false,
        }
    }

    /// Centre and corners, plain and mirrored: cuda-convnet's multi-view test.
    pub fn ten(image: Shape, input: Shape) -> Vec<Self> {
        let centre = Self::centre(image, input);
        let (bottom, right) = ((image.height - input.height) as u16, (image.width - input.width) as u16);
        let corners = [(0, 0), (0, right), (centre.y, centre.x), (bottom, 0), (bottom, right)];
        let view = |flipped| corners.map(|(y, x)| Self { y, x, flipped });
        [view(false), view(true)].concat()
    }
}

impl Preprocess {
    /// Writes the view of `image` into `out` (channels x input height x input width).
    pub fn write(&self, image: ArrayView3<'_, u8>, view: View, mut out: ArrayViewMut3<'_, f32>) -> Result<(), Error> {
        let (channels, height, width) = out.dim();
        let (c, h, w) = image.dim();
        let (y, x) = (usize::from(view.y), usize::from(view.x));
        if c != channels || y + height > h || x + width > w {
            return Err(Error::Input {
                what: "image",
                expected: format!("{channels} channels and room for {height}x{width} pixels at row {y}, column {x}"),
                found: format!("{c}x{h}x{w}"),
            });
        }
        let mean = match &self.mean {
            Some(mean) if mean.dim() != (c, h, w) => {
                let (c, h, w) = mean.dim();
                return Err(Error::Input {
                    what: "image",
                    expected: format!("the mean image's shape {c}x{h}x{w}"),
                    found: format!("{:?}", image.shape()),
                });
            }
            mean => mean.as_ref(),
        };
        let (top, left) = ((h - height) / 2, (w - width) / 2);
        for channel in 0..channels {
            for row in 0..height {
                for column in 0..width {
                    let from = if view.flipped { width - 1 - column } else { column };
                    let pixel = f32::from(image[[channel, y + row, x + from]]);
                    let mean = mean.map_or(0.0, |mean| mean[[channel, top + row, left + column]]);
                    out[[channel, row, column]] = (pixel - mean) * self.scale;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array3;

    #[test]
    fn crop_flip_and_centre_mean() {
        let image = Array3::from_shape_fn((1, 4, 4), |(_, y, x)| (10 * y + x) as u8);
        let mean = Array3::from_shape_fn((1, 4, 4), |(_, y, x)| (y * 4 + x) as f32);
        let preprocess = Preprocess { mean: Some(mean), scale: 2.0, crop: Some(2) };
        let view = View { y: 0, x: 1, flipped: true };
        let mut out = Array3::zeros((1, 2, 2));
        preprocess.write(image.view(), view, out.view_mut()).unwrap();
        // Pixels (0,2) (0,1) / (1,2) (1,1), minus the mean's centre 5 6 / 9 10.
        let expected = [(2.0 - 5.0), (1.0 - 6.0), (12.0 - 9.0), (11.0 - 10.0)].map(|v| 2.0 * v);
        assert_eq!(out.into_raw_vec_and_offset().0, expected);
    }

    #[test]
    fn a_view_outside_is_refused() {
        let preprocess = Preprocess { mean: None, scale: 1.0, crop: Some(3) };
        let image = Array3::<u8>::zeros((3, 4, 4));
        let view = View { y: 2, x: 0, flipped: false };
        let mut out = Array3::zeros((3, 3, 3));
        let error = preprocess.write(image.view(), view, out.view_mut());
        assert!(error.unwrap_err().to_string().contains("row 2"));
    }

    #[test]
    fn ten_views_are_the_five_places_twice() {
        let views = View::ten(Shape::new(3, 32, 32), Shape::new(3, 24, 24));
        assert_eq!(views.len(), 10);
        assert_eq!((views[2].y, views[2].x), (4, 4));
        assert_eq!((views[9].y, views[9].x, views[9].flipped), (8, 8, true));
    }
}
