//! Class folders: `train/<class>/*` and `test/<class>/*`, or `<class>/*` alone.

mod decode;
#[cfg(test)]
mod tests;

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    ClassId, Error, ImageShape, OpenOptions,
    corpus::{Parts, Problem},
    name::natural,
};
use decode::{Outcome, decode, decode_all};

/// What is read.
const READ: [&str; 4] = ["png", "jpg", "jpeg", "webp"];
/// What is an image, but is not read: reported instead of passed over in silence.
const NOT_READ: [&str; 6] = ["bmp", "gif", "tif", "tiff", "avif", "heic"];
/// Without a test folder, every so many images of a class are for testing.
const TEST_EVERY: usize = 10;

/// Where the classes lie.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Folders {
    /// Folders of classes for training and testing (which may lack).
    Split { train: Option<PathBuf>, test: Option<PathBuf> },
    /// One level of classes.
    Classes,
}

/// One file of a class.
#[derive(Debug, Clone, PartialEq, Eq)]
struct File {
    path: PathBuf,
    name: String,
    class: ClassId,
}

/// Whether a folder holds class folders, and which.
pub(crate) fn find(path: &Path) -> Result<Option<Folders>, Error> {
    let folder = |name: &str| Some(path.join(name)).filter(|path| path.is_dir());
    let train = folder("train");
    let test = ["test", "val", "valid"].into_iter().find_map(folder);
    let holds_classes = |path: &Option<PathBuf>| path.as_deref().map_or(Ok(false), holds_folders);
    if holds_classes(&train)? || holds_classes(&test)? {
        return Ok(Some(Folders::Split { train, test }));
    }
    for class in folders(path)? {
        if files(&path.join(class))?.iter().any(|name| is_one_of(name, &READ)) {
            return Ok(Some(Folders::Classes));
        }
    }
    Ok(None)
}

/// Reads all images of the class folders, decoded on all cores.
pub(crate) fn read(path: &Path, layout: &Folders, options: &OpenOptions) -> Result<Parts, Error> {
    let mut parts = Parts::default();
    let (mut files, test) = list(path, layout, &mut parts)?;
    let listed_train = files.len();
    files.extend(test);
    let Some((size, first)) = expected_size(&files, options, &parts)? else {
        return Err(Error::NoImages { path: path.to_owned() });
    };
    let colour = ImageShape { channels: 3, height: size[0], width: size[1] };
    let mut pixels = vec![0; colour.len() * files.len()];
    let outcomes = decode_all(&files, colour, options.resize.is_some(), &mut pixels);

    let grey = !outcomes.iter().any(|outcome| matches!(outcome, Outcome::Colour));
    let shape = ImageShape { channels: if grey { 1 } else { 3 }, ..colour };
    let mut kept = 0;
    for (index, (file, outcome)) in files.iter().zip(outcomes).enumerate() {
        match outcome {
            Outcome::Colour | Outcome::Grey => {
                let start = index * colour.len();
                pixels.copy_within(start..start + shape.len(), kept * shape.len());
                kept += 1;
                parts.labels.push(file.class);
                parts.names.push(&file.name);
                parts.train += usize::from(index < listed_train);
            }
            Outcome::Broken(reason) => parts.problems.push(Problem { path: file.path.clone(), reason }),
            Outcome::Size(found) => {
                let (expected, path) = (size, file.path.clone());
                return Err(Error::Size { found, expected, first, path });
            }
        }
    }
    pixels.truncate(kept * shape.len());
    pixels.shrink_to_fit();
    if kept == 0 {
        return Err(all_broken(&parts.problems, path));
    }
    parts.shape = Some(shape);
    parts.pixels = pixels;
    Ok(parts)
}

fn all_broken(problems: &[Problem], path: &Path) -> Error {
    match problems {
        [first, ..] => {
            Error::AllBroken { count: problems.len(), reason: first.reason.clone(), path: first.path.clone() }
        }
        [] => Error::NoImages { path: path.to_owned() },
    }
}

/// The files for training and for testing, each by class and natural name; the classes go into the parts.
fn list(path: &Path, layout: &Folders, parts: &mut Parts) -> Result<(Vec<File>, Vec<File>), Error> {
    let roots = match layout {
        Folders::Split { train, test } => [train.as_deref(), test.as_deref()],
        Folders::Classes => [Some(path), None],
    };
    let mut classes = Vec::new();
    for root in roots.into_iter().flatten() {
        classes.extend(folders(root)?);
    }
    classes.sort_by(|a, b| natural(a, b));
    classes.dedup();
    let [train, test] = roots.map(|root| {
        let mut all = Vec::new();
        for (index, class) in classes.iter().enumerate() {
            let Some(folder) = root.map(|root| root.join(class)).filter(|folder| folder.is_dir()) else { continue };
            let class = ClassId(index.min(usize::from(u16::MAX)) as u16);
            all.push(list_class(&folder, class, parts)?);
        }
        Ok::<_, Error>(all)
    });
    let (train, test) = (train?, test?);
    parts.classes = classes;
    if roots.iter().all(Option::is_some) || roots[0].is_none() {
        return Ok((train.concat(), test.concat()));
    }
    let mut split = (Vec::new(), Vec::new());
    for (index, file) in train.into_iter().flat_map(|class| class.into_iter().enumerate()) {
        let side = if index % TEST_EVERY == TEST_EVERY - 1 { &mut split.1 } else { &mut split.0 };
        side.push(file);
    }
    Ok(split)
}

fn list_class(folder: &Path, class: ClassId, parts: &mut Parts) -> Result<Vec<File>, Error> {
    let mut images = Vec::new();
    for name in files(folder)? {
        let path = folder.join(&name);
        if is_one_of(&name, &READ) {
            images.push(File { path, name, class });
        } else if is_one_of(&name, &NOT_READ) {
            let reason = format!("not a format that is read; expected {}", READ.join(", "));
            parts.problems.push(Problem { path, reason });
        }
    }
    for inner in folders(folder)? {
        let reason = "a folder inside a class folder is not read".to_owned();
        parts.problems.push(Problem { path: folder.join(inner), reason });
    }
    Ok(images)
}

/// The height and width all images must have, and the image that says so.
fn expected_size(files: &[File], options: &OpenOptions, parts: &Parts) -> Result<Option<([usize; 2], PathBuf)>, Error> {
    let Some(first) = files.first() else { return Ok(None) };
    if let Some(size) = options.resize {
        return Ok(Some((size, first.path.clone())));
    }
    // An image whose header is good and whose body is broken still says what the others should be.
    for file in files {
        let size = decode::size(&file.path);
        if let Some(size) = size {
            return Ok(Some((size, file.path.clone())));
        }
    }
    let reason = match decode(&first.path) {
        Err(reason) => reason,
        Ok(_) => "no image has a readable header".to_owned(),
    };
    Err(Error::AllBroken { count: files.len() + parts.problems.len(), reason, path: first.path.clone() })
}

fn is_one_of(name: &str, extensions: &[&str]) -> bool {
    let extension = Path::new(name).extension().unwrap_or_default().to_string_lossy();
    extensions.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

fn holds_folders(path: &Path) -> Result<bool, Error> {
    Ok(!folders(path)?.is_empty())
}

/// The names of the folders in a folder, in natural order, without hidden ones.
fn folders(path: &Path) -> Result<Vec<String>, Error> {
    entries(path, fs::FileType::is_dir)
}

/// The names of the files in a folder, in natural order, without hidden ones.
fn files(path: &Path) -> Result<Vec<String>, Error> {
    entries(path, fs::FileType::is_file)
}

fn entries(path: &Path, wanted: impl Fn(&fs::FileType) -> bool) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path).map_err(Error::io("list", path))? {
        let entry = entry.map_err(Error::io("list", path))?;
        let mut kind = entry.file_type().map_err(Error::io("look at", entry.path()))?;
        if kind.is_symlink() {
            // A broken link is listed as a file, and reported when it cannot be read.
            kind = fs::metadata(entry.path()).map_or(kind, |target| target.file_type());
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && wanted(&kind) {
            names.push(name);
        }
    }
    names.sort_by(|a, b| natural(a, b));
    Ok(names)
}
