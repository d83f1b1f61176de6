//! The opened corpus: immutable, its pixels mapped from the cache or in memory.

mod open;
#[cfg(test)]
mod tests;

use std::{
    borrow::Cow,
    ops::Range,
    path::{Path, PathBuf},
};

use ndarray::{Array3, ArrayView3};
use rayon::prelude::*;

use crate::{Account, ClassId, ImageId, ImageShape, Reading, ShapesNotes, Split, contents::Contents, store::Pixels};

/// Labelled images, opened: train first, then test.
#[derive(Debug)]
pub struct Corpus {
    name: String,
    path: PathBuf,
    reading: Reading,
    contents: Contents,
    pixels: Pixels,
}

impl Corpus {
    /// The name of the corpus: that of its folder.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The folder it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The corpus's identity, independent of its path and storage: a BLAKE3 hash (hexadecimal) over shapes,
    /// split sizes, labels and pixels. Names and class names are not part of it.
    pub fn identity(&self) -> &str {
        &self.contents.identity
    }

    /// The interpretation of its folder: options needed to open the same corpus again.
    pub fn reading(&self) -> &Reading {
        &self.reading
    }

    /// The layout it was recognised by: "class folders", "CIFAR-10 binary".
    pub fn layout(&self) -> &str {
        &self.contents.layout
    }

    /// The shape of every image, where all have one.
    pub fn common_shape(&self) -> Option<ImageShape> {
        self.contents.sizes.common()
    }

    /// Channels of every image: 1 for grey, 3 for red, green and blue.
    pub fn channels(&self) -> usize {
        self.contents.sizes.channels()
    }

    /// The shape of an image.
    pub fn shape_of(&self, id: ImageId) -> Option<ImageShape> {
        self.contents.sizes.shape(id.index())
    }

    /// The heights and widths that occur, each with the number of images that have it, the most frequent first.
    pub fn sizes(&self) -> Vec<([u32; 2], usize)> {
        self.contents.sizes.counted()
    }

    /// The number of images in both splits.
    pub fn len(&self) -> usize {
        self.contents.labels.len()
    }

    /// True when there is no image; an opened corpus always has one.
    pub fn is_empty(&self) -> bool {
        self.contents.labels.is_empty()
    }

    /// The ids of a split.
    pub fn range(&self, split: Split) -> Range<u32> {
        match split {
            Split::Train => 0..self.contents.train,
            Split::Test => self.contents.train..self.len() as u32,
        }
    }

    /// The names of the classes, by [`ClassId`].
    pub fn classes(&self) -> &[String] {
        &self.contents.classes
    }

    /// The class of every image, by id.
    pub fn labels(&self) -> &[ClassId] {
        &self.contents.labels
    }

    /// The class of an image.
    pub fn label(&self, id: ImageId) -> Option<ClassId> {
        self.labels().get(id.index()).copied()
    }

    /// The split of an image.
    pub fn split_of(&self, id: ImageId) -> Option<Split> {
        Split::ALL.into_iter().find(|&split| self.range(split).contains(&id.0))
    }

    /// The name of an image: its file name, or what the layout has in place of one.
    pub fn name_of(&self, id: ImageId) -> Option<Cow<'_, str>> {
        self.contents.names.get(id.index())
    }

    /// The pixels of an image, channels x height x width, at its own size.
    pub fn pixels(&self, id: ImageId) -> Option<ArrayView3<'_, u8>> {
        self.pixels.view(id.index())
    }

    /// A hash of the first image of every class (16 hexadecimal digits; empty for a class without images), by
    /// [`ClassId`]: what distinguishes classes whose names were swapped.
    pub fn first_images(&self) -> Vec<String> {
        let mut hashes = vec![String::new(); self.classes().len()];
        let mut left = hashes.len();
        for (id, label) in (0..).map(ImageId).zip(self.labels()) {
            let Some(hash) = hashes.get_mut(label.index()).filter(|hash| hash.is_empty()) else { continue };
            let Some(pixels) = self.pixels(id) else { continue };
            let mut hasher = blake3::Hasher::new();
            hasher.update(format!("{:?}", pixels.dim()).as_bytes());
            hasher.update(pixels.as_standard_layout().as_slice().unwrap_or_default());
            hash.push_str(&hasher.finalize().to_hex()[..16]);
            left -= 1;
            if left == 0 {
                break;
            }
        }
        hashes
    }

    /// True when the pixels are mapped from the cache: resident memory does not grow with the corpus.
    pub fn is_mapped(&self) -> bool {
        self.pixels.is_mapped()
    }

    /// The mean image of some ids (those that exist), per pixel; zero where there are none. `None` where the images
    /// have different sizes: their mean is that of what the input transform makes of them.
    ///
    /// Bytes are summed as whole numbers, so the sums are exact and the same on any number of threads.
    pub fn mean(&self, ids: Range<u32>) -> Option<Array3<f32>> {
        let ImageShape { channels, height, width } = self.common_shape()?;
        let end = ids.end.min(self.len() as u32);
        let start = ids.start.min(end);
        let length = channels * height * width;
        let sums = (start..end)
            .into_par_iter()
            .with_min_len(512)
            .fold(
                || vec![0_u64; length],
                |mut sums, id| {
                    let image = self.pixels.bytes(id as usize).unwrap_or_default();
                    for (sum, &value) in sums.iter_mut().zip(image) {
                        *sum += u64::from(value);
                    }
                    sums
                },
            )
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
        Some(Array3::from_shape_fn((channels, height, width), |(c, y, x)| {
            (sums[(c * height + y) * width + x] as f64 / count) as f32
        }))
    }

    /// Files left out at opening, and remarks on how the folder was understood.
    pub fn account(&self) -> &Account {
        &self.contents.account
    }

    /// Notes on a generated corpus beyond its labels; `None` for photographs.
    pub fn notes(&self) -> Option<&ShapesNotes> {
        self.contents.notes.as_ref()
    }
}
