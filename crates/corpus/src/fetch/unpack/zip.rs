//! Zip archives.

use std::{
    io::{self, Seek, SeekFrom},
    path::Path,
};

use zip::{ZipArchive, read::ZipFile, result::ZipError};

use super::{Counted, Origin, Unpacker, bad};
use crate::Error;

/// The kind of a file in its mode on Unix, and the two kinds that are unpacked.
const KIND: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;

impl Unpacker<'_> {
    pub(super) fn unzip(&mut self, origin: Origin<'_>, from: Counted<'_>) -> Result<(), Error> {
        let failed = |error| match error {
            ZipError::Io(source) => Error::io("unpack the archive", origin.path)(source),
            other => bad(origin, other.to_string(), "a zip archive, not encrypted, stored or deflated"),
        };
        let mut archive = ZipArchive::new(from).map_err(failed)?;
        for index in 0..archive.len() {
            let mut entry = archive.by_index(index).map_err(failed)?;
            let bytes = entry.size();
            self.count(origin, bytes)?;
            let inside = entry.name().map_err(failed)?.into_owned();
            if let Some(kind) = unsupported_kind(&entry) {
                return Err(bad(origin, format!("{inside} of type {kind}"), "files and folders alone"));
            }
            let name = self.name_of(origin, Path::new(&inside))?;
            if let (false, Some(name)) = (entry.is_dir(), name) {
                self.write(origin, name, bytes, &mut entry)?;
            }
        }
        Ok(())
    }
}

/// The kind of an entry that is neither a file nor a folder.
fn unsupported_kind<R: io::Read>(entry: &ZipFile<'_, R>) -> Option<String> {
    if entry.is_symlink() {
        return Some("Symlink".to_owned());
    }
    let kind = entry.unix_mode().unwrap_or(0) & KIND;
    (![0, REGULAR, FOLDER].contains(&kind)).then(|| format!("{kind:o} (a device or the like)"))
}

impl Seek for Counted<'_> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.file.seek(position)
    }
}
