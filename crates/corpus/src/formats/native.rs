//! The files of a corpus that deepViz made: `corpus.json`, `train.bin` and `test.bin`.
//!
//! The `.bin` files are records of one label byte and the pixels, as CIFAR-10's are. `corpus.json` says what they
//! are, carries the identity as their hash, and is written last: without it, there is no corpus.

use std::{
    fs,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{cifar_binary::Records, text::read_short};
use crate::{
    ClassId, Error, ImageShape, OpenOptions, ShapesNotes, Split,
    account::Usage,
    corpus::identity,
    name::Names,
    reader::{Place, Reader},
    sink::Sink,
    store::{Pixels, Sizes},
};

/// The file that makes a folder a corpus.
pub(crate) const MARK: &str = "corpus.json";
const FORMAT: &str = "deepviz corpus";
const VERSION: u32 = 1;
const TRAIN: &str = "train.bin";
const TEST: &str = "test.bin";
/// Ends the name of a file that is being written.
const TEMPORARY: &str = ".writing";

/// A corpus to be written.
pub(crate) struct Made {
    pub(crate) shape: ImageShape,
    pub(crate) train: usize,
    pub(crate) classes: Vec<String>,
    pub(crate) labels: Vec<ClassId>,
    pub(crate) pixels: Vec<u8>,
    pub(crate) notes: ShapesNotes,
}

/// `corpus.json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    format: String,
    version: u32,
    identity: String,
    shape: ImageShape,
    train: usize,
    test: usize,
    classes: Vec<String>,
    notes: ShapesNotes,
}

/// Only what every version has, to tell a newer file from a damaged one.
#[derive(Deserialize)]
struct Format {
    format: String,
    version: u32,
}

pub(crate) fn write(out: &Path, made: Made) -> Result<(), Error> {
    fs::create_dir_all(out).map_err(Error::io("make the folder", out))?;
    let mark = out.join(MARK);
    if mark.exists() {
        // First, so that an interruption leaves no corpus instead of a mixture of two.
        read_mark(&mark)?;
        fs::remove_file(&mark).map_err(Error::io("replace", &mark))?;
    } else if let Some(found) = stranger(out)? {
        return Err(Error::NotEmpty { found, path: out.to_owned() });
    }
    let (train_labels, test_labels) = made.labels.split_at(made.train);
    let (train_pixels, test_pixels) = made.pixels.split_at(made.train * made.shape.len());
    write_records(out, TRAIN, train_labels, train_pixels.chunks_exact(made.shape.len()))?;
    write_records(out, TEST, test_labels, test_pixels.chunks_exact(made.shape.len()))?;
    let (train, test) = (train_labels.len(), test_labels.len());
    let pixels = Pixels::in_memory(made.pixels, Sizes::One { shape: made.shape, count: made.labels.len() });
    let contents = Mark {
        format: FORMAT.to_owned(),
        version: VERSION,
        identity: identity(&pixels, train, &made.labels),
        shape: made.shape,
        train,
        test,
        classes: made.classes,
        notes: made.notes,
    };
    let mut json = serde_json::to_vec(&contents).map_err(|source| Error::Mark { source, path: mark })?;
    json.push(b'\n');
    replace(out, MARK, |file| file.write_all(&json))
}

/// A file in the folder that a corpus being made would not have left there.
fn stranger(out: &Path) -> Result<Option<String>, Error> {
    for entry in fs::read_dir(out).map_err(Error::io("list", out))? {
        let name = entry.map_err(Error::io("list", out))?.file_name();
        let name = name.to_string_lossy();
        if ![TRAIN, TEST, MARK].contains(&name.strip_suffix(TEMPORARY).unwrap_or(&name)) {
            return Ok(Some(name.into_owned()));
        }
    }
    Ok(None)
}

fn write_records<'a>(
    out: &Path,
    name: &str,
    labels: &[ClassId],
    images: impl Iterator<Item = &'a [u8]>,
) -> Result<(), Error> {
    replace(out, name, |file| {
        for (label, image) in labels.iter().zip(images) {
            file.write_all(&[label.0 as u8])?;
            file.write_all(image)?;
        }
        Ok(())
    })
}

/// Writes a file under a temporary name, syncs it, and gives it its own.
fn replace(
    folder: &Path,
    name: &str,
    fill: impl FnOnce(&mut BufWriter<&fs::File>) -> std::io::Result<()>,
) -> Result<(), Error> {
    let path = folder.join(name);
    let failed = |source| Error::Io { action: "write", source, path: path.clone() };
    let temporary = folder.join(format!("{name}{TEMPORARY}"));
    let file = fs::File::create(&temporary).map_err(failed)?;
    let mut writer = BufWriter::with_capacity(1 << 20, &file);
    fill(&mut writer).and_then(|()| writer.flush()).map_err(failed)?;
    drop(writer);
    file.sync_all().and_then(|()| fs::rename(&temporary, &path)).map_err(failed)
}

/// Recognises a folder that deepViz made.
#[expect(clippy::unnecessary_wraps, reason = "the form that every layout's detection has")]
pub(crate) fn detect<'t>(place: &Place<'t>, _: &OpenOptions) -> Result<Option<Box<dyn Reader + 't>>, Error> {
    if !place.has(MARK) {
        return Ok(None);
    }
    let bytes = place.folder.files.iter().map(|file| file.bytes).sum();
    Ok(Some(Box::new(Native { folder: place.path.clone(), bytes })))
}

struct Native {
    folder: PathBuf,
    bytes: u64,
}

impl Reader for Native {
    fn layout(&self) -> String {
        "made by deepViz".to_owned()
    }

    fn usage(&self) -> Usage {
        Usage::of([MARK, TRAIN, TEST].map(|name| self.folder.join(name)))
    }

    fn raw_bytes(&self) -> Option<u64> {
        Some(self.bytes)
    }

    fn read(&self, sink: &mut Sink<'_>) -> Result<(), Error> {
        let path = self.folder.join(MARK);
        let mark = read_mark(&path)?;
        let damaged = |found: String, expected: String| Error::Damaged { found, expected, path: path.clone() };
        let images = mark.train.saturating_add(mark.test);
        if mark.notes.image_subclasses.len() != images {
            let found = format!("{} sub-classes", mark.notes.image_subclasses.len());
            return Err(damaged(found, format!("one for each of {images} images")));
        }
        let names = names(&mark.notes).ok_or_else(|| {
            damaged("a sub-class without a name".to_owned(), format!("0 to {}", mark.notes.subclasses.len()))
        })?;
        let classes = mark.classes.len();
        sink.set_classes(mark.classes);
        sink.set_total(images);
        sink.expect_identity(mark.identity, &path);
        let splits = [(TRAIN, mark.train, Split::Train, 0), (TEST, mark.test, Split::Test, mark.train)];
        for (file, images, split, first) in splits {
            let path = self.folder.join(file);
            let records = Records { path, shape: mark.shape, images: Some(images), classes, labels: (1, 0) };
            records.read(&mut |record| {
                let name = names.get(first + record.index).unwrap_or_default().into_owned();
                sink.push(record.into_item(split, name))
            })?;
        }
        sink.notes = Some(mark.notes);
        Ok(())
    }
}

fn read_mark(path: &Path) -> Result<Mark, Error> {
    let json = read_short(path).map_err(Error::io("read", path))?;
    let unreadable = |source| Error::Mark { source, path: path.to_owned() };
    let Format { format, version } = serde_json::from_slice(&json).map_err(unreadable)?;
    if format != FORMAT || version != VERSION {
        let found = format!("format {format:?}, version {version}");
        let expected = format!("{FORMAT:?}, version {VERSION}");
        return Err(Error::Damaged { found, expected, path: path.to_owned() });
    }
    serde_json::from_slice(&json).map_err(unreadable)
}

/// `triangle_up_0123`: the sub-class, and which of its images this is.
fn names(notes: &ShapesNotes) -> Option<Names> {
    let mut counts = vec![0_u32; notes.subclasses.len()];
    let name = |&subclass: &u16| {
        let count = counts.get_mut(usize::from(subclass))?;
        let name = format!("{}_{count:04}", notes.subclasses[usize::from(subclass)]);
        *count += 1;
        Some(name)
    };
    notes.image_subclasses.iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Corpus, ImageId, ShapesOptions, make_shapes};

    fn make(folder: &Path, seed: u64) -> Result<(), Error> {
        make_shapes(folder, &ShapesOptions { images: 60, seed, ..ShapesOptions::default() })
    }

    #[test]
    fn a_corpus_is_replaced_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path(), 1).unwrap();
        make(folder.path(), 2).unwrap();
        assert_eq!(Corpus::open(folder.path()).unwrap().notes().unwrap().seed, 2);
        // As an interrupted replacement leaves it.
        fs::remove_file(folder.path().join(MARK)).unwrap();
        fs::write(folder.path().join("test.bin.writing"), b"half").unwrap();
        make(folder.path(), 3).unwrap();
        assert_eq!(Corpus::open(folder.path()).unwrap().notes().unwrap().seed, 3);

        let other = tempfile::tempdir().unwrap();
        fs::write(other.path().join("thesis.tex"), b"mine").unwrap();
        let error = make(other.path(), 1).unwrap_err();
        assert!(matches!(&error, Error::NotEmpty { found, .. } if found == "thesis.tex"), "{error}");
        fs::write(other.path().join(MARK), b"{\"name\": \"somebody else's\"}").unwrap();
        assert!(matches!(make(other.path(), 1).unwrap_err(), Error::Mark { .. }));
    }

    #[test]
    fn any_damage_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path(), 1).unwrap();
        let open = || Corpus::open(folder.path()).unwrap_err();
        let path = folder.path().join(TRAIN);
        let good = fs::read(&path).unwrap();
        let mut changed = good.clone();
        changed[5_000] ^= 4;
        fs::write(&path, &changed).unwrap();
        assert!(matches!(open(), Error::Damaged { .. }));
        fs::write(&path, &good[..good.len() - 3_073]).unwrap();
        assert!(matches!(open(), Error::Truncated { .. }));
        fs::write(&path, &good).unwrap();
        let mark = folder.path().join(MARK);
        let text = fs::read_to_string(&mark).unwrap();
        fs::write(&mark, text.replace("\"version\":1", "\"version\":2")).unwrap();
        assert!(open().to_string().contains("version 2"), "{}", open());
        fs::write(&mark, &text[..text.len() / 2]).unwrap();
        assert!(matches!(open(), Error::Mark { .. }));
        fs::write(&mark, text).unwrap();
        assert_eq!(Corpus::open(folder.path()).unwrap().name_of(ImageId(60)), None);
    }
}
