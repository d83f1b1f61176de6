//! The sink of images from readers: decoding on all cores, writing in order, and the report of what was left out.

mod decoding;
mod finish;
mod item;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rayon::prelude::*;

use decoding::{Decoder, Loaded};
pub(crate) use item::{Item, Payload};

use crate::{
    Account, ClassId, Error, ImageShape, OpenOptions, ShapesNotes, Split,
    decode::{Decoded, Undecodable},
    limits::{Meter, Target, can_allocate, memory_bytes},
    name::Names,
    store::{Cache, PixelRecord, PixelWriter},
    tree::FileSource,
};

/// Images that are decoded at a time; fewer where they are large.
const GROUP_IMAGES: usize = 256;
/// Bytes of files that are read at once, and of images that are handed over in memory.
const GROUP_BYTES: u64 = 64 << 20;
/// Bytes that decoding takes at once, at least; more with many cores, less where memory is short. A picture that takes
/// more is decoded alone.
const WORK_BYTES: u64 = 1 << 30;
const WORK_BYTES_PER_THREAD: u64 = 128 << 20;

/// Progress of reading: images done, and their number where it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenProgress {
    /// Images that have been decoded or left out.
    pub done: usize,
    /// All images, where the layout knows before reading.
    pub total: Option<usize>,
}

/// The images of one split as they were written.
#[derive(Debug)]
struct Half {
    writer: PixelWriter,
    /// The file behind the writer; none in memory.
    file: Option<tempfile::NamedTempFile>,
    records: Vec<PixelRecord>,
    labels: Vec<ClassId>,
    names: Names,
    sources: Names,
}

/// Collects the images of a corpus that is being read.
pub(crate) struct Sink<'a> {
    /// Files left out, and remarks.
    pub(crate) account: Account,
    /// Notes on a generated corpus.
    pub(crate) notes: Option<ShapesNotes>,
    classes: Vec<String>,
    train: Half,
    test: Half,
    pending: Vec<Item>,
    /// Bytes of the pending images that are in memory.
    pending_bytes: u64,
    /// The budget of decoding.
    work_bytes: u64,
    meter: Meter,
    options: &'a OpenOptions,
    cache: Option<&'a Cache>,
    total: Option<usize>,
    done: usize,
    /// Number of images with an EXIF orientation.
    turned: usize,
    expected_identity: Option<(String, PathBuf)>,
    files: Option<Arc<dyn FileSource>>,
    progress: &'a mut dyn FnMut(OpenProgress),
}

impl Half {
    fn new(cache: Option<&Cache>) -> Result<Self, Error> {
        let file = cache.map(Cache::temporary).transpose()?;
        let writer = match &file {
            None => PixelWriter::Memory(Vec::new()),
            Some(file) => PixelWriter::to_file(file.reopen().map_err(Error::cache_write(file.path()))?),
        };
        let (records, labels) = (Vec::new(), Vec::new());
        Ok(Self { writer, file, records, labels, names: Names::default(), sources: Names::default() })
    }

    fn append(&mut self, item: &Item, decoded: &Decoded, meter: &Meter) -> Result<(), Error> {
        self.writer.append(&decoded.pixels).map_err(|source| match &self.file {
            Some(file) => Error::CacheWrite { source, path: file.path().to_owned() },
            None => meter.out_of_memory(meter.kept_bytes()),
        })?;
        let ImageShape { channels, height, width } = decoded.shape;
        self.records.push(PixelRecord { channels: channels as u8, size: [height as u32, width as u32] });
        self.labels.push(item.class);
        self.names.push(&item.name);
        self.sources.push(&item.source);
        Ok(())
    }
}

impl<'a> Sink<'a> {
    /// A sink for the corpus at a path that writes into the cache, or into memory.
    pub(crate) fn new(
        path: &Path,
        options: &'a OpenOptions,
        cache: Option<&'a Cache>,
        progress: &'a mut dyn FnMut(OpenProgress),
    ) -> Result<Self, Error> {
        let target = cache.map_or(Target::Memory, |cache| Target::Disk(cache.folder().to_owned()));
        let threads = rayon::current_num_threads() as u64;
        Ok(Self {
            account: Account::default(),
            notes: None,
            classes: Vec::new(),
            train: Half::new(cache)?,
            test: Half::new(cache)?,
            pending: Vec::new(),
            pending_bytes: 0,
            work_bytes: WORK_BYTES.max(WORK_BYTES_PER_THREAD * threads).min(memory_bytes() / 2),
            meter: Meter::new(options.limits, target, path),
            options,
            cache,
            total: None,
            done: 0,
            turned: 0,
            expected_identity: None,
            files: None,
            progress,
        })
    }

    /// The names of the classes, by [`ClassId`].
    pub(crate) fn set_classes(&mut self, classes: Vec<String>) {
        self.classes = classes;
    }

    /// Number of images to come, broken ones included: for progress bars.
    pub(crate) fn set_total(&mut self, images: usize) {
        self.total = Some(images);
    }

    /// The identity that the corpus's own description promises; `path` names the description.
    pub(crate) fn expect_identity(&mut self, identity: String, path: &Path) {
        self.expected_identity = Some((identity, path.to_owned()));
    }

    /// Takes the bytes of files from an archive.
    pub(crate) fn read_files_from(&mut self, files: Arc<dyn FileSource>) {
        self.files = Some(files);
    }

    /// Takes an image; within a split in the order of ids. Splits may come in any order.
    ///
    /// # Errors
    /// [`Error::TooMany`] and [`Error::TooLarge`] where the corpus has more than it may, before it is decoded.
    pub(crate) fn push(&mut self, item: Item) -> Result<(), Error> {
        self.meter.image(item.name.len() + item.source.len())?;
        self.pending_bytes += item.payload.bytes();
        self.pending.push(item);
        if self.pending.len() >= GROUP_IMAGES || self.pending_bytes >= GROUP_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    /// Reads, decodes and writes what has been pushed.
    fn flush(&mut self) -> Result<(), Error> {
        let files = self.files.clone();
        let decoder = Decoder { files: files.as_deref(), orientation: self.options.reading.orientation };
        let items = std::mem::take(&mut self.pending);
        self.pending_bytes = 0;
        let lengths: Vec<u64> = items.par_iter().map(|item| decoder.file_bytes(item)).collect();
        for items in within(items.into_iter().zip(lengths), GROUP_BYTES) {
            let sized = |loaded: Loaded| {
                let bytes = loaded.work_bytes();
                (loaded, bytes)
            };
            let loaded = decoder.load(items).into_iter();
            for loaded in within(loaded.map(sized), self.work_bytes) {
                self.decode(decoder, loaded)?;
            }
        }
        (self.progress)(OpenProgress { done: self.done, total: self.total });
        Ok(())
    }

    /// Decodes and writes some, if there is room for them.
    fn decode(&mut self, decoder: Decoder<'_>, loaded: Vec<Loaded>) -> Result<(), Error> {
        self.meter.ask(loaded.iter().map(Loaded::decoded_bytes).fold(0, u64::saturating_add))?;
        let work_bytes = loaded.iter().map(Loaded::work_bytes).fold(0, u64::saturating_add);
        if !can_allocate(work_bytes) {
            return Err(self.meter.out_of_memory(work_bytes));
        }
        for (item, decoded) in decoder.decode(loaded) {
            self.done += 1;
            match decoded {
                Ok(decoded) => {
                    self.turned += usize::from(decoded.is_turned);
                    self.meter.keep(decoded.pixels.len() as u64);
                    let half = match item.split {
                        Split::Train => &mut self.train,
                        Split::Test => &mut self.test,
                    };
                    half.append(&item, &decoded, &self.meter)?;
                }
                Err(Undecodable { reason, detail }) => {
                    self.account.leave_out(reason, Path::new(&item.source), detail);
                }
            }
        }
        Ok(())
    }
}

/// Cuts a row of things with their sizes into groups that keep within a sum; a thing that is larger comes alone.
fn within<T>(items: impl Iterator<Item = (T, u64)>, max: u64) -> impl Iterator<Item = Vec<T>> {
    let mut items = items.peekable();
    std::iter::from_fn(move || {
        let (first, mut sum) = items.next()?;
        let mut group = vec![first];
        while let Some((item, size)) = items.next_if(|(_, size)| sum.saturating_add(*size) <= max) {
            sum += size;
            group.push(item);
        }
        Some(group)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_keep_within_the_sum_and_their_order() {
        let sizes = [3, 3, 5, 0, 90, 0, 10, u64::MAX, 1];
        let groups: Vec<Vec<u64>> = within(sizes.into_iter().map(|size| (size, size)), 10).collect();
        assert_eq!(groups, [vec![3, 3], vec![5, 0], vec![90], vec![0, 10], vec![u64::MAX], vec![1]]);
    }
}
