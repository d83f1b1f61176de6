//! Decoding an image file within limits.

use std::io::Cursor;
use std::panic::catch_unwind;

use axum::http::StatusCode;
use deepviz_corpus::{ImageShape, Orientation, Reason, decode_within};
use deepviz_net::InputTransform;
use image::{ImageDecoder as _, ImageReader};
use ndarray::Array3;

use crate::http::problem::ApiError;

/// More pixels are not decoded.
pub(super) const MAX_PIXELS: u64 = 64_000_000;
/// Nor more bytes of them, as they are in the file: 64 megapixels in four channels of 8 bits, half of that of 16 bits.
const MAX_DECODED_BYTES: u64 = 4 * MAX_PIXELS;
/// A picture with more pixels waits for its turn among the large ones.
const SMALL_PIXELS: u64 = 4_000_000;

/// The pixels of a picture that is small; none of another one.
pub(super) fn small_pixels(
    file: &[u8],
    orientation: Orientation,
    transform: InputTransform,
) -> Result<Option<Array3<u8>>, ApiError> {
    if size_of(file).is_some_and(|size| size.pixels > SMALL_PIXELS) {
        return Ok(None);
    }
    match decode(file, orientation, transform, SMALL_PIXELS) {
        // Its header could not be read above.
        Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => Ok(None),
        decoded => decoded.map(Some),
    }
}

/// The size that the header of a file states.
struct DecodedSize {
    pixels: u64,
    /// Of the pixels as they are in the file.
    bytes: u64,
}

/// Reads the header; nothing where it cannot be read, which decoding explains.
fn size_of(file: &[u8]) -> Option<DecodedSize> {
    catch_unwind(|| {
        let decoder = ImageReader::new(Cursor::new(file)).with_guessed_format().ok()?.into_decoder().ok()?;
        let (width, height) = decoder.dimensions();
        Some(DecodedSize { pixels: u64::from(width) * u64::from(height), bytes: decoder.total_bytes() })
    })
    .ok()?
}

/// Decodes a picture of at most `max_pixels` pixels and resizes it to the network's images.
pub(super) fn decode(
    file: &[u8],
    orientation: Orientation,
    transform: InputTransform,
    max_pixels: u64,
) -> Result<Array3<u8>, ApiError> {
    if file.is_empty() {
        return Err(ApiError::not_an_image("the request has no body; expected an image file"));
    }
    if let Some(DecodedSize { pixels, bytes }) = size_of(file)
        && pixels <= MAX_PIXELS
        && bytes > MAX_DECODED_BYTES
    {
        return Err(ApiError::too_large(format!(
            "the image is too large: its pixels take {} MB, at most {} MB are read",
            bytes / 1_000_000,
            MAX_DECODED_BYTES / 1_000_000
        ))
        .hint("send it with 8 bits a channel, or smaller"));
    }
    let decoded = decode_within(file, orientation, max_pixels).map_err(|fault| match fault.reason {
        Reason::TooLarge => ApiError::too_large(format!("the image is too large: {}", fault.detail)),
        _ => ApiError::not_an_image(format!("cannot read the image: {}", fault.detail)),
    })?;
    let ImageShape { channels, height, width } = decoded.shape;
    let pixels = Array3::from_shape_vec((channels, height, width), decoded.pixels)
        .map_err(|error| ApiError::internal(error.to_string()))?;
    let fitted = transform.image(pixels.view()).map_err(|error| ApiError::bad(error.to_string()))?;
    Ok(fitted.into_owned())
}

#[cfg(test)]
mod tests;
