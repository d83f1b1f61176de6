//! The story of a run: the sentences that rules find, and those that users add.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_corpus::{Corpus, ImageId, Split};
use deepviz_net::MetricsLog;
use deepviz_stats::Store;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::errors::{QueryErrors, RunErrors, StoryErrors};
use crate::api::example_stats::{CachedExampleStats, checkpoints_of, example_stats_now};
use crate::api::params::RunPath;
use crate::api::run_detail;
use crate::app::{App, AppState};
use crate::http::cache::CacheSize;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::problem::ApiError;
use crate::http::reply::{CachePolicy, Content, json, json_content};
use crate::http::work_pool::WorkKind;
use crate::runs::corpus_params::split as split_of;
use crate::runs::listing::Listing;
use crate::runs::open_run::OpenRun;
use crate::runs::statistics;
use crate::runs::wire::SplitName;
use crate::story::counts::Counts;
use crate::story::material::{CheckpointMetrics, Examples, Material, Phase, changes, firing};
use crate::story::rules::{RULES, forgetting, labels};
use crate::story::sentence::Sentence;
use crate::story::user_sentences::{self, UserSentence, UserStory};

/// The split whose images the story is about.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct StoryQuery {
    /// `test` or `train`; the test images unless given, where there are any.
    split: Option<String>,
}

/// The sentences that rules find in a run's statistics, in the order of the story.
#[derive(Serialize, ToSchema)]
struct Story {
    split: SplitName,
    sentences: Vec<Sentence>,
    /// The rules that tell nothing of this run.
    silent: Vec<SilentRule>,
}

/// A rule that tells nothing, and why.
#[derive(Serialize, ToSchema)]
struct SilentRule {
    id: &'static str,
    reason: String,
}

/// A story in the cache, as it is sent.
struct CachedStory(Vec<u8>);

impl CacheSize for CachedStory {
    fn bytes(&self) -> usize {
        self.0.len()
    }
}

/// The story of a run: sentences that rules find in its statistics, each with its evidence, the data of its picture and
/// the view that shows it.
#[utoipa::path(
    get, path = "/api/runs/{run}/story", tag = "statistics", params(RunPath, StoryQuery),
    responses(
        (status = 200, description = "the answer", body = Story),
        QueryErrors,
    )
)]
pub(crate) async fn story(
    State(app): State<AppState>,
    PathParams(RunPath { run }): PathParams<RunPath>,
    QueryParams(query): QueryParams<StoryQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&run)?;
    let split = match query.split.as_deref() {
        None if run.info().corpus.test == 0 => Split::Train,
        word => split_of(word)?,
    };
    let of = Arc::clone(&run);
    let key = app
        .work
        .run(WorkKind::Render, move || {
            let (statistics, listing) = (statistics::digest(&of, split)?, of.listing()?);
            Ok(format!("{statistics}/{}/{:?}", listing.digest, of.metrics_stamp()))
        })
        .await?;
    let examples = examples_of(&app, &run, split).await?;
    // Whether the images can be read is not in the digest.
    let state = if examples.is_ok() { "whole" } else { "without-images" };
    let cached =
        app.cache.get(format!("story/{}/{key}/{state}", run.id), find_story(&app, &run, split, examples)).await?;
    Ok(Content::new("application/json", cached.0.clone()).reply(&headers, CachePolicy::Revalidate))
}

/// The statistics of every image and the corpus, or why there are none.
type ImageStatistics = Result<(Arc<CachedExampleStats>, Arc<Corpus>), String>;

async fn examples_of(app: &App, run: &Arc<OpenRun>, split: Split) -> Result<ImageStatistics, ApiError> {
    let found = match app.corpora.images_of(run).await {
        Ok(corpus) => example_stats_now(app, run, split).await.map(|stats| (stats, corpus)),
        Err(error) => Err(error),
    };
    match found {
        Ok(found) => Ok(Ok(found)),
        // The server may answer in a moment: nothing is known of the images yet.
        Err(error) if error.is_passing() => Err(error),
        Err(error) => Ok(Err(error.message().to_owned())),
    }
}

/// Applies every rule to the run.
async fn find_story(
    app: &App,
    run: &Arc<OpenRun>,
    split: Split,
    images: ImageStatistics,
) -> Result<CachedStory, ApiError> {
    // The matrices of two windows at most are held at a time (story::counts).
    let bytes = run.info().classes.len().pow(2).saturating_mul(12 * size_of::<u32>());
    let _held = app.answers.take_at_most(bytes).await?;
    let of = Arc::clone(run);
    let story = app.with_log(run, move |log| {
        let material = material_of(&of, split, log, images)?;
        let (mut sentences, mut silent) = (Vec::new(), Vec::new());
        for (id, tell) in RULES {
            match tell(&material) {
                Ok(sentence) => sentences.push(sentence),
                Err(reason) => silent.push(SilentRule { id, reason }),
            }
        }
        json_content(&Story { split: split.into(), sentences, silent })
    });
    Ok(CachedStory(story.await?.bytes.to_vec()))
}

fn material_of(run: &OpenRun, split: Split, log: &MetricsLog, images: ImageStatistics) -> Result<Material, ApiError> {
    let (listing, network) = (run.listing()?, run.network());
    let store = match statistics::has_images(run, split) {
        Ok(()) => run.store()?,
        Err(error) => return Err(error),
    };
    let units = store.as_ref().map_or_else(|| Ok(Vec::new()), |store| store.units())?;
    let metrics: Vec<CheckpointMetrics> = run_detail::checkpoints(run, &listing, log, &units)
        .iter()
        .map(|point| CheckpointMetrics {
            step: point.step,
            epoch: point.epoch,
            train_loss: point.train_loss,
            train_error: point.train_error,
            test_loss: point.test_loss,
            test_error: point.test_error,
            diverged: point.diverged,
        })
        .collect();
    let not_diverged: Vec<usize> = (0..metrics.len()).filter(|&index| !metrics[index].diverged).collect();
    let mut material = Material {
        classes: run.info().classes.clone(),
        counts: Counts::default(),
        phases: phases_of(run),
        changes: Vec::new(),
        firing: Vec::new(),
        examples: Err("no statistics have been computed for it".to_owned()),
        metrics,
    };
    let Some(store) = store else { return Ok(material) };
    material.counts = Counts::read(&not_diverged, |position| {
        let found = store.confusion(listing.entries[not_diverged[position]].step, split)?;
        Ok::<_, ApiError>(found.map(|confusion| confusion.counts))
    })?;
    material.changes = changes(&store, network, &listing, &material.metrics)?;
    material.firing = firing(&store, network, &listing, (split.into(), &material.metrics))?;
    material.examples = match images {
        Err(reason) => Err(reason),
        Ok((stats, corpus)) => {
            let mut examples = examples_from(&stats, &corpus, split, &listing);
            read_histories(&mut examples, &store, &listing)?;
            Ok(examples)
        }
    };
    Ok(material)
}

/// Reads the histories of the images that sentences will be about.
fn read_histories(examples: &mut Examples, store: &Store, listing: &Listing) -> Result<(), ApiError> {
    for image in [forgetting::subject(examples), labels::subject(examples)].into_iter().flatten() {
        let history = store.history(ImageId(image))?.into_iter();
        let history = history.filter_map(|(step, logits)| {
            Some((listing.index_of(step)?, deepviz_stats::softmax(logits.as_slice().into())))
        });
        examples.histories.insert(image, history.collect());
    }
    Ok(())
}

fn phases_of(run: &OpenRun) -> Vec<Phase> {
    let per_epoch = run.info().training.as_ref().map_or(1, |training| training.steps_per_epoch.max(1));
    let phase = |phase: run_detail::SchedulePhase| Phase {
        first_step: phase.first_step,
        epoch: phase.first_step as f64 / per_epoch as f64,
        rate: phase.rate,
    };
    run_detail::stages(run.info()).into_iter().map(phase).collect()
}

fn examples_from(stats: &CachedExampleStats, corpus: &Corpus, split: Split, listing: &Listing) -> Examples {
    let range = corpus.range(split);
    let labels = &corpus.labels()[range.start as usize..range.end as usize];
    let issues = deepviz_stats::label_issues(&stats.0, labels, 0..usize::MAX);
    let count = stats.0.examples.len().min(labels.len());
    Examples {
        checkpoints: checkpoints_of(listing, &stats.0),
        items: stats.0.examples[..count].to_vec(),
        labels: labels[..count].to_vec(),
        issues: issues.items,
        ..Examples::default()
    }
}

/// The sentences of users.
#[derive(Serialize, ToSchema)]
struct OwnSentences {
    /// The name of the file beside the run folder.
    file: String,
    /// Names the content of that file; absent where there is none yet. A change must name it.
    #[schema(required)]
    revision: Option<String>,
    sentences: Vec<UserSentence>,
}

/// The sentences that are to be kept.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OwnSentencesUpdate {
    /// The revision that was read; absent or null where there was no file.
    #[serde(default)]
    revision: Option<String>,
    /// All of them, in order.
    sentences: Vec<UserSentence>,
}

/// The sentences that users have added to the story of a run.
#[utoipa::path(
    get, path = "/api/runs/{run}/story/own", tag = "runs", params(RunPath),
    responses(
        (status = 200, description = "the answer", body = OwnSentences),
        RunErrors,
    )
)]
pub(crate) async fn own_sentences(
    State(app): State<AppState>,
    PathParams(RunPath { run }): PathParams<RunPath>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&run)?;
    let answer = app.work.run(WorkKind::Render, move || {
        let path = user_sentences::path_of(&run.path)?;
        Ok(answer_of(&path, user_sentences::read(&path)?))
    });
    json(&headers, &answer.await?)
}

fn answer_of(path: &std::path::Path, story: UserStory) -> OwnSentences {
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    OwnSentences { file, revision: story.revision, sentences: story.sentences }
}

/// Replaces the sentences that users have added. They are kept in a file beside the run folder.
#[utoipa::path(
    put, path = "/api/runs/{run}/story/own", tag = "runs", params(RunPath), request_body = OwnSentencesUpdate,
    responses(
        (status = 200, description = "as they are kept now", body = OwnSentences),
        StoryErrors,
    )
)]
pub(crate) async fn put_own_sentences(
    State(app): State<AppState>,
    PathParams(RunPath { run }): PathParams<RunPath>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&run)?;
    let OwnSentencesUpdate { revision, sentences } = serde_json::from_slice(&body).map_err(|error| {
        ApiError::bad(format!("the body cannot be read: {error}"))
            .hint("send `{\"revision\": ..., \"sentences\": [{\"text\": ...}]}`")
    })?;
    // No other request of this server comes between the comparison of revisions and the rename.
    let _writing = app.user_stories.lock().await;
    let answer = app.work.run(WorkKind::Render, move || {
        let path = user_sentences::path_of(&run.path)?;
        let kept = user_sentences::write(&path, &run.info().name, UserStory { revision, sentences })?;
        Ok(answer_of(&path, kept))
    });
    json(&headers, &answer.await?)
}
