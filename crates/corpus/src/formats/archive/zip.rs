//! Zip archives.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use zip::{CompressionMethod, ZipArchive, result::ZipError};

use super::listing::{Archive, Count, MAX_NAME_BYTES, Member, clean, malformed};
use crate::{Error, Limits};

/// Bytes of the end-of-central-directory record, and of the longest comment in it.
const END_BYTES: u64 = 22;
const MAX_COMMENT_BYTES: u64 = u16::MAX as u64;

/// Lists the files of an archive.
pub(super) fn list(path: &Path, limits: Limits) -> Result<Archive, Error> {
    let mut file = File::open(path).map_err(Error::io("read", path))?;
    let listed = list_bytes(&mut file).map_err(Error::io("read", path))?;
    // The whole list is held in memory.
    if let Some(found) = listed.filter(|bytes| *bytes > MAX_NAME_BYTES as u64) {
        let (found, max) = (found as usize, MAX_NAME_BYTES);
        return Err(Error::TooMany { what: "bytes in the archive's list", found, max, path: path.to_owned() });
    }
    let broken = |error: ZipError| malformed(error.to_string(), "a whole zip archive; fetch it again", path);
    let mut zip = ZipArchive::new(BufReader::new(file)).map_err(broken)?;
    let (mut members, mut refused) = (Vec::new(), Vec::new());
    let mut count = Count::new(limits, path);
    for index in 0..zip.len() {
        let entry = zip.by_index_raw(index).map_err(broken)?;
        let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
        count.add(&name)?;
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

/// Bytes of the central directory, by where it and the record behind it begin.
fn list_bytes(file: &mut File) -> io::Result<Option<u64>> {
    let from = file.metadata()?.len().saturating_sub(END_BYTES + MAX_COMMENT_BYTES);
    file.seek(SeekFrom::Start(from))?;
    let mut end = Vec::new();
    { &mut *file }.take(END_BYTES + MAX_COMMENT_BYTES).read_to_end(&mut end)?;
    file.rewind()?;
    let position = |mark: &[u8]| end.windows(4).rposition(|window| window == mark);
    let start = position(b"PK\x05\x06")
        .and_then(|position| Some((position, end.get(position + 16..position + 20)?.try_into().ok()?)));
    let Some((at, start)) = start else { return Ok(None) };
    // In large archives the offset is in the ZIP64 record.
    let large = || end.get(position(b"PK\x06\x06")? + 48..)?.first_chunk().copied().map(u64::from_le_bytes);
    let start = match u32::from_le_bytes(start) {
        u32::MAX => large().unwrap_or(u64::MAX),
        start => u64::from(start),
    };
    Ok(Some((from + at as u64).saturating_sub(start)))
}
