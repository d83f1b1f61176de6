//! From pixels to what the first layer sees. Every path that applies a network goes through here.

use crate::error::Error;
use crate::recipe::{Padding, TestViews};
use crate::shape::Shape;
use ndarray::{Array3, ArrayView3, ArrayViewMut3, s};

/// Mean, scale and crop of the input: `x = (pixel - mean) * scale`.
#[derive(Clone, Debug, PartialEq)]
pub struct Preprocess {
    /// Mean image, of the full image's size; its centre crop is subtracted wherever the crop lies.
    pub mean: Option<Array3<f32>>,
    /// Factor after the mean is subtracted.
    pub scale: f32,
    /// Side of the square crop the network sees; the whole image without one.
    pub crop: Option<usize>,
    /// What lies around the image, for views that reach beyond it; without it they are refused.
    pub padding: Option<Padding>,
}

/// Which part of an image the network sees, and how changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// First row; below 0 in the padding.
    pub y: i16,
    /// First column; below 0 in the padding.
    pub x: i16,
    /// Mirrored left to right.
    pub flipped: bool,
    /// A part of the input that is blanked.
    pub cutout: Option<Cutout>,
    /// Factor on the pixels.
    pub brightness: f32,
    /// Factor on the pixels' distance from the image's mean, before that.
    pub contrast: f32,
}

/// A part of the network's input: rows and columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cutout {
    /// First row, and past the last.
    pub rows: (u16, u16),
    /// First column, and past the last.
    pub columns: (u16, u16),
}

impl View {
    /// The part from that row and column on, unchanged.
    pub const fn at(y: i16, x: i16) -> Self {
        Self { y, x, flipped: false, cutout: None, brightness: 1.0, contrast: 1.0 }
    }

    /// The centre of the image.
    pub const fn centre(image: Shape, input: Shape) -> Self {
        Self::at(((image.height - input.height) / 2) as i16, ((image.width - input.width) / 2) as i16)
    }

    /// The same, mirrored.
    #[must_use]
    pub const fn mirrored(mut self) -> Self {
        self.flipped = true;
        self
    }

    /// Centre and corners, plain and mirrored: cuda-convnet's multi-view test.
    pub fn ten(image: Shape, input: Shape) -> Vec<Self> {
        let centre = Self::centre(image, input);
        let (bottom, right) = ((image.height - input.height) as i16, (image.width - input.width) as i16);
        let corners = [(0, 0), (0, right), (centre.y, centre.x), (bottom, 0), (bottom, right)];
        let plain = corners.map(|(y, x)| Self::at(y, x));
        [plain, plain.map(Self::mirrored)].concat()
    }

    /// The views that a test takes, each with its weight.
    pub fn of_test(views: TestViews, image: Shape, input: Shape) -> Vec<(Self, f32)> {
        let centre = Self::centre(image, input);
        let views = match views {
            TestViews::Centre => vec![centre],
            TestViews::Ten => Self::ten(image, input),
            TestViews::Mirror => vec![centre, centre.mirrored()],
            TestViews::Six => {
                let shifted = [-1, 1].map(|by| Self::at(centre.y + by, centre.x + by));
                let single = shifted.into_iter().flat_map(|view| [(view, 1.0), (view.mirrored(), 1.0)]);
                return [(centre, 2.0), (centre.mirrored(), 2.0)].into_iter().chain(single).collect();
            }
        };
        views.into_iter().map(|view| (view, 1.0)).collect()
    }
}

/// One side of a view: where it begins in the image, its length, the image's.
#[derive(Clone, Copy)]
struct Side {
    first: isize,
    length: usize,
    whole: usize,
}

impl Side {
    fn is_inside(self) -> bool {
        self.first >= 0 && self.first as usize + self.length <= self.whole
    }

    /// Whether padding by a mirrored image reaches as far.
    fn is_in_reach(self) -> bool {
        let whole = self.whole as isize;
        self.first > -whole && self.first + (self.length as isize) < 2 * whole
    }

    /// The image's row or column seen at `index`; none in a padding of zeros.
    fn source(self, index: usize, padding: Option<Padding>) -> Option<usize> {
        let (at, last) = (self.first + index as isize, self.whole as isize - 1);
        match padding {
            _ if (0..=last).contains(&at) => Some(at as usize),
            // Mirrored at the outermost pixel, which is not repeated.
            Some(Padding::Reflect) if at < 0 => Some((-at) as usize),
            Some(Padding::Reflect) => Some((2 * last - at) as usize),
            _ => None,
        }
    }
}

impl Preprocess {
    /// Writes the view of `image` into `out` (channels x input height x input width).
    pub fn write(&self, image: ArrayView3<'_, u8>, view: View, mut out: ArrayViewMut3<'_, f32>) -> Result<(), Error> {
        let (channels, height, width) = out.dim();
        let (rows, columns) = self.check(image.dim(), view, (channels, height, width))?;
        let (top, left) = ((rows.whole - height) / 2, (columns.whole - width) / 2);
        let colour = Colour::of(image, view);
        for channel in 0..channels {
            for row in 0..height {
                let mut out = out.slice_mut(s![channel, row, ..]);
                let Some(source) = rows.source(row, self.padding) else {
                    out.fill(0.0);
                    continue;
                };
                let pixels = image.slice(s![channel, source, ..]);
                let mean = self.mean.as_ref();
                let mean = mean.map(|mean| mean.slice(s![channel, top + row, left..left + width]));
                let mean = |column: usize| mean.map_or(0.0, |mean| mean[column]);
                if columns.is_inside() {
                    let first = columns.first as usize;
                    let pixels = pixels.slice(s![first..first + width]);
                    for (column, out) in out.iter_mut().enumerate() {
                        let from = if view.flipped { width - 1 - column } else { column };
                        *out = (colour.change(pixels[from]) - mean(column)) * self.scale;
                    }
                } else {
                    for (column, out) in out.iter_mut().enumerate() {
                        let from = if view.flipped { width - 1 - column } else { column };
                        let source = columns.source(from, self.padding);
                        *out = source.map_or(0.0, |source| (colour.change(pixels[source]) - mean(column)) * self.scale);
                    }
                }
            }
        }
        if let Some(Cutout { rows, columns }) = view.cutout {
            let within = |(from, to): (u16, u16), side: usize| usize::from(from).min(side)..usize::from(to).min(side);
            out.slice_mut(s![.., within(rows, height), within(columns, width)]).fill(0.0);
        }
        Ok(())
    }

    /// Refuses an image or a view that does not fit the network's input.
    pub(crate) fn check_view(
        &self,
        shape: (usize, usize, usize),
        view: View,
        input: (usize, usize, usize),
    ) -> Result<(), Error> {
        self.check(shape, view, input).map(|_| ())
    }

    fn check(
        &self,
        (c, h, w): (usize, usize, usize),
        view: View,
        (channels, height, width): (usize, usize, usize),
    ) -> Result<(Side, Side), Error> {
        let rows = Side { first: isize::from(view.y), length: height, whole: h };
        let columns = Side { first: isize::from(view.x), length: width, whole: w };
        let fits = |side: Side| side.is_inside() || (self.padding.is_some() && side.is_in_reach());
        if c != channels || !fits(rows) || !fits(columns) || h < height || w < width {
            return Err(Error::Input {
                what: "image",
                expected: format!(
                    "{channels} channels and room for {height}x{width} pixels at row {}, column {}",
                    view.y, view.x
                ),
                found: format!("{c}x{h}x{w}"),
            });
        }
        match &self.mean {
            Some(mean) if mean.dim() != (c, h, w) => {
                let (mc, mh, mw) = mean.dim();
                Err(Error::Input {
                    what: "image",
                    expected: format!("the mean image's shape {mc}x{mh}x{mw}"),
                    found: format!("{c}x{h}x{w}"),
                })
            }
            _ => Ok((rows, columns)),
        }
    }
}

/// A view's change of colour: `pixel factor + offset`.
#[derive(Clone, Copy)]
struct Colour {
    factor: f32,
    offset: f32,
}

impl Colour {
    #[expect(clippy::float_cmp, reason = "exactly 1 is what an unchanged view has")]
    fn of(image: ArrayView3<'_, u8>, view: View) -> Self {
        if view.brightness == 1.0 && view.contrast == 1.0 {
            return Self { factor: 1.0, offset: 0.0 };
        }
        let sum: u64 = image.iter().map(|pixel| u64::from(*pixel)).sum();
        let mean = sum as f32 / image.len().max(1) as f32;
        Self { factor: view.brightness * view.contrast, offset: view.brightness * (1.0 - view.contrast) * mean }
    }

    fn change(self, pixel: u8) -> f32 {
        f32::from(pixel) * self.factor + self.offset
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
        let preprocess = Preprocess { mean: Some(mean), scale: 2.0, crop: Some(2), padding: None };
        let view = View::at(0, 1).mirrored();
        let mut out = Array3::zeros((1, 2, 2));
        preprocess.write(image.view(), view, out.view_mut()).unwrap();
        // Pixels (0,2) (0,1) / (1,2) (1,1), minus the mean's centre 5 6 / 9 10.
        let expected = [(2.0 - 5.0), (1.0 - 6.0), (12.0 - 9.0), (11.0 - 10.0)].map(|v| 2.0 * v);
        assert_eq!(out.into_raw_vec_and_offset().0, expected);
    }

    #[test]
    fn a_view_outside_is_refused() {
        let preprocess = Preprocess { mean: None, scale: 1.0, crop: Some(3), padding: None };
        let image = Array3::<u8>::zeros((3, 4, 4));
        let view = View::at(2, 0);
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

    /// One channel of 3 x 3 pixels: 1 2 3 / 4 5 6 / 7 8 9.
    fn nine(view: View, padding: Option<Padding>) -> Result<Vec<f32>, Error> {
        let image = Array3::from_shape_fn((1, 3, 3), |(_, y, x)| (3 * y + x + 1) as u8);
        let mut out = Array3::from_elem((1, 3, 3), f32::NAN);
        let preprocess = Preprocess { mean: None, scale: 1.0, crop: None, padding };
        preprocess.write(image.view(), view, out.view_mut())?;
        Ok(out.into_raw_vec_and_offset().0)
    }

    #[test]
    fn padding_is_zero_or_the_image_mirrored() {
        let found = |view, padding| nine(view, Some(padding)).unwrap();
        assert_eq!(found(View::at(-1, 1), Padding::Zero), [0.0, 0.0, 0.0, 2.0, 3.0, 0.0, 5.0, 6.0, 0.0]);
        assert_eq!(found(View::at(-1, 1), Padding::Reflect), [5.0, 6.0, 5.0, 2.0, 3.0, 2.0, 5.0, 6.0, 5.0]);
        assert_eq!(found(View::at(2, -2).mirrored(), Padding::Reflect), [7.0, 8.0, 9.0, 4.0, 5.0, 6.0, 1.0, 2.0, 3.0]);
        assert!(nine(View::at(-1, 0), None).unwrap_err().to_string().contains("row -1"));
        assert!(nine(View::at(3, 0), Some(Padding::Reflect)).unwrap_err().to_string().contains("row 3"));
    }

    #[test]
    fn cutout_blanks_and_colours_change() {
        let cutout = Some(Cutout { rows: (1, 9), columns: (0, 2) });
        let view = View { cutout, ..View::at(0, 0) };
        assert_eq!(nine(view, None).unwrap(), [1.0, 2.0, 3.0, 0.0, 0.0, 6.0, 0.0, 0.0, 9.0]);
        // The mean is 5: 2 (5 + 0.5 (x - 5)).
        let view = View { brightness: 2.0, contrast: 0.5, ..View::at(0, 0) };
        assert_eq!(nine(view, None).unwrap(), [6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0]);
    }

    #[test]
    fn six_views_weigh_eight() {
        let side = Shape::new(3, 32, 32);
        let views = View::of_test(TestViews::Six, side, side);
        assert_eq!(views.len(), 6);
        assert!((views.iter().map(|(_, weight)| weight).sum::<f32>() - 8.0).abs() < 1e-6);
        assert_eq!((views[5].0.y, views[5].0.x, views[5].0.flipped), (1, 1, true));
        assert_eq!(View::of_test(TestViews::Mirror, side, side).len(), 2);
    }
}
