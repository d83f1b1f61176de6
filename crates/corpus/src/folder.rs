//! Class folders: `train/<class>/*` and `test/<class>/*`, or `<class>/*` alone.

use std::{
    fs,
    io::Cursor,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use ::image::{DynamicImage, ImageReader, imageops::FilterType};
use rayon::prelude::*;

use crate::{
    ClassId, Error, ImageShape, OpenOptions,
    corpus::{Parts, Problem},
    name::natural,
};

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

/// What became of a file.
enum Outcome {
    Colour,
    Grey,
    Broken(String),
    Size([usize; 2]),
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
fn expected_size(
    files: &[File],
    options: &OpenOptions,
    parts: &Parts,
) -> Result<Option<([usize; 2], PathBuf)>, Error> {
    let Some(first) = files.first() else { return Ok(None) };
    if let Some(size) = options.resize {
        return Ok(Some((size, first.path.clone())));
    }
    // An image whose header is good and whose body is broken still says what the others should be.
    for file in files {
        let size = fs::read(&file.path).ok().and_then(|bytes| reader(&bytes)?.into_dimensions().ok());
        if let Some((width, height)) = size {
            return Ok(Some(([height as usize, width as usize], file.path.clone())));
        }
    }
    let reason = match decode(&first.path) {
        Err(reason) => reason,
        Ok(_) => "no image has a readable header".to_owned(),
    };
    Err(Error::AllBroken { count: files.len() + parts.problems.len(), reason, path: first.path.clone() })
}

/// Decodes every file into its slot of `pixels`, each slot with room for colour.
fn decode_all(files: &[File], slot: ImageShape, resize: bool, pixels: &mut [u8]) -> Vec<Outcome> {
    // The first file of another size ends the work; the files before it are still looked at, so that the
    // error is the same on any number of threads.
    let stop = AtomicUsize::new(usize::MAX);
    files
        .par_iter()
        .zip(pixels.par_chunks_exact_mut(slot.len()))
        .enumerate()
        .map(|(index, (file, pixels))| {
            if index > stop.load(Ordering::Relaxed) {
                return Outcome::Broken("not looked at".to_owned());
            }
            let image = match decode(&file.path) {
                Ok(image) => image,
                Err(reason) => return Outcome::Broken(reason),
            };
            let found = [image.height() as usize, image.width() as usize];
            let wanted = [slot.height, slot.width];
            let image = match found == wanted {
                true => image,
                false if resize => image.resize_to_fill(slot.width as u32, slot.height as u32, FilterType::Triangle),
                false => {
                    stop.fetch_min(index, Ordering::Relaxed);
                    return Outcome::Size(found);
                }
            };
            store(&image, pixels)
        })
        .collect()
}

/// Writes an image channel after channel.
fn store(image: &DynamicImage, pixels: &mut [u8]) -> Outcome {
    let plane = pixels.len() / 3;
    if !image.color().has_color() {
        let grey = image.to_luma8();
        for channel in pixels.chunks_exact_mut(plane) {
            channel.copy_from_slice(grey.as_raw());
        }
        return Outcome::Grey;
    }
    let (red, rest) = pixels.split_at_mut(plane);
    let (green, blue) = rest.split_at_mut(plane);
    let mut put = |rgb: &[u8]| {
        for (index, colour) in rgb.chunks_exact(3).enumerate() {
            red[index] = colour[0];
            green[index] = colour[1];
            blue[index] = colour[2];
        }
    };
    match image {
        DynamicImage::ImageRgb8(image) => put(image.as_raw()),
        other => put(other.to_rgb8().as_raw()),
    }
    Outcome::Colour
}

fn decode(path: &Path) -> Result<DynamicImage, String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    if bytes.is_empty() {
        return Err("the file is empty".to_owned());
    }
    let reader = reader(&bytes).ok_or_else(|| format!("not an image; expected {}", READ.join(", ")))?;
    reader.decode().map_err(|error| error.to_string())
}

/// The content decides on the format, not the file's name.
fn reader(bytes: &[u8]) -> Option<ImageReader<Cursor<&[u8]>>> {
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
    reader.format().is_some().then_some(reader)
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
    entries(path, |kind| kind.is_dir())
}

/// The names of the files in a folder, in natural order, without hidden ones.
fn files(path: &Path) -> Result<Vec<String>, Error> {
    entries(path, |kind| kind.is_file())
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
