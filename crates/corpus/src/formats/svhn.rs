//! SVHN's cropped digits: MATLAB files with images `X` and labels `y`, in which 10 means the digit 0.

use std::path::{Path, PathBuf};

use super::{
    mat::MatFile,
    records::{FoundLabel, PICTURE, RecordReader, class_of, columns_to_rows, is_picture},
    splits::Splitting,
};
use crate::{
    Error, ImageShape, OpenOptions, Split,
    account::Usage,
    known::Record,
    reader::Reader,
    sink::{Item, Payload, Sink},
    tree::Location,
};

const EXTRA: &str = "extra_32x32.mat";
const FILES: [(&str, Split); 3] =
    [("train_32x32.mat", Split::Train), (EXTRA, Split::Train), ("test_32x32.mat", Split::Test)];

/// Recognises a folder with `train_32x32.mat` or `test_32x32.mat`.
pub(crate) fn detect<'t>(location: &Location<'t>, _: &OpenOptions) -> Result<Option<Box<dyn Reader + 't>>, Error> {
    let files = FILES.into_iter().filter(|(name, _)| location.has(name));
    let parts: Vec<_> = files.map(|(name, split)| (location.path.join(name), split)).collect();
    if parts.is_empty() {
        return Ok(None);
    }
    let mut classes = Record::of(location)?.classes;
    if classes.is_empty() {
        classes = (0..10).map(|digit| digit.to_string()).collect();
    }
    Ok(Some(Box::new(Svhn { parts, classes, has_extra: location.has(EXTRA) })))
}

struct Svhn {
    parts: Vec<(PathBuf, Split)>,
    classes: Vec<String>,
    has_extra: bool,
}

impl Reader for Svhn {
    fn layout(&self) -> String {
        "SVHN (MATLAB files)".to_owned()
    }

    fn usage(&self) -> Usage {
        Usage::of(self.parts.iter().map(|(path, _)| path.clone()))
    }

    fn read(&self, sink: &mut Sink<'_>) -> Result<(), Error> {
        sink.set_classes(self.classes.clone());
        if self.has_extra {
            sink.account
                .remark(format!("the images of {EXTRA} follow those for training; without the file they do not"));
        }
        let has_test = self.parts.iter().any(|(_, split)| *split == Split::Test);
        let mut splitting = Splitting::new(has_test, &mut sink.account);
        for (path, split) in &self.parts {
            let (labels, mut images, shape) = open(path)?;
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            let file = file.split('_').next().unwrap_or_default();
            for (index, label) in labels.into_iter().enumerate() {
                let label = if label == 10 { 0 } else { label };
                let class = class_of(FoundLabel { label, record: index, path }, self.classes.len())?;
                let Some(bytes) = images.next()? else { break };
                let name = format!("{file}_{index:05}");
                let payload = Payload::Raw { shape, pixels: columns_to_rows(&bytes, shape) };
                let split = splitting.next(*split, class);
                sink.push(Item { split, class, source: name.clone(), name, payload })?;
            }
            images.expect_end()?;
        }
        Ok(())
    }
}

/// Labels and images of a file.
fn open(path: &Path) -> Result<(Vec<i64>, RecordReader, ImageShape), Error> {
    let malformed = |found: String, expected: &str| Error::Malformed {
        what: "the images",
        found,
        expected: expected.to_owned(),
        path: path.to_owned(),
    };
    let file = MatFile::open(path)?;
    let labels = file.numbers("y")?;
    // MATLAB does not write a last dimension of 1.
    let (height, width, channels, images) = match *file.sides("X")? {
        [height, width, channels, images] => (height, width, channels, images),
        [height, width, channels] => (height, width, channels, 1),
        ref other => return Err(malformed(format!("X with the sides {other:?}"), "height, width, channels, images")),
    };
    let shape = ImageShape { channels, height, width };
    if !is_picture(shape) || ![1, 3].contains(&channels) {
        let found = format!("X with images of {width} x {height} x {channels}");
        return Err(malformed(found, &format!("1 or 3 channels, {PICTURE}")));
    }
    if images != labels.len() {
        return Err(malformed(
            format!("{images} images in X for {} labels in y", labels.len()),
            "a label for each image",
        ));
    }
    Ok((labels, RecordReader::new(file.bytes("X")?, path, [images, shape.len()]), shape))
}
