//! Images that another program wrote beside a run, as its network saw them: `corpus.json` of version 2, `train.bin` and
//! `test.bin` with all labels first, two bytes each, and then the pixels. docs/run-format.md describes them.

use std::{
    fs::File,
    io::{BufReader, Read},
    path::PathBuf,
};

use serde::Deserialize;

use super::{
    native::{MANIFEST, RECORDED_VERSION, version_of},
    records::{FoundLabel, PICTURE, RecordReader, class_of, is_picture},
    text::read_short,
};
use crate::{
    Error, ImageShape, OpenOptions, Split,
    account::Usage,
    reader::Reader,
    sink::{Item, Payload, Sink},
    tree::Location,
};

const SPLITS: [(&str, Split, &str); 2] = [("train.bin", Split::Train, "train"), ("test.bin", Split::Test, "test")];

/// `corpus.json`.
#[derive(Deserialize)]
struct Manifest {
    identity: String,
    shape: ImageShape,
    train: usize,
    test: usize,
    classes: Vec<String>,
}

/// Recognises a folder with such a `corpus.json`; one that cannot be read is left to [`super::native`].
#[expect(clippy::unnecessary_wraps, reason = "the form that every layout's detection has")]
pub(crate) fn detect<'t>(location: &Location<'t>, _: &OpenOptions) -> Result<Option<Box<dyn Reader + 't>>, Error> {
    let bytes = location.folder.files.iter().map(|file| file.bytes).sum();
    let is_recorded = location.has(MANIFEST) && version_of(location) == Some(RECORDED_VERSION);
    Ok(is_recorded.then(|| Box::new(Recorded { folder: location.path.clone(), bytes }) as Box<dyn Reader>))
}

struct Recorded {
    folder: PathBuf,
    bytes: u64,
}

impl Reader for Recorded {
    fn layout(&self) -> String {
        "recorded with a run".to_owned()
    }

    fn usage(&self) -> Usage {
        Usage::of([MANIFEST, SPLITS[0].0, SPLITS[1].0].map(|name| self.folder.join(name)))
    }

    fn raw_bytes(&self) -> Option<u64> {
        Some(self.bytes)
    }

    fn read(&self, sink: &mut Sink<'_>) -> Result<(), Error> {
        let path = self.folder.join(MANIFEST);
        let json = read_short(&path).map_err(Error::io("read", &path))?;
        let manifest: Manifest =
            serde_json::from_slice(&json).map_err(|source| Error::Manifest { source, path: path.clone() })?;
        let Manifest { identity, shape, train, test, classes } = manifest;
        if !is_picture(shape) || !matches!(shape.channels, 1 | 3) {
            let ImageShape { channels, height, width } = shape;
            let found = format!("images of {channels} x {height} x {width}");
            return Err(Error::Damaged { found, expected: format!("1 or 3 channels, {PICTURE}"), path });
        }
        let count = classes.len();
        sink.set_classes(classes);
        sink.set_total(train.saturating_add(test));
        sink.expect_identity(identity, &path);
        for ((file, split, word), images) in SPLITS.into_iter().zip([train, test]) {
            let mut file = SplitFile::open(self.folder.join(file), shape, images)?;
            for index in 0..images {
                let class = class_of(FoundLabel { label: file.label(index), record: index, path: &file.path }, count)?;
                let Some(pixels) = file.pixels.next()? else { break };
                let name = format!("{word}_{index:05}");
                let payload = Payload::Raw { shape, pixels };
                sink.push(Item { split, class, source: name.clone(), name, payload })?;
            }
        }
        Ok(())
    }
}

/// The images of a split.
struct SplitFile {
    path: PathBuf,
    /// Two bytes each.
    labels: Vec<u8>,
    pixels: RecordReader,
}

impl SplitFile {
    /// Opens a file that holds exactly `images` images.
    fn open(path: PathBuf, shape: ImageShape, images: usize) -> Result<Self, Error> {
        let file = File::open(&path).map_err(Error::io("read", &path))?;
        let found = file.metadata().map_err(Error::io("read", &path))?.len();
        let expected = (images as u64).saturating_mul(shape.len() as u64 + 2);
        if found != expected {
            let expected = format!("{expected} ({images} labels of 2 and images of {})", shape.len());
            return Err(Error::Truncated { found, expected, path });
        }
        let mut reader = BufReader::with_capacity(1 << 20, file);
        // The file is that long.
        let mut labels = vec![0; 2 * images];
        reader.read_exact(&mut labels).map_err(Error::io("read", &path))?;
        let pixels = RecordReader::new(Box::new(reader), &path, [images, shape.len()]);
        Ok(Self { path, labels, pixels })
    }

    fn label(&self, index: usize) -> i64 {
        i64::from(u16::from_le_bytes([self.labels[2 * index], self.labels[2 * index + 1]]))
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;
    use crate::{Corpus, ImageId, Split};

    /// Two training images and one test image of 1 x 2 x 2 pixels.
    fn write(folder: &Path, identity: &str) {
        let json = format!(
            "{{\"format\": \"deepviz corpus\", \"version\": 2, \"identity\": \"{identity}\", \"shape\": {{\"channels\": 1, \
             \"height\": 2, \"width\": 2}}, \"train\": 2, \"test\": 1, \"classes\": [\"cat\", \"dog\"]}}"
        );
        fs::write(folder.join(MANIFEST), json).unwrap();
        fs::write(folder.join("train.bin"), [0, 0, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8]).unwrap();
        fs::write(folder.join("test.bin"), [1, 0, 9, 10, 11, 12]).unwrap();
    }

    /// By Python's hashlib: sha256(b"deepviz corpus 3" + struct.pack("<5Q", 1, 2, 2, 2, 3) + struct.pack("<3H", 0, 1, 1) +
    /// bytes(range(1, 13))).
    const IDENTITY: &str = "sha256-570bb965e4dd2db6ccea37363e0d13285fa71397172579b3e371a8d7dd521919";

    #[test]
    fn labels_and_pixels_are_those_of_the_files() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), IDENTITY);
        let corpus = Corpus::open(folder.path()).unwrap();
        assert_eq!(corpus.identity(), IDENTITY);
        assert_eq!((corpus.range(Split::Train).len(), corpus.range(Split::Test).len()), (2, 1));
        assert_eq!(corpus.classes(), ["cat", "dog"]);
        assert_eq!(corpus.account().remarks(), [""; 0], "no other layout reads the same file");
        assert_eq!(corpus.pixels(ImageId(2)).unwrap().iter().copied().collect::<Vec<u8>>(), [9, 10, 11, 12]);
        assert_eq!(corpus.labels().iter().map(|class| class.0).collect::<Vec<_>>(), [0, 1, 1]);
        assert_eq!(corpus.name_of(ImageId(1)).unwrap(), "train_00001");
    }

    #[test]
    fn damage_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), IDENTITY);
        let open = || Corpus::open(folder.path()).unwrap_err();
        let (path, manifest) = (folder.path().join("test.bin"), folder.path().join(MANIFEST));
        fs::write(&path, [1, 0, 9, 10, 11, 13]).unwrap();
        assert!(matches!(open(), Error::Damaged { .. }), "{}", open());
        fs::write(&path, [2, 0, 9, 10, 11, 12]).unwrap();
        assert!(matches!(open(), Error::Label { .. }), "{}", open());
        fs::write(&path, [1, 0, 9, 10, 11]).unwrap();
        assert!(matches!(open(), Error::Truncated { .. }), "{}", open());
        let text = fs::read_to_string(&manifest).unwrap();
        for (from, to) in [("\"height\": 2", "\"height\": 0"), ("\"channels\": 1", "\"channels\": 7")] {
            fs::write(&manifest, text.replace(from, to)).unwrap();
            assert!(matches!(open(), Error::Damaged { .. }), "{}", open());
        }
        fs::write(&manifest, text.replace("\"train\": 2", "\"train\": 18446744073709551615")).unwrap();
        assert!(matches!(open(), Error::Truncated { .. }), "{}", open());
        fs::write(&manifest, &text[..text.len() / 2]).unwrap();
        assert!(matches!(open(), Error::Manifest { .. }), "{}", open());
    }
}
