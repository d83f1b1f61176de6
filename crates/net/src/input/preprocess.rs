//! From pixels to what the first layer sees. Every path that applies a network goes through here.

use crate::error::Error;
use crate::input::{ChannelOrder, InputTransform, Padding, TestViews, ValueRange, half_to_even};
use crate::shape::Shape;
use ndarray::{Array1, Array3, ArrayView3, ArrayViewMut3, Axis, s};

/// Everything between an image's bytes and the network's input: size, channels, mean, standard deviation,
/// scale and crop, `x = (pixel - mean) / std * scale`. Mean and standard deviation have the channels in the order
/// that the network sees.
#[derive(Clone, Debug, PartialEq)]
pub struct Preprocess {
    /// Scales images to one shape; without it they are taken as they are.
    pub transform: Option<InputTransform>,
    /// Range of the pixel values: 0 to 255, or 0 to 1.
    pub values: ValueRange,
    /// Order of the channels.
    pub order: ChannelOrder,
    /// Mean image, of the full image's size; its centre crop is subtracted wherever the crop lies.
    pub mean: Option<Array3<f32>>,
    /// Standard deviation of each channel.
    pub std: Option<Array1<f32>>,
    /// Factor after the mean is subtracted.
    pub scale: f32,
    /// Side of the square crop the network sees; the whole image without one.
    pub crop: Option<usize>,
    /// What lies around the image, for views that reach beyond it; without it they are refused.
    pub padding: Option<Padding>,
}

/// What errors call a standard deviation of the wrong length.
pub(crate) const STD_LENGTH: &str = "standard deviation of the channels";

/// Which crop of an image the network sees, and how it is augmented.
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

    /// The same with offsets rounded as torchvision's `CenterCrop` does: a half to the even neighbour.
    pub(crate) const fn torch_centre(image: Shape, input: Shape) -> Self {
        let (rows, columns) = (image.height - input.height, image.width - input.width);
        Self::at(half_to_even(rows) as i16, half_to_even(columns) as i16)
    }

    /// The same, mirrored.
    #[must_use]
    pub const fn mirrored(mut self) -> Self {
        self.flipped = true;
        self
    }

    /// Centre and corners, plain and mirrored: cuda-convnet's multi-view test.
    fn ten(centre: Self, image: Shape, input: Shape) -> Vec<Self> {
        let (bottom, right) = ((image.height - input.height) as i16, (image.width - input.width) as i16);
        let corners = [(0, 0), (0, right), (centre.y, centre.x), (bottom, 0), (bottom, right)];
        let unmirrored = corners.map(|(y, x)| Self::at(y, x));
        [unmirrored, unmirrored.map(Self::mirrored)].concat()
    }

    /// The views that a test takes, each with its weight.
    pub(crate) fn of_test(views: TestViews, centre: Self, image: Shape, input: Shape) -> Vec<(Self, f32)> {
        let views = match views {
            TestViews::Centre => vec![centre],
            TestViews::Ten => Self::ten(centre, image, input),
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
    pub fn write(&self, image: ArrayView3<'_, u8>, view: View, out: ArrayViewMut3<'_, f32>) -> Result<(), Error> {
        match &self.transform {
            Some(transform) => self.write_shaped(transform.image(image)?.view(), view, out),
            None => self.write_shaped(image, view, out),
        }
    }

    /// What a channel of the network's input is multiplied by, once the mean is subtracted.
    pub fn factor(&self, channel: usize) -> f32 {
        match &self.std {
            Some(std) => self.scale / std[channel],
            None => self.scale,
        }
    }

    /// The image's channel that a channel of the network's input is made from, and what the input
    /// changes by where a pixel of it changes by 1 of 255.
    pub(crate) fn by_pixel(&self, channel: usize, channels: usize) -> (usize, f32) {
        let factor = self.factor(channel);
        let factor = if self.values == ValueRange::Byte { factor } else { factor * self.values.factor() as f32 };
        (self.order.source(channel, channels), factor)
    }

    /// The same of an image that the transform has brought to the network's image shape.
    fn write_shaped(
        &self,
        image: ArrayView3<'_, u8>,
        view: View,
        mut out: ArrayViewMut3<'_, f32>,
    ) -> Result<(), Error> {
        let (channels, height, width) = out.dim();
        let (rows, columns) = self.check(image.dim(), view, (channels, height, width))?;
        let (top, left) = ((rows.whole - height) / 2, (columns.whole - width) / 2);
        let colour = Colour::of(image, view).times(self.values);
        for channel in 0..channels {
            let factor = self.factor(channel);
            let plane = image.index_axis(Axis(0), self.order.source(channel, channels));
            for row in 0..height {
                let mut out = out.slice_mut(s![channel, row, ..]);
                let Some(source) = rows.source(row, self.padding) else {
                    out.fill(0.0);
                    continue;
                };
                let pixels = plane.row(source);
                let mean = self.mean.as_ref();
                let mean = mean.map(|mean| mean.slice(s![channel, top + row, left..left + width]));
                let mean = |column: usize| mean.map_or(0.0, |mean| mean[column]);
                if columns.is_inside() {
                    let first = columns.first as usize;
                    let pixels = pixels.slice(s![first..first + width]);
                    for (column, out) in out.iter_mut().enumerate() {
                        let from = if view.flipped { width - 1 - column } else { column };
                        *out = (colour.change(pixels[from]) - mean(column)) * factor;
                    }
                } else {
                    for (column, out) in out.iter_mut().enumerate() {
                        let from = if view.flipped { width - 1 - column } else { column };
                        let source = columns.source(from, self.padding);
                        *out = source.map_or(0.0, |source| (colour.change(pixels[source]) - mean(column)) * factor);
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
        match (&self.mean, &self.std) {
            (_, Some(std)) if std.len() != c => {
                Err(Error::Input { what: STD_LENGTH, expected: format!("{c} numbers"), found: std.len().to_string() })
            }
            (Some(mean), _) if mean.dim() != (c, h, w) => {
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

    /// The same for pixel values of another range.
    fn times(self, values: ValueRange) -> Self {
        match values {
            ValueRange::Byte => self,
            ValueRange::Unit => {
                let unit = values.factor() as f32;
                Self { factor: self.factor * unit, offset: self.offset * unit }
            }
        }
    }

    fn change(self, pixel: u8) -> f32 {
        f32::from(pixel) * self.factor + self.offset
    }
}

#[cfg(test)]
mod tests;
