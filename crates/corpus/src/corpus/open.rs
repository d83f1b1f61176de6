//! Opening a corpus: from the cache where nothing has changed, else by reading every image once.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::Corpus;
use crate::{
    Error, OpenOptions, OpenProgress, Reading,
    contents::Contents,
    detect,
    reader::Found,
    sink::Sink,
    store::{Cache, Pixels},
    tree::Tree,
};

/// Corpora whose pixels lie undecoded in their files are not kept a second time in the cache up to this size: reading
/// them is as fast.
const RAW_IN_MEMORY_BYTES: u64 = 64 << 20;

impl Corpus {
    /// Opens the corpus in a folder, whichever of the known layouts it has, into memory.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::open_with(path, &OpenOptions::default())
    }

    /// Opens a corpus as the options say.
    pub fn open_with(path: &Path, options: &OpenOptions) -> Result<Self, Error> {
        Self::open_observed(path, options, &mut |_| {})
    }

    /// Opens a corpus and reports how far decoding is; nothing is reported where it comes from the cache.
    ///
    /// # Errors
    /// If the folder holds no corpus, an ambiguous or a damaged one; with [`OpenOptions::strict`] if anything
    /// was left out.
    pub fn open_observed(
        path: &Path,
        options: &OpenOptions,
        progress: &mut dyn FnMut(OpenProgress),
    ) -> Result<Self, Error> {
        let tree = Tree::list(path)?;
        let opening = Opening { tree: &tree, options };
        let corpus = match opening.cached() {
            Some(corpus) => corpus,
            None => opening.read(progress)?,
        };
        let account = corpus.account();
        if options.strict && account.lost() > 0 {
            return Err(Error::LeftOut { account: account.to_string(), path: path.to_owned() });
        }
        Ok(corpus)
    }

    /// Removes what the cache keeps of a folder that was opened with these options. Who has it open keeps it.
    pub fn forget(path: &Path, options: &OpenOptions) {
        let Some(cache) = options.cache.as_deref().and_then(|cache| Cache::new(cache).ok()) else { return };
        cache.remove(&key(path, options));
    }

    /// Bytes of all its pixels.
    pub fn decoded_bytes(&self) -> u64 {
        self.contents.sizes.total_bytes()
    }

    fn new(path: &Path, reading: &Reading, contents: Contents, pixels: Pixels) -> Self {
        let full = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let name = full.file_name().map_or_else(|| "corpus".to_owned(), |name| name.to_string_lossy().into_owned());
        Self { name, path: path.to_owned(), reading: reading.clone(), contents, pixels }
    }
}

/// One opening in progress.
struct Opening<'a> {
    tree: &'a Tree,
    options: &'a OpenOptions,
}

impl Opening<'_> {
    fn key(&self) -> String {
        key(&self.tree.root, self.options)
    }

    fn cached(&self) -> Option<Corpus> {
        let cache = Cache::new(self.options.cache.as_deref()?).ok()?;
        let cached = cache.find(&self.key(), &self.tree.fingerprint())?;
        // Kept under other limits: reading says that it is too large.
        if cached.contents.sizes.total_bytes() > self.options.limits.decoded_bytes {
            return None;
        }
        let path = self.tree.root.join(&cached.contents.inner);
        Some(Corpus::new(&path, &self.options.reading, cached.contents, cached.pixels))
    }

    fn read(&self, progress: &mut dyn FnMut(OpenProgress)) -> Result<Corpus, Error> {
        let Some(found) = detect::detect(self.tree, self.options)? else {
            return Err(detect::not_a_corpus(self.tree));
        };
        let is_small = found.reader.raw_bytes().is_some_and(|bytes| bytes <= RAW_IN_MEMORY_BYTES);
        let Some(folder) = self.options.cache.as_deref().filter(|_| !is_small) else {
            return self.read_into(&found, None, progress);
        };
        match Cache::new(folder).and_then(|cache| self.read_into(&found, Some(&cache), progress)) {
            Err(Error::CacheWrite { source, .. }) => {
                let mut corpus = self.read_into(&found, None, progress)?;
                corpus.contents.account.remark(cache_remark(&source));
                Ok(corpus)
            }
            other => other,
        }
    }

    fn read_into(
        &self,
        found: &Found<'_>,
        cache: Option<&Cache>,
        progress: &mut dyn FnMut(OpenProgress),
    ) -> Result<Corpus, Error> {
        // Taken before the first image is read, so that a change meanwhile is noticed the next time.
        let fingerprint = cache.map(|_| self.tree.fingerprint());
        let mut sink = Sink::new(&found.path, self.options, cache, progress)?;
        found.read(self.tree, &mut sink)?;
        let mut finished = sink.finish(found.reader.layout(), &found.path)?;
        finished.contents.inner =
            found.path.strip_prefix(&self.tree.root).map_or_else(|_| PathBuf::new(), Path::to_owned);
        let pixels = match (cache, fingerprint, finished.file) {
            (Some(cache), Some(fingerprint), Some(file)) => {
                cache.keep(&self.key(), &fingerprint, &finished.contents, file)?
            }
            _ => finished.pixels,
        };
        Ok(Corpus::new(&found.path, &self.options.reading, finished.contents, pixels))
    }
}

/// The cache key of a folder: a hash of its path and how it is to be understood.
fn key(path: &Path, options: &OpenOptions) -> String {
    let root = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut hasher = blake3::Hasher::new();
    hasher.update(root.as_os_str().as_encoded_bytes());
    hasher.update(format!("\n{:?}\n{}", options.reading, options.own_sizes).as_bytes());
    // Another version may understand a folder otherwise.
    hasher.update(concat!("\n", env!("CARGO_PKG_VERSION")).as_bytes());
    hasher.finalize().to_hex().to_string()
}

/// Without the path: remarks are shown to everybody who may look at the corpus.
fn cache_remark(source: &io::Error) -> String {
    format!("the images are held in memory: the cache folder cannot be written ({source}); --cache-dir names another")
}
