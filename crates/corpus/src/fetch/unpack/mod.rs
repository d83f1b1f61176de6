//! Unpacking checked files into a folder. Archives may be hostile: only plain files are written, only inside of the
//! folder, and no more of them than the description allows.

mod tar;
mod zip;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read, Write},
    path::{Component, Path, PathBuf},
};

use flate2::read::MultiGzDecoder;

use super::{FetchEvent, Stage, progress::Report, source::Obtained};
use crate::{Description, Error, SourceFile, Unpack, known::RECORD};

/// Archives of images shrink little; those of text seldom below a twentieth.
const RATIO_MAX: u64 = 50;
/// Bytes that any archive may unpack to.
const BYTES_MAX_FLOOR: u64 = 64 << 20;
/// Files and folders, where the description does not say.
const FILES_MAX: u64 = 1_000_000;
/// Folders below folders.
const DEPTH_MAX: usize = 32;
/// Larger files are synced each; what a loss of power takes of smaller ones is noticed by the sum of their sizes.
const SYNC_BYTES: u64 = 1 << 20;

/// Unpacks the files of one corpus.
pub(crate) struct Unpacker<'a> {
    description: &'a Description,
    root: &'a Path,
    /// Files written, relative to the root, with their bytes.
    written: BTreeMap<PathBuf, u64>,
    bytes_max: u64,
    files_max: u64,
    /// Bytes announced by archives, written or not.
    bytes: u64,
    files: u64,
    /// The archive that was unpacked last.
    last: PathBuf,
}

/// The archive that is being unpacked.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) file: &'a SourceFile,
    pub(crate) path: &'a Path,
}

impl<'a> Unpacker<'a> {
    pub(crate) fn new(description: &'a Description, root: &'a Path) -> Self {
        let files_max = description.unpacked_files_max.unwrap_or(FILES_MAX);
        let bytes_max = description.unpacked_bytes_max.unwrap_or(0);
        Self {
            description,
            root,
            written: BTreeMap::new(),
            bytes_max,
            files_max,
            bytes: 0,
            files: 0,
            last: PathBuf::new(),
        }
    }

    /// Unpacks one checked file.
    pub(crate) fn unpack(
        &mut self,
        file: &SourceFile,
        obtained: &Obtained,
        observer: &mut dyn FnMut(FetchEvent<'_>),
    ) -> Result<(), Error> {
        let origin = Origin { file, path: &obtained.path };
        origin.path.clone_into(&mut self.last);
        let opened = File::open(origin.path).map_err(Error::io("open the archive", origin.path))?;
        let total = opened.metadata().map_err(Error::io("look at the archive", origin.path))?.len();
        if self.description.unpacked_bytes_max.is_none() {
            self.bytes_max += total.saturating_mul(RATIO_MAX).max(BYTES_MAX_FLOOR);
        }
        let report = Report::new(&file.name, Stage::Unpack, total, observer);
        let counted = Counted { file: opened, report };
        match file.unpack() {
            Unpack::None => self.take(origin, obtained.may_link, counted),
            Unpack::Gz => self.gunzip(origin, counted),
            Unpack::Tar => self.untar(origin, counted),
            Unpack::Zip => self.unzip(origin, counted),
        }
    }

    /// Checks that all is there; returns the numbers of files and bytes.
    pub(crate) fn finish(self) -> Result<(u64, u64), Error> {
        for file in &self.description.contents {
            match self.written.get(Path::new(&file.path)) {
                Some(&bytes) if file.takes(bytes) => {}
                found => {
                    let found = found.map_or_else(
                        || format!("no {}", file.path),
                        |bytes| format!("{} with {bytes} bytes", file.path),
                    );
                    return Err(Error::Archive { found, expected: file.sizes(), path: self.last });
                }
            }
        }
        if self.written.is_empty() {
            return Err(Error::Archive {
                found: "no files".to_owned(),
                expected: "at least one".to_owned(),
                path: self.last,
            });
        }
        Ok((self.written.len() as u64, self.written.values().sum()))
    }

    /// A file that is no archive.
    fn take(&mut self, origin: Origin<'_>, may_link: bool, mut from: Counted<'_>) -> Result<(), Error> {
        let target = self.root.join(&origin.file.name);
        let bytes = from.report_total();
        self.count(origin, bytes)?;
        if may_link && fs::hard_link(origin.path, &target).is_ok() {
            self.written.insert(PathBuf::from(&origin.file.name), bytes);
            return Ok(());
        }
        let name = PathBuf::from(&origin.file.name);
        self.write(origin, name, bytes, &mut from)
    }

    /// One compressed file; its size is known only at its end.
    fn gunzip(&mut self, origin: Origin<'_>, from: Counted<'_>) -> Result<(), Error> {
        let name = &origin.file.name;
        let name = PathBuf::from(name.strip_suffix(".gz").unwrap_or(name));
        let target = self.root.join(&name);
        let mut out = create(&target, origin, &name)?;
        let allowed = self.bytes_max.saturating_sub(self.bytes);
        let mut reader = MultiGzDecoder::new(from).take(allowed.saturating_add(1));
        let bytes = copy(&mut reader, &mut out, origin, &target)?;
        self.count(origin, bytes)?;
        out.sync_all().map_err(Error::io("write", &target))?;
        self.written.insert(name, bytes);
        Ok(())
    }

    /// Counts something that an archive holds, before it is unpacked.
    fn count(&mut self, origin: Origin<'_>, bytes: u64) -> Result<(), Error> {
        self.files += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        if self.files > self.files_max {
            return Err(bad(
                origin,
                format!("more than {} files and folders", self.files_max),
                "no more than the description allows (unpacked_files_max)",
            ));
        }
        if self.bytes > self.bytes_max {
            return Err(bad(
                origin,
                format!("more than {} bytes, unpacked", self.bytes_max),
                "no more than the description allows (unpacked_bytes_max)",
            ));
        }
        Ok(())
    }

    /// Path to unpack an archive's file to, relative to the root; `None` for a file that stays packed.
    fn name_of(&self, origin: Origin<'_>, inside: &Path) -> Result<Option<PathBuf>, Error> {
        let mut name = PathBuf::new();
        for part in inside.components() {
            match part {
                Component::Normal(part) => name.push(part),
                Component::CurDir => {}
                _ => return Err(bad(origin, inside.display().to_string(), "paths inside the corpus's folder")),
            }
        }
        if name.components().count() > DEPTH_MAX {
            return Err(bad(origin, inside.display().to_string(), "at most 32 folders below each other"));
        }
        let Ok(name) = name.strip_prefix(&origin.file.strip) else { return Ok(None) };
        let contents = &self.description.contents;
        if name.as_os_str().is_empty()
            || !contents.is_empty() && !contents.iter().any(|file| Path::new(&file.path) == name)
        {
            return Ok(None);
        }
        if name == Path::new(RECORD) {
            return Err(bad(origin, RECORD.to_owned(), "no file with the name of our own description"));
        }
        Ok(Some(name.to_owned()))
    }

    /// Writes a file of a known size.
    fn write(&mut self, origin: Origin<'_>, name: PathBuf, bytes: u64, from: &mut dyn Read) -> Result<(), Error> {
        if let Some(file) = self.description.contents.iter().find(|file| Path::new(&file.path) == name)
            && !file.takes(bytes)
        {
            return Err(bad(origin, format!("{} with {bytes} bytes", name.display()), &file.sizes()));
        }
        let target = self.root.join(&name);
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder).map_err(Error::io("make the folder", folder))?;
        }
        let mut out = create(&target, origin, &name)?;
        let copied = copy(&mut from.take(bytes.saturating_add(1)), &mut out, origin, &target)?;
        if copied != bytes {
            return Err(bad(
                origin,
                format!("{} with {copied} bytes", name.display()),
                &format!("the {bytes} bytes that its header gives"),
            ));
        }
        if bytes >= SYNC_BYTES {
            out.sync_all().map_err(Error::io("write", &target))?;
        }
        self.written.insert(name, bytes);
        Ok(())
    }
}

fn create(target: &Path, origin: Origin<'_>, name: &Path) -> Result<File, Error> {
    match File::create_new(target) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(bad(origin, format!("{} twice", name.display()), "each file once"))
        }
        file => file.map_err(Error::io("write", target)),
    }
}

/// Copies; tells an archive that cannot be read from a disk that cannot be written.
fn copy(from: &mut dyn Read, to: &mut File, origin: Origin<'_>, target: &Path) -> Result<u64, Error> {
    let mut buffer = vec![0; 1 << 16];
    let mut bytes = 0;
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => return Ok(bytes),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Error::io("unpack the archive", origin.path)(error)),
        };
        to.write_all(&buffer[..count]).map_err(Error::io("write", target))?;
        bytes += count as u64;
    }
}

fn bad(origin: Origin<'_>, found: String, expected: &str) -> Error {
    Error::Archive { found, expected: expected.to_owned(), path: origin.path.to_owned() }
}

/// A file that tells how much of it was read.
pub(crate) struct Counted<'a> {
    file: File,
    report: Report<'a>,
}

impl Counted<'_> {
    fn report_total(&self) -> u64 {
        self.report.total_bytes()
    }
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.report.add(count as u64);
        Ok(count)
    }
}
