//! Opening an archive of any kind.

use std::path::Path;

use super::{
    kind::{ArchiveKind, kind_of},
    listing::{Archive, malformed},
    tar, zip,
};
use crate::{Error, Limits};

impl Archive {
    /// Lists an archive; `limits` bound what it unpacks to and how many files it may list.
    pub(super) fn open(path: &Path, limits: Limits) -> Result<Self, Error> {
        match kind_of(path)? {
            Some(ArchiveKind::Tar) => tar::list(path, None, limits),
            Some(ArchiveKind::TarGz) => tar::list(path, Some(tar::unpack(path, limits.decoded_bytes)?), limits),
            Some(ArchiveKind::Zip) => zip::list(path, limits),
            Some(ArchiveKind::Other(kind)) => {
                Err(malformed(kind, "tar, tar.gz or zip; unpack it, and open the folder", path))
            }
            None => Err(malformed("a file that is no archive", "tar, tar.gz or zip", path)),
        }
    }
}
