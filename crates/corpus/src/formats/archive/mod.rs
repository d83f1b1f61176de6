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
    Error, OpenOptions,
    reader::{Place, Reader},
};

/// A file in an archive is not larger.
const MOST_BYTES: u64 = 1 << 30;

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

/// What a file is, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Tar,
    TarGz,
    Zip,
    /// An archive that is not read.
    Other(&'static str),
}

/// The kind of an archive; `None` for other files.
fn kind_of(path: &Path) -> Result<Option<Kind>, Error> {
    let file = File::open(path).map_err(Error::io("read", path))?;
    let mut head = Vec::new();
    file.take(512).read_to_end(&mut head).map_err(Error::io("read", path))?;
    Ok(match head.as_slice() {
        [0x1f, 0x8b, ..] => Some(Kind::TarGz),
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(Kind::Zip),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Kind::Other("xz")),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Kind::Other("zstd")),
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => Some(Kind::Other("bzip2")),
        [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => Some(Kind::Other("7z")),
        [b'R', b'a', b'r', b'!', ..] => Some(Kind::Other("rar")),
        head if head.get(257..262) == Some(b"ustar") => Some(Kind::Tar),
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
    /// Where its bytes begin, and how many are stored.
    start: u64,
    stored: u64,
    /// How many there are, unpacked.
    bytes: u64,
    is_deflated: bool,
}

/// What is said of [`Archive::refused`].
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
    /// Lists an archive.
    fn open(path: &Path) -> Result<Self, Error> {
        match kind_of(path)? {
            Some(Kind::Tar) => tar::list(path, None),
            Some(Kind::TarGz) => tar::list(path, Some(tar::unpack(path)?)),
            Some(Kind::Zip) => zip::list(path),
            Some(Kind::Other(kind)) => Err(malformed(kind, "tar, tar.gz or zip; unpack it, and open the folder", path)),
            None => Err(malformed("a file that is no archive", "tar, tar.gz or zip", path)),
        }
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
