//! Tar archives, compressed by gzip or not.

use std::io::{Cursor, Read};

use flate2::read::MultiGzDecoder;
use tar::EntryType;

use super::{Counted, Origin, Unpacker, bad};
use crate::Error;

const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Bytes of a tar archive beside its files' own: headers, long names, padding.
const OVERHEAD_BYTES: u64 = 2_048;

impl Unpacker<'_> {
    pub(super) fn untar(&mut self, origin: Origin<'_>, mut from: Counted<'_>) -> Result<(), Error> {
        let reading = || Error::io("unpack the archive", origin.path);
        let mut start = [0; 2];
        from.read_exact(&mut start).map_err(reading())?;
        let whole = Cursor::new(start).chain(from);
        // The stream itself is bounded too: names and padding are no files.
        let max = self.bytes_max.saturating_add(self.files_max.saturating_mul(OVERHEAD_BYTES));
        let reader: Box<dyn Read + '_> =
            if start == GZIP { Box::new(MultiGzDecoder::new(whole)) } else { Box::new(whole) };
        let mut archive = tar::Archive::new(reader.take(max));
        for entry in archive.entries().map_err(reading())? {
            let mut entry = entry.map_err(reading())?;
            let (kind, bytes) = (entry.header().entry_type(), entry.size());
            self.count(origin, bytes)?;
            if kind == EntryType::XGlobalHeader {
                continue;
            }
            let inside = entry.path().map_err(reading())?.into_owned();
            if !matches!(kind, EntryType::Regular | EntryType::Directory) {
                return Err(bad(origin, format!("{} of type {kind:?}", inside.display()), "files and folders alone"));
            }
            let name = self.name_of(origin, &inside)?;
            if let (EntryType::Regular, Some(name)) = (kind, name) {
                self.write(origin, name, bytes, &mut entry)?;
            }
        }
        Ok(())
    }
}
