//! The corpora of the runs, opened in the background when first needed, so that the server starts at once.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use deepviz_corpus::{Corpus, Limits, OpenOptions, Reading};

use crate::http::problem::ApiError;
use crate::runs::corpus_cache::{CorpusCache, matching_settled};
use crate::runs::open_run::OpenRun;
use crate::runs::upload_record::{corpus_of_upload, is_uploaded_corpus};

/// Every corpus that a run names.
pub(crate) struct Corpora {
    /// The corpus to use instead of the one that each run names (`--corpus`).
    given: Option<PathBuf>,
    /// The folder in which decoded images are kept.
    cache: Option<PathBuf>,
    /// The limits on an uploaded corpus.
    upload_limits: Limits,
    corpus_caches: Mutex<Vec<Arc<CorpusCache>>>,
}

impl Corpora {
    /// With the folder that overrides what the runs say, the cache folder, and bounds for uploaded corpora.
    pub(crate) fn new(given: Option<PathBuf>, cache: Option<PathBuf>, upload_limits: Limits) -> Self {
        Self { given, cache, upload_limits, corpus_caches: Mutex::default() }
    }

    /// The corpus of a run; nothing is read yet.
    ///
    /// A corpus given by `--corpus` is used for the runs that were trained on it. A run that was trained on another one
    /// keeps its own, if that still exists; until the given corpus has been read and its identity is known, all use it.
    pub(crate) fn of_run(&self, run: &OpenRun) -> Arc<CorpusCache> {
        let info = run.info();
        // Settings that cannot be read give another identity, which is reported when it is compared.
        let reading = Reading::from_pairs(&info.corpus.reading).unwrap_or_default();
        let at = |path: &Path| self.at(path, reading.clone(), info.recipe.data.resize.is_some());
        let recorded = || recorded_corpus(run);
        let Some(given) = &self.given else { return at(&recorded()) };
        let given = at(given);
        let is_other = given.is_known_not_to_be(&info.corpus.identity);
        match is_other.then(recorded).filter(|path| path.exists()) {
            Some(path) => at(&path),
            None => given,
        }
    }

    /// The same, after the given corpus has been read, so that the answer is final.
    pub(crate) async fn of_run_settled(&self, run: &OpenRun) -> Arc<CorpusCache> {
        let corpus_cache = self.of_run(run);
        let has_choice = self.given.is_some() && recorded_corpus(run).exists();
        if has_choice {
            // Why it cannot be read is told to the request that needs its images.
            let _ = corpus_cache.settled().await;
        }
        self.of_run(run)
    }

    /// The images a run was trained on, for a request that cannot be answered without.
    pub(crate) async fn images_of(&self, run: &OpenRun) -> Result<Arc<Corpus>, ApiError> {
        matching_settled(run, &self.of_run_settled(run).await).await.map_err(|problem| {
            ApiError::not_ready(format!("the images of run {} are not available: {problem}", run.id))
                .hint("the folder can be given with `deepviz serve --corpus PATH`")
        })
    }

    /// The corpus in a folder: the known one, where it was opened with the same options.
    fn at(&self, path: &Path, reading: Reading, own_sizes: bool) -> Arc<CorpusCache> {
        let limits = if is_uploaded_corpus(path) { self.upload_limits } else { Limits::default() };
        let options = OpenOptions { reading, own_sizes, cache: self.cache.clone(), limits, strict: false };
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let mut corpus_caches = self.corpus_caches.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(corpus_cache) =
            corpus_caches.iter().find(|corpus_cache| corpus_cache.path == path && corpus_cache.options == options)
        {
            return Arc::clone(corpus_cache);
        }
        let name = path.file_name().map_or_else(|| "corpus".to_owned(), |name| name.to_string_lossy().into_owned());
        let taken = |id: &str| corpus_caches.iter().any(|corpus_cache| corpus_cache.id == id);
        let id = std::iter::once(name.clone())
            .chain((2..=corpus_caches.len() + 1).map(|number| format!("{name}~{number}")))
            .find(|id| !taken(id))
            .unwrap_or_else(|| name.clone());
        let corpus_cache = Arc::new(CorpusCache::new(id, name, path, options));
        corpus_caches.push(Arc::clone(&corpus_cache));
        corpus_cache
    }

    /// A corpus that no run has named yet; its id.
    pub(crate) fn register(&self, path: &Path) -> String {
        self.at(path, Reading::default(), false).id.clone()
    }

    /// Forgets a corpus that was deleted, and removes what the cache keeps of it.
    pub(crate) fn forget(&self, path: &Path) {
        // The folder is deleted and cannot be canonicalised; the one around it can.
        let full = path.parent().and_then(|parent| Some(parent.canonicalize().ok()?.join(path.file_name()?)));
        let path = full.unwrap_or_else(|| path.to_owned());
        let mut corpus_caches = self.corpus_caches.lock().unwrap_or_else(PoisonError::into_inner);
        for corpus_cache in corpus_caches.extract_if(.., |corpus_cache| corpus_cache.path == path) {
            Corpus::forget(&corpus_cache.path, &corpus_cache.options);
        }
    }

    /// The corpus of that id.
    pub(crate) fn get(&self, id: &str) -> Result<Arc<CorpusCache>, ApiError> {
        let corpus_caches = self.corpus_caches.lock().unwrap_or_else(PoisonError::into_inner);
        corpus_caches.iter().find(|corpus_cache| corpus_cache.id == id).cloned().ok_or_else(|| {
            let known: Vec<_> = corpus_caches.iter().map(|corpus_cache| corpus_cache.id.as_str()).collect();
            ApiError::not_found(format!("no corpus `{id}`")).hint(format!("corpora here: {}", known.join(", ")))
        })
    }

    /// Every corpus that a run has named so far.
    pub(crate) fn all(&self) -> Vec<Arc<CorpusCache>> {
        self.corpus_caches.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The folder of a run's images. An uploaded run must not name folders of this machine.
fn recorded_corpus(run: &OpenRun) -> PathBuf {
    let recorded = &run.info().corpus.path;
    corpus_of_upload(&run.path, recorded).unwrap_or_else(|| found_from(&run.path, recorded.clone()))
}

/// A relative path was written from the folder where training was started; the run may have moved since.
fn found_from(run: &Path, recorded: PathBuf) -> PathBuf {
    if recorded.is_absolute() || recorded.exists() {
        return recorded;
    }
    run.ancestors().map(|folder| folder.join(&recorded)).find(|path| path.exists()).unwrap_or(recorded)
}
