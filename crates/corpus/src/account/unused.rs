//! Files of a listed folder that no image comes from, and why. The files of every layout are counted here.

use std::{
    collections::{BTreeMap, HashSet},
    path::{Path, PathBuf},
};

use super::{Account, Reason};
use crate::{
    decode::Glance,
    file_name::{is_image_name, is_system, may_be_image, sorted},
    known::RECORD,
    tree::{FileEntry, Folder, Tree},
};

/// A layout's statement on one folder of its tree.
#[derive(Debug, Clone)]
pub(crate) enum Mark {
    /// Its folders are classes.
    Split,
    /// The reader takes every file in it, or leaves it out by its content.
    Class,
    /// Images in it and below are left out.
    Left(Reason, String),
}

/// The files of its tree that a layout uses. All others are left out.
#[derive(Debug, Clone)]
pub(crate) struct Usage {
    /// The files that it reads, and those that it leaves out itself while reading.
    pub(crate) files: HashSet<PathBuf>,
    pub(crate) folders: BTreeMap<PathBuf, Mark>,
    /// Remark on a file that lies in no marked folder.
    pub(crate) beside: &'static str,
}

impl Usage {
    /// A layout that reads these files.
    pub(crate) fn of(files: impl IntoIterator<Item = PathBuf>) -> Self {
        let files = files.into_iter().collect();
        Self { files, folders: BTreeMap::new(), beside: "not a file of this layout" }
    }

    pub(crate) fn mark(&mut self, folder: PathBuf, mark: Mark) {
        self.folders.insert(folder, mark);
    }
}

/// Counts everything below the tree's root that the layout does not take; `corpus` is the folder that it was found in,
/// the root or one inside of it.
pub(crate) fn leave_out_unused(tree: &Tree, usage: &Usage, corpus: &Path, account: &mut Account) {
    // A single file is the corpus itself.
    if !tree.is_file {
        UsageWalk { tree, usage, corpus, account }.folder(&tree.top, &tree.root, &Within::Unknown);
    }
}

/// What the layout says of the folder that is walked.
#[derive(Debug, Clone)]
enum Within<'u> {
    /// Nothing is known: around the corpus, or beside the folders of its splits.
    Unknown,
    /// Directly in the folder of a split.
    Split,
    /// In a class folder whose images lie elsewhere in it or directly in it.
    Class,
    /// In what is left out as a whole.
    Left(Reason, &'u str),
}

struct UsageWalk<'u, 'a> {
    tree: &'u Tree,
    usage: &'u Usage,
    corpus: &'u Path,
    account: &'a mut Account,
}

impl<'u> UsageWalk<'u, '_> {
    fn folder(&mut self, folder: &Folder, path: &Path, within: &Within<'u>) {
        for name in &folder.hidden {
            self.leave(Reason::System, &path.join(name), "");
        }
        if let Some(problem) = &folder.problem {
            self.leave(Reason::Unreadable, path, problem);
        }
        let mark = self.usage.folders.get(path);
        let here = match mark {
            Some(Mark::Split) => Within::Split,
            Some(Mark::Class) => Within::Class,
            Some(Mark::Left(reason, detail)) => Within::Left(*reason, detail),
            None => within.clone(),
        };
        if mark.is_none() && matches!(within, Within::Split) && folder.problem.is_none() && !folder.holds_images() {
            self.leave(Reason::EmptyFolder, path, "");
        }
        let is_class = matches!(mark, Some(Mark::Class));
        // The other files of a class folder are images, or left out when they are read.
        let files = folder.files.iter().filter(|file| !is_class || is_system(&file.name));
        for file in sorted(files, |file| &file.name) {
            let path = path.join(&file.name);
            if !self.usage.files.contains(&path) && !self.is_record(&path) {
                self.file(file, &path, &here);
            }
        }
        for inner in sorted(&folder.folders, |folder| &folder.name) {
            let path = path.join(&inner.name);
            if inner.is_own {
                self.leave(Reason::OwnFolder, &path, "");
            } else if is_system(&inner.name) {
                self.leave(Reason::System, &path, "");
            } else {
                self.folder(inner, &path, &here);
            }
        }
    }

    fn file(&mut self, file: &FileEntry, path: &Path, here: &Within<'u>) {
        let (reason, detail) = match here {
            Within::Unknown | Within::Split => (Reason::Unlabelled, self.usage.beside),
            Within::Class => (Reason::OtherFolder, "in a folder inside of a class folder"),
            Within::Left(reason, detail) => (*reason, *detail),
        };
        if is_system(&file.name) {
            self.leave(Reason::System, path, "");
        } else if !file.is_regular {
            self.leave(Reason::Unreadable, path, NOT_REGULAR);
        } else if self.is_image(file, path) {
            self.leave(reason, path, detail);
        } else {
            let is_beside = matches!(here, Within::Unknown | Within::Split);
            self.leave(Reason::NotAnImage, path, if is_beside { detail } else { "" });
        }
    }

    /// The name decides, and where it does not, the first bytes. What cannot be looked at may be one.
    fn is_image(&self, file: &FileEntry, path: &Path) -> bool {
        let holds_other = || self.tree.glance(path).is_ok_and(|glance| glance != Glance::Image);
        is_image_name(&file.name) || may_be_image(&file.name) && !holds_other()
    }

    /// True when a file is deepViz's own description of the corpus, or of one around it.
    fn is_record(&self, path: &Path) -> bool {
        path.file_name().is_some_and(|name| name == RECORD)
            && path.parent().is_some_and(|folder| self.corpus.starts_with(folder))
    }

    fn leave(&mut self, reason: Reason, path: &Path, detail: &str) {
        self.account.leave_out(reason, path.strip_prefix(&self.tree.root).unwrap_or(path), detail);
    }
}

/// Remark on files that cannot be read like files.
pub(crate) const NOT_REGULAR: &str = "a pipe, a socket or a device";
