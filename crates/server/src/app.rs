//! What every handler shares, and the chain run -> snapshot -> model -> activations, each link cached.

use std::sync::Arc;

use deepviz_corpus::{Corpus, ImageId};
use deepviz_net::{CheckpointEntry, Device, Model, Shape, Snapshot};
use ndarray::{Array3, ArrayView3};

use crate::cache::{Cache, Weigh};
use crate::catalogue::Catalogue;
use crate::corpora::{Corpora, matching_settled};
use crate::hub::Hub;
use crate::open_run::OpenRun;
use crate::problem::ApiError;
use crate::summary::{Moves, Summary};
use crate::work::{Load, Work};

/// The state of the server.
pub(crate) struct App {
    pub(crate) runs: Catalogue,
    pub(crate) corpora: Corpora,
    pub(crate) cache: Cache,
    pub(crate) work: Work,
    pub(crate) hub: Arc<Hub>,
    pub(crate) device: Device,
}

/// As handlers take it.
pub(crate) type Shared = Arc<App>;

impl Weigh for Snapshot {
    fn bytes(&self) -> usize {
        let parameters = self.parameters.iter().map(|(_, array)| array.len()).sum::<usize>();
        (parameters + self.mean.as_ref().map_or(0, Array3::len)) * 4
    }
}

/// A model with what it holds in memory.
pub(crate) struct Ready {
    pub(crate) model: Model,
    bytes: usize,
}

impl Weigh for Ready {
    fn bytes(&self) -> usize {
        self.bytes
    }
}

/// The output of every layer for one image, in the order of the network's layers.
pub(crate) struct Activations {
    pub(crate) layers: Vec<Vec<f32>>,
}

impl Weigh for Activations {
    fn bytes(&self) -> usize {
        self.layers.iter().map(|values| values.len() * 4 + 24).sum()
    }
}

/// An image to apply a network to.
#[derive(Clone)]
pub(crate) enum Subject {
    /// One of the corpus.
    Known {
        /// The images.
        corpus: Arc<Corpus>,
        /// Which.
        id: ImageId,
    },
    /// One that was sent.
    Sent {
        /// Its pixels, in the size of the corpus' images.
        pixels: Arc<Array3<u8>>,
        /// Their hash.
        hash: String,
    },
}

impl Subject {
    pub(crate) fn view(&self) -> Result<ArrayView3<'_, u8>, ApiError> {
        match self {
            Self::Known { corpus, id } => {
                corpus.pixels(*id).ok_or_else(|| ApiError::internal("an image that was there is gone"))
            }
            Self::Sent { pixels, .. } => Ok(pixels.view()),
        }
    }

    /// Names the pixels.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Known { corpus, id } => format!("{}:{}", &corpus.identity(), id.0),
            Self::Sent { hash, .. } => hash.clone(),
        }
    }

    pub(crate) fn id(&self) -> Option<ImageId> {
        match self {
            Self::Known { id, .. } => Some(*id),
            Self::Sent { .. } => None,
        }
    }
}

impl App {
    /// A snapshot's weights and mean, without the optimiser's state.
    pub(crate) async fn snapshot(
        &self,
        run: &Arc<OpenRun>,
        entry: &CheckpointEntry,
    ) -> Result<Arc<Snapshot>, ApiError> {
        let key = format!("snapshot/{}/{}", run.id, entry.hash);
        self.cache
            .get(key, async {
                let (run, entry) = (Arc::clone(run), entry.clone());
                self.work.run(Load::Render, move || read_snapshot(&run, &entry)).await
            })
            .await
    }

    /// The network with a snapshot's weights and its own mean: the one way to apply it to an image.
    pub(crate) async fn model(&self, run: &Arc<OpenRun>, entry: &CheckpointEntry) -> Result<Arc<Ready>, ApiError> {
        let key = format!("model/{}/{}", run.id, entry.hash);
        self.cache
            .get(key, async {
                let snapshot = self.snapshot(run, entry).await?;
                let (run, device) = (Arc::clone(run), self.device.clone());
                self.work
                    .run(Load::Render, move || {
                        let model = Model::from_snapshot(Arc::clone(run.network()), &snapshot, &device)?;
                        Ok(Ready { model, bytes: 2 * snapshot.bytes() })
                    })
                    .await
            })
            .await
    }

    /// What every layer makes of an image at a checkpoint.
    pub(crate) async fn activations(
        &self,
        run: &Arc<OpenRun>,
        entry: &CheckpointEntry,
        subject: &Subject,
    ) -> Result<Arc<Activations>, ApiError> {
        let key = format!("activations/{}/{}/{}", run.id, entry.hash, subject.key());
        self.cache
            .get(key, async {
                let ready = self.model(run, entry).await?;
                let (subject, layers) = (subject.clone(), run.network().layers().len());
                self.work
                    .run(Load::Forward, move || {
                        let wanted: Vec<usize> = (0..layers).collect();
                        let outputs = ready.model.forward(&[subject.view()?], &wanted)?;
                        let layers = outputs.iter().map(|array| array.iter().copied().collect()).collect();
                        Ok(Activations { layers })
                    })
                    .await
            })
            .await
    }

    /// Numbers about the weights of every layer at a checkpoint.
    pub(crate) async fn summary(&self, run: &Arc<OpenRun>, entry: &CheckpointEntry) -> Result<Arc<Summary>, ApiError> {
        let key = format!("summary/{}/{}", run.id, entry.hash);
        self.cache
            .get(key, async {
                let snapshot = self.snapshot(run, entry).await?;
                let run = Arc::clone(run);
                self.work.run(Load::Render, move || Summary::of(run.network(), &snapshot)).await
            })
            .await
    }

    /// How far the weights of every layer moved between two checkpoints.
    pub(crate) async fn moves(
        &self,
        run: &Arc<OpenRun>,
        before: &CheckpointEntry,
        now: &CheckpointEntry,
    ) -> Result<Arc<Moves>, ApiError> {
        let key = format!("moves/{}/{}/{}", run.id, before.hash, now.hash);
        self.cache
            .get(key, async {
                let (before, now) = (self.snapshot(run, before).await?, self.snapshot(run, now).await?);
                let run = Arc::clone(run);
                self.work.run(Load::Render, move || Moves::between(run.network(), &before, &now)).await
            })
            .await
    }

    /// An image of the run's corpus.
    pub(crate) async fn subject(&self, run: &OpenRun, id: &str) -> Result<Subject, ApiError> {
        let corpus = self.run_corpus(run).await?;
        let id = image_id(&corpus, id)?;
        fits(&corpus, run.network().image())?;
        Ok(Subject::Known { corpus, id })
    }

    /// The images a run was trained on, for a request that cannot be answered without.
    pub(crate) async fn run_corpus(&self, run: &OpenRun) -> Result<Arc<Corpus>, ApiError> {
        matching_settled(run, &self.corpora.of_run(run)).await.map_err(|problem| {
            ApiError::not_ready(format!("the images of run {} are not available: {problem}", run.id))
                .hint("the folder can be given with `deepviz serve --corpus PATH`")
        })
    }
}

/// An image's id, checked against what there is.
pub(crate) fn image_id(corpus: &Corpus, text: &str) -> Result<ImageId, ApiError> {
    let id: u32 = text
        .parse()
        .map_err(|_| ApiError::bad(format!("expected the id of an image, a whole number; found `{text}`")))?;
    if (id as usize) < corpus.len() {
        return Ok(ImageId(id));
    }
    Err(ApiError::not_found(format!(
        "no image {id}; corpus {} has 0 to {}",
        corpus.name(),
        corpus.len().saturating_sub(1)
    )))
}

fn fits(corpus: &Corpus, image: Shape) -> Result<(), ApiError> {
    let found = corpus.shape();
    if (found.channels, found.height, found.width) == (image.channels, image.height, image.width) {
        return Ok(());
    }
    Err(ApiError::not_ready(format!(
        "the network takes images of {image}, the corpus has {}x{}x{}",
        found.channels, found.height, found.width
    )))
}

fn read_snapshot(run: &OpenRun, entry: &CheckpointEntry) -> Result<Snapshot, ApiError> {
    let mut snapshot = match run.run().snapshot(entry.step) {
        Ok(snapshot) => snapshot,
        Err(error) => {
            let error = ApiError::from(error);
            run.mark_broken(&entry.hash, &error);
            return Err(error);
        }
    };
    if snapshot.hash != entry.hash {
        return Err(ApiError::not_ready(format!("the snapshot of step {} was replaced just now", entry.step))
            .hint("ask for the run again"));
    }
    snapshot.optimizer = deepviz_net::Parameters::default();
    Ok(snapshot)
}
