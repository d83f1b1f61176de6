//! Decoding image files, on all cores.

use std::{
    fs,
    io::Cursor,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use ::image::{DynamicImage, ImageFormat, ImageReader, imageops::FilterType};
use rayon::prelude::*;

use super::{File, READ};
use crate::ImageShape;

/// What became of a file.
pub(super) enum Outcome {
    Colour,
    Grey,
    Broken(String),
    Size([usize; 2]),
}

/// Decodes every file into its slot of `pixels`, each slot with room for colour.
pub(super) fn decode_all(files: &[File], slot: ImageShape, resize: bool, pixels: &mut [u8]) -> Vec<Outcome> {
    // The first file of another size ends the work; the files before it are still looked at, so that the
    // error is the same on any number of threads.
    let stop = AtomicUsize::new(usize::MAX);
    files
        .par_iter()
        .zip(pixels.par_chunks_exact_mut(slot.len()))
        .enumerate()
        .map(|(index, (file, pixels))| {
            if index > stop.load(Ordering::Relaxed) {
                return Outcome::Broken("not looked at".to_owned());
            }
            let image = match decode(&file.path) {
                Ok(image) => image,
                Err(reason) => return Outcome::Broken(reason),
            };
            let found = [image.height() as usize, image.width() as usize];
            let wanted = [slot.height, slot.width];
            let image = match found == wanted {
                true => image,
                false if resize => image.resize_to_fill(slot.width as u32, slot.height as u32, FilterType::Triangle),
                false => {
                    stop.fetch_min(index, Ordering::Relaxed);
                    return Outcome::Size(found);
                }
            };
            store(&image, pixels)
        })
        .collect()
}

/// Writes an image channel after channel.
fn store(image: &DynamicImage, pixels: &mut [u8]) -> Outcome {
    let plane = pixels.len() / 3;
    if !image.color().has_color() {
        let grey = image.to_luma8();
        for channel in pixels.chunks_exact_mut(plane) {
            channel.copy_from_slice(grey.as_raw());
        }
        return Outcome::Grey;
    }
    let (red, rest) = pixels.split_at_mut(plane);
    let (green, blue) = rest.split_at_mut(plane);
    let mut put = |rgb: &[u8]| {
        for (index, colour) in rgb.chunks_exact(3).enumerate() {
            red[index] = colour[0];
            green[index] = colour[1];
            blue[index] = colour[2];
        }
    };
    match image {
        DynamicImage::ImageRgb8(image) => put(image.as_raw()),
        other => put(other.to_rgb8().as_raw()),
    }
    Outcome::Colour
}

pub(super) fn decode(path: &Path) -> Result<DynamicImage, String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    if bytes.is_empty() {
        return Err("the file is empty".to_owned());
    }
    let reader = reader(&bytes).ok_or_else(|| format!("not an image; expected {}", READ.join(", ")))?;
    if reader.format() == Some(ImageFormat::Jpeg) && !has_jpeg_end(&bytes) {
        return Err("the JPEG is cut short".to_owned());
    }
    reader.decode().map_err(|error| error.to_string())
}

/// The height and width that a file's header gives.
pub(super) fn size(path: &Path) -> Option<[usize; 2]> {
    let bytes = fs::read(path).ok()?;
    let (width, height) = reader(&bytes)?.into_dimensions().ok()?;
    Some([height as usize, width as usize])
}

/// Whether the last scan of a JPEG has its end marker: the decoder fills what is missing with grey, and says
/// nothing. Neither marker can occur inside a scan.
fn has_jpeg_end(bytes: &[u8]) -> bool {
    let last = bytes.windows(2).rev().find(|pair| matches!(pair, [0xff, 0xd9 | 0xda]));
    last == Some(&[0xff, 0xd9])
}

/// The content decides on the format, not the file's name.
fn reader(bytes: &[u8]) -> Option<ImageReader<Cursor<&[u8]>>> {
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
    reader.format().is_some().then_some(reader)
}
