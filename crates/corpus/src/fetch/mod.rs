//! Fetching a known corpus: every file is checked by its size and its digests before anything is unpacked, and the
//! corpus's folder appears only when it is whole.

mod digest;
mod download;
mod place;
mod progress;
mod source;
#[cfg(test)]
mod tests;
mod unpack;

use std::path::{Path, PathBuf};

use crate::{
    Description, Error, SourceFile,
    known::{Fetched, Record},
};
use place::Staging;
pub use progress::{FetchEvent, Progress, Stage};
use source::{Obtained, Source};
use unpack::Unpacker;

/// The source of a fetch, and its files.
#[derive(Debug, Clone, Copy, Default)]
pub struct FetchOptions<'a> {
    /// In place of the addresses in the description: the address (`http://`, `https://`) or the path of a copy of the
    /// one file; or the address or the path of the folder in which copies of all files lie under their names.
    pub from: Option<&'a str>,
    /// Names of optional files to be fetched too.
    pub with: &'a [String],
}

/// Puts a corpus into its folder inside `out` and returns that folder; at once, if it exists already.
///
/// Each file comes from the first of its addresses that works. A download that was interrupted continues where it
/// stopped; a file that is there and right is not fetched again. Whatever the source, a file has the size and the
/// digests of the description, or nothing is unpacked.
pub fn fetch_corpus(
    description: &Description,
    out: &Path,
    options: FetchOptions<'_>,
    observer: &mut dyn FnMut(FetchEvent<'_>),
) -> Result<PathBuf, Error> {
    let description = description.of_source(options.from);
    let files = wanted(description, options.with)?;
    let folder = out.join(&description.folder);
    if place::is_complete(description, &folder, &files) {
        return Ok(folder);
    }
    place::refuse_other_contents(description, &folder)?;
    std::fs::create_dir_all(out).map_err(Error::io("make the folder", out))?;
    let source = Source::new(description, options.from)?;
    let staging = Staging::open(out, description)?;
    let result = fill(&staging, &Job { description, files: &files, source: &source, folder: &folder }, observer);
    let closed = staging.close(result.is_ok());
    // The error that matters is the first; what cannot be removed now is removed by the next fetch.
    result.and(closed).map(|()| folder)
}

/// The corpus to fetch.
struct Job<'a> {
    description: &'a Description,
    files: &'a [&'a SourceFile],
    source: &'a Source<'a>,
    /// Its final path.
    folder: &'a Path,
}

/// The files of a fetch: all but the optional ones that were not requested.
fn wanted<'a>(description: &'a Description, with: &[String]) -> Result<Vec<&'a SourceFile>, Error> {
    let optional = || description.files.iter().filter(|file| file.optional);
    if let Some(found) = with.iter().find(|name| !optional().any(|file| file.name == **name)) {
        let names: Vec<&str> = optional().map(|file| file.name.as_str()).collect();
        let expected = if names.is_empty() { "none: it has none".to_owned() } else { names.join(", ") };
        return Err(Error::OptionalFile { found: found.clone(), expected, corpus: description.name.clone() });
    }
    Ok(description.files.iter().filter(|file| !file.optional || with.contains(&file.name)).collect())
}

fn fill(staging: &Staging, job: &Job<'_>, observer: &mut dyn FnMut(FetchEvent<'_>)) -> Result<(), Error> {
    let mut obtained: Vec<(&SourceFile, Obtained)> = Vec::new();
    for &file in job.files {
        obtained.push((file, job.source.obtain(file, staging, job.folder, observer)?));
    }
    let data = staging.new_data()?;
    let mut unpacker = Unpacker::new(job.description, &data);
    for (file, obtained) in &obtained {
        unpacker.unpack(file, obtained, observer)?;
    }
    let (files, bytes) = unpacker.finish()?;
    let from = job.files.iter().map(|file| (file.name.clone(), file.digest())).collect();
    Record::new(job.description, Fetched { files, bytes, from }).write(&data)?;
    staging.place(job.folder)
}
