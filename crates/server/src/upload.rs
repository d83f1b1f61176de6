//! Images that are sent: decoded within limits and brought to the size of the corpus' images.

use std::io::Cursor;
use std::sync::Arc;

use axum::body::Bytes;
use deepviz_net::Shape;
use image::imageops::FilterType;
use image::{DynamicImage, ImageReader, Limits};
use ndarray::Array3;

use crate::app::{App, Subject};
use crate::open_run::OpenRun;
use crate::problem::ApiError;
use crate::work::Load;

/// The largest file that is taken.
pub(crate) const MOST_BYTES: usize = 10 << 20;
/// The longest side of an image that is decoded.
const MOST_SIDE_PX: u32 = 8192;
/// Memory that decoding may take.
const MOST_MEMORY_BYTES: u64 = 256 << 20;

/// A sent image, fit for the run's network.
pub(crate) async fn subject(app: &App, run: &OpenRun, file: Bytes) -> Result<Subject, ApiError> {
    let shape = run.network().image();
    app.work
        .run(Load::Render, move || {
            let pixels = decode(&file, shape)?;
            let hash = blake3::hash(pixels.as_slice().unwrap_or_default()).to_hex().to_string();
            Ok(Subject::Sent { pixels: Arc::new(pixels), hash })
        })
        .await
}

fn decode(file: &[u8], shape: Shape) -> Result<Array3<u8>, ApiError> {
    if file.is_empty() {
        return Err(ApiError::not_an_image("the request has no body; expected a PNG, JPEG or WebP file"));
    }
    let mut reader = ImageReader::new(Cursor::new(file))
        .with_guessed_format()
        .map_err(|error| ApiError::not_an_image(format!("cannot read the image: {error}")))?;
    if reader.format().is_none() {
        return Err(ApiError::not_an_image("the body is none of PNG, JPEG, WebP"));
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(MOST_SIDE_PX);
    limits.max_image_height = Some(MOST_SIDE_PX);
    limits.max_alloc = Some(MOST_MEMORY_BYTES);
    reader.limits(limits);
    let image = reader.decode().map_err(|error| match error {
        image::ImageError::Limits(_) => ApiError::too_large(format!(
            "the image is larger than {MOST_SIDE_PX} x {MOST_SIDE_PX} pixels or than {} MB in memory",
            MOST_MEMORY_BYTES >> 20
        )),
        other => ApiError::not_an_image(format!("cannot read the image: {other}")),
    })?;
    pixels_from_image(&image, shape)
}

/// The middle of the image in the wanted proportions, resized where its size is another.
fn pixels_from_image(image: &DynamicImage, shape: Shape) -> Result<Array3<u8>, ApiError> {
    let (width, height) = (shape.width as u32, shape.height as u32);
    let fitted = if (image.width(), image.height()) == (width, height) {
        image.clone()
    } else {
        image.resize_to_fill(width, height, FilterType::Triangle)
    };
    let bytes = match shape.channels {
        1 => fitted.to_luma8().into_raw(),
        3 => fitted.to_rgb8().into_raw(),
        channels => {
            return Err(ApiError::bad(format!(
                "this network takes images of {channels} channels; a PNG, JPEG or WebP file has 1 or 3"
            )));
        }
    };
    let interleaved = Array3::from_shape_vec((shape.height, shape.width, shape.channels), bytes)
        .map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(interleaved.permuted_axes([2, 0, 1]).as_standard_layout().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(image: &DynamicImage) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        image.write_to(&mut file, image::ImageFormat::Png).unwrap();
        file.into_inner()
    }

    #[test]
    fn an_image_of_the_right_size_keeps_its_pixels() {
        let image = DynamicImage::ImageRgb8(image::RgbImage::from_fn(4, 3, |x, y| {
            image::Rgb([x as u8, y as u8, (x * y) as u8])
        }));
        let pixels = decode(&png(&image), Shape::new(3, 3, 4)).unwrap();
        assert_eq!(pixels, Array3::from_shape_fn((3, 3, 4), |(c, y, x)| [x, y, x * y][c] as u8));
    }

    #[test]
    fn another_size_is_brought_to_the_networks() {
        let image = DynamicImage::ImageRgb8(image::RgbImage::from_pixel(50, 20, image::Rgb([9, 8, 7])));
        let pixels = decode(&png(&image), Shape::new(3, 8, 8)).unwrap();
        assert_eq!(pixels.dim(), (3, 8, 8));
        assert!(pixels.outer_iter().zip([9, 8, 7]).all(|(plane, value)| plane.iter().all(|v| *v == value)));
        assert_eq!(decode(&png(&image), Shape::new(1, 8, 8)).unwrap().dim(), (1, 8, 8));
    }

    #[test]
    fn what_is_no_image_is_refused() {
        let shape = Shape::new(3, 8, 8);
        for (file, status) in [(&b""[..], 415), (b"hello", 415), (b"\x89PNG\r\n\x1a\nbroken", 415)] {
            assert_eq!(decode(file, shape).unwrap_err().status(), status);
        }
        let image = DynamicImage::ImageLuma8(image::GrayImage::new(MOST_SIDE_PX + 1, 1));
        assert_eq!(decode(&png(&image), shape).unwrap_err().status(), 413);
    }
}
