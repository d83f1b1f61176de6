//! The corpora of the runs, opened in the background when first needed, so that the server starts at once.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use deepviz_corpus::{Corpus, Limits, OpenOptions, Reading};
use tokio::sync::watch;

use crate::http::problem::ApiError;
use crate::runs::open_run::OpenRun;
use crate::runs::upload_record::{corpus_of_upload, is_uploaded_corpus};

/// After a failure the folder is looked at again, but not with every request.
const RETRY: Duration = Duration::from_secs(5);
/// A request that cannot be answered without the images waits for them, but not forever.
const LOAD_TIMEOUT: Duration = if cfg!(test) { Duration::from_mins(10) } else { Duration::from_secs(20) };

/// Every corpus that a run names.
pub(crate) struct Corpora {
    given: Option<PathBuf>,
    /// The folder in which decoded images are kept.
    cache: Option<PathBuf>,
    /// The limits on an uploaded corpus.
    of_upload: Limits,
    corpus_caches: Mutex<Vec<Arc<CorpusCache>>>,
}

/// One corpus: its folder, and its images when they have been read.
pub(crate) struct CorpusCache {
    pub(crate) id: String,
    pub(crate) name: String,
    path: PathBuf,
    options: OpenOptions,
    state: watch::Sender<LoadState>,
}

#[derive(Clone)]
enum LoadState {
    Idle,
    Loading,
    Ready(Arc<Corpus>),
    Failed { problem: String, at: Instant },
}

impl Corpora {
    /// With the folder that overrides what the runs say, the cache folder, and bounds for uploaded corpora.
    pub(crate) fn new(given: Option<PathBuf>, cache: Option<PathBuf>, of_upload: Limits) -> Self {
        Self { given, cache, of_upload, corpus_caches: Mutex::default() }
    }

    /// The corpus of a run; nothing is read yet.
    ///
    /// One that was given serves the runs that were trained on it. Of those trained on another, whose own is still where
    /// it was, it says nothing; as long as its images are being read it stands for all.
    pub(crate) fn of_run(&self, run: &OpenRun) -> Arc<CorpusCache> {
        let info = run.info();
        // What is not understood is found when the identity is compared.
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

    /// The same, after the one that was given has been read, so that the answer stands.
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

    fn at(&self, path: &Path, reading: Reading, own_sizes: bool) -> Arc<CorpusCache> {
        let limits = if is_uploaded_corpus(path) { self.of_upload } else { Limits::default() };
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
        let corpus_cache =
            Arc::new(CorpusCache { id, name, path, options, state: watch::Sender::new(LoadState::Idle) });
        corpus_caches.push(Arc::clone(&corpus_cache));
        corpus_cache
    }

    /// A corpus that no run has named yet; its id.
    pub(crate) fn register(&self, path: &Path) -> String {
        self.at(path, Reading::default(), false).id.clone()
    }

    /// Forgets a corpus that was deleted, and removes what the cache keeps of it.
    pub(crate) fn forget(&self, path: &Path) {
        // The folder is gone, and with it what its own name leads to; the one around it is there.
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

impl CorpusCache {
    /// True where its images have been read, or could not be, and are not those of that identity.
    fn is_known_not_to_be(self: &Arc<Self>, identity: &str) -> bool {
        match self.corpus() {
            Ok(corpus) => corpus.identity() != identity,
            Err(_) => matches!(*self.state.borrow(), LoadState::Failed { .. }),
        }
    }

    /// The images, or why they are not there. Starts reading where that has not begun.
    pub(crate) fn corpus(self: &Arc<Self>) -> Result<Arc<Corpus>, String> {
        let state = self.state.borrow().clone();
        match state {
            LoadState::Ready(corpus) => Ok(corpus),
            LoadState::Loading => Err(LOADING.to_owned()),
            LoadState::Failed { problem, at } if at.elapsed() < RETRY => Err(problem),
            LoadState::Failed { problem, .. } => {
                self.load();
                Err(problem)
            }
            LoadState::Idle => {
                self.load();
                Err(LOADING.to_owned())
            }
        }
    }

    /// The same, after reading has come to an end.
    pub(crate) async fn settled(self: &Arc<Self>) -> Result<Arc<Corpus>, String> {
        // The first look begins reading.
        let _ = self.corpus();
        let mut state = self.state.subscribe();
        let settled = state.wait_for(|state| matches!(state, LoadState::Ready(_) | LoadState::Failed { .. }));
        // Too long a wait is answered like a corpus that is not there yet.
        let _ = tokio::time::timeout(LOAD_TIMEOUT, settled).await.map(drop);
        self.corpus()
    }

    /// The images, for a request that cannot be answered without.
    pub(crate) async fn required(self: &Arc<Self>) -> Result<Arc<Corpus>, ApiError> {
        self.settled().await.map_err(|problem| {
            ApiError::not_ready(format!("the images of corpus {} are not available: {problem}", self.name))
                .hint("the folder can be given with `deepviz serve --corpus PATH`")
        })
    }

    /// Reads the corpus on a thread of its own: it may take seconds and keeps all cores busy.
    fn load(self: &Arc<Self>) {
        let is_first = self.state.send_if_modified(|state| {
            let is_first = matches!(state, LoadState::Idle | LoadState::Failed { .. });
            if is_first {
                *state = LoadState::Loading;
            }
            is_first
        });
        if !is_first {
            return;
        }
        let corpus_cache = Arc::clone(self);
        let reader = std::thread::Builder::new().name("corpus".to_owned()).spawn(move || {
            let result = Corpus::open_with(&corpus_cache.path, &corpus_cache.options);
            corpus_cache.settle(match result {
                Ok(corpus) => {
                    let account = corpus.account();
                    if account.lost() > 0 {
                        tracing::warn!(corpus = %corpus_cache.name, "{account}");
                    }
                    for remark in account.remarks() {
                        tracing::info!(corpus = %corpus_cache.name, "{remark}");
                    }
                    LoadState::Ready(Arc::new(corpus))
                }
                Err(error) => {
                    tracing::warn!(corpus = %corpus_cache.name, "{error}");
                    LoadState::Failed {
                        problem: without_paths(
                            &error,
                            &corpus_cache.options,
                            NamedFolder { path: &corpus_cache.path, name: &corpus_cache.name },
                        ),
                        at: Instant::now(),
                    }
                }
            });
        });
        if let Err(error) = reader {
            tracing::warn!(corpus = %self.name, "no thread to read it: {error}");
            self.settle(LoadState::Failed { problem: format!("no thread to read it: {error}"), at: Instant::now() });
        }
    }

    fn settle(&self, state: LoadState) {
        self.state.send_replace(state);
    }
}

const LOADING: &str = "its images are being read";

/// The corpus of a run, if it is open and the one the run was trained on.
pub(crate) fn matching(run: &OpenRun, corpus_cache: &Arc<CorpusCache>) -> Result<Arc<Corpus>, String> {
    check(run, corpus_cache, corpus_cache.corpus()?)
}

/// The same, after reading has come to an end.
async fn matching_settled(run: &OpenRun, corpus_cache: &Arc<CorpusCache>) -> Result<Arc<Corpus>, String> {
    check(run, corpus_cache, corpus_cache.settled().await?)
}

fn check(run: &OpenRun, corpus_cache: &CorpusCache, corpus: Arc<Corpus>) -> Result<Arc<Corpus>, String> {
    let expected = &run.info().corpus.identity;
    if corpus.identity() == expected {
        return Ok(corpus);
    }
    let swapped = || run.info().swapped_classes(&corpus.first_images());
    if let Some(difference) = run.info().class_difference(corpus.classes()).or_else(swapped) {
        return Err(format!(
            "the corpus {} has other classes than the one this run was trained on: {difference}",
            corpus_cache.name
        ));
    }
    Err(format!(
        "the corpus {} is not the one this run was trained on: expected identity {}, found {}",
        corpus_cache.name,
        short(expected),
        short(corpus.identity())
    ))
}

/// A folder, and what clients know it by.
#[derive(Clone, Copy)]
pub(crate) struct NamedFolder<'a> {
    pub(crate) path: &'a Path,
    pub(crate) name: &'a str,
}

/// The message of a corpus that cannot be opened, for clients: files by their paths in the corpus, without its own path.
pub(crate) fn without_paths(error: &deepviz_corpus::Error, options: &OpenOptions, folder: NamedFolder<'_>) -> String {
    // What stands for the folder itself, and before the files in it.
    let cache = options.cache.iter().map(|cache| (cache.as_path(), "the cache folder", "the cache folder: "));
    let mut places: Vec<_> = cache.chain([(folder.path, folder.name, "")]).collect();
    // The longer first: one may be inside the other.
    places.sort_by_key(|(path, ..)| std::cmp::Reverse(path.as_os_str().len()));
    let mut text = error.to_string();
    for (path, itself, before) in places {
        let path = path.display().to_string();
        text = text.replace(&format!("{path}{}", std::path::MAIN_SEPARATOR), before).replace(&path, itself);
    }
    text
}

fn short(identity: &str) -> &str {
    identity.get(..12).unwrap_or(identity)
}
