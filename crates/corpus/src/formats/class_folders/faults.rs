//! The errors of folders that cannot be understood, or not as they are requested.

use super::dir::Dir;
use crate::{Error, file_name::shown};

pub(super) fn no_such_split(top: &Dir<'_>, name: &str, usable: &[&Dir<'_>]) -> Error {
    let expected = if usable.is_empty() {
        "no choice, since there are no labelled folders besides the training split".to_owned()
    } else {
        usable.iter().map(|dir| shown(dir.name())).collect::<Vec<_>>().join(" or ")
    };
    Error::TestFrom { found: name.to_owned(), expected, path: top.path.clone() }
}

pub(super) fn ambiguous(top: &Dir<'_>, found: String) -> Error {
    Error::Ambiguous { found, path: top.path.clone() }
}

/// The first names, for messages.
pub(super) fn list(dirs: &[Dir<'_>]) -> String {
    let shown: Vec<String> = dirs.iter().take(4).map(Dir::label).collect();
    let more = dirs.len().saturating_sub(shown.len());
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}
