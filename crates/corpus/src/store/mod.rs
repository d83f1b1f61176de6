//! Decoded images one after the other, each at its own size: in a file that is mapped into memory, or in memory.

mod cache;
#[cfg(test)]
mod tests;
mod writer;

use std::{cmp::Reverse, collections::BTreeMap, fs::File, path::Path};

use memmap2::Mmap;
use ndarray::ArrayView3;

use crate::{Error, ImageShape};
pub(crate) use cache::{Cache, without_path};
pub(crate) use writer::{PixelRecord, PixelWriter, Selection};

/// The pixels of a corpus, by id.
#[derive(Debug)]
pub(crate) struct Pixels {
    bytes: Bytes,
    sizes: Sizes,
}

#[derive(Debug)]
enum Bytes {
    /// A file of the cache: the system loads the pages that are read, and may drop them again.
    Mapped(Mmap),
    Memory(Vec<u8>),
}

/// The heights and widths of a corpus's images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sizes {
    /// All images have one shape.
    One { shape: ImageShape, count: usize },
    /// Each has its own; channels are the same.
    Own { channels: usize, sizes: Vec<[u32; 2]>, starts: Vec<u64> },
}

impl Sizes {
    /// Sizes, height and width, in the order of ids.
    pub(crate) fn new(channels: usize, sizes: Vec<[u32; 2]>) -> Self {
        let first = sizes.first().copied().unwrap_or_default();
        if sizes.iter().all(|size| *size == first) {
            let [height, width] = first.map(|side| side as usize);
            return Self::One { shape: ImageShape { channels, height, width }, count: sizes.len() };
        }
        let mut end = 0;
        let ends = sizes.iter().map(|[height, width]| {
            end += channels as u64 * u64::from(*height) * u64::from(*width);
            end
        });
        let starts = std::iter::once(0).chain(ends).collect();
        Self::Own { channels, sizes, starts }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::One { count, .. } => *count,
            Self::Own { sizes, .. } => sizes.len(),
        }
    }

    pub(crate) fn channels(&self) -> usize {
        match self {
            Self::One { shape, .. } => shape.channels,
            Self::Own { channels, .. } => *channels,
        }
    }

    /// The shape of an image.
    pub(crate) fn shape(&self, index: usize) -> Option<ImageShape> {
        match self {
            Self::One { shape, count } => (index < *count).then_some(*shape),
            Self::Own { channels, sizes, .. } => sizes.get(index).map(|[height, width]| ImageShape {
                channels: *channels,
                height: *height as usize,
                width: *width as usize,
            }),
        }
    }

    /// First byte of an image.
    fn start(&self, index: usize) -> u64 {
        match self {
            Self::One { shape, .. } => shape.len() as u64 * index as u64,
            Self::Own { starts, .. } => starts.get(index).copied().unwrap_or(u64::MAX),
        }
    }

    /// Bytes of all images.
    pub(crate) fn total_bytes(&self) -> u64 {
        self.start(self.len())
    }

    /// The shape that all images have, where they have one.
    pub(crate) fn common(&self) -> Option<ImageShape> {
        match self {
            Self::One { shape, .. } => Some(*shape),
            Self::Own { .. } => None,
        }
    }

    /// Heights and widths with the number of images that have them, the most frequent first.
    pub(crate) fn counted(&self) -> Vec<([u32; 2], usize)> {
        let mut counts: BTreeMap<[u32; 2], usize> = BTreeMap::new();
        for size in self.iter() {
            *counts.entry(size).or_default() += 1;
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(size, count)| (Reverse(*count), *size));
        counts
    }

    /// Height and width of every image, in the order of ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = [u32; 2]> {
        (0..self.len()).filter_map(|index| self.shape(index)).map(|shape| [shape.height as u32, shape.width as u32])
    }
}

impl Pixels {
    /// Pixels in memory.
    pub(crate) fn in_memory(bytes: Vec<u8>, sizes: Sizes) -> Self {
        Self { bytes: Bytes::Memory(bytes), sizes }
    }

    /// Maps a file whose images begin at its first byte.
    ///
    /// # Errors
    /// [`Error::Cache`] where the file has another length than the images need.
    #[expect(unsafe_code, reason = "mapping a file")]
    pub(crate) fn map(path: &Path, sizes: Sizes) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        // SAFETY: files of the cache are written under another name, renamed when they are complete and never changed
        // or shortened afterwards; one that is replaced or removed stays what it was for those who have it mapped.
        let map = unsafe { Mmap::map(&file) }.map_err(Error::io("map", path))?;
        if map.len() as u64 != sizes.total_bytes() {
            let (found, expected) = (map.len() as u64, sizes.total_bytes());
            return Err(Error::Cache {
                found: format!("{found} bytes"),
                expected: format!("{expected}"),
                path: path.to_owned(),
            });
        }
        Ok(Self { bytes: Bytes::Mapped(map), sizes })
    }

    pub(crate) fn sizes(&self) -> &Sizes {
        &self.sizes
    }

    /// True when the pixels lie in a mapped file.
    pub(crate) fn is_mapped(&self) -> bool {
        matches!(self.bytes, Bytes::Mapped(_))
    }

    /// The bytes of all images, in the order of ids.
    pub(crate) fn all(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Mapped(map) => map,
            Bytes::Memory(bytes) => bytes,
        }
    }

    /// The bytes of an image.
    pub(crate) fn bytes(&self, index: usize) -> Option<&[u8]> {
        let shape = self.sizes.shape(index)?;
        let start = usize::try_from(self.sizes.start(index)).ok()?;
        self.all().get(start..start.checked_add(shape.len())?)
    }

    /// An image: channels x height x width.
    pub(crate) fn view(&self, index: usize) -> Option<ArrayView3<'_, u8>> {
        let shape = self.sizes.shape(index)?;
        ArrayView3::from_shape((shape.channels, shape.height, shape.width), self.bytes(index)?).ok()
    }
}
