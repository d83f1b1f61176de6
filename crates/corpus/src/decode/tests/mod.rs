mod cut;
mod refused;

use std::{collections::BTreeMap, fs, path::PathBuf};

use serde::Deserialize;

use super::*;
use crate::ImageShape;

/// The pixels that Pillow reads from a file (`make.py`).
#[derive(Deserialize)]
struct Expected {
    channels: usize,
    width: usize,
    height: usize,
    pixels: String,
}

fn file(name: &str) -> Vec<u8> {
    fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/decode/tests/files").join(name)).unwrap()
}

fn read(bytes: &[u8]) -> Result<Decoded, Undecodable> {
    decode(bytes, Orientation::Stored)
}

/// The pixels by rows, as Pillow has them.
fn rows(decoded: &Decoded) -> Vec<u8> {
    let ImageShape { channels, height, width } = decoded.shape;
    let planes: Vec<_> = decoded.pixels.chunks_exact(height * width).collect();
    (0..height * width).flat_map(|index| planes[..channels].iter().map(move |plane| plane[index])).collect()
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|start| u8::from_str_radix(&text[start..start + 2], 16).unwrap()).collect()
}

#[test]
fn pixels_are_those_that_pillow_reads() {
    let all: BTreeMap<String, Expected> = serde_json::from_slice(&file("pixels.json")).unwrap();
    assert!(all.len() >= 30, "{}", all.len());
    let mut faults = Vec::new();
    for (name, expected) in &all {
        let decoded = match read(&file(name)) {
            Ok(decoded) => decoded,
            Err(fault) => {
                faults.push(format!("{name}: {fault:?}"));
                continue;
            }
        };
        let (found, wanted) = (rows(&decoded), hex(&expected.pixels));
        let shape = ImageShape { channels: expected.channels, height: expected.height, width: expected.width };
        if decoded.shape != shape {
            faults.push(format!("{name}: {} and not {shape}", decoded.shape));
            continue;
        }
        // Lossy formats leave the last bits of their transform to the decoder.
        let is_lossy = [".jpg", ".mpo"].iter().any(|end| name.ends_with(end));
        let (at_once, on_average) = if is_lossy { (8, 1.0) } else { (0, 0.0) };
        let differences: Vec<u8> = found.iter().zip(&wanted).map(|(a, b)| a.abs_diff(*b)).collect();
        let max = differences.iter().copied().max().unwrap();
        let mean = differences.iter().map(|d| f64::from(*d)).sum::<f64>() / differences.len() as f64;
        let is_near = max <= at_once && mean <= on_average && found.len() == wanted.len();
        if !is_near {
            faults.push(format!("{name}: {max} at most, {mean:.2} on average"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn exif_orientation_is_reported_and_applied_on_request() {
    let bytes = file("turned.jpg");
    let stored = read(&bytes).unwrap();
    assert!(stored.is_turned && !read(&file("420.jpg")).unwrap().is_turned);
    let turned = decode(&bytes, Orientation::Turned).unwrap();
    let ImageShape { height, width, .. } = stored.shape;
    assert_eq!((turned.shape.height, turned.shape.width), (width, height));
    // Orientation 6: what is stored as the first row is the right edge.
    for column in 0..width {
        assert_eq!(turned.pixels[column * height + height - 1], stored.pixels[column], "{column}");
    }
}

#[test]
fn a_file_is_what_it_holds_and_png_and_gif_are_whole_without_their_last_bytes() {
    for name in ["rgb.png", "first_frame.gif", "rgb.bmp", "lossless.webp", "rgb.tif", "rgb.ppm"] {
        let bytes = file(name);
        let whole = read(&bytes).unwrap();
        let more = [bytes.as_slice(), b"and a thumbnail behind it \xff\xda\xff\xd8"].concat();
        assert_eq!(read(&more).unwrap(), whole, "{name} with more behind it");
    }
    let png = file("rgb.png");
    assert_eq!(read(&png[..png.len() - 12]).unwrap(), read(&png).unwrap(), "a PNG that lacks its end alone");
}
