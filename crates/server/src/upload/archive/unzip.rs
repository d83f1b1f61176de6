//! A zip: its list of contents (the central directory) is at its end, so it is first written to a temporary file.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use zip::ZipArchive;
use zip::result::ZipError;

use super::contents::{ArchiveLimits, COPY_BYTES, HINT, Unpacked, checked, refused, unreadable, unwritable, write};
use crate::http::problem::ApiError;

/// Bytes of the record at the end of a zip, and of the longest comment in it.
const END_BYTES: u64 = 22;
const MAX_COMMENT_BYTES: u64 = u16::MAX as u64;
/// Bytes of the list of contents, which is held in memory: 200 for each of a million entries.
const MAX_LIST_BYTES: u32 = 200 << 20;

/// Unpacks a zip into an empty folder: the files whose paths are wanted.
pub(super) fn unzip(
    sent: impl Read,
    folder: &Path,
    allowance: ArchiveLimits<'_>,
    wanted: impl Fn(&Path) -> bool,
) -> Result<Unpacked, ApiError> {
    let mut archive =
        ZipArchive::new(write_to_temporary_file(sent, folder, allowance)?).map_err(|error| broken(&error))?;
    if archive.len() > allowance.entries {
        return Err(ApiError::too_large(format!("the archive holds more than {} entries", allowance.entries)));
    }
    let mut found = Unpacked::default();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|error| broken(&error))?;
        let inside = entry.name().map(|name| PathBuf::from(name.as_ref())).map_err(|error| broken(&error))?;
        if entry.is_symlink() {
            return Err(refused(&inside, "expected files and folders, no links"));
        }
        let size = entry.size();
        if size > allowance.bytes - found.bytes {
            return Err(ApiError::too_large(format!("the archive holds more than {} bytes", allowance.bytes)));
        }
        let Some(path) = checked(&inside, entry.is_file())? else { continue };
        // What is not wanted is not unpacked either, here where one can pass over it.
        if !wanted(&path) {
            found.skipped += 1;
            continue;
        }
        found.bytes += size;
        (allowance.claim)(size)?;
        // One byte more than its header states shows that the header is wrong.
        write(&mut (&mut entry).take(size.saturating_add(1)), &folder.join(&path), size)?;
        found.files += 1;
    }
    Ok(found)
}

/// The zip as a file without a name, which the system deletes when its handle is closed.
fn write_to_temporary_file(sent: impl Read, folder: &Path, allowance: ArchiveLimits<'_>) -> Result<File, ApiError> {
    let mut file = tempfile::tempfile_in(folder).map_err(|error| unwritable(&error))?;
    let mut sent = sent.take(allowance.bytes.saturating_add(1));
    let mut buffer = vec![0; COPY_BYTES];
    let mut copied = 0;
    loop {
        let read = sent.read(&mut buffer).map_err(|error| unreadable(&error))?;
        if read == 0 {
            break;
        }
        copied += read as u64;
        if copied > allowance.bytes {
            return Err(ApiError::too_large(format!("the archive has more than {} bytes", allowance.bytes)));
        }
        io::Write::write_all(&mut file, &buffer[..read]).map_err(|error| unwritable(&error))?;
    }
    let list = list_bytes(&mut file, copied).map_err(|error| unreadable(&error))?;
    if list.is_some_and(|bytes| bytes > MAX_LIST_BYTES && bytes != u32::MAX) {
        return Err(ApiError::too_large(format!(
            "the archive's list of contents has more than {MAX_LIST_BYTES} bytes"
        )));
    }
    file.rewind().map_err(|error| unreadable(&error))?;
    Ok(file)
}

/// Bytes of the list of contents, as the record at the end says.
fn list_bytes(file: &mut File, length: u64) -> io::Result<Option<u32>> {
    let from = length.saturating_sub(END_BYTES + MAX_COMMENT_BYTES);
    file.seek(SeekFrom::Start(from))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    let position = end.windows(4).rposition(|window| window == b"PK\x05\x06");
    let bytes = position.and_then(|position| end.get(position + 12..position + 16)?.try_into().ok());
    Ok(bytes.map(u32::from_le_bytes))
}

fn broken(error: &ZipError) -> ApiError {
    let error = match error {
        ZipError::Io(error) => format!("the zip cannot be read: {error}"),
        ZipError::UnsupportedArchive(why) => format!("the zip cannot be unpacked: {why}"),
        error => format!("the zip is damaged or cut short: {error}"),
    };
    ApiError::bad(error).hint(HINT)
}
