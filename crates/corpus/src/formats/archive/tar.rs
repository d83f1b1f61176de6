//! Tar archives, compressed by gzip or not.

use std::{
    cell::Cell,
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom, Write},
    path::Path,
    rc::Rc,
};

use flate2::read::MultiGzDecoder;

use super::listing::{Archive, Count, Member, clean, malformed};
use crate::{
    Error, Limits,
    limits::{Meter, Target},
    store::without_path,
};

/// Bytes of headers between two files, long names included.
const MAX_HEADER_BYTES: u64 = 1 << 20;
/// Bytes that are searched for the first names.
const MAX_SEARCHED_BYTES: u64 = 256 << 20;
/// Free disk space is checked before each piece of this size is written.
const ASKED_BYTES: u64 = 16 << 20;

/// Unpacks what is compressed as a whole into a temporary file: the files in it are read in another order than they
/// lie in.
///
/// # Errors
/// If it has more than `max` bytes, or more than the temporary folder has room for.
pub(super) fn unpack(path: &Path, max: u64) -> Result<tempfile::NamedTempFile, Error> {
    let source = File::open(path).map_err(Error::io("read", path))?;
    let target = tempfile::NamedTempFile::new().map_err(|error| without_path(&error));
    let mut target = target.map_err(Error::io("make a temporary file for", path))?;
    let mut reader = MultiGzDecoder::new(BufReader::with_capacity(1 << 20, source));
    let mut buffer = vec![0; 1 << 20];
    let limits = Limits { decoded_bytes: max, ..Limits::default() };
    let mut meter = Meter::new(limits, Target::Temporary(std::env::temp_dir()), path);
    let mut granted: u64 = 0;
    loop {
        let count = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(malformed(error.to_string(), "a whole archive; fetch it again", path)),
        };
        if granted < count as u64 {
            // Near the limit a smaller piece may still be had.
            let piece = if meter.ask(ASKED_BYTES).is_ok() { ASKED_BYTES } else { count as u64 };
            meter.ask(piece)?;
            granted += piece;
        }
        granted -= count as u64;
        meter.keep(count as u64);
        let written = target.write_all(&buffer[..count]).map_err(|error| without_path(&error));
        written.map_err(Error::io("unpack into the temporary folder (TMPDIR names another)", path))?;
    }
    target.flush().map_err(Error::io("unpack", path))?;
    Ok(target)
}

/// Lists the files of an archive.
pub(super) fn list(path: &Path, unpacked: Option<tempfile::NamedTempFile>, limits: Limits) -> Result<Archive, Error> {
    let tar = unpacked.as_ref().map_or(path, tempfile::NamedTempFile::path);
    let file = File::open(tar).map_err(Error::io("read", path))?;
    let length = file.metadata().map_err(Error::io("read", path))?.len();
    let mut head = Vec::new();
    BufReader::new(&file).take(512).read_to_end(&mut head).map_err(Error::io("read", path))?;
    let is_single = unpacked.is_some() && head.get(257..262) != Some(b"ustar");
    { &file }.rewind().map_err(Error::io("read", path))?;
    let broken = |error: io::Error| {
        if is_single {
            let expected = "a tar archive; files of MNIST's kind are read from the folder that they lie in";
            return malformed("a single compressed file", expected, path);
        }
        malformed(error.to_string(), "a whole tar archive; fetch it again", path)
    };
    let left = Rc::new(Cell::new(MAX_HEADER_BYTES));
    let mut tar = tar::Archive::new(Metered { inner: BufReader::new(file), left: Rc::clone(&left) });
    let (mut members, mut refused) = (Vec::new(), Vec::new());
    let mut count = Count::new(limits, path);
    for entry in tar.entries_with_seek().map_err(broken)? {
        left.set(MAX_HEADER_BYTES);
        let entry = entry.map_err(broken)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        count.add(&name)?;
        let kind = entry.header().entry_type();
        if kind.is_dir() || kind.is_pax_global_extensions() {
            continue;
        }
        match clean(&name).filter(|_| kind.is_file() || kind.is_contiguous()) {
            Some(clean) => {
                let (start, bytes) = (entry.raw_file_position(), entry.size());
                if start.saturating_add(bytes) > length {
                    let found = format!("the end of the archive within {clean}");
                    return Err(malformed(found, "a whole tar archive; fetch it again", path));
                }
                members.push(Member { name: clean, start, stored: bytes, bytes, is_deflated: false });
            }
            None => refused.push(name),
        }
    }
    Ok(Archive { path: path.to_owned(), unpacked, members, refused }.settle())
}

/// The names of the first files of an archive, without unpacking the rest.
pub(super) fn first_names(path: &Path, is_compressed: bool, count: usize) -> Vec<String> {
    let Ok(file) = File::open(path) else { return Vec::new() };
    let buffered = BufReader::new(file);
    let reader: Box<dyn Read> =
        if is_compressed { Box::new(MultiGzDecoder::new(buffered)) } else { Box::new(buffered) };
    let mut tar = tar::Archive::new(reader.take(MAX_SEARCHED_BYTES));
    let Ok(entries) = tar.entries() else { return Vec::new() };
    let files = entries.map_while(Result::ok).filter(|entry| entry.header().entry_type().is_file());
    files.take(count).map(|entry| String::from_utf8_lossy(&entry.path_bytes()).into_owned()).collect()
}

/// A reader of headers that gives no more bytes than it is allowed until the next allowance: the names in them are held
/// in memory, and the contents of files are passed over.
struct Metered<R> {
    inner: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let max = usize::try_from(self.left.get()).unwrap_or(usize::MAX).min(buffer.len());
        if max == 0 && !buffer.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "its headers are too long"));
        }
        let read = self.inner.read(&mut buffer[..max])?;
        self.left.set(self.left.get() - read as u64);
        Ok(read)
    }
}

impl<R: Seek> Seek for Metered<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}
