//! Test images that are in the training split too, or nearly.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_corpus::{Corpus, ImageId, Split};
use deepviz_net::Step;
use deepviz_stats::{DuplicatePair, DuplicateSearch, OutputsOfSplits};
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::errors::StatisticsErrors;
use crate::api::params::{DEFAULT_LIMIT, RunPath, limit, next_cursor, offset};
use crate::app::{App, AppState};
use crate::http::cache::CacheSize;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::problem::ApiError;
use crate::http::reply::json;
use crate::http::work_pool::WorkKind;
use crate::runs::image_path::ImagePaths;
use crate::runs::open_run::OpenRun;
use crate::runs::statistics::{self, has_images};

/// Test images that are examined in one go, so that others are served in between.
const CHUNK_IMAGES: usize = 64;
/// Pairs of images whose fingerprints are compared at most: some ten seconds. Of larger corpora fewer test images are
/// looked at, evenly chosen.
const MAX_COMPARED_PAIRS: usize = 1 << 29;
/// The least similarity that is kept.
const MIN_SIMILARITY: f32 = 0.9;
/// Pairs that are kept.
const MAX_PAIRS: usize = 10_000;

/// A page of pairs.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DuplicatesQuery {
    /// Only pairs of this similarity or more, 0.9 (default) to 1.
    #[param(minimum = 0.9, maximum = 1.0)]
    least: Option<f32>,
    /// Pairs at most, up to 10,000; 48 unless given.
    limit: Option<usize>,
    /// The start of the page: the `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Test images that are in the training split too, or nearly; the most similar first.
#[derive(Serialize, ToSchema)]
struct Duplicates {
    /// Test images that were examined, evenly chosen where these are not all.
    test_images: usize,
    /// Training images that each was compared with.
    train_images: usize,
    /// The checkpoint whose outputs gave candidates beside those by pixels; absent where no outputs are known.
    #[schema(required)]
    checkpoint: Option<usize>,
    /// The least similarity of the list.
    least: f32,
    total: usize,
    items: Vec<DuplicateItem>,
    #[schema(required)]
    next_cursor: Option<String>,
}

/// A test image and the training image that it is most similar to.
#[derive(Serialize, ToSchema)]
struct DuplicateItem {
    test: DuplicateImage,
    train: DuplicateImage,
    /// Correlation of the pixels, up to 1, where the two overlap.
    similarity: f32,
    /// Root mean square of the difference of the pixels, in levels of 0 to 255.
    difference: f32,
    /// Columns and rows that the training image is moved by, of 32.
    shift: [i32; 2],
    /// The training image is mirrored.
    mirrored: bool,
}

/// One image of a pair.
#[derive(Serialize, ToSchema)]
struct DuplicateImage {
    id: u32,
    /// From the corpus' folder where images are files in folders of classes, else the corpus' name for the image.
    path: String,
    label: u16,
}

/// All pairs of a corpus.
struct FoundPairs {
    pairs: Vec<DuplicatePair>,
    test_images: usize,
}

impl CacheSize for FoundPairs {
    fn bytes(&self) -> usize {
        self.pairs.len() * size_of::<DuplicatePair>()
    }
}

/// Test images that are in the training split too, or nearly the same.
///
/// For each test image, the training images nearest to it by pixels (in 4 x 4 cells) and by the network's outputs are
/// compared pixel by pixel, in 32 x 32, also moved by up to two pixels and mirrored. Takes some seconds the first time.
#[utoipa::path(
    get, path = "/api/runs/{run}/duplicates", tag = "statistics", params(RunPath, DuplicatesQuery),
    responses(
        (status = 200, description = "the answer", body = Duplicates),
        StatisticsErrors,
    )
)]
pub(crate) async fn duplicates(
    State(app): State<AppState>,
    PathParams(RunPath { run }): PathParams<RunPath>,
    QueryParams(query): QueryParams<DuplicatesQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&run)?;
    let least = query.least.unwrap_or(MIN_SIMILARITY);
    if !(MIN_SIMILARITY..=1.0).contains(&least) {
        return Err(ApiError::bad(format!("expected a similarity of {MIN_SIMILARITY} to 1, found {least}")));
    }
    let (offset, limit) = (offset(query.cursor.as_deref())?, limit(query.limit, DEFAULT_LIMIT)?);
    for split in [Split::Train, Split::Test] {
        has_images(&run, split)?;
    }
    let corpus = app.corpora.images_of(&run).await?;
    let of = Arc::clone(&run);
    let at = app.work.run(WorkKind::Render, move || last_with_both(&of)).await?;
    let checkpoint = at.as_ref().map(|at| at.index);
    // It continues when the client does not wait, and the next one who asks finds it done.
    let (finder, of, images) = (Arc::clone(&app), Arc::clone(&run), Arc::clone(&corpus));
    let finding = tokio::spawn(async move { all_pairs(&finder, &of, &images, at).await }).await;
    let found = finding.map_err(|panic| ApiError::internal(format!("comparing images failed: {panic}")))??;
    let state = Arc::clone(&app);
    let answer = app.work.run(WorkKind::Render, move || {
        let paths = ImagePaths::of(&state.corpora, &run, &corpus);
        let total = found.pairs.partition_point(|pair| pair.similarity >= least);
        let page = found.pairs[..total].iter().skip(offset).take(limit);
        let items: Vec<_> = page.map(|pair| item_of(pair, &corpus, &paths)).collect();
        let next_cursor = next_cursor(offset, items.len(), total);
        let (test_images, train_images) = (found.test_images, corpus.range(Split::Train).len());
        Ok(Duplicates { test_images, train_images, checkpoint, least, total, items, next_cursor })
    });
    json(&headers, &answer.await?)
}

fn item_of(pair: &DuplicatePair, corpus: &Corpus, paths: &ImagePaths) -> DuplicateItem {
    let image = |id: ImageId| DuplicateImage {
        id: id.0,
        path: paths.path_of(id),
        label: corpus.label(id).map(|class| class.0).unwrap_or_default(),
    };
    DuplicateItem {
        test: image(pair.test),
        train: image(pair.train),
        similarity: pair.similarity,
        difference: pair.difference,
        shift: pair.shift,
        mirrored: pair.mirrored,
    }
}

/// A checkpoint with statistics of both splits.
struct BothSplits {
    index: usize,
    step: Step,
    hash: String,
}

/// The last checkpoint with statistics of both splits.
fn last_with_both(run: &OpenRun) -> Result<Option<BothSplits>, ApiError> {
    let ready = statistics::ready_statistics(run)?;
    let has_train = |step: Step| ready.iter().any(|one| one.step == step && one.split == Split::Train);
    let listing = run.listing()?;
    let both = ready.iter().filter(|one| one.split == Split::Test && has_train(one.step));
    let known = both.filter_map(|one| {
        Some(BothSplits { index: listing.index_of(one.step)?, step: one.step, hash: one.hash.clone() })
    });
    Ok(known.max_by_key(|at| at.index))
}

/// The pairs of a corpus, the most similar first.
async fn all_pairs(
    app: &App,
    run: &Arc<OpenRun>,
    corpus: &Arc<Corpus>,
    at: Option<BothSplits>,
) -> Result<Arc<FoundPairs>, ApiError> {
    let step = at.as_ref().map(|at| at.step);
    let outputs_of = at.map_or_else(|| "pixels".to_owned(), |at| at.hash);
    let key = format!("duplicates/{}/{}/{outputs_of}", run.id, corpus.identity());
    app.cache
        .get(key, async {
            let train = corpus.range(Split::Train).len();
            let classes = corpus.classes().len();
            let rows = corpus.len();
            // Fingerprints, and the outputs of all images.
            let _held = app.answers.take_at_most(train * 192 + rows * classes * 4).await?;
            let of = Arc::clone(corpus);
            let search = app.work.run(WorkKind::RenderLarge, move || Ok(DuplicateSearch::new(&of))).await?;
            let (search, of) = (Arc::new(search), Arc::clone(run));
            let outputs = app.work.run(WorkKind::RenderLarge, move || outputs_at(&of, step)).await?;
            let outputs = Arc::new(outputs);
            let tests = chosen_tests(corpus);
            let mut pairs = Vec::new();
            for ids in tests.chunks(CHUNK_IMAGES) {
                let (search, outputs, corpus) = (Arc::clone(&search), Arc::clone(&outputs), Arc::clone(corpus));
                let ids = ids.to_vec();
                let compare = move || {
                    let outputs = outputs.as_ref().as_ref();
                    let outputs = outputs
                        .map(|SplitLogits { train, test }| OutputsOfSplits { train: train.view(), test: test.view() });
                    Ok(search.pairs(&corpus, &ids, outputs, MIN_SIMILARITY))
                };
                pairs.extend(app.work.run(WorkKind::RenderLarge, compare).await?);
            }
            pairs.sort_by(|a, b| b.similarity.total_cmp(&a.similarity).then(a.test.cmp(&b.test)));
            pairs.truncate(MAX_PAIRS);
            Ok(FoundPairs { pairs, test_images: tests.len() })
        })
        .await
}

/// Logits of the images of both splits.
struct SplitLogits {
    train: Array2<f32>,
    test: Array2<f32>,
}

fn outputs_at(run: &OpenRun, step: Option<Step>) -> Result<Option<SplitLogits>, ApiError> {
    let (Some(step), Some(store)) = (step, run.store()?) else { return Ok(None) };
    let [train, test] = [Split::Train, Split::Test].map(|split| store.logits(step, split));
    Ok(train?.zip(test?).map(|(train, test)| SplitLogits { train, test }))
}

/// The test images that are examined.
fn chosen_tests(corpus: &Corpus) -> Vec<ImageId> {
    let (train, test) = (corpus.range(Split::Train).len(), corpus.range(Split::Test));
    let count = (MAX_COMPARED_PAIRS / train.max(1)).clamp(1, test.len().max(1)).min(test.len());
    (0..count).map(|position| ImageId(test.start + (position * test.len() / count) as u32)).collect()
}
