//! Archives that are read without being unpacked: tar, tar.gz and zip.

mod folders;
mod tar;
mod webdataset;
mod zip;

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use flate2::read::DeflateDecoder;

use crate::{
    Error, Limits, OpenOptions,
    decode::MAX_FILE_BYTES,
    reader::{Place, Reader},
};

/// A file in an archive is not larger.
const MOST_BYTES: u64 = MAX_FILE_BYTES;
/// Bytes that an archive's list may take in memory for names alone.
const MOST_NAME_BYTES: usize = 1 << 30;

/// Recognises an archive with class folders, and shards of samples: one, or a folder of them.
pub(crate) fn detect<'t>(place: &Place<'t>, options: &OpenOptions) -> Result<Option<Box<dyn Reader + 't>>, Error> {
    if let Some(shards) = webdataset::detect(place, options)? {
        return Ok(Some(shards));
    }
    if !place.tree.is_file {
        return Ok(None);
    }
    folders::detect(place, options)
}

/// The kind of a file by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ArchiveKind {
    Tar,
    TarGz,
    Zip,
    /// An archive that is not read.
    Other(&'static str),
}

/// The kind of an archive; `None` for other files.
fn kind_of(path: &Path) -> Result<Option<ArchiveKind>, Error> {
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

fn malformed(found: impl Into<String>, expected: impl Into<String>, path: &Path) -> Error {
    Error::Malformed { what: "the archive", found: found.into(), expected: expected.into(), path: path.to_owned() }
}

/// A file in an archive.
#[derive(Debug, Clone)]
struct Member {
    /// Its path, with `/` between folders.
    name: String,
    /// Offset of its bytes, and the number stored.
    start: u64,
    stored: u64,
    /// Bytes of the file, unpacked.
    bytes: u64,
    is_deflated: bool,
}

/// Remark on [`Archive::refused`].
const REFUSED: &str = "a link, an encrypted file or a path outside";

/// The list of an archive's files.
#[derive(Debug)]
struct Archive {
    /// The archive, for messages.
    path: PathBuf,
    /// The unpacked tar of one that was compressed as a whole; removed in the end.
    unpacked: Option<tempfile::NamedTempFile>,
    members: Vec<Member>,
    /// Names of what is neither a file nor a folder, or lies outside of the archive.
    refused: Vec<String>,
}

impl Archive {
    /// Lists an archive; `limits` bound what it unpacks to and how many files it may list.
    fn open(path: &Path, limits: Limits) -> Result<Self, Error> {
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

    /// Bytes that it takes of the temporary folder.
    fn unpacked_bytes(&self) -> u64 {
        self.unpacked.as_ref().and_then(|file| Some(file.as_file().metadata().ok()?.len())).unwrap_or(0)
    }

    /// The bytes of a file.
    fn read(&self, member: &Member) -> io::Result<Vec<u8>> {
        if member.bytes > MOST_BYTES || member.stored > MOST_BYTES {
            return Err(io::Error::other(format!("{} bytes, at most {MOST_BYTES} are read", member.bytes)));
        }
        let path = self.unpacked.as_ref().map_or(self.path.as_path(), tempfile::NamedTempFile::path);
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(member.start))?;
        let stored = file.take(member.stored);
        let mut bytes = Vec::new();
        if member.is_deflated {
            DeflateDecoder::new(stored).take(member.bytes + 1).read_to_end(&mut bytes)?;
        } else {
            { stored }.read_to_end(&mut bytes)?;
        }
        if bytes.len() as u64 != member.bytes {
            return Err(io::Error::other(format!("{} bytes, the archive promises {}", bytes.len(), member.bytes)));
        }
        Ok(bytes)
    }

    /// Files whose names lead nowhere outside, each once: the last of several stands.
    fn settle(mut self) -> Self {
        let mut seen = std::collections::HashMap::new();
        for (index, member) in self.members.iter().enumerate() {
            seen.insert(member.name.clone(), index);
        }
        let mut index = 0;
        self.members.retain(|member| {
            let is_last = seen.get(&member.name) == Some(&index);
            index += 1;
            is_last
        });
        self
    }
}

/// Counts the files of an archive while it is listed.
struct Count<'a> {
    files: usize,
    name_bytes: usize,
    limits: Limits,
    path: &'a Path,
}

impl<'a> Count<'a> {
    fn new(limits: Limits, path: &'a Path) -> Self {
        Self { files: 0, name_bytes: 0, limits, path }
    }

    /// One more, if it may be listed. There may be as many other files as images.
    fn add(&mut self, name: &str) -> Result<(), Error> {
        self.files += 1;
        self.name_bytes += name.len();
        let (files, bytes) = (self.limits.images.saturating_mul(2), MOST_NAME_BYTES);
        let too_many = |what, found, most| Error::TooMany { what, found, most, path: self.path.to_owned() };
        match () {
            () if self.files > files => Err(too_many("files in the archive", self.files, files)),
            () if self.name_bytes > bytes => Err(too_many("bytes of file names", self.name_bytes, bytes)),
            () => Ok(()),
        }
    }
}

/// The path of a file in an archive, where it is one: `./a/b` is `a/b`, and nothing leads outside.
fn clean(name: &str) -> Option<String> {
    let parts: Vec<&str> = name.split(['/', '\\']).filter(|part| !part.is_empty() && *part != ".").collect();
    let leads_outside = name.starts_with(['/', '\\']) || parts.contains(&"..") || parts.is_empty();
    (!leads_outside).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_lead_outside_are_none() {
        assert_eq!(clean("./a//b.png").as_deref(), Some("a/b.png"));
        assert_eq!(clean("a\\b.png").as_deref(), Some("a/b.png"));
        for outside in ["../a", "/etc/passwd", "a/../../b", "", "."] {
            assert_eq!(clean(outside), None, "{outside}");
        }
    }
}
