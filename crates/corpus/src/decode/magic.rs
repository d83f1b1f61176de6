//! The kind of a file by its first bytes.

use ::image::ImageFormat;

/// An image's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ImageKind {
    /// One that is read.
    Read(ImageFormat),
    /// One that is only known by name.
    Known(&'static str),
}

const READ: [(&[u8], ImageFormat); 8] = [
    (b"\x89PNG\r\n\x1a\n", ImageFormat::Png),
    (b"\xff\xd8\xff", ImageFormat::Jpeg),
    (b"GIF87a", ImageFormat::Gif),
    (b"GIF89a", ImageFormat::Gif),
    (b"II*\0", ImageFormat::Tiff),
    (b"MM\0*", ImageFormat::Tiff),
    (b"II+\0", ImageFormat::Tiff),
    (b"MM\0+", ImageFormat::Tiff),
];

const KNOWN: [(&[u8], &str); 17] = [
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"II\xbc", "JPEG XR"),
    (b"8BPS", "Photoshop (PSD)"),
    (b"\x76\x2f\x31\x01", "OpenEXR"),
    (b"%PDF-", "PDF"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"#?RGBE", "Radiance HDR"),
    (b"DDS ", "DirectDraw surface (DDS)"),
    (b"qoif", "QOI"),
    (b"farbfeld", "farbfeld"),
    (b"SIMPLE  =", "FITS"),
    (b"gimp xcf", "GIMP (XCF)"),
    (b"PF\n", "PFM"),
    (b"Pf\n", "PFM"),
];

/// Brands of files that are boxes in boxes (ISO base media).
const BRANDS: [(&[u8], &str); 8] = [
    (b"avif", "AVIF"),
    (b"avis", "AVIF"),
    (b"heic", "HEIC"),
    (b"heix", "HEIC"),
    (b"heim", "HEIC"),
    (b"heis", "HEIC"),
    (b"mif1", "HEIF"),
    (b"msf1", "HEIF"),
];

/// The format of an image, if it is one.
pub(super) fn identify(bytes: &[u8]) -> Option<ImageKind> {
    if let Some((_, format)) = READ.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Some(ImageKind::Read(*format));
    }
    if let Some((_, name)) = KNOWN.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Some(ImageKind::Known(name));
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return Some(ImageKind::Read(ImageFormat::WebP));
    }
    if is_bmp(bytes) {
        return Some(ImageKind::Read(ImageFormat::Bmp));
    }
    if is_pnm(bytes) {
        return Some(ImageKind::Read(ImageFormat::Pnm));
    }
    if bytes.get(4..8) == Some(b"ftyp") {
        return brand(bytes).map(ImageKind::Known);
    }
    if bytes.get(128..132) == Some(b"DICM") {
        return Some(ImageKind::Known("DICOM"));
    }
    if is_ico(bytes) {
        return Some(ImageKind::Known("icon (ICO)"));
    }
    is_svg(bytes).then_some(ImageKind::Known("SVG"))
}

/// "BM" begins many a text: the size of the header, too, must be one that a BMP has.
fn is_bmp(bytes: &[u8]) -> bool {
    let sizes = [12, 16, 40, 52, 56, 64, 108, 124];
    bytes.starts_with(b"BM") && bytes.get(15..18) == Some(&[0; 3]) && sizes.contains(&bytes[14])
}

/// `P1` to `P7`, then white space and a number, a comment or a keyword.
fn is_pnm(bytes: &[u8]) -> bool {
    let [b'P', kind @ b'1'..=b'7', white, rest @ ..] = bytes else { return false };
    let next = rest.iter().find(|byte| !byte.is_ascii_whitespace());
    white.is_ascii_whitespace()
        && next.is_some_and(|next| next.is_ascii_digit() || *next == b'#' || (*kind == b'7' && *next == b'W'))
}

/// The main brand, or the first of the compatible ones that is an image's.
fn brand(bytes: &[u8]) -> Option<&'static str> {
    let length = u32::from_be_bytes(bytes.first_chunk().copied()?) as usize;
    let brands = bytes.get(8..length.clamp(8, 64).min(bytes.len()))?.as_chunks::<4>().0;
    let name = |brand: &[u8; 4]| BRANDS.iter().find(|(known, _)| known == brand).map(|(_, name)| *name);
    // "mif1" says only that it is an image; what kind stands behind it.
    let named: Vec<_> = brands.iter().filter_map(name).collect();
    named.iter().copied().find(|name| *name != "HEIF").or(named.first().copied())
}

fn is_ico(bytes: &[u8]) -> bool {
    let Some((b"\0\0\x01\0", rest)) = bytes.split_first_chunk() else { return false };
    // A count below 256, and a reserved byte of the first entry that is zero.
    rest.len() > 5 && rest[0] > 0 && rest[1] == 0 && rest[5] == 0
}

fn is_svg(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(1024)]);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    text.starts_with("<svg") || ((text.starts_with("<?xml") || text.starts_with("<!")) && text.contains("<svg"))
}

/// Describes bytes that are no image.
pub(super) fn describe(bytes: &[u8]) -> String {
    let start = &bytes[..bytes.len().min(1024)];
    let text = String::from_utf8_lossy(start).trim_start_matches('\u{feff}').trim_start().to_lowercase();
    if text.starts_with("<!doctype html") || text.starts_with("<html") {
        return "a web page (HTML)".to_owned();
    }
    if text.starts_with("version https://git-lfs") {
        return "a pointer of Git LFS instead of the file".to_owned();
    }
    if start.iter().all(|byte| *byte == 0) {
        return "zeros".to_owned();
    }
    if start.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) {
        return "text".to_owned();
    }
    let hex: Vec<String> = start.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("bytes {}", hex.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_known_by_their_first_bytes() {
        let name = |bytes: &[u8]| match identify(bytes) {
            Some(ImageKind::Known(name)) => name.to_owned(),
            Some(ImageKind::Read(format)) => format!("{format:?}"),
            None => "none".to_owned(),
        };
        assert_eq!(name(b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic"), "HEIC");
        assert_eq!(name(b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf"), "AVIF");
        assert_eq!(name(b"\0\0\0\x18ftypisom\0\0\0\0mp41mp42"), "none");
        assert_eq!(name(b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- x --><svg></svg>"), "SVG");
        assert_eq!(name(b"<?xml version='1.0'?><note/>"), "none");
        assert_eq!(name(b"BMW and other cars, a text"), "none");
        assert_eq!(name(b"P6\n# made by hand\n3 3 255\n"), "Pnm");
        assert_eq!(name(b"P7\nWIDTH 3"), "Pnm");
        assert_eq!(name(b"P2 is a projector"), "none");
        assert_eq!(name(b"RIFF\0\0\0\0WAVE"), "none");
        assert_eq!(name(b"\0\0\x01\0\x01\0\x10\x10\0\0"), "icon (ICO)");
        assert_eq!(name(b"%PDF-1.4"), "PDF");
        assert_eq!(name(b""), "none");
    }

    #[test]
    fn what_is_no_image_is_described() {
        assert!(describe(b"  <!DOCTYPE html><html>").contains("web page"));
        assert!(describe(b"version https://git-lfs.github.com/spec/v1\n").contains("Git LFS"));
        assert_eq!(describe(&[0; 20]), "zeros");
        assert_eq!(describe(b"not an image"), "text");
        assert_eq!(describe(&[1, 2, 255]), "bytes 01 02 ff");
    }
}
