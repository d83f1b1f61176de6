//! The opened corpus: immutable, all pixels in memory.

#[cfg(test)]
mod tests;

use std::{
    borrow::Cow,
    ops::Range,
    path::{Path, PathBuf},
};

use ndarray::{Array3, Array4, ArrayView3, ArrayView4, Axis};
use rayon::prelude::*;

use crate::{
    ClassId, Error, ImageId, ImageShape, OpenOptions, Page, Query, ShapesNotes, Split, layout, name::Names, search,
};

/// An image that could not be read. It was skipped; the others keep their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

/// Labelled images, opened: train first, then test, all of one shape.
#[derive(Debug)]
pub struct Corpus {
    name: String,
    path: PathBuf,
    identity: String,
    shape: ImageShape,
    train: u32,
    classes: Vec<String>,
    labels: Vec<ClassId>,
    names: Names,
    pixels: Array4<u8>,
    problems: Vec<Problem>,
    notes: Option<ShapesNotes>,
}

/// What a reader hands over: the parts of a corpus, not yet checked.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    pub(crate) shape: Option<ImageShape>,
    /// How many images, from the first, are for training.
    pub(crate) train: usize,
    pub(crate) classes: Vec<String>,
    pub(crate) labels: Vec<ClassId>,
    pub(crate) names: Names,
    pub(crate) pixels: Vec<u8>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) notes: Option<ShapesNotes>,
}

impl Corpus {
    /// Opens the corpus in a folder, whichever of the known layouts it has.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::open_with(path, &OpenOptions::default())
    }

    /// Opens a corpus, with images brought to one size where the options say so.
    pub fn open_with(path: &Path, options: &OpenOptions) -> Result<Self, Error> {
        let (folder, parts) = layout::read(path, options)?;
        Self::from_parts(&folder, parts)
    }

    fn from_parts(path: &Path, parts: Parts) -> Result<Self, Error> {
        let Parts { shape, train, classes, labels, names, pixels, problems, notes } = parts;
        let no_images = || Error::NoImages { path: path.to_owned() };
        let shape = shape.filter(|shape| !shape.is_empty()).ok_or_else(no_images)?;
        if labels.is_empty() {
            return Err(no_images());
        }
        let too_many = |what, found, most| Error::TooMany { what, found, most, path: path.to_owned() };
        if u32::try_from(labels.len()).is_err() {
            return Err(too_many("images", labels.len(), u32::MAX as usize));
        }
        if classes.len() > usize::from(u16::MAX) {
            return Err(too_many("classes", classes.len(), usize::from(u16::MAX)));
        }
        debug_assert_eq!(names.len(), labels.len());
        let dimensions = (labels.len(), shape.channels, shape.height, shape.width);
        let found = pixels.len() as u64;
        let pixels = Array4::from_shape_vec(dimensions, pixels).map_err(|_| Error::Truncated {
            found,
            expected: format!("{} images of {shape}", labels.len()),
            path: path.to_owned(),
        })?;
        let name = path
            .canonicalize()
            .unwrap_or_else(|_| path.to_owned())
            .file_name()
            .map_or_else(|| "corpus".to_owned(), |name| name.to_string_lossy().into_owned());
        let identity = identity(shape, train, &labels, pixels.as_slice().unwrap_or_default());
        let train = train as u32;
        Ok(Self {
            name,
            path: path.to_owned(),
            identity,
            shape,
            train,
            classes,
            labels,
            names,
            pixels,
            problems,
            notes,
        })
    }

    /// The name of the corpus: that of its folder.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The folder it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the corpus is, wherever it lies and however it is stored: a BLAKE3 hash (hexadecimal) over shape,
    /// split sizes, labels and pixels. Names and class names are not part of it.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// The shape of every image.
    pub fn shape(&self) -> ImageShape {
        self.shape
    }

    /// The number of images in both splits.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no image; an opened corpus always has one.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The ids of a split.
    pub fn range(&self, split: Split) -> Range<u32> {
        match split {
            Split::Train => 0..self.train,
            Split::Test => self.train..self.labels.len() as u32,
        }
    }

    /// The names of the classes, by [`ClassId`].
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The class of every image, by id.
    pub fn labels(&self) -> &[ClassId] {
        &self.labels
    }

    /// The class of an image.
    pub fn label(&self, id: ImageId) -> Option<ClassId> {
        self.labels.get(id.index()).copied()
    }

    /// The split of an image.
    pub fn split_of(&self, id: ImageId) -> Option<Split> {
        Split::ALL.into_iter().find(|&split| self.range(split).contains(&id.0))
    }

    /// The name of an image: its file name, or what the layout has in place of one.
    pub fn name_of(&self, id: ImageId) -> Option<Cow<'_, str>> {
        self.names.get(id.index())
    }

    /// The pixels of an image, channels x height x width.
    pub fn pixels(&self, id: ImageId) -> Option<ArrayView3<'_, u8>> {
        (id.index() < self.len()).then(|| self.pixels.index_axis(Axis(0), id.index()))
    }

    /// The pixels of all images, images x channels x height x width, in the order of ids.
    pub fn all_pixels(&self) -> ArrayView4<'_, u8> {
        self.pixels.view()
    }

    /// The mean image of some ids (those that exist), per pixel; zero where there are none.
    ///
    /// Bytes are summed as whole numbers, so the sums are exact and the same on any number of threads.
    pub fn mean(&self, ids: Range<u32>) -> Array3<f32> {
        let end = ids.end.min(self.len() as u32);
        let start = ids.start.min(end);
        let length = self.shape.len();
        let all = self.pixels.as_slice().unwrap_or_default();
        let images = &all[start as usize * length..end as usize * length];
        let sums = images
            .par_chunks(length * 512)
            .map(|chunk| {
                let mut sums = vec![0_u64; length];
                for image in chunk.chunks_exact(length) {
                    for (sum, &value) in sums.iter_mut().zip(image) {
                        *sum += u64::from(value);
                    }
                }
                sums
            })
            .reduce(
                || vec![0_u64; length],
                |mut left, right| {
                    for (sum, value) in left.iter_mut().zip(right) {
                        *sum += value;
                    }
                    left
                },
            );
        let count = f64::from((end - start).max(1));
        let ImageShape { channels, height, width } = self.shape;
        Array3::from_shape_fn((channels, height, width), |(c, y, x)| {
            (sums[(c * height + y) * width + x] as f64 / count) as f32
        })
    }

    /// A page of the images that match a query.
    pub fn search(&self, query: &Query) -> Page {
        search::search(self, query)
    }

    /// The images that could not be read.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// What is known of a generated corpus beyond its labels; `None` for photographs.
    pub fn notes(&self) -> Option<&ShapesNotes> {
        self.notes.as_ref()
    }
}

/// The hash of what a corpus shows a network.
pub(crate) fn identity(shape: ImageShape, train: usize, labels: &[ClassId], pixels: &[u8]) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"deepviz corpus 1");
    for number in [shape.channels, shape.height, shape.width, train, labels.len()] {
        hasher.update(&(number as u64).to_le_bytes());
    }
    let labels: Vec<u8> = labels.iter().flat_map(|label| label.0.to_le_bytes()).collect();
    hasher.update(&labels);
    hasher.update(pixels);
    hasher.finalize().to_hex().to_string()
}
