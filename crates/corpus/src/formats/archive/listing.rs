//! The list of an archive's files, and the bytes of each.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use flate2::read::DeflateDecoder;

use crate::{Error, Limits, decode::MAX_FILE_BYTES};

/// A file in an archive is not larger.
const MAX_BYTES: u64 = MAX_FILE_BYTES;
/// Bytes that an archive's list may take in memory for names alone.
pub(super) const MAX_NAME_BYTES: usize = 1 << 30;

pub(super) fn malformed(found: impl Into<String>, expected: impl Into<String>, path: &Path) -> Error {
    Error::Malformed { what: "the archive", found: found.into(), expected: expected.into(), path: path.to_owned() }
}

/// A file in an archive.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// Its path, with `/` between folders.
    pub(super) name: String,
    /// Offset of its bytes in the archive.
    pub(super) start: u64,
    /// Number of bytes in the archive, compressed or not.
    pub(super) stored: u64,
    /// Bytes of the file, unpacked.
    pub(super) bytes: u64,
    pub(super) is_deflated: bool,
}

/// Remark on [`Archive::refused`].
pub(super) const REFUSED: &str = "a link, an encrypted file or a path outside";

/// The list of an archive's files.
#[derive(Debug)]
pub(super) struct Archive {
    /// The archive, for messages.
    pub(super) path: PathBuf,
    /// The unpacked tar of one that was compressed as a whole; removed in the end.
    pub(super) unpacked: Option<tempfile::NamedTempFile>,
    pub(super) members: Vec<Member>,
    /// Names of what is neither a file nor a folder, or lies outside of the archive.
    pub(super) refused: Vec<String>,
}

impl Archive {
    /// Bytes that it takes of the temporary folder.
    pub(super) fn unpacked_bytes(&self) -> u64 {
        self.unpacked.as_ref().and_then(|file| Some(file.as_file().metadata().ok()?.len())).unwrap_or(0)
    }

    /// The bytes of a file.
    pub(super) fn read(&self, member: &Member) -> io::Result<Vec<u8>> {
        if member.bytes > MAX_BYTES || member.stored > MAX_BYTES {
            return Err(io::Error::other(format!("{} bytes, at most {MAX_BYTES} are read", member.bytes)));
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

    /// Keeps one file of each name: the last of several, as unpacking would.
    pub(super) fn settle(mut self) -> Self {
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
pub(super) struct Count<'a> {
    files: usize,
    name_bytes: usize,
    limits: Limits,
    pub(super) path: &'a Path,
}

impl<'a> Count<'a> {
    pub(super) fn new(limits: Limits, path: &'a Path) -> Self {
        Self { files: 0, name_bytes: 0, limits, path }
    }

    /// One more, if it may be listed. There may be as many other files as images.
    pub(super) fn add(&mut self, name: &str) -> Result<(), Error> {
        self.files += 1;
        self.name_bytes += name.len();
        let (files, bytes) = (self.limits.images.saturating_mul(2), MAX_NAME_BYTES);
        let too_many = |what, found, max| Error::TooMany { what, found, max, path: self.path.to_owned() };
        match () {
            () if self.files > files => Err(too_many("files in the archive", self.files, files)),
            () if self.name_bytes > bytes => Err(too_many("bytes of file names", self.name_bytes, bytes)),
            () => Ok(()),
        }
    }
}

/// The path of a file in an archive, where it is one: `./a/b` is `a/b`, and nothing leads outside.
pub(super) fn clean(name: &str) -> Option<String> {
    let parts: Vec<&str> = name.split(['/', '\\']).filter(|part| !part.is_empty() && *part != ".").collect();
    let leads_outside = name.starts_with(['/', '\\']) || parts.contains(&"..") || parts.is_empty();
    (!leads_outside).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_lead_outside_are_invalid() {
        assert_eq!(clean("./a//b.png").as_deref(), Some("a/b.png"));
        assert_eq!(clean("a\\b.png").as_deref(), Some("a/b.png"));
        for outside in ["../a", "/etc/passwd", "a/../../b", "", "."] {
            assert_eq!(clean(outside), None, "{outside}");
        }
    }
}
