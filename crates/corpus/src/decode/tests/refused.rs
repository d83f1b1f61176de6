//! Images that are not decoded, and the messages about them.

use super::*;

fn fault(bytes: &[u8]) -> (Reason, String) {
    let Undecodable { reason, detail } = read(bytes).unwrap_err();
    (reason, detail)
}

/// A PNG's first bytes with a header of that size, and a correct checksum.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut header = b"IHDR".to_vec();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    let mut crc = flate2::Crc::new();
    crc.update(&header);
    [b"\x89PNG\r\n\x1a\n\0\0\0\x0d".as_slice(), &header, &crc.sum().to_be_bytes(), &[0; 40]].concat()
}

#[test]
fn sizes_are_bounded_before_anything_is_allocated() {
    let (reason, detail) = fault(&png_header(60_000, 60_000));
    assert_eq!(reason, Reason::TooLarge);
    assert!(detail.contains("60000 x 60000") && detail.contains("100 megapixels"), "{detail}");

    let mut bmp = file("rgb.bmp");
    bmp[18..22].copy_from_slice(&60_000_i32.to_le_bytes());
    bmp[22..26].copy_from_slice(&60_000_i32.to_le_bytes());
    assert_eq!(fault(&bmp).0, Reason::TooLarge);
    let mut gif = file("first_frame.gif");
    gif[6..10].fill(0xff);
    assert_eq!(fault(&gif).0, Reason::TooLarge);
    assert_eq!(fault(b"P6 60000 60000 255\n123").0, Reason::TooLarge);
    for name in ["420.jpg", "progressive.jpg"] {
        let mut jpeg = file(name);
        let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0] || pair == [0xff, 0xc2]).unwrap();
        jpeg[frame + 5..frame + 9].copy_from_slice(&[0xea, 0x60, 0xea, 0x60]);
        assert_eq!(fault(&jpeg).0, Reason::TooLarge, "{name}");
    }
    let mut tiff = file("rgb.tif");
    let entry = |tag: u16, tiff: &[u8]| {
        tiff.windows(4).position(|four| four[..2] == tag.to_le_bytes() && four[3] == 0).unwrap()
    };
    for tag in [256, 257] {
        let at = entry(tag, &tiff);
        tiff[at + 8..at + 10].copy_from_slice(&60_000_u16.to_le_bytes());
    }
    // Its strips do not suffice for such a size, which its reader sees first.
    assert!(matches!(fault(&tiff).0, Reason::TooLarge | Reason::Damaged));
    let mut webp = file("lossless.webp");
    let at = webp.windows(4).position(|four| four == b"VP8L").unwrap() + 9;
    webp[at..at + 4].copy_from_slice(&(0x2edf_u32 | 0x2edf << 14).to_le_bytes());
    assert_eq!(fault(&webp).0, Reason::TooLarge, "{}", fault(&webp).1);
}

#[test]
fn known_formats_are_named_and_other_bytes_described() {
    for (bytes, name) in [
        (&b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"[..], "HEIC"),
        (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf", "AVIF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"8BPS\0\x01", "PSD"),
        (b"\xff\x0a\x7a", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"\0\0\x01\0\x01\0\x20\x20\0\0\x01\0", "ICO"),
        (b"%PDF-1.7", "PDF"),
    ] {
        let (reason, detail) = fault(bytes);
        assert_eq!(reason, Reason::UnknownFormat, "{name}");
        assert!(detail.contains(name) && detail.contains("expected PNG"), "{detail}");
    }
    let (reason, detail) = fault(b"<!DOCTYPE html><title>404</title>");
    assert_eq!(reason, Reason::Damaged);
    assert!(detail.contains("not an image") && detail.contains("web page"), "{detail}");
    assert_eq!(fault(b"").0, Reason::Empty);
    // A palette of 4 bits.
    let mut tiff = file("palette.tif");
    let bits = tiff.windows(4).position(|four| four == [2, 1, 3, 0]).unwrap();
    tiff[bits + 8] = 4;
    let (reason, detail) = fault(&tiff);
    assert!(reason == Reason::UnknownFormat && detail.contains("Palette"), "{detail}");
    // Arithmetic coding: a JPEG in name.
    let mut jpeg = file("420.jpg");
    let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    jpeg[frame + 1] = 0xc9;
    assert_eq!(fault(&jpeg).0, Reason::UnknownFormat);
}
