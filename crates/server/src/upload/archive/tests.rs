//! Archives as people and attackers make them.

use std::io::Write;
use std::path::PathBuf;

use super::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use tar::{Builder, EntryType, Header};

const ROOM: ArchiveLimits<'static> = ArchiveLimits { bytes: 1 << 20, entries: 100, claim: &|_| Ok(()) };

fn header(kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header
}

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = header(EntryType::Regular, bytes.len() as u64);
        // The builder refuses paths that lead out; an attacker's would not.
        let field = &mut header.as_old_mut().name;
        field[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        builder.append(&header, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn open(bytes: &[u8], room: ArchiveLimits<'_>) -> (Result<Unpacked, ApiError>, Vec<PathBuf>) {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("inner");
    std::fs::create_dir(&folder).unwrap();
    let result = unpack(bytes, &folder, room, |path| !path.ends_with("not-wanted"));
    let outside: Vec<_> = std::fs::read_dir(outer.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(outside, ["inner"], "something got out");
    let mut found = Vec::new();
    let mut open = vec![folder.clone()];
    while let Some(at) = open.pop() {
        for entry in std::fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { open.push(path) } else { found.push(path.strip_prefix(&folder).unwrap().to_owned()) }
        }
    }
    found.sort();
    (result, found)
}

#[test]
fn files_come_out_whole_plain_and_compressed() {
    let plain = tar(&[("a/one", b"1"), ("./two", b""), ("a/not-wanted", b"123")]);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&plain).unwrap();
    for bytes in [plain, encoder.finish().unwrap()] {
        let (result, found) = open(&bytes, ROOM);
        assert_eq!(result.unwrap(), Unpacked { files: 2, bytes: 4, skipped: 1 });
        assert_eq!(found, [Path::new("a/one"), Path::new("two")]);
    }
}

fn zip_with(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn a_zip_comes_out_whole_and_stays_inside() {
    let bytes = zip_with(&[("a/one", b"1"), ("two", b"22"), ("a/not-wanted", b"123")]);
    let (result, found) = open(&bytes, ROOM);
    assert_eq!(result.unwrap(), Unpacked { files: 2, bytes: 3, skipped: 1 });
    assert_eq!(found, [Path::new("a/one"), Path::new("two")]);
    for name in ["../out", "a/../../out", "a/b/c/d/e/f/g/h/i", "a:b", "a\nb"] {
        let (result, found) = open(&zip_with(&[(name, b"x")]), ROOM);
        let error = result.unwrap_err();
        assert_eq!(error.status().as_u16(), 400, "{name}: {error}");
        assert!(found.is_empty(), "{name}");
    }
    let mut linked = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    linked.add_symlink("link", "/etc/passwd", zip::write::SimpleFileOptions::default()).unwrap();
    let (result, found) = open(&linked.finish().unwrap().into_inner(), ROOM);
    assert_eq!(result.unwrap_err().status().as_u16(), 400);
    assert!(found.is_empty());
    // Cut anywhere, it is refused.
    for end in (4..bytes.len()).step_by(7) {
        assert_eq!(open(&bytes[..end], ROOM).0.unwrap_err().status().as_u16(), 400, "cut at {end}");
    }
}

#[test]
fn limits_hold_for_zips() {
    let many: Vec<String> = (0..101).map(|number| format!("f{number}")).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), &b""[..])).collect();
    assert_eq!(open(&zip_with(&many), ROOM).0.unwrap_err().status().as_u16(), 413);
    // A few kilobytes that unpack to more than is allowed.
    let large = vec![7; 600 << 10];
    let bomb = zip_with(&[("a", &large), ("b", &large)]);
    assert!(bomb.len() < 10 << 10);
    assert_eq!(open(&bomb, ROOM).0.unwrap_err().status().as_u16(), 413);
    // One that says that it is small, and is not.
    let mut liar = zip_with(&[("a", &large)]);
    let size = u32::to_le_bytes(600 << 10);
    while let Some(place) = liar.windows(4).position(|window| window == size) {
        liar[place..place + 4].copy_from_slice(&1_u32.to_le_bytes());
    }
    assert_eq!(open(&liar, ROOM).0.unwrap_err().status().as_u16(), 400);
    // Noise that is longer than anything may be.
    let noise: Vec<u8> = [&b"PK\x03\x04"[..], &vec![9; 2 << 20]].concat();
    assert_eq!(open(&noise, ROOM).0.unwrap_err().status().as_u16(), 413);
}

#[test]
fn nothing_gets_out() {
    for name in ["../out", "a/../../out", "/deepviz-out", "a/b/c/d/e/f/g/h/i", "a\\b", "a:b", "a\nb"] {
        let (result, found) = open(&tar(&[(name, b"x")]), ROOM);
        assert_eq!(result.unwrap_err().status().as_u16(), 400, "{name}");
        assert!(found.is_empty(), "{name}");
    }
    for kind in [EntryType::Symlink, EntryType::Link, EntryType::Fifo, EntryType::Char, EntryType::GNUSparse] {
        let mut builder = Builder::new(Vec::new());
        let mut header = header(kind, 0);
        if kind != EntryType::GNUSparse {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_path("link").unwrap();
        header.set_cksum();
        builder.append(&header, io::empty()).unwrap();
        let (result, found) = open(&builder.into_inner().unwrap(), ROOM);
        assert_eq!(result.unwrap_err().status().as_u16(), 400, "{kind:?}");
        assert!(found.is_empty(), "{kind:?}");
    }
}

#[test]
fn limits_hold() {
    let many: Vec<String> = (0..101).map(|number| format!("f{number}")).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), &b""[..])).collect();
    assert_eq!(open(&tar(&many), ROOM).0.unwrap_err().status().as_u16(), 413);
    let large = vec![7; 600 << 10];
    let twice = tar(&[("a", &large), ("b", &large)]);
    assert_eq!(open(&twice, ROOM).0.unwrap_err().status().as_u16(), 413);
    // Skipping does not help either.
    let skipped = tar(&[("not-wanted", &large), ("a/not-wanted", &large)]);
    assert_eq!(open(&skipped, ROOM).0.unwrap_err().status().as_u16(), 413);
    assert_eq!(open(&tar(&[("a", b"1"), ("a", b"2")]), ROOM).0.unwrap_err().status().as_u16(), 400);
    assert_eq!(open(&tar(&[("a", b"1"), ("a/b", b"2")]), ROOM).0.unwrap_err().status().as_u16(), 400);
    let whole = tar(&[("a", &large)]);
    assert_eq!(open(&whole[..whole.len() / 2], ROOM).0.unwrap_err().status().as_u16(), 400);
}

/// A name of a gigabyte, a few kilobytes when packed.
#[test]
fn a_name_that_never_ends_is_refused() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let mut header = header(EntryType::GNULongName, 1 << 30);
    header.set_path("././@LongLink").unwrap();
    header.set_cksum();
    encoder.write_all(header.as_bytes()).unwrap();
    for _ in 0..64 {
        encoder.write_all(&vec![b'a'; 1 << 20]).unwrap();
    }
    let (result, _) = open(&encoder.finish().unwrap(), ROOM);
    assert!(result.unwrap_err().to_string().contains("too long"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let _ = open(&bytes, ROOM);
    }

    #[test]
    fn a_damaged_archive_stays_inside(
        is_zip in any::<bool>(),
        flips in proptest::collection::vec((0..3072_usize, any::<u8>()), 1..6),
    ) {
        let files: [(&str, &[u8]); 2] = [("a/one", b"1"), ("b/two", b"22")];
        let mut bytes = if is_zip { zip_with(&files) } else { tar(&files) };
        for (at, value) in flips {
            let at = at % bytes.len();
            bytes[at] = value;
        }
        if let Ok(found) = open(&bytes, ROOM).0 {
            prop_assert!(found.bytes <= ROOM.bytes);
        }
    }
}
