//! Where readers put images: decoding on all cores, writing in order, and the account of what was left out.

mod finish;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use rayon::prelude::*;

use crate::{
    Account, ClassId, Error, ImageShape, OpenOptions, ShapesNotes, Split,
    account::Reason,
    decode::{self, Decoded, Undecodable},
    name::Names,
    store::{Cache, PixelWriter, Record},
    tree::FileSource,
};

/// Images are decoded so many at a time, fewer where they are large.
const GROUP_IMAGES: usize = 256;
/// Decoded bytes of a group, about.
const GROUP_BYTES: usize = 64 << 20;

/// Where the pixels of an image come from.
#[derive(Debug)]
pub(crate) enum Payload {
    /// An image file.
    File(PathBuf),
    /// An image file's bytes, taken from an archive or a table.
    Encoded(Vec<u8>),
    /// Pixels as they are: channels x height x width, 1 channel or 3.
    Raw { shape: ImageShape, pixels: Vec<u8> },
}

/// One labelled image on its way into the corpus.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) split: Split,
    pub(crate) class: ClassId,
    /// What people call it: a file name.
    pub(crate) name: String,
    /// Where it lies in the corpus, for the account: a relative path.
    pub(crate) source: String,
    pub(crate) payload: Payload,
}

/// How far reading is: images done, and how many there are where that is known.
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
    records: Vec<Record>,
    labels: Vec<ClassId>,
    names: Names,
    sources: Names,
}

/// Collects the images of a corpus that is being read.
pub(crate) struct Sink<'a> {
    /// What was left out, and remarks.
    pub(crate) account: Account,
    /// What is known of a generated corpus.
    pub(crate) notes: Option<ShapesNotes>,
    classes: Vec<String>,
    train: Half,
    test: Half,
    pending: Vec<Item>,
    largest_bytes: usize,
    options: &'a OpenOptions,
    cache: Option<&'a Cache>,
    total: Option<usize>,
    done: usize,
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

    fn append(&mut self, item: &Item, decoded: &Decoded) -> Result<(), Error> {
        let path = || self.file.as_ref().map_or_else(PathBuf::new, |file| file.path().to_owned());
        self.writer.append(&decoded.pixels).map_err(|source| Error::CacheWrite { source, path: path() })?;
        let ImageShape { channels, height, width } = decoded.shape;
        self.records.push(Record { channels: channels as u8, size: [height as u32, width as u32] });
        self.labels.push(item.class);
        self.names.push(&item.name);
        self.sources.push(&item.source);
        Ok(())
    }
}

impl<'a> Sink<'a> {
    /// A sink that writes into the cache, or into memory.
    pub(crate) fn new(
        options: &'a OpenOptions,
        cache: Option<&'a Cache>,
        progress: &'a mut dyn FnMut(OpenProgress),
    ) -> Result<Self, Error> {
        Ok(Self {
            account: Account::default(),
            notes: None,
            classes: Vec::new(),
            train: Half::new(cache)?,
            test: Half::new(cache)?,
            pending: Vec::new(),
            largest_bytes: 0,
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

    /// How many images there will be, those that turn out broken among them: for progress bars.
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
    pub(crate) fn push(&mut self, item: Item) -> Result<(), Error> {
        self.pending.push(item);
        let fit = GROUP_BYTES / self.largest_bytes.max(1);
        if self.pending.len() >= fit.clamp(rayon::current_num_threads(), GROUP_IMAGES) {
            self.flush()?;
        }
        Ok(())
    }

    /// Decodes and writes what has been pushed.
    fn flush(&mut self) -> Result<(), Error> {
        let mut items = std::mem::take(&mut self.pending);
        let orientation = self.options.reading.orientation;
        let files = self.files.as_deref();
        let read = |path: &Path| files.map_or_else(|| fs::read(path), |files| files.read(path));
        let decoded: Vec<_> = items
            .par_iter_mut()
            .map(|item| match std::mem::replace(&mut item.payload, Payload::Encoded(Vec::new())) {
                Payload::Raw { shape, pixels } => Ok(Decoded { shape, pixels, is_turned: false }),
                Payload::Encoded(bytes) => decode::decode(&bytes, orientation),
                Payload::File(path) => match read(&path) {
                    Ok(bytes) => decode::decode(&bytes, orientation),
                    Err(error) => Err(Undecodable { reason: Reason::Unreadable, detail: error.to_string() }),
                },
            })
            .collect();
        for (item, decoded) in items.iter().zip(&decoded) {
            self.done += 1;
            match decoded {
                Ok(decoded) => {
                    self.largest_bytes = self.largest_bytes.max(decoded.pixels.len());
                    self.turned += usize::from(decoded.is_turned);
                    let half = match item.split {
                        Split::Train => &mut self.train,
                        Split::Test => &mut self.test,
                    };
                    half.append(item, decoded)?;
                }
                Err(Undecodable { reason, detail }) => {
                    self.account.leave_out(*reason, Path::new(&item.source), detail.as_str());
                }
            }
        }
        (self.progress)(OpenProgress { done: self.done, total: self.total });
        Ok(())
    }
}
