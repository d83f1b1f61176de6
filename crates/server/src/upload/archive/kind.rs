//! The kind of an archive, by its first bytes: what people send is rarely named.

/// Bytes that tell it.
pub(super) const HEAD_BYTES: usize = 8;

/// The kind of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ArchiveKind {
    /// Or anything else that has no signature.
    Tar,
    Gzip,
    Zip,
    /// One that is not unpacked, in words.
    Other(&'static str),
}

/// Signatures (magic numbers) at the start of a file.
const SIGNATURES: [(&[u8], ArchiveKind); 11] = [
    (b"\x1f\x8b", ArchiveKind::Gzip),
    (b"PK\x03\x04", ArchiveKind::Zip),
    (b"PK\x05\x06", ArchiveKind::Zip),
    (b"PK\x07\x08", ArchiveKind::Other("one part of a zip in several parts")),
    (b"\xfd7zXZ\x00", ArchiveKind::Other("an xz archive")),
    (b"BZh", ArchiveKind::Other("a bzip2 archive")),
    (b"\x28\xb5\x2f\xfd", ArchiveKind::Other("a zstd archive")),
    (b"7z\xbc\xaf\x27\x1c", ArchiveKind::Other("a 7z archive")),
    (b"Rar!\x1a\x07", ArchiveKind::Other("a rar archive")),
    (b"\x04\x22\x4d\x18", ArchiveKind::Other("an lz4 archive")),
    (b"SQLite f", ArchiveKind::Other("an SQLite database, not an archive of a folder")),
];

impl ArchiveKind {
    pub(super) fn of(head: &[u8]) -> Self {
        let found = SIGNATURES.iter().find(|(signature, _)| head.starts_with(signature)).map(|(_, kind)| *kind);
        match found {
            Some(kind) => kind,
            // The delimiter of a form that came without its content type.
            None if head.starts_with(b"------") => Self::Other("a form; its content type does not say so"),
            None => Self::Tar,
        }
    }
}
