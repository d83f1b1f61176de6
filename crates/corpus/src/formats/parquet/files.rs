//! The Parquet files of a folder, and the split ([`Part`]) that each belongs to.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use super::super::{
    class_folders::are_class_folders,
    splits::{Part, part_named, part_of_file},
};
use crate::{
    Error, OpenOptions,
    name::natural,
    tree::{Folder, Location},
};

/// Levels of folders below the corpus in which Parquet files are looked for: `default/train/0000.parquet`.
const DEPTH: usize = 3;

/// A Parquet file and the split that it belongs to.
pub(super) struct TableFile {
    pub(super) path: PathBuf,
    /// The path for messages.
    pub(super) relative: String,
    pub(super) part: Part,
    /// The folder of its configuration (Hugging Face's name for a variant of a dataset).
    config: String,
}

/// The Parquet files, in natural order; none where class folders lie beside them.
pub(super) fn find(location: &Location<'_>, options: &OpenOptions) -> Result<Vec<TableFile>, Error> {
    let mut all = Vec::new();
    collect(location.folder, Path::new(""), DEPTH, &mut all);
    // Parquet files beside class folders describe the images in them.
    if all.is_empty() || are_class_folders(location, options) {
        return Ok(Vec::new());
    }
    all.sort_by(|a, b| natural(&a.to_string_lossy(), &b.to_string_lossy()));
    let named: Vec<(PathBuf, Option<Part>, String)> = all.into_iter().map(understand).collect();
    let configs: BTreeSet<&str> = named.iter().map(|(_, _, config)| config.as_str()).collect();
    if configs.len() > 1 {
        let found = format!("parquet files of {}", configs.into_iter().collect::<Vec<_>>().join(", "));
        let expected = "those of one configuration; open its folder".to_owned();
        return Err(Error::Several { found, expected, path: location.path.clone() });
    }
    let mut parts: BTreeMap<bool, Vec<&Path>> = BTreeMap::new();
    for (path, part, _) in &named {
        parts.entry(part.is_some()).or_default().push(path);
    }
    // Files without the name of a part are the whole corpus, unless others have one.
    if let (Some(unnamed), true) = (parts.get(&false), parts.contains_key(&true)) {
        let found = format!("{} beside files named by their splits", unnamed[0].display());
        let expected = "names that begin with train, test or validation; move the others elsewhere".to_owned();
        return Err(Error::Several { found, expected, path: location.path.clone() });
    }
    let file = |(path, part, config): (PathBuf, Option<Part>, String)| {
        let full = if location.tree.is_file { location.path.clone() } else { location.path.join(&path) };
        let relative = path.to_string_lossy().into_owned();
        TableFile { path: full, relative, part: part.unwrap_or(Part::Train), config }
    };
    let mut files: Vec<TableFile> = named.into_iter().map(file).collect();
    files.sort_by_key(|file| (file.config.clone(), file.part));
    Ok(files)
}

fn collect(folder: &Folder, path: &Path, depth: usize, all: &mut Vec<PathBuf>) {
    for file in folder.readable() {
        if Path::new(&file.name).extension().is_some_and(|end| end.eq_ignore_ascii_case("parquet")) {
            all.push(path.join(&file.name));
        }
    }
    if depth > 0 {
        for inner in &folder.folders {
            collect(inner, &path.join(&inner.name), depth - 1, all);
        }
    }
}

/// The part of a file, by its own name or that of its folder, and the folder around it that names a configuration.
fn understand(path: PathBuf) -> (PathBuf, Option<Part>, String) {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let parent = path.parent().unwrap_or(Path::new(""));
    let folder = parent.file_name().unwrap_or_default().to_string_lossy();
    let by_folder = part_named(&folder);
    let config = if by_folder.is_some() { parent.parent().unwrap_or(Path::new("")) } else { parent };
    let config = config.to_string_lossy().into_owned();
    let part = by_folder.or_else(|| part_of_file(&name));
    (path, part, config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_from_names() {
        let of = |path: &str| {
            let (_, part, config) = understand(PathBuf::from(path));
            (part, config)
        };
        assert_eq!(of("data/train-00000-of-00001.parquet"), (Some(Part::Train), "data".to_owned()));
        assert_eq!(of("default/validation/0000.parquet"), (Some(Part::Validation), "default".to_owned()));
        assert_eq!(of("test.parquet"), (Some(Part::Test), String::new()));
        assert_eq!(of("0000.parquet").0, None);
    }
}
