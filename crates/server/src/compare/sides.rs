//! The two checkpoints of a comparison, and the images that both networks can be shown.

use std::sync::Arc;

use deepviz_corpus::{Corpus, ImageId, Split};
use deepviz_net::CheckpointEntry;
use deepviz_stats::compare::{ClassMap, DifferentClasses};

use crate::app::App;
use crate::explain::test_sample::TestSample;
use crate::http::problem::ApiError;
use crate::runs::open_run::OpenRun;
use crate::sheet::model_input::fitting_corpus;

/// Class names that an error lists at most.
const MAX_NAMES: usize = 5;

/// A checkpoint of a run.
#[derive(Clone)]
pub(crate) struct Side {
    pub(crate) run: Arc<OpenRun>,
    pub(crate) checkpoint: usize,
    pub(crate) entry: CheckpointEntry,
}

impl Side {
    async fn find(app: &App, run: &str, checkpoint: &str) -> Result<Self, ApiError> {
        let run = app.runs.get(run)?;
        let listing = run.listing_by(&app.work).await?;
        let (checkpoint, entry) = listing.point(&run.id, checkpoint)?;
        let entry = entry.clone();
        Ok(Self { run, checkpoint, entry })
    }

    /// A layer of its network that has units: not the image.
    pub(crate) fn layer(&self, name: &str) -> Result<usize, ApiError> {
        let network = self.run.network();
        let layers = || network.layers()[1..].iter().map(|layer| layer.name.as_str()).collect::<Vec<_>>().join(", ");
        network.index_of(name).filter(|&layer| layer > 0).ok_or_else(|| {
            ApiError::not_found(format!("run {} has no layer {name}", self.run.id))
                .hint(format!("layers: {}", layers()))
        })
    }

    /// The part of a cache key that stands for the run and the checkpoint's content.
    pub(crate) fn key(&self) -> String {
        format!("{}/{}", self.run.id, self.entry.hash)
    }

    /// As [`Self::key`], but the same wherever the run lies and whatever it is called.
    pub(crate) fn content_key(&self) -> String {
        format!("{}/{}", self.run.network_key(), self.entry.hash)
    }
}

/// Two checkpoints.
#[derive(Clone)]
pub(crate) struct Sides {
    pub(crate) a: Side,
    pub(crate) b: Side,
}

impl Sides {
    /// The checkpoint of a path, and the one that it is compared with.
    pub(crate) async fn find(
        app: &App,
        (run, checkpoint): (&str, &str),
        (b_run, b_checkpoint): (&str, Option<&str>),
    ) -> Result<Self, ApiError> {
        let a = Side::find(app, run, checkpoint).await?;
        let b = Side::find(app, b_run, b_checkpoint.unwrap_or("last")).await?;
        Ok(Self { a, b })
    }

    /// Refuses runs whose predictions are of other images: they cannot be told apart image by image.
    pub(crate) fn same_images(&self) -> Result<(), ApiError> {
        let [a, b] = [&self.a.run, &self.b.run].map(|run| &run.info().corpus);
        if a.identity == b.identity {
            return Ok(());
        }
        Err(ApiError::not_ready(format!(
            "the two runs were measured on other images: {} on {} ({} training and {} test images), {} on {} ({} and {})",
            self.a.run.id, a.name, a.train, a.test, self.b.run.id, b.name, b.train, b.test
        ))
        .hint("curves and layers can still be compared; predictions only over the same corpus"))
    }

    /// The classes of the second run by the numbers of the first.
    pub(crate) fn classes(&self) -> Result<ClassMap, ApiError> {
        let [a, b] = [&self.a.run, &self.b.run];
        let map = ClassMap::by_name(&a.info().classes, &b.info().classes);
        map.map_err(|DifferentClasses { first, second }| {
            let parts: Vec<String> = [(&a.id, first), (&b.id, second)]
                .into_iter()
                .filter(|(_, names)| !names.is_empty())
                .map(|(run, names)| format!("only {run} knows {}", listed(&names)))
                .collect();
            ApiError::not_ready(format!("the two runs tell other classes apart: {}", parts.join("; ")))
                .hint("curves and layers can still be compared; predictions only of the same classes")
        })
    }

    /// Some test images that both networks take: of the first run's corpus.
    pub(crate) async fn common_images(&self, app: &App, limit: usize) -> Result<TestSample, ApiError> {
        let corpus = fitting_corpus(&app.corpora, &self.a.run).await?;
        if self.a.run.info().corpus.identity != self.b.run.info().corpus.identity {
            self.check_second_takes(&corpus)?;
        }
        let split = if corpus.range(Split::Test).is_empty() { Split::Train } else { Split::Test };
        TestSample::of(&corpus, split, Some(limit))
    }

    /// Refuses images that the second network does not take.
    fn check_second_takes(&self, corpus: &Corpus) -> Result<(), ApiError> {
        let transform = self.b.run.network().transform();
        let shape = corpus.common_shape();
        let any = (corpus.channels(), 1, 1);
        if transform.check(shape.map_or(any, |shape| (shape.channels, shape.height, shape.width))).is_ok() {
            return Ok(());
        }
        let found = shape.map_or_else(|| "images of several sizes".to_owned(), |shape| format!("images of {shape}"));
        Err(ApiError::not_ready(format!(
            "the network of {} takes images of {}, the corpus of {} has {found}: there are no images that both can be shown",
            self.b.run.id,
            transform.shape(),
            self.a.run.id
        ))
        .hint("runs over images of one shape can be compared layer by layer"))
    }

    /// The classes of a split's images, in the order of their ids.
    pub(crate) async fn labels(&self, app: &App, split: Split) -> Result<Vec<u16>, ApiError> {
        let corpus = app.corpora.images_of(&self.a.run).await?;
        let labels = corpus.range(split).filter_map(|id| corpus.label(ImageId(id)).map(|class| class.0));
        Ok(labels.collect())
    }
}

fn listed(names: &[String]) -> String {
    let named: Vec<String> = names.iter().take(MAX_NAMES).map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(MAX_NAMES);
    if more > 0 { format!("{} and {more} more", named.join(", ")) } else { named.join(", ") }
}
