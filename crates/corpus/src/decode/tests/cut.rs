//! Files cut at every length: what is read is the whole picture, or an error.

use super::*;

const JPEGS: [&str; 8] = [
    "cut_baseline.jpg",
    "cut_optimised.jpg",
    "cut_progressive.jpg",
    "cut_restart.jpg",
    "cut_restart_progressive.jpg",
    "cut_grey.jpg",
    "cut_grey_progressive.jpg",
    "cut_cmyk.jpg",
];

/// End of the coded data, before the end marker.
fn data_end(bytes: &[u8]) -> usize {
    bytes.windows(2).rposition(|pair| pair == [0xff, 0xd9]).unwrap()
}

#[test]
fn a_jpeg_is_whole_without_its_end_marker_and_with_more_behind_it() {
    for name in JPEGS {
        let bytes = file(name);
        let whole = read(&bytes).unwrap();
        let end = data_end(&bytes);
        assert_eq!(read(&bytes[..end]).as_ref(), Ok(&whole), "{name} without the marker");
        assert_eq!(read(&bytes[..=end]).as_ref(), Ok(&whole), "{name} with half of the marker");
        for more in [&b"\xff\xda\0\x08"[..], b"trailing text", &[0; 64], &file("cut_grey.jpg")[..300]] {
            assert_eq!(read(&[&bytes, more].concat()).as_ref(), Ok(&whole), "{name} with more behind it");
        }
    }
}

#[test]
fn a_jpeg_that_lacks_a_part_of_its_picture_is_damaged() {
    for name in JPEGS {
        let bytes = file(name);
        let whole = read(&bytes).unwrap();
        let end = data_end(&bytes);
        let mut right = 0;
        for length in 1..end {
            let cut = &bytes[..length];
            // As an interrupted copy leaves it; with an end marker set behind it; filled up with zeros.
            let closed = [cut, b"\xff\xd9"].concat();
            let filled = [cut, &vec![0; bytes.len() + 64 - length]].concat();
            for (how, cut) in [("cut", cut.to_vec()), ("closed", closed), ("filled", filled)] {
                match read(&cut) {
                    Err(_) => {}
                    // The last byte may hold nothing but filling bits.
                    Ok(decoded) if decoded == whole && length + 1 >= end => right += 1,
                    // Scans that are left out as a whole, and a file that says that it ends there.
                    Ok(_) if how == "closed" && name.contains("progressive") => {}
                    Ok(_) => panic!("{name} {how} at {length} of {end} is read"),
                }
            }
        }
        assert!(right <= 3, "{name}: {right}");
        let fault = read(&bytes[..bytes.len() * 2 / 3]).unwrap_err();
        assert_eq!(fault.reason, Reason::Damaged, "{name}");
        assert!(fault.detail.contains("cut short"), "{name}: {}", fault.detail);
    }
}

#[test]
fn other_formats_cut_to_two_thirds_are_damaged() {
    for name in [
        "rgb.png",
        "grey16.png",
        "lossless.webp",
        "rgb.bmp",
        "palette.bmp",
        "first_frame.gif",
        "transparent.gif",
        "rgb.tif",
        "lzw.tif",
        "rgb.ppm",
        "plain.pgm",
        "one_bit.pbm",
    ] {
        let bytes = file(name);
        let whole = read(&bytes).unwrap();
        for length in 1..bytes.len() {
            match read(&bytes[..length]) {
                Err(fault) if length > 20 => {
                    assert_eq!(fault.reason, Reason::Damaged, "{name} {length}: {}", fault.detail);
                }
                Err(_) => {}
                Ok(decoded) => assert_eq!(decoded, whole, "{name} cut at {length} of {}", bytes.len()),
            }
        }
        if name != "first_frame.gif" {
            assert!(read(&bytes[..bytes.len() * 2 / 3]).is_err(), "{name}");
        }
    }
}

#[test]
fn flipped_bytes_never_panic() {
    for name in JPEGS.iter().copied().chain([
        "rgb.png",
        "first_frame.gif",
        "lzw.tif",
        "palette.bmp",
        "lossless.webp",
        "rgb.ppm",
    ]) {
        let bytes = file(name);
        for index in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[index] ^= 1 << (index % 8);
            // Whatever comes out: it comes out.
            let _ = read(&flipped);
        }
    }
}
