//! Tar archives, compressed by gzip or not.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, Write},
    path::Path,
};

use flate2::read::MultiGzDecoder;

use super::{Archive, Member, clean, malformed};
use crate::Error;

/// Unpacks what is compressed as a whole into a temporary file: the files in it are read in another order than they
/// lie in.
pub(super) fn unpack(path: &Path) -> Result<tempfile::NamedTempFile, Error> {
    let source = File::open(path).map_err(Error::io("read", path))?;
    let mut target = tempfile::NamedTempFile::new().map_err(Error::io("make a temporary file for", path))?;
    let mut reader = MultiGzDecoder::new(BufReader::with_capacity(1 << 20, source));
    let mut buffer = vec![0; 1 << 20];
    loop {
        let count = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(malformed(error.to_string(), "a whole archive; fetch it again", path)),
        };
        let written = target.write_all(&buffer[..count]);
        written.map_err(Error::io("unpack into the temporary folder (TMPDIR names another)", path))?;
    }
    target.flush().map_err(Error::io("unpack", path))?;
    Ok(target)
}

/// Lists the files of an archive.
pub(super) fn list(path: &Path, unpacked: Option<tempfile::NamedTempFile>) -> Result<Archive, Error> {
    let plain = unpacked.as_ref().map_or(path, tempfile::NamedTempFile::path);
    let file = File::open(plain).map_err(Error::io("read", path))?;
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
    let mut tar = tar::Archive::new(BufReader::new(file));
    let (mut members, mut refused) = (Vec::new(), Vec::new());
    for entry in tar.entries_with_seek().map_err(broken)? {
        let entry = entry.map_err(broken)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
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
    let mut tar = tar::Archive::new(reader);
    let Ok(entries) = tar.entries() else { return Vec::new() };
    let files = entries.map_while(Result::ok).filter(|entry| entry.header().entry_type().is_file());
    files.take(count).map(|entry| String::from_utf8_lossy(&entry.path_bytes()).into_owned()).collect()
}
