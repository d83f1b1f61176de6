//! Zip archives.

use std::{fs::File, io::BufReader, path::Path};

use zip::{CompressionMethod, ZipArchive, result::ZipError};

use super::{Archive, Member, clean, malformed};
use crate::Error;

/// Lists the files of an archive.
pub(super) fn list(path: &Path) -> Result<Archive, Error> {
    let file = File::open(path).map_err(Error::io("read", path))?;
    let broken = |error: ZipError| malformed(error.to_string(), "a whole zip archive; fetch it again", path);
    let mut zip = ZipArchive::new(BufReader::new(file)).map_err(broken)?;
    let (mut members, mut refused) = (Vec::new(), Vec::new());
    for index in 0..zip.len() {
        let entry = zip.by_index_raw(index).map_err(broken)?;
        let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
        if entry.is_dir() {
            continue;
        }
        let start = entry.data_start();
        let (Some(clean), Some(start), true) = (clean(&name), start, entry.is_file() && !entry.encrypted()) else {
            refused.push(name);
            continue;
        };
        let is_deflated = match entry.compression() {
            CompressionMethod::Stored => false,
            CompressionMethod::Deflated => true,
            other => {
                let found = format!("{clean} compressed by {other}");
                return Err(malformed(found, "deflate or none; unpack it, and open the folder", path));
            }
        };
        let (stored, bytes) = (entry.compressed_size(), entry.size());
        members.push(Member { name: clean, start, stored, bytes, is_deflated });
    }
    Ok(Archive { path: path.to_owned(), unpacked: None, members, refused }.settle())
}
