//! The kind of an archive, by its first bytes: what people send is rarely named.

/// Bytes that tell it.
pub(super) const HEAD_BYTES: usize = 8;

/// What was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Or anything else that has no mark of its own.
    Tar,
    Gzip,
    Zip,
    /// One that is not unpacked, in words.
    Other(&'static str),
}

/// Marks at the start of a file.
const MARKS: [(&[u8], Kind); 11] = [
    (b"\x1f\x8b", Kind::Gzip),
    (b"PK\x03\x04", Kind::Zip),
    (b"PK\x05\x06", Kind::Zip),
    (b"PK\x07\x08", Kind::Other("one part of a zip in several parts")),
    (b"\xfd7zXZ\x00", Kind::Other("an xz archive")),
    (b"BZh", Kind::Other("a bzip2 archive")),
    (b"\x28\xb5\x2f\xfd", Kind::Other("a zstd archive")),
    (b"7z\xbc\xaf\x27\x1c", Kind::Other("a 7z archive")),
    (b"Rar!\x1a\x07", Kind::Other("a rar archive")),
    (b"\x04\x22\x4d\x18", Kind::Other("an lz4 archive")),
    (b"SQLite f", Kind::Other("an SQLite database, not an archive of a folder")),
];

impl Kind {
    pub(super) fn of(head: &[u8]) -> Self {
        let found = MARKS.iter().find(|(mark, _)| head.starts_with(mark)).map(|(_, kind)| *kind);
        match found {
            Some(kind) => kind,
            // The delimiter of a form that came without its content type.
            None if head.starts_with(b"------") => Self::Other("a form; its content type does not say so"),
            None => Self::Tar,
        }
    }
}
