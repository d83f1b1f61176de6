//! Slices: how often the network is wrong on the images that a caption describes, and on the others.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_corpus::{Corpus, ImageId, Split};
use deepviz_stats::captions::{self, Condition, Difference, ImageTable, Property, Share, Subject, TWO_SIDED_95};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::captions::{SideName, SubjectName, in_words};
use crate::api::cluster_choice::first_image;
use crate::api::errors::StatisticsErrors;
use crate::api::params::{CheckpointPath, find_checkpoint};
use crate::app::AppState;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::problem::ApiError;
use crate::http::reply::json;
use crate::http::work_pool::WorkKind;
use crate::runs::corpus_params::{class_of, split};
use crate::runs::listing::CheckpointRef;
use crate::runs::open_run::OpenRun;
use crate::runs::statistics;
use crate::runs::wire::SplitName;

/// Images that are named of either side by default.
const DEFAULT_EXAMPLES: usize = 12;
/// And at most.
const MAX_EXAMPLES: usize = 200;
/// What the property `background` was called; still read, for one version.
const OLD_BACKGROUND: &str = "ground";

/// The condition of a slice, as captions give it.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SliceQuery {
    /// `test` (default) or `train`.
    split: Option<String>,
    #[param(inline)]
    subject: SubjectName,
    /// Name of the property, a word, or name or number of a class.
    #[param(example = "background")]
    name: String,
    /// `above` (default): the threshold and greater values; with the word; of the class. `below`: the other side.
    #[param(inline)]
    side: Option<SideName>,
    /// For properties.
    threshold: Option<f64>,
    /// Images named of either side, evenly chosen, 0 to 200; 12 unless given.
    #[param(maximum = 200)]
    limit: Option<usize>,
}

/// A slice and its error, against the other images of the split.
#[derive(Serialize, ToSchema)]
struct SliceAnswer {
    checkpoint: usize,
    split: SplitName,
    /// In words: `dark background`.
    text: String,
    /// What is measured, in words.
    measure: String,
    /// Images that were measured.
    measured: usize,
    /// Images for which the property is not defined; they are on neither side.
    undefined: usize,
    inside: SliceSide,
    outside: SliceSide,
    /// The error inside less that outside; absent where one side is empty.
    #[schema(required)]
    difference: Option<ErrorDifference>,
    /// The same between images of the same class (Mantel and Haenszel): without what comes from harder classes being
    /// more frequent on one side. Absent where no class has images on both sides.
    #[schema(required)]
    within_classes: Option<ErrorDifference>,
}

/// One side of a slice.
#[derive(Serialize, ToSchema)]
struct SliceSide {
    images: usize,
    /// Wrong predictions.
    wrong: usize,
    /// Absent without images.
    #[schema(required)]
    error: Option<f64>,
    /// Wilson's interval of 95 %.
    #[schema(required)]
    interval: Option<[f64; 2]>,
    /// Some of the images, evenly chosen.
    examples: Vec<u32>,
}

/// A difference of errors, and its interval of 95 %.
#[derive(Serialize, ToSchema)]
struct ErrorDifference {
    value: f64,
    interval: [f64; 2],
}

/// How often the network is wrong on the images that a condition holds for, and on the others.
#[utoipa::path(
    get, path = "/api/runs/{run}/checkpoints/{checkpoint}/slice", tag = "statistics",
    params(CheckpointPath, SliceQuery),
    responses(
        (status = 200, description = "the answer", body = SliceAnswer),
        StatisticsErrors,
    )
)]
pub(crate) async fn slice(
    State(app): State<AppState>,
    PathParams(CheckpointPath { run, checkpoint }): PathParams<CheckpointPath>,
    QueryParams(query): QueryParams<SliceQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&run)?;
    let split = split(query.split.as_deref())?;
    let limit = query.limit.unwrap_or(DEFAULT_EXAMPLES);
    if limit > MAX_EXAMPLES {
        return Err(ApiError::bad(format!("expected a limit of 0 to {MAX_EXAMPLES}, found {limit}")));
    }
    let corpus = app.corpora.images_of(&run).await?;
    let (condition, subject) = query.condition(&corpus)?;
    let table = app.image_measurements.table(&corpus, split).await?;
    if let Condition::Word(word, _) = &condition
        && !table.words.iter().any(|known| known.text == *word)
    {
        return Err(ApiError::bad(format!("no word `{word}` tells images of the {split} split apart by their names"))
            .hint("words that fewer than five images have, or all, or that name a class are not counted"));
    }
    let side = query.side.unwrap_or(SideName::Above);
    let (text, measure) = in_words(subject, &query.name, side);
    let answer = move || {
        let checkpoint = find_checkpoint(&run, &checkpoint)?;
        let is_wrong = wrong(&run, checkpoint, split, &table)?;
        let slice = captions::slice(&table, &condition, &is_wrong);
        let side = |side: usize| SliceSide::new(&table, slice.errors[side], &slice.rows[side], limit);
        Ok(SliceAnswer {
            checkpoint: checkpoint.index,
            split: split.into(),
            text,
            measure,
            measured: table.images.len(),
            undefined: slice.undefined,
            inside: side(0),
            outside: side(1),
            difference: slice.difference.map(Into::into),
            within_classes: slice.within_classes.map(Into::into),
        })
    };
    json(&headers, &app.work.run(WorkKind::Render, answer).await?)
}

impl SliceQuery {
    fn condition(&self, corpus: &Corpus) -> Result<(Condition, Subject), ApiError> {
        let side = self.side.unwrap_or(SideName::Above).into();
        match self.subject {
            SubjectName::Property => {
                let name = if self.name == OLD_BACKGROUND { Property::Background.name() } else { &self.name };
                let Some(property) = Property::named(name) else {
                    let known: Vec<_> = Property::ALL.into_iter().map(Property::name).collect();
                    let known = known.join(", ");
                    return Err(ApiError::bad(format!("unknown property `{}`; expected one of {known}", self.name)));
                };
                let threshold = self.threshold.filter(|threshold| threshold.is_finite());
                let threshold =
                    threshold.ok_or_else(|| ApiError::bad("a slice by a property needs a finite `threshold`"))?;
                Ok((Condition::Property(property, side, threshold), Subject::Property(property)))
            }
            SubjectName::Word => Ok((Condition::Word(self.name.to_lowercase(), side), Subject::Word(0))),
            SubjectName::Class => {
                let class = usize::from(class_of(corpus.classes(), &self.name)?.0);
                Ok((Condition::Class(class, side), Subject::Class(class)))
            }
        }
    }
}

/// Whether the prediction for the image of each row of a table is wrong.
fn wrong(run: &OpenRun, checkpoint: CheckpointRef, split: Split, table: &ImageTable) -> Result<Vec<bool>, ApiError> {
    let store = statistics::required(run, split)?;
    let Some(predicted) = store.predicted_classes(checkpoint.step, split)? else {
        return Err(statistics::missing_at(run, &store, checkpoint, split)?);
    };
    let first = first_image(run, split);
    let is_wrong = |(image, class): (&ImageId, &u16)| {
        let position = image.0.checked_sub(first)?;
        Some(predicted.get(position as usize)? != class)
    };
    let found: Option<Vec<bool>> = table.images.iter().zip(&table.classes).map(is_wrong).collect();
    found.ok_or_else(|| ApiError::unusable("the statistics are of other images than the corpus has"))
}

impl SliceSide {
    fn new(table: &ImageTable, share: Share, rows: &[u32], examples: usize) -> Self {
        let count = examples.min(rows.len());
        let example = |position: usize| table.images[rows[position * rows.len() / count] as usize].0;
        Self {
            images: share.of,
            wrong: share.count,
            error: (share.of > 0).then(|| share.value()),
            interval: (share.of > 0).then(|| share.interval(TWO_SIDED_95)),
            examples: (0..count).map(example).collect(),
        }
    }
}

impl From<Difference> for ErrorDifference {
    fn from(Difference { value, interval }: Difference) -> Self {
        Self { value, interval }
    }
}
