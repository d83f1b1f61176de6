//! Text files beside the images, as editors on any system leave them: byte order marks, `\r\n`, other encodings.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use crate::Error;

/// Lists of more bytes are refused; known ones have a few MiB.
const MAX_BYTES: u64 = 64 << 20;
/// The same for lines, of which each takes memory of its own.
const MAX_LINES: usize = 1 << 22;

/// Reads a text file. A byte order mark is dropped, UTF-16 is understood by its mark, and bytes that are not UTF-8
/// become replacement characters (U+FFFD).
pub(crate) fn read_text(path: &Path) -> Result<String, Error> {
    let failed = || Error::io("read", path);
    let file = File::open(path).map_err(failed())?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed())?;
    if bytes.len() as u64 > MAX_BYTES {
        let expected = format!("at most {MAX_BYTES} bytes");
        return Err(Error::Malformed { what: "a list", found: "more".to_owned(), expected, path: path.to_owned() });
    }
    Ok(to_text(&bytes))
}

/// Bytes as text: see [`read_text`].
pub(crate) fn to_text(bytes: &[u8]) -> String {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.as_chunks().0.iter().map(|pair| unit(*pair)).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        bytes => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// The lines of a text file that are not empty, without spaces around them.
pub(crate) fn read_lines(path: &Path) -> Result<Vec<String>, Error> {
    let text = read_text(path)?;
    let found = lines(&text).count();
    if found > MAX_LINES {
        return Err(Error::TooMany { what: "lines", found, max: MAX_LINES, path: path.to_owned() });
    }
    Ok(lines(&text).map(str::to_owned).collect())
}

/// The bytes of a description, which is short.
///
/// # Errors
/// If it has more than 16 MiB.
pub(crate) fn read_short(path: &Path) -> io::Result<Vec<u8>> {
    const MAX_SHORT_BYTES: u64 = 16 << 20;
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_SHORT_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_SHORT_BYTES {
        return Err(io::Error::other(format!("it has more than {} MiB", MAX_SHORT_BYTES >> 20)));
    }
    Ok(bytes)
}

/// The lines of a text that are not empty, without spaces around them.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_line_ends_of_other_systems_are_dropped() {
        let lines_of = |bytes: &[u8]| lines(&to_text(bytes)).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(lines_of(b"\xef\xbb\xbfairplane\r\n\r\n ship \r\n"), ["airplane", "ship"]);
        assert_eq!(lines_of(b"\xff\xfea\0\r\0\n\0b\0"), ["a", "b"]);
        assert_eq!(lines_of(b"\xfe\xff\0a\0\n\0b"), ["a", "b"]);
        assert_eq!(lines_of(b"caf\xe9\rx"), ["caf\u{fffd}", "x"]);
        assert!(lines_of(b"\xef\xbb\xbf\r\n").is_empty());
    }
}
