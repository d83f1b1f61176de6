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
const PATIENCE: Duration = if cfg!(test) { Duration::from_mins(10) } else { Duration::from_secs(20) };

/// Every corpus that a run names.
pub(crate) struct Corpora {
    given: Option<PathBuf>,
    /// Where decoded images are kept.
    cache: Option<PathBuf>,
    /// How much an uploaded corpus may hold.
    of_upload: Limits,
    shelves: Mutex<Vec<Arc<Shelf>>>,
}

/// One corpus: its place, and its images when they have been read.
pub(crate) struct Shelf {
    pub(crate) id: String,
    pub(crate) name: String,
    path: PathBuf,
    options: OpenOptions,
    state: watch::Sender<State>,
}

#[derive(Clone)]
enum State {
    Idle,
    Loading,
    Ready(Arc<Corpus>),
    Failed { problem: String, at: Instant },
}

impl Corpora {
    /// With the folder that overrides what the runs say, the cache folder, and bounds for uploaded corpora.
    pub(crate) fn new(given: Option<PathBuf>, cache: Option<PathBuf>, of_upload: Limits) -> Self {
        Self { given, cache, of_upload, shelves: Mutex::default() }
    }

    /// The corpus of a run; nothing is read yet.
    ///
    /// One that was given serves the runs that were trained on it. Of those trained on another, whose own is still where
    /// it was, it says nothing; as long as its images are being read it stands for all.
    pub(crate) fn of_run(&self, run: &OpenRun) -> Arc<Shelf> {
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
    pub(crate) async fn of_run_settled(&self, run: &OpenRun) -> Arc<Shelf> {
        let shelf = self.of_run(run);
        let has_choice = self.given.is_some() && recorded_corpus(run).exists();
        if has_choice {
            // Why it cannot be read is told to the request that needs its images.
            let _ = shelf.settled().await;
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

    fn at(&self, path: &Path, reading: Reading, own_sizes: bool) -> Arc<Shelf> {
        let limits = if is_uploaded_corpus(path) { self.of_upload } else { Limits::default() };
        let options = OpenOptions { reading, own_sizes, cache: self.cache.clone(), limits, strict: false };
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shelf) = shelves.iter().find(|shelf| shelf.path == path && shelf.options == options) {
            return Arc::clone(shelf);
        }
        let name = path.file_name().map_or_else(|| "corpus".to_owned(), |name| name.to_string_lossy().into_owned());
        let taken = |id: &str| shelves.iter().any(|shelf| shelf.id == id);
        let id = std::iter::once(name.clone())
            .chain((2..=shelves.len() + 1).map(|number| format!("{name}~{number}")))
            .find(|id| !taken(id))
            .unwrap_or_else(|| name.clone());
        let shelf = Arc::new(Shelf { id, name, path, options, state: watch::Sender::new(State::Idle) });
        shelves.push(Arc::clone(&shelf));
        shelf
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
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        for shelf in shelves.extract_if(.., |shelf| shelf.path == path) {
            Corpus::forget(&shelf.path, &shelf.options);
        }
    }

    /// The corpus of that id.
    pub(crate) fn get(&self, id: &str) -> Result<Arc<Shelf>, ApiError> {
        let shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        shelves.iter().find(|shelf| shelf.id == id).cloned().ok_or_else(|| {
            let known: Vec<_> = shelves.iter().map(|shelf| shelf.id.as_str()).collect();
            ApiError::not_found(format!("no corpus `{id}`")).hint(format!("corpora here: {}", known.join(", ")))
        })
    }

    /// Every corpus that a run has named so far.
    pub(crate) fn all(&self) -> Vec<Arc<Shelf>> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Where the images of a run should be: what somebody else wrote must not name folders of this machine.
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

impl Shelf {
    /// Whether its images are there, or have been tried to be, and are not those of that identity.
    fn is_known_not_to_be(self: &Arc<Self>, identity: &str) -> bool {
        match self.corpus() {
            Ok(corpus) => corpus.identity() != identity,
            Err(_) => matches!(*self.state.borrow(), State::Failed { .. }),
        }
    }

    /// The images, or why they are not there. Starts reading where nobody has.
    pub(crate) fn corpus(self: &Arc<Self>) -> Result<Arc<Corpus>, String> {
        let state = self.state.borrow().clone();
        match state {
            State::Ready(corpus) => Ok(corpus),
            State::Loading => Err(LOADING.to_owned()),
            State::Failed { problem, at } if at.elapsed() < RETRY => Err(problem),
            State::Failed { problem, .. } => {
                self.load();
                Err(problem)
            }
            State::Idle => {
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
        let settled = state.wait_for(|state| matches!(state, State::Ready(_) | State::Failed { .. }));
        // Too long a wait is answered like a corpus that is not there yet.
        let _ = tokio::time::timeout(PATIENCE, settled).await.map(drop);
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
            let is_first = matches!(state, State::Idle | State::Failed { .. });
            if is_first {
                *state = State::Loading;
            }
            is_first
        });
        if !is_first {
            return;
        }
        let shelf = Arc::clone(self);
        let reader = std::thread::Builder::new().name("corpus".to_owned()).spawn(move || {
            let result = Corpus::open_with(&shelf.path, &shelf.options);
            shelf.settle(match result {
                Ok(corpus) => {
                    let account = corpus.account();
                    if account.lost() > 0 {
                        tracing::warn!(corpus = %shelf.name, "{account}");
                    }
                    for remark in account.remarks() {
                        tracing::info!(corpus = %shelf.name, "{remark}");
                    }
                    State::Ready(Arc::new(corpus))
                }
                Err(error) => {
                    tracing::warn!(corpus = %shelf.name, "{error}");
                    State::Failed {
                        problem: told(&error, &shelf.options, (&shelf.path, &shelf.name)),
                        at: Instant::now(),
                    }
                }
            });
        });
        if let Err(error) = reader {
            tracing::warn!(corpus = %self.name, "no thread to read it: {error}");
            self.settle(State::Failed { problem: format!("no thread to read it: {error}"), at: Instant::now() });
        }
    }

    fn settle(&self, state: State) {
        self.state.send_replace(state);
    }
}

const LOADING: &str = "its images are being read";

/// The corpus of a run, if it is open and the one the run was trained on.
pub(crate) fn matching(run: &OpenRun, shelf: &Arc<Shelf>) -> Result<Arc<Corpus>, String> {
    check(run, shelf, shelf.corpus()?)
}

/// The same, after reading has come to an end.
async fn matching_settled(run: &OpenRun, shelf: &Arc<Shelf>) -> Result<Arc<Corpus>, String> {
    check(run, shelf, shelf.settled().await?)
}

fn check(run: &OpenRun, shelf: &Shelf, corpus: Arc<Corpus>) -> Result<Arc<Corpus>, String> {
    let expected = &run.info().corpus.identity;
    if corpus.identity() == expected {
        return Ok(corpus);
    }
    let swapped = || run.info().swapped_classes(&corpus.first_images());
    if let Some(difference) = run.info().class_difference(corpus.classes()).or_else(swapped) {
        return Err(format!(
            "the corpus {} has other classes than the one this run was trained on: {difference}",
            shelf.name
        ));
    }
    Err(format!(
        "the corpus {} is not the one this run was trained on: expected identity {}, found {}",
        shelf.name,
        short(expected),
        short(corpus.identity())
    ))
}

/// What is told of a corpus that cannot be opened: its files by their paths in it, and nothing of where it lies.
pub(crate) fn told(error: &deepviz_corpus::Error, options: &OpenOptions, (folder, name): (&Path, &str)) -> String {
    // What stands for the folder itself, and before the files in it.
    let cache = options.cache.iter().map(|cache| (cache.as_path(), "the cache folder", "the cache folder: "));
    let mut places: Vec<_> = cache.chain([(folder, name, "")]).collect();
    // The longer first: one may lie in the other.
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
