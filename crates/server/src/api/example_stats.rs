//! Statistics of every image over the checkpoints (`ledger` in paths and tables): when it was learned, how often
//! forgotten.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_corpus::{Corpus, Split};
use deepviz_net::Step;
use deepviz_stats::{Example, ExampleOrder, ExampleStats};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::errors::StatisticsErrors;
use crate::api::params::{DEFAULT_LIMIT, RunImagePath, RunPath, limit, next_cursor, offset};
use crate::app::{App, AppState};
use crate::http::cache::CacheSize;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::problem::ApiError;
use crate::http::reply::json;
use crate::http::work_pool::WorkKind;
use crate::runs::corpus_params::image_id;
use crate::runs::corpus_params::{class_of, split};
use crate::runs::listing::Listing;
use crate::runs::open_run::OpenRun;
use crate::runs::statistics;
use crate::runs::wire::SplitName;

/// The images of a page, and their order.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExampleStatsQuery {
    /// `test` (default) or `train`.
    split: Option<String>,
    /// `image` (default), `learned` (last or never first), `forgotten`, `flips` (most first), `final_margin`,
    /// `mean_margin` (least first).
    sort: Option<String>,
    /// Only images of this class: its name or number.
    class: Option<String>,
    /// Images at most, up to 10,000; 48 unless given.
    limit: Option<usize>,
    /// The start of the page: the `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Some images of a split, and their statistics.
#[derive(Serialize, ToSchema)]
#[schema(as = LedgerPage)]
struct ExampleStatsPage {
    split: SplitName,
    /// The checkpoints over which the statistics were computed.
    checkpoints: Vec<usize>,
    total: usize,
    items: Vec<ExampleItem>,
    #[schema(required)]
    next_cursor: Option<String>,
}

/// The statistics of an image. A margin is the true class's probability less the greatest other one.
#[derive(Serialize, ToSchema)]
#[schema(as = LedgerItem)]
struct ExampleItem {
    id: u32,
    true_class: u16,
    /// At the last checkpoint.
    predicted: u16,
    /// The first checkpoint at which the prediction is right; absent where it never is.
    #[schema(required)]
    learned: Option<usize>,
    /// Times that a right prediction is followed by a wrong one.
    forgotten: u32,
    /// Times that the predicted class changes.
    flips: u32,
    /// At how many checkpoints the prediction is right.
    right: u32,
    final_margin: f32,
    mean_margin: f32,
    /// Over the later half of the checkpoints.
    late_margin: f32,
    /// Share of the later half of the checkpoints that say what the last one says.
    agreement: f32,
}

/// The statistics of one image.
#[derive(Serialize, ToSchema)]
#[schema(as = ImageLedger)]
struct ImageExampleStats {
    checkpoints: Vec<usize>,
    /// Absent where there are no statistics of it.
    #[schema(required)]
    example: Option<ExampleItem>,
}

/// Example statistics in the cache.
pub(crate) struct CachedExampleStats(pub(crate) ExampleStats);

impl CacheSize for CachedExampleStats {
    fn bytes(&self) -> usize {
        self.0.examples.len() * size_of::<Example>() + self.0.steps.len() * size_of::<Step>()
    }
}

/// The example statistics of a split as they are now.
pub(crate) async fn example_stats_now(
    app: &App,
    run: &Arc<OpenRun>,
    split: Split,
) -> Result<Arc<CachedExampleStats>, ApiError> {
    let of = Arc::clone(run);
    let key = app.work.run(WorkKind::Render, move || statistics::digest(&of, split)).await?;
    let of = Arc::clone(run);
    let make = app.work.run(WorkKind::Render, move || {
        let store = statistics::required(&of, split)?;
        Ok(CachedExampleStats(store.example_stats(split)?))
    });
    app.cache.get(format!("ledger/{}/{key}", run.id), make).await
}

/// The checkpoints of the statistics by index; a snapshot that is gone has none.
pub(crate) fn checkpoints_of(listing: &Listing, stats: &ExampleStats) -> Vec<usize> {
    stats.steps.iter().filter_map(|step| listing.index_of(*step)).collect()
}

fn item_of(listing: &Listing, corpus: &Corpus, example: &Example) -> ExampleItem {
    ExampleItem {
        id: example.image.0,
        true_class: corpus.label(example.image).map(|class| class.0).unwrap_or_default(),
        predicted: example.predicted,
        learned: example.learned.and_then(|step| listing.index_of(step)),
        forgotten: example.forgotten,
        flips: example.flips,
        right: example.right,
        final_margin: example.final_margin,
        mean_margin: example.mean_margin,
        late_margin: example.late_margin,
        agreement: example.agreement,
    }
}

/// Statistics of every image: when it was learned, how often forgotten, with what margin.
#[utoipa::path(
    get, path = "/api/runs/{run}/ledger", tag = "statistics", params(RunPath, ExampleStatsQuery),
    responses(
        (status = 200, description = "the answer", body = ExampleStatsPage),
        StatisticsErrors,
    )
)]
pub(crate) async fn ledger(
    State(app): State<AppState>,
    PathParams(RunPath { run }): PathParams<RunPath>,
    QueryParams(query): QueryParams<ExampleStatsQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&run)?;
    let split = split(query.split.as_deref())?;
    let order = order(query.sort.as_deref())?;
    let (offset, limit) = (offset(query.cursor.as_deref())?, limit(query.limit, DEFAULT_LIMIT)?);
    let wanted = query.class.as_deref().filter(|class| !class.is_empty());
    let wanted = wanted.map(|class| class_of(&run.info().classes, class)).transpose()?;
    let corpus = app.corpora.images_of(&run).await?;
    let cached = example_stats_now(&app, &run, split).await?;
    let listing = run.listing_by(&app.work).await?;
    let page = app.work.run(WorkKind::Render, move || {
        let is_wanted = |example: &Example| {
            wanted.is_none_or(|class| corpus.label(example.image).is_some_and(|label| label == class))
        };
        let page = cached.0.page(order, is_wanted, offset..offset.saturating_add(limit));
        let items: Vec<_> = page.items.into_iter().map(|example| item_of(&listing, &corpus, example)).collect();
        Ok(ExampleStatsPage {
            split: split.into(),
            checkpoints: checkpoints_of(&listing, &cached.0),
            total: page.total,
            next_cursor: next_cursor(offset, items.len(), page.total),
            items,
        })
    });
    json(&headers, &page.await?)
}

fn order(word: Option<&str>) -> Result<ExampleOrder, ApiError> {
    let word = word.unwrap_or("image");
    let found = ExampleOrder::NAMES.into_iter().find(|(name, _)| *name == word);
    found.map(|(_, order)| order).ok_or_else(|| {
        let known = ExampleOrder::NAMES.map(|(name, _)| name).join(", ");
        ApiError::bad(format!("unknown order `{word}`; expected one of {known}"))
    })
}

/// The statistics of one image.
#[utoipa::path(
    get, path = "/api/runs/{run}/images/{image}/ledger", tag = "statistics", params(RunImagePath),
    responses(
        (status = 200, description = "the answer", body = ImageExampleStats),
        StatisticsErrors,
    )
)]
pub(crate) async fn image_ledger(
    State(app): State<AppState>,
    PathParams(RunImagePath { run, image }): PathParams<RunImagePath>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&run)?;
    let corpus = app.corpora.images_of(&run).await?;
    let id = image_id(&corpus, &image)?;
    let split = corpus.split_of(id).unwrap_or(Split::Test);
    let of = Arc::clone(&run);
    let alone = app
        .work
        .run(WorkKind::Render, move || Ok(statistics::required(&of, split)?.example_stats_of_image(split, id)?))
        .await?;
    let listing = run.listing_by(&app.work).await?;
    let answer = |stats: &ExampleStats| {
        let example = stats.examples.iter().find(|example| example.image == id);
        ImageExampleStats {
            checkpoints: checkpoints_of(&listing, stats),
            example: example.map(|example| item_of(&listing, &corpus, example)),
        }
    };
    match alone {
        Some(stats) => json(&headers, &answer(&stats)),
        None => json(&headers, &answer(&example_stats_now(&app, &run, split).await?.0)),
    }
}
