//! What importing from any program has in common: which files, and those that appear later.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::follow::{self, Arrivals};
use crate::cli::ImportArgs;
use crate::console::note;
use crate::exit_status::ExitStatus;
use crate::stop::Stop;

/// Takes the checkpoints of one program into a run.
pub trait Importer {
    /// Names of such files, for messages.
    fn kinds(&self) -> &'static str;

    /// The checkpoints that a path names: itself, or those in the folder, of which there may be none.
    fn checkpoints_in(&self, path: &Path) -> Result<Vec<PathBuf>, deepviz_net::Error>;

    /// Takes these, in the order of their steps. Nothing is written before all of them are known to fit.
    fn take(&mut self, files: &[PathBuf], stop: &Stop) -> anyhow::Result<()>;

    /// Whether this file was added.
    fn has_taken(&self, file: &Path) -> bool;

    /// Says what was taken.
    fn finish(&self);
}

/// Takes what the arguments name; with `--follow` also what appears there until the command is stopped.
pub fn import_all(importer: &mut dyn Importer, args: &ImportArgs) -> anyhow::Result<ExitStatus> {
    let stop = Stop::install("stopping; what is imported is kept (Ctrl-C again to stop at once)")?;
    if args.follow {
        follow(importer, &args.checkpoints, &stop);
    } else {
        importer.take(&listed(importer, &args.checkpoints)?, &stop).context("cannot import")?;
    }
    importer.finish();
    Ok(if stop.is_asked() && !args.follow { ExitStatus::Interrupted } else { ExitStatus::Success })
}

/// Takes what exists and what appears until stopped. What cannot be used is reported once and left out: it may be
/// whole later, and the others are not to wait for it.
fn follow(importer: &mut dyn Importer, given: &[PathBuf], stop: &Stop) {
    let (mut arrivals, mut last_reason) = (Arrivals::default(), String::new());
    while !stop.is_asked() {
        let files = listed_while_following(importer, given, &mut last_reason);
        let ready = arrivals.ready(&files);
        // Those that were there before are put in order together, as far as all of them can be used.
        if let Err(error) = importer.take(&ready, stop) {
            leave_out(importer, &ready, &error, stop);
        }
        std::thread::sleep(follow::INTERVAL);
    }
}

/// Some of the files cannot be taken: says which, and takes the others one by one.
fn leave_out(importer: &mut dyn Importer, files: &[PathBuf], error: &anyhow::Error, stop: &Stop) {
    if let [file] = files {
        return note(&format!("{} is left out: {error:#}", file.display()));
    }
    // A conflict of two files is seen only where they are taken together.
    if files.iter().any(|file| importer.has_taken(file)) {
        note(&format!("{error:#}"));
    }
    for file in files {
        if importer.has_taken(file) {
            continue;
        }
        if let Err(error) = importer.take(std::slice::from_ref(file), stop) {
            note(&format!("{} is left out: {error:#}", file.display()));
        }
    }
}

/// All checkpoints that the arguments name, each file once: timm's best one is a second name of another.
fn listed(importer: &dyn Importer, given: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut found: Vec<PathBuf> = Vec::new();
    for path in given {
        let inside = importer.checkpoints_in(path).context("cannot import")?;
        if inside.is_empty() {
            bail!("cannot import: the folder holds no checkpoints ({}): {}", importer.kinds(), path.display());
        }
        found.extend(inside);
    }
    Ok(each_once(found))
}

/// The same where training may be about to write the first one; a new reason why a path cannot be listed is reported.
fn listed_while_following(importer: &dyn Importer, given: &[PathBuf], last_reason: &mut String) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for path in given {
        match importer.checkpoints_in(path) {
            Ok(inside) => found.extend(inside),
            Err(error) => {
                let reason = error.to_string();
                if *last_reason != reason {
                    note(&reason);
                    *last_reason = reason;
                }
            }
        }
    }
    each_once(found)
}

fn each_once(files: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut seen = BTreeSet::new();
    files.into_iter().filter(|file| seen.insert(identity(file))).collect()
}

/// What two names of one file have in common.
#[cfg(unix)]
fn identity(path: &Path) -> (PathBuf, u64, u64) {
    use std::os::unix::fs::MetadataExt as _;
    match std::fs::metadata(path) {
        Ok(metadata) => (PathBuf::new(), metadata.dev(), metadata.ino()),
        Err(_) => (path.to_owned(), 0, 0),
    }
}

#[cfg(not(unix))]
fn identity(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
