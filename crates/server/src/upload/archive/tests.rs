//! Unpacking of intact, damaged and malicious archives.

use std::io::Write;
use std::path::PathBuf;

use super::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use tar::{Builder, EntryType, Header};

const LIMITS: ArchiveLimits<'static> = ArchiveLimits { bytes: 1 << 20, entries: 100, claim: &|_| Ok(()) };

fn header(kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header
}

fn tar_with(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = header(EntryType::Regular, bytes.len() as u64);
        // `Builder` refuses paths that leave the folder, so the name is written straight into the header.
        let field = &mut header.as_old_mut().name;
        field[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        builder.append(&header, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

/// Unpacks into a new temporary folder and asserts that nothing was written beside it. Returns the result and the
/// sorted paths of the files in it.
fn unpack_temp(bytes: &[u8], limits: ArchiveLimits<'_>) -> (Result<Unpacked, ApiError>, Vec<PathBuf>) {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("inner");
    std::fs::create_dir(&folder).unwrap();
    let result = unpack(bytes, &folder, limits, |path| !path.ends_with("not-wanted"));
    let outside: Vec<_> = std::fs::read_dir(outer.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(outside, ["inner"], "something got out");
    let mut found = Vec::new();
    let mut pending = vec![folder.clone()];
    while let Some(dir) = pending.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { pending.push(path) } else { found.push(path.strip_prefix(&folder).unwrap().to_owned()) }
        }
    }
    found.sort();
    (result, found)
}

#[test]
fn plain_and_gzipped_tars_are_unpacked_completely() {
    let tar = tar_with(&[("a/one", b"1"), ("./two", b""), ("a/not-wanted", b"123")]);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&tar).unwrap();
    for bytes in [tar, encoder.finish().unwrap()] {
        let (result, found) = unpack_temp(&bytes, LIMITS);
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
fn a_zip_is_unpacked_completely_and_only_into_its_folder() {
    let bytes = zip_with(&[("a/one", b"1"), ("two", b"22"), ("a/not-wanted", b"123")]);
    let (result, found) = unpack_temp(&bytes, LIMITS);
    assert_eq!(result.unwrap(), Unpacked { files: 2, bytes: 3, skipped: 1 });
    assert_eq!(found, [Path::new("a/one"), Path::new("two")]);
    for name in ["../out", "a/../../out", "a/b/c/d/e/f/g/h/i", "a:b", "a\nb"] {
        let (result, found) = unpack_temp(&zip_with(&[(name, b"x")]), LIMITS);
        let error = result.unwrap_err();
        assert_eq!(error.status().as_u16(), 400, "{name}: {error}");
        assert!(found.is_empty(), "{name}");
    }
    let mut with_symlink = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    with_symlink.add_symlink("link", "/etc/passwd", zip::write::SimpleFileOptions::default()).unwrap();
    let (result, found) = unpack_temp(&with_symlink.finish().unwrap().into_inner(), LIMITS);
    assert_eq!(result.unwrap_err().status().as_u16(), 400);
    assert!(found.is_empty());
    // Truncated at any length, it is refused.
    for end in (4..bytes.len()).step_by(7) {
        assert_eq!(unpack_temp(&bytes[..end], LIMITS).0.unwrap_err().status().as_u16(), 400, "cut at {end}");
    }
}

#[test]
fn limits_apply_to_zips() {
    let many: Vec<String> = (0..101).map(|number| format!("f{number}")).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), &b""[..])).collect();
    assert_eq!(unpack_temp(&zip_with(&many), LIMITS).0.unwrap_err().status().as_u16(), 413);
    // A few kilobytes that unpack to more than is allowed.
    let large = vec![7; 600 << 10];
    let bomb = zip_with(&[("a", &large), ("b", &large)]);
    assert!(bomb.len() < 10 << 10);
    assert_eq!(unpack_temp(&bomb, LIMITS).0.unwrap_err().status().as_u16(), 413);
    // Headers that state a size of 1 byte for 600 KiB of data.
    let mut understated = zip_with(&[("a", &large)]);
    let size = u32::to_le_bytes(600 << 10);
    while let Some(position) = understated.windows(4).position(|window| window == size) {
        understated[position..position + 4].copy_from_slice(&1_u32.to_le_bytes());
    }
    assert_eq!(unpack_temp(&understated, LIMITS).0.unwrap_err().status().as_u16(), 400);
    // Garbage behind a zip signature, longer than the limit on bytes.
    let garbage: Vec<u8> = [&b"PK\x03\x04"[..], &vec![9; 2 << 20]].concat();
    assert_eq!(unpack_temp(&garbage, LIMITS).0.unwrap_err().status().as_u16(), 413);
}

#[test]
fn path_traversal_and_special_files_are_refused() {
    for name in ["../out", "a/../../out", "/deepviz-out", "a/b/c/d/e/f/g/h/i", "a\\b", "a:b", "a\nb"] {
        let (result, found) = unpack_temp(&tar_with(&[(name, b"x")]), LIMITS);
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
        let (result, found) = unpack_temp(&builder.into_inner().unwrap(), LIMITS);
        assert_eq!(result.unwrap_err().status().as_u16(), 400, "{kind:?}");
        assert!(found.is_empty(), "{kind:?}");
    }
}

#[test]
fn limits_apply_to_tars() {
    let many: Vec<String> = (0..101).map(|number| format!("f{number}")).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), &b""[..])).collect();
    assert_eq!(unpack_temp(&tar_with(&many), LIMITS).0.unwrap_err().status().as_u16(), 413);
    let large = vec![7; 600 << 10];
    let two_large = tar_with(&[("a", &large), ("b", &large)]);
    assert_eq!(unpack_temp(&two_large, LIMITS).0.unwrap_err().status().as_u16(), 413);
    // Skipped files count towards the limit too.
    let skipped = tar_with(&[("not-wanted", &large), ("a/not-wanted", &large)]);
    assert_eq!(unpack_temp(&skipped, LIMITS).0.unwrap_err().status().as_u16(), 413);
    // One path twice, and one that is both a file and a folder.
    assert_eq!(unpack_temp(&tar_with(&[("a", b"1"), ("a", b"2")]), LIMITS).0.unwrap_err().status().as_u16(), 400);
    assert_eq!(unpack_temp(&tar_with(&[("a", b"1"), ("a/b", b"2")]), LIMITS).0.unwrap_err().status().as_u16(), 400);
    let whole = tar_with(&[("a", &large)]);
    assert_eq!(unpack_temp(&whole[..whole.len() / 2], LIMITS).0.unwrap_err().status().as_u16(), 400);
}

/// A GNU long name whose header states 1 GiB; 64 MiB of it follow, well compressed.
#[test]
fn an_oversized_long_name_is_refused() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let mut header = header(EntryType::GNULongName, 1 << 30);
    header.set_path("././@LongLink").unwrap();
    header.set_cksum();
    encoder.write_all(header.as_bytes()).unwrap();
    for _ in 0..64 {
        encoder.write_all(&vec![b'a'; 1 << 20]).unwrap();
    }
    let (result, _) = unpack_temp(&encoder.finish().unwrap(), LIMITS);
    assert!(result.unwrap_err().to_string().contains("too long"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn arbitrary_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let _ = unpack_temp(&bytes, LIMITS);
    }

    #[test]
    fn a_corrupted_archive_writes_only_into_its_folder(
        is_zip in any::<bool>(),
        overwrites in proptest::collection::vec((0..3072_usize, any::<u8>()), 1..6),
    ) {
        let files: [(&str, &[u8]); 2] = [("a/one", b"1"), ("b/two", b"22")];
        let mut bytes = if is_zip { zip_with(&files) } else { tar_with(&files) };
        for (position, value) in overwrites {
            let position = position % bytes.len();
            bytes[position] = value;
        }
        if let Ok(unpacked) = unpack_temp(&bytes, LIMITS).0 {
            prop_assert!(unpacked.bytes <= LIMITS.bytes);
        }
    }
}
