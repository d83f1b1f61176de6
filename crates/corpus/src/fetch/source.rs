//! Sources of a file: its addresses in order, another address, a copy on disk, or an earlier fetch.

use std::path::{Path, PathBuf};

use super::{FetchEvent, digest::verify, download::PartialFile, place::Staging};
use crate::{Description, Error, SourceFile, Unpack};

/// The source of a fetch's files.
pub(crate) enum Source<'a> {
    /// The addresses in the description.
    Official,
    /// Another address: of the one file, or of the folder of all files.
    Address { address: &'a str, is_folder: bool },
    /// A file that lies here.
    File(PathBuf),
    /// A folder with copies of all files.
    Folder(PathBuf),
}

/// A checked file.
pub(crate) struct Obtained {
    pub(crate) path: PathBuf,
    /// True when it may be hard-linked in place of a copy; a user's own file may not.
    pub(crate) may_link: bool,
}

impl<'a> Source<'a> {
    pub(crate) fn new(description: &Description, from: Option<&'a str>) -> Result<Self, Error> {
        let Some(from) = from else { return Ok(Self::Official) };
        let is_single = description.files.len() == 1;
        if from.starts_with("http://") || from.starts_with("https://") {
            return Ok(Self::Address { address: from, is_folder: !is_single || from.ends_with('/') });
        }
        let path = Path::new(from.strip_prefix("file://").unwrap_or(from));
        if path.is_dir() {
            return Ok(Self::Folder(path.to_owned()));
        }
        if is_single || !path.exists() {
            return Ok(Self::File(path.to_owned()));
        }
        let names: Vec<&str> = description.files.iter().map(|file| file.name.as_str()).collect();
        let expected = format!("the folder that holds {}", names.join(", "));
        Err(Error::CopyOfMany { expected, path: path.to_owned() })
    }

    /// Gets one file and checks it.
    pub(crate) fn obtain(
        &self,
        file: &SourceFile,
        staging: &Staging,
        folder: &Path,
        observer: &mut dyn FnMut(FetchEvent<'_>),
    ) -> Result<Obtained, Error> {
        // What was fetched by an earlier fetch of fewer files can be used again.
        let existing = folder.join(&file.name);
        if file.unpack() == Unpack::None && existing.is_file() && verify(file, &existing, &mut |_| {}).is_ok() {
            return Ok(Obtained { path: existing, may_link: true });
        }
        let local = match self {
            Self::File(path) => path.clone(),
            Self::Folder(folder) => folder.join(&file.name),
            Self::Official => return download(file, &file.addresses, staging, observer),
            Self::Address { address, is_folder: false } => {
                return download(file, &[(*address).to_owned()], staging, observer);
            }
            Self::Address { address, is_folder: true } => {
                let address = format!("{}/{}", address.trim_end_matches('/'), file.name);
                return download(file, &[address], staging, observer);
            }
        };
        verify(file, &local, observer)?;
        Ok(Obtained { path: local, may_link: false })
    }
}

/// Gets a file from the first address that has it.
fn download(
    file: &SourceFile,
    addresses: &[String],
    staging: &Staging,
    observer: &mut dyn FnMut(FetchEvent<'_>),
) -> Result<Obtained, Error> {
    let part = PartialFile::open(staging.part(&file.name))?;
    let mut failures: Vec<(&String, Error)> = Vec::new();
    for (index, address) in addresses.iter().enumerate() {
        match from_address(&part, file, address, observer) {
            Ok(()) => return Ok(Obtained { path: part.path().to_owned(), may_link: true }),
            Err(error) if error.is_of_source() => {
                if index + 1 < addresses.len() {
                    observer(FetchEvent::AddressFailed { file: &file.name, address, error: &error });
                }
                failures.push((address, error));
            }
            Err(error) => return Err(error),
        }
    }
    match failures.pop() {
        Some((_, error)) if failures.is_empty() => Err(error),
        last => {
            let messages: Vec<String> = failures.iter().chain(&last).map(|(_, error)| error.to_string()).collect();
            Err(Error::AllAddresses { file: file.name.clone(), failures: messages.join("; ") })
        }
    }
}

/// Gets and checks a file. What was taken up from before and turns out wrong is fetched once more from its beginning.
fn from_address(
    part: &PartialFile,
    file: &SourceFile,
    address: &str,
    observer: &mut dyn FnMut(FetchEvent<'_>),
) -> Result<(), Error> {
    let before = part.bytes()?;
    if before > 0 && file.bytes.is_none_or(|bytes| bytes == before) && verify(file, part.path(), observer).is_ok() {
        return Ok(());
    }
    part.complete(file, address, observer)?;
    let Err(error) = verify(file, part.path(), observer) else { return Ok(()) };
    // Nothing in it can be trusted.
    part.clear()?;
    if before == 0 || !error.is_of_source() {
        return Err(error);
    }
    part.complete(file, address, observer)?;
    let checked = verify(file, part.path(), observer);
    if checked.is_err() {
        part.clear()?;
    }
    checked
}
