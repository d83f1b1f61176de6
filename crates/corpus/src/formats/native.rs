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
    identity::identity,
    name::Names,
    reader::Reader,
    sink::Sink,
    store::{Pixels, Sizes},
    tree::Location,
};

/// The file that makes a folder a corpus.
pub(crate) const MANIFEST: &str = "corpus.json";
const FORMAT: &str = "deepviz corpus";
const VERSION: u32 = 1;
/// The version of corpora that another program wrote beside a run: [`super::recorded`].
pub(super) const RECORDED_VERSION: u32 = 2;
const TRAIN: &str = "train.bin";
const TEST: &str = "test.bin";
/// Ends the name of a file that is being written.
const TEMPORARY: &str = ".writing";

/// A corpus to be written.
pub(crate) struct ShapesCorpus {
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
struct Manifest {
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

pub(crate) fn write(out: &Path, corpus: ShapesCorpus) -> Result<(), Error> {
    fs::create_dir_all(out).map_err(Error::io("make the folder", out))?;
    let manifest = out.join(MANIFEST);
    if manifest.exists() {
        // First, so that an interruption leaves no corpus instead of a mixture of two.
        read_manifest(&manifest)?;
        fs::remove_file(&manifest).map_err(Error::io("replace", &manifest))?;
    } else if let Some(found) = unexpected_file(out)? {
        return Err(Error::NotEmpty { found, path: out.to_owned() });
    }
    let (train_labels, test_labels) = corpus.labels.split_at(corpus.train);
    let (train_pixels, test_pixels) = corpus.pixels.split_at(corpus.train * corpus.shape.len());
    write_records(out, TRAIN, train_labels, train_pixels.chunks_exact(corpus.shape.len()))?;
    write_records(out, TEST, test_labels, test_pixels.chunks_exact(corpus.shape.len()))?;
    let (train, test) = (train_labels.len(), test_labels.len());
    let pixels = Pixels::in_memory(corpus.pixels, Sizes::One { shape: corpus.shape, count: corpus.labels.len() });
    let contents = Manifest {
        format: FORMAT.to_owned(),
        version: VERSION,
        identity: identity(&pixels, train, &corpus.labels),
        shape: corpus.shape,
        train,
        test,
        classes: corpus.classes,
        notes: corpus.notes,
    };
    let mut json = serde_json::to_vec(&contents).map_err(|source| Error::Manifest { source, path: manifest })?;
    json.push(b'\n');
    replace(out, MANIFEST, |file| file.write_all(&json))
}

/// A file in the folder that a corpus being made would not have left there.
fn unexpected_file(out: &Path) -> Result<Option<String>, Error> {
    for entry in fs::read_dir(out).map_err(Error::io("list", out))? {
        let name = entry.map_err(Error::io("list", out))?.file_name();
        let name = name.to_string_lossy();
        if ![TRAIN, TEST, MANIFEST].contains(&name.strip_suffix(TEMPORARY).unwrap_or(&name)) {
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

/// The version that a folder's `corpus.json` says; none where it says none.
pub(super) fn version_of(location: &Location<'_>) -> Option<u32> {
    let json = read_short(&location.path.join(MANIFEST)).ok()?;
    let found: Format = serde_json::from_slice(&json).ok()?;
    (found.format == FORMAT).then_some(found.version)
}

/// Recognises a folder that deepViz made.
#[expect(clippy::unnecessary_wraps, reason = "the form that every layout's detection has")]
pub(crate) fn detect<'t>(location: &Location<'t>, _: &OpenOptions) -> Result<Option<Box<dyn Reader + 't>>, Error> {
    if !location.has(MANIFEST) || version_of(location) == Some(RECORDED_VERSION) {
        return Ok(None);
    }
    let bytes = location.folder.files.iter().map(|file| file.bytes).sum();
    Ok(Some(Box::new(Native { folder: location.path.clone(), bytes })))
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
        Usage::of([MANIFEST, TRAIN, TEST].map(|name| self.folder.join(name)))
    }

    fn raw_bytes(&self) -> Option<u64> {
        Some(self.bytes)
    }

    fn read(&self, sink: &mut Sink<'_>) -> Result<(), Error> {
        let path = self.folder.join(MANIFEST);
        let manifest = read_manifest(&path)?;
        let damaged = |found: String, expected: String| Error::Damaged { found, expected, path: path.clone() };
        let images = manifest.train.saturating_add(manifest.test);
        if manifest.notes.image_subclasses.len() != images {
            let found = format!("{} sub-classes", manifest.notes.image_subclasses.len());
            return Err(damaged(found, format!("one for each of {images} images")));
        }
        let names = names(&manifest.notes).ok_or_else(|| {
            damaged("a sub-class without a name".to_owned(), format!("0 to {}", manifest.notes.subclasses.len()))
        })?;
        let classes = manifest.classes.len();
        sink.set_classes(manifest.classes);
        sink.set_total(images);
        sink.expect_identity(manifest.identity, &path);
        let splits = [(TRAIN, manifest.train, Split::Train, 0), (TEST, manifest.test, Split::Test, manifest.train)];
        for (file, images, split, first) in splits {
            let path = self.folder.join(file);
            let records = Records { path, shape: manifest.shape, images: Some(images), classes, labels: (1, 0) };
            records.read(&mut |record| {
                let name = names.get(first + record.index).unwrap_or_default().into_owned();
                sink.push(record.into_item(split, name))
            })?;
        }
        sink.notes = Some(manifest.notes);
        Ok(())
    }
}

fn read_manifest(path: &Path) -> Result<Manifest, Error> {
    let json = read_short(path).map_err(Error::io("read", path))?;
    let unreadable = |source| Error::Manifest { source, path: path.to_owned() };
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
        fs::remove_file(folder.path().join(MANIFEST)).unwrap();
        fs::write(folder.path().join("test.bin.writing"), b"half").unwrap();
        make(folder.path(), 3).unwrap();
        assert_eq!(Corpus::open(folder.path()).unwrap().notes().unwrap().seed, 3);

        let other = tempfile::tempdir().unwrap();
        fs::write(other.path().join("thesis.tex"), b"mine").unwrap();
        let error = make(other.path(), 1).unwrap_err();
        assert!(matches!(&error, Error::NotEmpty { found, .. } if found == "thesis.tex"), "{error}");
        fs::write(other.path().join(MANIFEST), b"{\"name\": \"another tool's\"}").unwrap();
        assert!(matches!(make(other.path(), 1).unwrap_err(), Error::Manifest { .. }));
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
        let manifest = folder.path().join(MANIFEST);
        let text = fs::read_to_string(&manifest).unwrap();
        fs::write(&manifest, text.replace("\"version\":1", "\"version\":3")).unwrap();
        assert!(open().to_string().contains("version 3"), "{}", open());
        fs::write(&manifest, &text[..text.len() / 2]).unwrap();
        assert!(matches!(open(), Error::Manifest { .. }));
        fs::write(&manifest, text).unwrap();
        assert_eq!(Corpus::open(folder.path()).unwrap().name_of(ImageId(60)), None);
    }
}
