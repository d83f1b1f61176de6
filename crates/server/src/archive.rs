//! Unpacking a sent archive into a folder of its own: nothing gets out of it, nothing grows beyond its limits.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use flate2::read::MultiGzDecoder;
use tar::{Archive, Entry, EntryType};

use crate::problem::ApiError;

/// Bytes between two files: headers and long names.
const MOST_BETWEEN_BYTES: u64 = 1 << 20;
/// Folders within folders.
const MOST_DEPTH: usize = 8;
/// Bytes of one name.
const MOST_NAME_BYTES: usize = 200;
/// Bytes copied at a time.
const COPY_BYTES: usize = 64 << 10;

/// What an archive may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    /// Bytes in all, unpacked.
    pub(crate) bytes: u64,
    /// Files and folders.
    pub(crate) entries: usize,
}

/// What was in an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unpacked {
    /// Files written.
    pub(crate) files: usize,
    /// Bytes of them.
    pub(crate) bytes: u64,
    /// Files that were not wanted.
    pub(crate) skipped: usize,
}

/// Unpacks a tar, or a tar in gzip, into an empty folder: the files whose paths are wanted.
pub(crate) fn unpack(
    sent: impl Read,
    folder: &Path,
    allowance: Allowance,
    wanted: impl Fn(&Path) -> bool,
) -> Result<Unpacked, ApiError> {
    let mut sent = BufReader::new(sent);
    let is_gzip = is_gzip(&mut sent).map_err(|error| unreadable(&error))?;
    let plain: Box<dyn Read> = if is_gzip { Box::new(MultiGzDecoder::new(sent)) } else { Box::new(sent) };
    let left = Rc::new(Cell::new(MOST_BETWEEN_BYTES));
    let mut archive = Archive::new(Metered { inner: plain, left: Rc::clone(&left) });
    let mut found = Unpacked::default();
    let mut entries = archive.entries().map_err(|error| unreadable(&error))?;
    for number in 0.. {
        left.set(MOST_BETWEEN_BYTES);
        let Some(entry) = entries.next() else { break };
        let mut entry = entry.map_err(|error| unreadable(&error))?;
        if number >= allowance.entries {
            return Err(ApiError::too_large(format!("the archive holds more than {} entries", allowance.entries)));
        }
        let size = entry.size();
        if size > allowance.bytes - found.bytes {
            return Err(ApiError::too_large(format!("the archive holds more than {} bytes", allowance.bytes)));
        }
        left.set(size.saturating_add(MOST_BETWEEN_BYTES));
        // What is skipped counts too: it has to be read.
        found.bytes += size;
        let Some(path) = path_of(&entry)? else { continue };
        if !wanted(&path) {
            found.skipped += 1;
            continue;
        }
        write(&mut entry, &folder.join(&path), size)?;
        found.files += 1;
    }
    Ok(found)
}

fn is_gzip(sent: &mut impl io::BufRead) -> io::Result<bool> {
    Ok(sent.fill_buf()?.starts_with(&[0x1f, 0x8b]))
}

/// Where a file belongs inside the folder; `None` for folders, which are made with their files.
fn path_of<R: Read>(entry: &Entry<'_, R>) -> Result<Option<PathBuf>, ApiError> {
    let inside = entry.path().map_err(|error| unreadable(&error))?.into_owned();
    let kind = entry.header().entry_type();
    if kind == EntryType::XGlobalHeader {
        return Ok(None);
    }
    let refuse = |why: &str| Err(ApiError::bad(format!("the archive holds {}: {why}", inside.display())));
    if !matches!(kind, EntryType::Regular | EntryType::Directory) {
        return refuse("expected files and folders, no links, devices or sparse files");
    }
    let mut path = PathBuf::new();
    for part in inside.components() {
        match part {
            Component::CurDir => {}
            Component::Normal(name) => {
                let Some(name) = name.to_str() else { return refuse("its name is not UTF-8") };
                let is_odd = |c: char| c.is_control() || matches!(c, '\\' | ':');
                if name.len() > MOST_NAME_BYTES || name.chars().any(is_odd) {
                    return refuse("its name is too long or has characters that not every system takes");
                }
                path.push(name);
            }
            _ => return refuse("its path leads out of the folder"),
        }
    }
    if path.components().count() > MOST_DEPTH {
        return refuse("its path is too deep");
    }
    let is_file = kind == EntryType::Regular;
    if is_file && path.as_os_str().is_empty() {
        return refuse("it has no name");
    }
    Ok(is_file.then_some(path))
}

fn write(entry: &mut impl Read, target: &Path, size: u64) -> Result<(), ApiError> {
    if let Some(parent) = target.parent() {
        std::fs::create_dir_all(parent).map_err(|error| unwritable(&error))?;
    }
    let mut file = match File::create_new(target) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(ApiError::bad("the archive holds a file twice"));
        }
        created => created.map_err(|error| unwritable(&error))?,
    };
    let mut buffer = vec![0; COPY_BYTES];
    let mut copied = 0;
    loop {
        let read = entry.read(&mut buffer).map_err(|error| unreadable(&error))?;
        if read == 0 {
            break;
        }
        file.write_all(&buffer[..read]).map_err(|error| unwritable(&error))?;
        copied += read as u64;
    }
    if copied != size {
        return Err(ApiError::bad("the archive is cut short"));
    }
    file.sync_all().map_err(|error| unwritable(&error))
}

fn unreadable(error: &io::Error) -> ApiError {
    ApiError::bad(format!("the archive cannot be read: {error}"))
        .hint("send a .tar or .tar.gz file, such as tar -czf run.tar.gz -C RUN . makes")
}

/// What goes wrong on our side of an unpacking.
pub(crate) fn unwritable(error: &io::Error) -> ApiError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ApiError::full(),
        // A file where a folder should be, or the other way round.
        io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory | io::ErrorKind::AlreadyExists => {
            ApiError::bad("the archive holds a file and a folder of one name")
        }
        _ => ApiError::internal(format!("cannot write an upload: {error}")),
    }
}

/// A reader that gives no more bytes than it is allowed until the next allowance: headers that never end are an error.
struct Metered<R> {
    inner: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left.get() == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "its headers are too long"));
        }
        let most = usize::try_from(self.left.get()).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.inner.read(&mut buffer[..most])?;
        self.left.set(self.left.get() - read as u64);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;
    use tar::{Builder, Header};

    const ROOM: Allowance = Allowance { bytes: 1 << 20, entries: 100 };

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

    fn open(bytes: &[u8], room: Allowance) -> (Result<Unpacked, ApiError>, Vec<PathBuf>) {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("inner");
        std::fs::create_dir(&folder).unwrap();
        let result = unpack(bytes, &folder, room, |path| !path.ends_with("not-wanted"));
        let outside: Vec<_> =
            std::fs::read_dir(outer.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
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
        fn a_damaged_archive_stays_inside(flips in proptest::collection::vec((0..3072_usize, any::<u8>()), 1..6)) {
            let mut bytes = tar(&[("a/one", b"1"), ("b/two", b"22")]);
            for (at, value) in flips {
                let at = at % bytes.len();
                bytes[at] = value;
            }
            if let Ok(found) = open(&bytes, ROOM).0 {
                prop_assert!(found.bytes <= ROOM.bytes);
            }
        }
    }
}
