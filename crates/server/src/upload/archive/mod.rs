//! Unpacking a sent archive into a folder of its own: nothing gets out of it, nothing grows beyond its limits.

mod contents;
mod kind;
mod untar;
mod unzip;

use std::io::{self, BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::http::problem::ApiError;
pub(crate) use contents::{ArchiveLimits, Unpacked, unwritable};
use contents::{HINT, unreadable};
use kind::ArchiveKind;
use untar::untar;

/// Unpacks a tar, a tar in gzip, or a zip, into an empty folder: the files whose paths are wanted.
pub(crate) fn unpack(
    sent: impl Read,
    folder: &Path,
    allowance: ArchiveLimits<'_>,
    wanted: impl Fn(&Path) -> bool,
) -> Result<Unpacked, ApiError> {
    let mut sent = BufReader::new(sent);
    let mut head = [0; kind::HEAD_BYTES];
    let read = read_head(&mut sent, &mut head).map_err(|error| unreadable(&error))?;
    let head = &head[..read];
    let sent = head.chain(sent);
    match ArchiveKind::of(head) {
        ArchiveKind::Tar => untar(sent, folder, allowance, wanted),
        ArchiveKind::Gzip => untar(MultiGzDecoder::new(sent), folder, allowance, wanted),
        ArchiveKind::Zip => unzip::unzip(sent, folder, allowance, wanted),
        ArchiveKind::Other(name) => Err(ApiError::bad(format!("this is {name}")).hint(HINT)),
    }
}

/// Reads the first bytes, fewer only where there are no more.
fn read_head(sent: &mut impl Read, head: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while read < head.len() {
        match sent.read(&mut head[read..])? {
            0 => break,
            more => read += more,
        }
    }
    Ok(read)
}

#[cfg(test)]
mod tests;
