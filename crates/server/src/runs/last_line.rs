//! The end of a file of lines, without reading it from its start.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// Read at a time, and searched in all: what is not there is not looked for in gigabytes.
const BLOCK_BYTES: u64 = 16 << 10;
const MAX_BYTES: u64 = 4 << 20;

/// The last whole line for which `read` gives something; a torn one at the end does not count.
pub(crate) fn find_last<T>(path: &Path, mut read: impl FnMut(&[u8]) -> Option<T>) -> Option<T> {
    // Opening a pipe would block until there is a writer.
    if !std::fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut file = File::open(path).ok()?;
    let end = file.metadata().ok()?.len();
    let mut start = end;
    let mut tail: Vec<u8> = Vec::new();
    let mut is_torn = true;
    while start > 0 && end - start < MAX_BYTES {
        let from = start.saturating_sub(BLOCK_BYTES);
        file.seek(SeekFrom::Start(from)).ok()?;
        let mut block = vec![0; (start - from) as usize];
        file.read_exact(&mut block).ok()?;
        block.append(&mut tail);
        tail = block;
        start = from;
        if is_torn {
            let Some(end) = tail.iter().rposition(|byte| *byte == b'\n') else { continue };
            tail.truncate(end);
            is_torn = false;
        }
        while let Some(cut) = tail.iter().rposition(|byte| *byte == b'\n') {
            if let Some(found) = read(&tail[cut + 1..]) {
                return Some(found);
            }
            tail.truncate(cut);
        }
    }
    if start == 0 && !is_torn { read(&tail) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_that_fits_is_found_across_blocks() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        let text = |line: &[u8]| String::from_utf8(line.to_vec()).ok();
        let starts = |letter: char| move |line: &[u8]| text(line).filter(|line| line.starts_with(letter));
        assert_eq!(find_last(&path, starts('a')), None);
        let long = format!("b{}", "x".repeat(40_000));
        for (content, letter, expected) in [
            ("", 'a', None),
            ("a torn", 'a', None),
            ("a1\n", 'a', Some("a1")),
            ("a1\nb2\na torn", 'a', Some("a1")),
            (&format!("a1\n{long}\nc\n"), 'a', Some("a1")),
            (&format!("a1\n{long}\nc\n"), 'b', Some(long.as_str())),
            (&format!("{}\n", "c\n".repeat(30_000)), 'a', None),
            (&format!("a first\n{}\n", "c\n".repeat(30_000)), 'a', Some("a first")),
        ] {
            std::fs::write(&path, content).unwrap();
            assert_eq!(find_last(&path, starts(letter)).as_deref(), expected);
        }
        // Nor is it looked for in all of a long file.
        let lines = MAX_BYTES as usize / 2;
        for (count, expected) in [(lines - 100, Some("a first")), (lines + 10_000, None)] {
            std::fs::write(&path, format!("a first\n{}", "c\n".repeat(count))).unwrap();
            let mut seen = 0;
            let found = find_last(&path, |line| {
                seen += 1;
                text(line).filter(|line| line.starts_with('a'))
            });
            assert_eq!(found.as_deref(), expected);
            assert!(seen <= lines + BLOCK_BYTES as usize, "{seen}");
        }
    }
}
