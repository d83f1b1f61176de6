//! Pictures as people and attackers send them.

use std::io::Cursor;

use deepviz_net::{Network, Recipe, Shape};
use image::DynamicImage;

use super::*;

/// The transform of a network that takes such images.
fn takes(channels: usize, height: usize, width: usize) -> InputTransform {
    let text = "[[layer]]\nname = \"fc\"\ntype = \"full\"\noutputs = 2\n[[layer]]\nname = \"probs\"\n\
                type = \"softmax\"\n[train]\nstages = [{ epochs = 1, rate = 1 }]";
    let recipe = Recipe::parse(text, "small", &[]).unwrap();
    Network::new(&recipe, Shape::new(channels, height, width), 2).unwrap().transform().for_any_image()
}

fn decode(file: &[u8], transform: InputTransform) -> Result<Array3<u8>, ApiError> {
    super::decode(file, Orientation::Stored, transform, MAX_PIXELS)
}

fn png(image: &DynamicImage) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    image.write_to(&mut file, image::ImageFormat::Png).unwrap();
    file.into_inner()
}

#[test]
fn an_image_of_the_right_size_keeps_its_pixels() {
    let image =
        DynamicImage::ImageRgb8(image::RgbImage::from_fn(4, 3, |x, y| image::Rgb([x as u8, y as u8, (x * y) as u8])));
    let pixels = decode(&png(&image), takes(3, 3, 4)).unwrap();
    assert_eq!(pixels, Array3::from_shape_fn((3, 3, 4), |(c, y, x)| [x, y, x * y][c] as u8));
}

#[test]
fn another_size_is_brought_to_the_networks() {
    let image = DynamicImage::ImageRgb8(image::RgbImage::from_pixel(50, 20, image::Rgb([9, 8, 7])));
    let pixels = decode(&png(&image), takes(3, 8, 8)).unwrap();
    assert_eq!(pixels.dim(), (3, 8, 8));
    assert!(pixels.outer_iter().zip([9, 8, 7]).all(|(plane, value)| plane.iter().all(|v| *v == value)));
    assert_eq!(decode(&png(&image), takes(1, 8, 8)).unwrap().dim(), (1, 8, 8));
}

proptest::proptest! {
    /// A damaged file of each format is an image or is refused, within the limits.
    #[test]
    fn any_bytes_are_decoded_or_refused(
        kind in 0..4_usize,
        flips in proptest::collection::vec((proptest::prelude::any::<usize>(), proptest::prelude::any::<u8>()), 0..12),
    ) {
        let image = DynamicImage::ImageRgb8(image::RgbImage::from_fn(23, 17, |x, y| image::Rgb([x as u8 * 9, y as u8, 7])));
        let mut file = Cursor::new(Vec::new());
        let format = [image::ImageFormat::Png, image::ImageFormat::Jpeg, image::ImageFormat::WebP].get(kind);
        if let Some(format) = format {
            image.write_to(&mut file, *format).unwrap();
        }
        let mut file = file.into_inner();
        file.extend(flips.iter().map(|(_, value)| *value));
        for (at, value) in &flips {
            let at = at % file.len();
            file[at] = *value;
        }
        let decoded = decode(&file, takes(3, 8, 8));
        let status = decoded.as_ref().err().map(|error| error.status().as_u16());
        proptest::prop_assert!(matches!(status, None | Some(413 | 415)), "{:?}", status);
        proptest::prop_assert!(decoded.is_err() || decoded.is_ok_and(|pixels| pixels.dim() == (3, 8, 8)));
        if flips.is_empty() {
            proptest::prop_assert_eq!(status.is_none(), format.is_some());
        }
    }
}

/// A few bytes that claim to be a picture of gigabytes.
#[test]
fn a_bomb_is_not_unpacked() {
    let image = DynamicImage::ImageLuma8(image::GrayImage::new(8_000, 8_000));
    let file = png(&image);
    assert!(file.len() < (1 << 20), "{}", file.len());
    let decoded = decode(&file, takes(1, 8, 8));
    assert!(decoded.is_ok() || decoded.is_err_and(|error| error.status() == 413));
    // Its header alone says that it is too large.
    let mut wide = png(&DynamicImage::ImageLuma8(image::GrayImage::new(1, 1)));
    wide[16..20].copy_from_slice(&1_000_000_u32.to_be_bytes());
    let length = wide.len();
    // The checksum of the header chunk, or the decoder refuses it for that.
    let sum = crc32(&wide[12..29]);
    wide[29..33].copy_from_slice(&sum.to_be_bytes());
    assert_eq!(wide.len(), length);
    assert_eq!(decode(&wide, takes(1, 8, 8)).unwrap_err().status(), 413);
}

/// Four channels of 16 bits take twice as much as of 8: few pixels enough, and too many bytes.
#[test]
fn pixels_of_too_many_bytes_are_refused_by_the_header() {
    for (image, status) in [
        (DynamicImage::ImageRgba16(image::ImageBuffer::new(1, 1)), 413),
        // Refused too, but for the pixels that do not come.
        (DynamicImage::ImageRgb8(image::ImageBuffer::new(1, 1)), 415),
    ] {
        let mut file = png(&image);
        for at in [16, 20] {
            file[at..at + 4].copy_from_slice(&7_000_u32.to_be_bytes());
        }
        let sum = crc32(&file[12..29]);
        file[29..33].copy_from_slice(&sum.to_be_bytes());
        let refused = decode(&file, takes(3, 8, 8)).unwrap_err();
        assert_eq!(refused.status(), status, "{refused}");
        assert_eq!(refused.to_string().contains("at most 256 MB"), status == 413, "{refused}");
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 })
    })
}

#[test]
fn what_is_no_image_is_refused() {
    let shape = takes(3, 8, 8);
    for (file, status) in [(&b""[..], 415), (b"hello", 415), (b"\x89PNG\r\n\x1a\nbroken", 415)] {
        assert_eq!(decode(file, shape).unwrap_err().status(), status);
    }
}

/// A file that a corpus refuses is refused here too: a JPEG that is cut. One whose EXIF orientation says that it is
/// turned is the same picture as in the corpus.
#[test]
fn a_sent_file_is_read_as_one_of_a_corpus() {
    let image = DynamicImage::ImageRgb8(image::RgbImage::from_fn(64, 48, |x, y| {
        image::Rgb([x as u8 * 3, y as u8 * 5, (x * y) as u8])
    }));
    let mut file = Cursor::new(Vec::new());
    image.write_to(&mut file, image::ImageFormat::Jpeg).unwrap();
    let whole = file.into_inner();
    let shape = takes(3, 48, 64);
    let pixels = decode(&whole, shape).unwrap();
    assert_eq!(decode(&whole[..whole.len() - 2], shape).unwrap(), pixels, "without its end marker");
    assert_eq!(decode(&whole[..whole.len() * 2 / 3], shape).unwrap_err().status(), 415);
    // EXIF with orientation 6, behind the first marker.
    let exif = b"\xff\xe1\0\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let noted = [&whole[..2], exif, &whole[2..]].concat();
    assert_eq!(decode(&noted, shape).unwrap(), pixels);
    let turned = super::decode(&noted, Orientation::Turned, takes(3, 64, 48), MAX_PIXELS).unwrap();
    assert_eq!(turned[[0, 0, 47]], pixels[[0, 0, 0]]);
    assert_eq!(turned[[1, 63, 0]], pixels[[1, 47, 63]]);
}
