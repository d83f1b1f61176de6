//! Unpacking an archive: the files that are expected, into a folder that appears only when it is whole.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Read},
    path::{Component, Path},
};

use flate2::read::GzDecoder;
use tar::{Entry, EntryType};

use super::{Archive, Progress, Report, Stage};
use crate::Error;

/// Unpacks `archive`, which lies at `path`, into its folder in `out`.
///
/// Links, devices and paths that lead out of the folder are errors. Files that are not expected stay packed.
pub(crate) fn unpack(
    archive: &Archive<'_>,
    path: &Path,
    out: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), Error> {
    let target = out.join(archive.folder);
    let unfinished = out.join(format!(".{}.unfinished", archive.folder));
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(Error::io("remove", &unfinished))?;
    }
    fs::create_dir(&unfinished).map_err(Error::io("make the folder", &unfinished))?;
    let written = write_files(archive, path, &unfinished, progress);
    let placed = written.and_then(|()| {
        if target.exists() {
            // Not whole, or the fetch would have ended before it began.
            fs::remove_dir_all(&target).map_err(Error::io("replace", &target))?;
        }
        fs::rename(&unfinished, &target).map_err(Error::io("place", &target))
    });
    if placed.is_err() {
        // The error that matters is the first; a folder that cannot be removed is removed by the next fetch.
        let _ = fs::remove_dir_all(&unfinished);
    }
    placed
}

fn write_files(
    archive: &Archive<'_>,
    path: &Path,
    folder: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), Error> {
    let file = File::open(path).map_err(Error::io("open the archive", path))?;
    let reading = || Error::io("unpack the archive", path);
    let mut missing: BTreeSet<&str> = archive.files.iter().map(|(name, _)| *name).collect();
    let counted = Counted { file, report: Report::new(Stage::Unpack, archive.bytes, progress) };
    let mut tar = tar::Archive::new(GzDecoder::new(counted));
    for entry in tar.entries().map_err(reading())? {
        let mut entry = entry.map_err(reading())?;
        let Some(name) = expected_name(archive, &entry, path)? else { continue };
        if !missing.remove(name) {
            return Err(bad(path, format!("{name} twice"), "each file once"));
        }
        let target = folder.join(name);
        let mut file = File::create_new(&target).map_err(Error::io("write", &target))?;
        let size = entry.size();
        let copied = io::copy(&mut entry.by_ref().take(size), &mut file).map_err(reading())?;
        if copied != size {
            return Err(bad(path, format!("{name} with {copied} bytes"), "the size that its header gives"));
        }
        file.sync_all().map_err(Error::io("write", &target))?;
    }
    match missing.first() {
        None => Ok(()),
        Some(name) => Err(bad(path, format!("no {name}"), "all files of CIFAR-10")),
    }
}

/// The name of an expected file; `None` for what may stay packed.
fn expected_name<'a, R: Read>(
    archive: &Archive<'a>,
    entry: &Entry<'_, R>,
    path: &Path,
) -> Result<Option<&'a str>, Error> {
    let inside = entry.path().map_err(Error::io("unpack the archive", path))?.into_owned();
    let kind = entry.header().entry_type();
    if kind == EntryType::XGlobalHeader {
        return Ok(None);
    }
    if !matches!(kind, EntryType::Regular | EntryType::Directory) {
        return Err(bad(path, format!("{} of type {kind:?}", inside.display()), "files and folders alone"));
    }
    if !inside.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err(bad(path, inside.display().to_string(), "paths inside the archive's folder"));
    }
    if kind == EntryType::Directory {
        return Ok(None);
    }
    let relative = inside.strip_prefix("./").unwrap_or(&inside);
    let file = archive.files.iter().find(|(name, _)| relative == Path::new(archive.folder).join(name));
    let Some((name, bytes)) = file else { return Ok(None) };
    if !bytes.contains(&entry.size()) {
        let found = format!("{name} with {} bytes", entry.size());
        return Err(bad(path, found, "files of the sizes that CIFAR-10 has"));
    }
    Ok(Some(name))
}

fn bad(path: &Path, found: String, expected: &'static str) -> Error {
    Error::Archive { found, expected, path: path.to_owned() }
}

/// A file that tells how much of it was read.
struct Counted<'a> {
    file: File,
    report: Report<'a>,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.report.add(count as u64);
        Ok(count)
    }
}
