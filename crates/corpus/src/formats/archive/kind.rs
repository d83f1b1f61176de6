//! The kind of an archive.

use std::{fs::File, io::Read, path::Path};

use crate::Error;

/// The kind of a file by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ArchiveKind {
    Tar,
    TarGz,
    Zip,
    /// An archive that is not read.
    Other(&'static str),
}

/// The kind of an archive; `None` for other files.
pub(super) fn kind_of(path: &Path) -> Result<Option<ArchiveKind>, Error> {
    let file = File::open(path).map_err(Error::io("read", path))?;
    let mut head = Vec::new();
    file.take(512).read_to_end(&mut head).map_err(Error::io("read", path))?;
    Ok(match head.as_slice() {
        [0x1f, 0x8b, ..] => Some(ArchiveKind::TarGz),
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(ArchiveKind::Zip),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(ArchiveKind::Other("xz")),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(ArchiveKind::Other("zstd")),
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => Some(ArchiveKind::Other("bzip2")),
        [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => Some(ArchiveKind::Other("7z")),
        [b'R', b'a', b'r', b'!', ..] => Some(ArchiveKind::Other("rar")),
        head if head.get(257..262) == Some(b"ustar") => Some(ArchiveKind::Tar),
        _ => None,
    })
}
