//! Class folders inside of an archive: understood as the unpacked folder would be.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    kind::kind_of,
    listing::{Archive, Member, REFUSED, malformed},
};
use crate::{
    Error, OpenOptions,
    account::{Reason, Usage},
    detect::found::class_folders,
    reader::Reader,
    sink::Sink,
    tree::{FileEntry, FileSource, Folder, Location, Tree},
};

/// Recognises an archive; whether it holds class folders is known when it is read.
pub(super) fn detect<'t>(
    location: &Location<'t>,
    options: &OpenOptions,
) -> Result<Option<Box<dyn Reader + 't>>, Error> {
    if kind_of(&location.path)?.is_none() {
        return Ok(None);
    }
    Ok(Some(Box::new(PackedFolders { path: location.path.clone(), options: options.clone() })))
}

struct PackedFolders {
    path: PathBuf,
    options: OpenOptions,
}

impl Reader for PackedFolders {
    fn layout(&self) -> String {
        "class folders in an archive".to_owned()
    }

    fn usage(&self) -> Usage {
        Usage::of([self.path.clone()])
    }

    fn read(&self, sink: &mut Sink<'_>) -> Result<(), Error> {
        let members = Arc::new(Members::new(Archive::open(&self.path, self.options.limits)?));
        let Archive { members: files, refused, .. } = &members.archive;
        let tree = Tree { root: self.path.clone(), top: tree_of(files), is_file: false, source: Some(members.clone()) };
        let Some(found) = class_folders(&tree, &self.options)? else {
            let names = files.iter().take(3).map(|member| member.name.as_str());
            let found = match files.len() {
                0 => "no files".to_owned(),
                count => format!("{count} files, the first {}", names.collect::<Vec<_>>().join(", ")),
            };
            let expected = "class folders (train/<class>/*, <class>/*) or samples (key.jpg and key.cls); other layouts \
                            are read from the unpacked folder, and `deepviz corpus fetch NAME --from FILE` unpacks \
                            known corpora";
            return Err(malformed(found, expected, &self.path));
        };
        for name in refused {
            sink.account.leave_out(Reason::Unreadable, name.as_ref(), REFUSED);
        }
        sink.read_files_from(members.clone());
        found.read(&tree, sink)
    }
}

/// The files of an archive by their paths.
#[derive(Debug)]
struct Members {
    archive: Archive,
    indices: HashMap<String, usize>,
}

impl Members {
    fn new(archive: Archive) -> Self {
        let names = archive.members.iter().map(|member| member.name.clone());
        let indices = names.zip(0..).collect();
        Self { archive, indices }
    }

    fn member(&self, path: &Path) -> io::Result<&Member> {
        let inside = path.strip_prefix(&self.archive.path).unwrap_or(path);
        let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
        let member = self.indices.get(&parts.join("/")).and_then(|index| self.archive.members.get(*index));
        Ok(member.ok_or(io::ErrorKind::NotFound)?)
    }
}

impl FileSource for Members {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.archive.read(self.member(path)?)
    }

    fn length(&self, path: &Path) -> io::Result<u64> {
        self.member(path).map(|member| member.bytes)
    }
}

/// The files and folders of a folder.
#[derive(Default)]
struct Node<'a> {
    files: Vec<(&'a str, u64)>,
    folders: BTreeMap<&'a str, Node<'a>>,
}

/// The folders that the names of files speak of.
fn tree_of(members: &[Member]) -> Folder {
    let mut top = Node::default();
    for member in members {
        let (folders, name) = member.name.rsplit_once('/').map_or((None, member.name.as_str()), |(a, b)| (Some(a), b));
        let mut at = &mut top;
        // Deeper ones would not be listed either.
        for part in folders.into_iter().flat_map(|folders| folders.split('/')).take(64) {
            at = at.folders.entry(part).or_default();
        }
        at.files.push((name, member.bytes));
    }
    top.into_folder("")
}

impl Node<'_> {
    fn into_folder(self, name: &str) -> Folder {
        let (hidden, files): (Vec<_>, Vec<_>) = self.files.into_iter().partition(|(name, _)| name.starts_with('.'));
        let mut folder = Folder { name: name.into(), ..Folder::default() };
        folder.hidden = hidden.into_iter().map(|(name, _)| name.into()).collect();
        folder.files = files.into_iter().map(|(name, bytes)| FileEntry::listed(name.into(), bytes)).collect();
        for (name, node) in self.folders {
            if name.starts_with('.') {
                folder.hidden.push(name.into());
            } else {
                folder.folders.push(node.into_folder(name));
            }
        }
        folder
    }
}
