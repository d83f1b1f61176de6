//! Images of any size, brought to the size and channels of a network's images.

use crate::error::Error;
use crate::input::{InputSpec, Resize};
use crate::shape::Shape;
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use ndarray::{Array3, ArrayView2, ArrayView3, Axis, CowArray, Ix3};
use rayon::prelude::*;

/// Brings images of any size to the size and channels of a network's images. What it makes of an image depends
/// on nothing but the image: not on threads, nor on the vector instructions of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputTransform {
    image: Shape,
    resize: Option<Resize>,
    crop: Option<usize>,
    /// Whether grey becomes colour or colour grey where needed.
    converts: bool,
}

/// The part of a scaled image that is kept, by height and width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Window {
    scaled: [usize; 2],
    first: [usize; 2],
    size: [usize; 2],
}

/// `number / 2`, a half to the even neighbour: Python's `round`, and so the offsets of torchvision's `CenterCrop`.
pub(crate) const fn half_to_even(number: usize) -> usize {
    let half = number / 2;
    half + (number % 2) * (half % 2)
}

impl InputTransform {
    /// The transform to a network's images of that shape.
    pub(crate) const fn new(spec: &InputSpec, image: Shape) -> Self {
        Self { image, resize: spec.resize, crop: spec.crop, converts: spec.channels.is_some() }
    }

    /// The same for images from outside the corpus: what the recipe does not say how to bring to the network's
    /// size is scaled until it covers it and cut to the middle, and channels are converted.
    #[must_use]
    pub const fn for_any_image(mut self) -> Self {
        self.converts = true;
        if self.resize.is_none() {
            self.resize = Some(Resize::Cover { height: self.image.height, width: self.image.width });
        }
        self
    }

    /// Shape of the network's images.
    pub const fn shape(&self) -> Shape {
        self.image
    }

    /// Refuses an image that cannot be brought to the shape of the network's images.
    ///
    /// # Errors
    /// [`Error::Input`] says what is missing in the recipe.
    pub fn check(&self, (channels, height, width): (usize, usize, usize)) -> Result<(), Error> {
        let error = |expected: String| {
            let found = format!("{channels}x{height}x{width}");
            Err(Error::Input { what: "image", expected, found })
        };
        let Shape { channels: c, height: h, width: w } = self.image;
        if channels == 0 || height == 0 || width == 0 {
            return error("at least one pixel".into());
        }
        if channels != c && !(self.converts && matches!((channels, c), (1, 3) | (3, 1))) {
            return error(format!(
                "{c} channels, as in {}; set data.channels in the recipe for other images",
                self.image
            ));
        }
        if [height, width] != [h, w] && self.resize.is_none() {
            return error(format!("{}; set data.resize in the recipe for images of other sizes", self.image));
        }
        Ok(())
    }

    /// The image in the shape of the network's images; itself, where it has that already.
    ///
    /// # Errors
    /// As [`InputTransform::check`].
    pub fn image<'a>(&self, image: ArrayView3<'a, u8>) -> Result<CowArray<'a, u8, Ix3>, Error> {
        if <[usize; 3]>::from(image.dim()) == self.image.dims() {
            return Ok(image.into());
        }
        let mut out = vec![0; self.image.len()];
        self.write(image, &mut out)?;
        let out = Array3::from_shape_vec(self.image.dims(), out);
        out.map(CowArray::from).map_err(|error| self.unexpected(&error))
    }

    /// The images one after the other, in channel, row, column order.
    ///
    /// # Errors
    /// As [`InputTransform::check`].
    pub fn bytes(&self, images: &[ArrayView3<'_, u8>]) -> Result<Vec<u8>, Error> {
        let mut out = vec![0; images.len() * self.image.len()];
        let parts = out.par_chunks_exact_mut(self.image.len().max(1)).zip(images).with_min_len(16);
        parts.try_for_each(|(out, image)| self.write(*image, out))?;
        Ok(out)
    }

    fn write(&self, image: ArrayView3<'_, u8>, out: &mut [u8]) -> Result<(), Error> {
        self.check(image.dim())?;
        if let Some(pixels) = image.as_slice().filter(|_| <[usize; 3]>::from(image.dim()) == self.image.dims()) {
            out.copy_from_slice(pixels);
            return Ok(());
        }
        let (channels, height, width) = image.dim();
        let plane = self.image.height * self.image.width;
        let window = self.window([height, width]);
        if (channels, self.image.channels) == (3, 1) {
            let grey = grey_from_colour(image);
            return self.resample(grey.index_axis(Axis(0), 0), window, out);
        }
        for (channel, pixels) in image.outer_iter().enumerate() {
            self.resample(pixels, window, &mut out[channel * plane..][..plane])?;
        }
        let (first, others) = out.split_at_mut(channels * plane);
        others.chunks_exact_mut(plane).for_each(|other| other.copy_from_slice(&first[..plane]));
        Ok(())
    }

    /// What is kept of an image of that height and width.
    fn window(&self, [height, width]: [usize; 2]) -> Window {
        let size = [self.image.height, self.image.width];
        let middle = |scaled: [usize; 2]| [0, 1].map(|axis: usize| (scaled[axis] - size[axis]) / 2);
        match self.resize {
            Some(Resize::Cover { .. }) => {
                let ratio = (size[0] as f64 / height as f64).max(size[1] as f64 / width as f64);
                let side = |side: usize, min: usize| ((side as f64 * ratio).round() as usize).max(min);
                let scaled = [side(height, size[0]), side(width, size[1])];
                Window { scaled, first: middle(scaled), size }
            }
            Some(Resize::ShorterSide(side)) => {
                let long = |long: usize, short: usize| (side * long / short).max(side);
                let scaled = if height <= width { [side, long(width, height)] } else { [long(height, width), side] };
                // The crop that follows is to lie where CenterCrop of the whole scaled image would have it.
                let crop = self.crop.map_or(side, |crop| crop.min(side));
                let first = scaled.map(|scaled| half_to_even(scaled - crop) - half_to_even(side - crop));
                Window { scaled, first, size }
            }
            Some(Resize::Stretch { .. }) | None => Window { scaled: size, first: [0, 0], size },
        }
    }

    /// Scales one channel, computing no more than the window.
    fn resample(&self, pixels: ArrayView2<'_, u8>, window: Window, out: &mut [u8]) -> Result<(), Error> {
        let (height, width) = pixels.dim();
        let Window { scaled, first, size } = window;
        if [height, width] == scaled {
            for (row, out) in out.chunks_exact_mut(size[1]).enumerate() {
                let pixels = pixels.row(first[0] + row);
                out.iter_mut().zip(pixels.iter().skip(first[1])).for_each(|(out, pixel)| *out = *pixel);
            }
            return Ok(());
        }
        let pixels = pixels.as_standard_layout();
        let source = pixels.as_slice().ok_or_else(|| Error::internal("an image's rows are not in order".into()))?;
        let source = ImageRef::new(width as u32, height as u32, source, PixelType::U8);
        let source = source.map_err(|error| self.unexpected(&error))?;
        let target = Image::from_slice_u8(size[1] as u32, size[0] as u32, out, PixelType::U8);
        let mut target = target.map_err(|error| self.unexpected(&error))?;
        // Multiplied before divided, so that a whole side comes out exactly.
        let source_offset = |axis: usize, from: usize, at: usize| (at as f64 * from as f64) / scaled[axis] as f64;
        let (top, left) = (source_offset(0, height, first[0]), source_offset(1, width, first[1]));
        let rows = source_offset(0, height, size[0]).min(height as f64 - top);
        let columns = source_offset(1, width, size[1]).min(width as f64 - left);
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear))
            .use_alpha(false)
            .crop(left, top, columns, rows);
        Resizer::new().resize(&source, &mut target, &options).map_err(|error| self.unexpected(&error))
    }

    fn unexpected(&self, error: &dyn std::error::Error) -> Error {
        Error::Input {
            what: "image",
            expected: format!("one that can be scaled to {}", self.image),
            found: error.to_string(),
        }
    }
}

/// Luma by ITU-R 601-2, rounded as Pillow's conversion to `L`.
fn grey_from_colour(image: ArrayView3<'_, u8>) -> Array3<u8> {
    let (_, height, width) = image.dim();
    let weights = [19_595, 38_470, 7_471];
    Array3::from_shape_fn((1, height, width), |(_, y, x)| {
        let sum: u32 = weights.iter().enumerate().map(|(c, weight)| weight * u32::from(image[[c, y, x]])).sum();
        ((sum + 0x8000) >> 16) as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(resize: Option<Resize>) -> InputSpec {
        InputSpec { resize, ..InputSpec::default() }
    }

    #[test]
    fn halves_go_to_the_even_neighbour() {
        assert_eq!([0, 1, 2, 3, 4, 5, 6, 7].map(half_to_even), [0, 0, 1, 2, 2, 2, 3, 4]);
    }

    #[test]
    fn an_image_of_the_right_shape_is_not_copied() {
        let image = Array3::from_shape_fn((1, 4, 6), |(_, y, x)| (y * 6 + x) as u8);
        let transform = InputTransform::new(&spec(None), Shape::new(1, 4, 6));
        assert!(transform.image(image.view()).unwrap().is_view());
        assert_eq!(transform.bytes(&[image.view()]).unwrap(), image.as_slice().unwrap());
    }

    #[test]
    fn what_cannot_be_brought_to_shape_is_refused_with_the_way_out() {
        let transform = InputTransform::new(&spec(None), Shape::new(3, 8, 8));
        let message = |dim| transform.check(dim).unwrap_err().to_string();
        let size = message((3, 9, 8));
        assert!(size.contains("3x8x8") && size.contains("3x9x8") && size.contains("data.resize"), "{size}");
        let channels = message((1, 8, 8));
        assert!(channels.contains("1x8x8") && channels.contains("data.channels"), "{channels}");
        assert!(message((3, 0, 8)).contains("one pixel"));
        assert!(transform.for_any_image().check((1, 5, 700)).is_ok());
        assert!(transform.for_any_image().check((4, 5, 700)).is_err());
        let sizes = spec(None).image_shape(3, None).unwrap_err().to_string();
        assert!(sizes.contains("several sizes") && sizes.contains("data.resize"), "{sizes}");
    }

    #[test]
    fn the_shape_follows_recipe_and_corpus() {
        let shape = |spec: &InputSpec, size| spec.image_shape(1, size).unwrap();
        assert_eq!(shape(&spec(None), Some([5, 7])), Shape::new(1, 5, 7));
        assert_eq!(shape(&spec(Some(Resize::ShorterSide(9))), None), Shape::new(1, 9, 9));
        let stretched = InputSpec { channels: Some(3), ..spec(Some(Resize::Stretch { height: 2, width: 3 })) };
        assert_eq!(shape(&stretched, Some([5, 7])), Shape::new(3, 2, 3));
    }

    #[test]
    fn extreme_proportions_are_scaled_too() {
        for (height, width) in [(1, 4000), (4000, 1), (1, 1)] {
            let image = Array3::from_elem((1, height, width), 77);
            for resize in [
                Resize::ShorterSide(16),
                Resize::Cover { height: 16, width: 16 },
                Resize::Stretch { height: 16, width: 16 },
            ] {
                let transform = InputTransform::new(&spec(Some(resize)), Shape::new(1, 16, 16));
                let found = transform.image(image.view()).unwrap();
                assert!(found.iter().all(|pixel| *pixel == 77), "{height}x{width} {resize:?}");
            }
        }
    }
}
