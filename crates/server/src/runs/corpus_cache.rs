//! One corpus, read in the background when it is first needed, and checked against the run that needs it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use deepviz_corpus::{Corpus, OpenOptions};
use tokio::sync::watch;

use crate::http::problem::ApiError;
use crate::runs::open_run::OpenRun;

/// After a failure the folder is checked again, but not with every request.
const RETRY: Duration = Duration::from_secs(5);
/// A request that cannot be answered without the images waits for them, but not forever.
const LOAD_TIMEOUT: Duration = if cfg!(test) { Duration::from_mins(10) } else { Duration::from_secs(20) };

/// One corpus: its folder, and its images when they have been read.
pub(crate) struct CorpusCache {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) options: OpenOptions,
    state: watch::Sender<LoadState>,
}

#[derive(Clone)]
enum LoadState {
    Idle,
    Loading,
    Ready(Arc<Corpus>),
    Failed { problem: String, at: Instant },
}

impl CorpusCache {
    /// A corpus of which nothing is read yet.
    pub(crate) fn new(id: String, name: String, path: PathBuf, options: OpenOptions) -> Self {
        Self { id, name, path, options, state: watch::Sender::new(LoadState::Idle) }
    }

    /// True where its images have been read, or could not be, and are not those of that identity.
    pub(crate) fn is_known_not_to_be(self: &Arc<Self>, identity: &str) -> bool {
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
pub(crate) async fn matching_settled(run: &OpenRun, corpus_cache: &Arc<CorpusCache>) -> Result<Arc<Corpus>, String> {
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
    // A folder, what replaces its own path in the text, and what replaces it in front of the files in it.
    let cache = options.cache.iter().map(|cache| (cache.as_path(), "the cache folder", "the cache folder: "));
    let mut folders: Vec<_> = cache.chain([(folder.path, folder.name, "")]).collect();
    // The longer first: one may be inside the other.
    folders.sort_by_key(|(path, ..)| std::cmp::Reverse(path.as_os_str().len()));
    let mut text = error.to_string();
    for (path, itself, before) in folders {
        let path = path.display().to_string();
        text = text.replace(&format!("{path}{}", std::path::MAIN_SEPARATOR), before).replace(&path, itself);
    }
    text
}

fn short(identity: &str) -> &str {
    identity.get(..12).unwrap_or(identity)
}
