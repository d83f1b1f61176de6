//! The account of a tree with class folders: every file that is no image of a class, and why.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use unicode_normalization::UnicodeNormalization;

use super::{
    dir::{Dir, sorted},
    names::{is_system, may_be_image, shown},
    plan::{Mark, Plan},
};
use crate::{Account, account::Reason, tree::Tree};

/// Goes through the whole tree, what lies around the corpus among it.
pub(super) fn account(tree: &Tree, plan: &Plan<'_>) -> Account {
    let mut walk = Walk { root: &tree.root, marks: &plan.marks, account: Account::default() };
    walk.folder(&Dir { folder: &tree.top, path: tree.root.clone() }, &Within::Unknown);
    let mut account = walk.account;
    for remark in plan.remarks.iter().cloned().chain(case_remarks(plan)) {
        account.remark(remark);
    }
    account
}

/// Where a folder lies.
#[derive(Debug, Clone)]
enum Within<'m> {
    /// Nothing is known: around the corpus, or beside the folders of its splits.
    Unknown,
    /// Directly in the folder of a split.
    Split,
    /// In a class folder whose images lie elsewhere in it or directly in it.
    Class,
    /// In what is left out as a whole.
    Left(Reason, &'m str),
}

struct Walk<'m> {
    root: &'m Path,
    marks: &'m BTreeMap<PathBuf, Mark>,
    account: Account,
}

impl<'m> Walk<'m> {
    fn folder(&mut self, dir: &Dir<'_>, within: &Within<'m>) {
        for name in &dir.folder.hidden {
            self.leave(Reason::System, &dir.path.join(name), "");
        }
        if let Some(problem) = &dir.folder.problem {
            self.leave(Reason::Unreadable, &dir.path, problem);
        }
        let mark = self.marks.get(&dir.path);
        let here = match mark {
            Some(Mark::Split) => Within::Split,
            Some(Mark::Class) => Within::Class,
            Some(Mark::Left(reason, detail)) => Within::Left(*reason, detail),
            None => within.clone(),
        };
        let is_class = matches!(mark, Some(Mark::Class));
        if mark.is_none() && matches!(within, Within::Split) && dir.folder.problem.is_none() && !dir.holds_images() {
            self.leave(Reason::EmptyFolder, &dir.path, "");
        }
        self.files(dir, &here, is_class);
        for inner in dir.all_folders() {
            if inner.folder.is_own {
                self.leave(Reason::OwnFolder, &inner.path, "");
            } else if is_system(inner.name()) {
                self.leave(Reason::System, &inner.path, "");
            } else {
                // Folders in a class that are not marked themselves are left out.
                self.folder(&inner, &here);
            }
        }
    }

    fn files(&mut self, dir: &Dir<'_>, here: &Within<'m>, is_class: bool) {
        // Of a class only what is no image stands here: the rest is an image, or left out when it is read.
        let files = dir.folder.files.iter().filter(|file| !is_class || is_system(&file.name));
        for file in sorted(files, |file| &file.name) {
            let path = dir.path.join(&file.name);
            if is_system(&file.name) {
                self.leave(Reason::System, &path, "");
            } else if !may_be_image(&file.name) {
                self.leave(Reason::NotAnImage, &path, "");
            } else {
                let (reason, detail) = match here {
                    Within::Unknown | Within::Split => (Reason::Unlabelled, "outside of class folders"),
                    Within::Class => (Reason::OtherFolder, "in a folder inside of a class folder"),
                    Within::Left(reason, detail) => (*reason, *detail),
                };
                self.leave(reason, &path, detail);
            }
        }
    }

    fn leave(&mut self, reason: Reason, path: &Path, detail: &str) {
        self.account.leave_out(reason, path.strip_prefix(self.root).unwrap_or(path), detail);
    }
}

/// Classes whose names differ in capital letters alone are most often one.
fn case_remarks(plan: &Plan<'_>) -> Vec<String> {
    let mut by_lower: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for class in plan.train.iter().chain(plan.test.iter().flatten()) {
        let name = shown(class.name);
        let same = by_lower.entry(name.to_lowercase().nfc().collect()).or_default();
        if !same.contains(&name) {
            same.push(name);
        }
    }
    let several = by_lower.into_values().filter(|names| names.len() > 1);
    several.map(|names| format!("the classes {} differ in capital letters alone", names.join(" and "))).collect()
}
