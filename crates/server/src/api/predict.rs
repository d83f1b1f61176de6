//! Predictions for an image, at one checkpoint and at all.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_net::Divergence;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::errors::{SentImageErrors, StatisticsErrors};
use crate::api::params::{CheckpointPath, PredictPath, RunImagePath};
use crate::app::{App, AppState};
use crate::explain::switched_off::SwitchedOff;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::json_number::all_finite;
use crate::http::problem::ApiError;
use crate::http::reply::{CachePolicy, json, json_with_policy};
use crate::http::selection::evenly_with_ends;
use crate::http::work_pool::WorkKind;
use crate::runs::corpus_params::image_id;
use crate::runs::open_run::OpenRun;
use crate::sheet::model_input::ModelInput;
use crate::sheet::uploaded_images::UploadedImage;
use crate::upload::image::{ImageBody, sent_image};

/// Checkpoints at which the history of an image that was sent is computed, at most.
const MAX_COMPUTED_CHECKPOINTS: usize = 64;

/// How a prediction is made.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PredictQuery {
    /// Layers and their units that are switched off, set to zero behind the layer's nonlinearity: `fc64:39` or
    /// `conv1:2,5-7;fc64:39`.
    off: Option<String>,
    /// The checkpoint's hash: makes the answer immutable.
    v: Option<String>,
}

/// The prediction for an image.
#[derive(Serialize, ToSchema)]
struct Prediction {
    /// Absent for an image that was sent.
    #[schema(required)]
    image: Option<u32>,
    checkpoint: usize,
    /// The input of the softmax; absent where it is not finite.
    logits: Vec<Option<f32>>,
    /// Absent where it is not finite.
    probabilities: Vec<Option<f32>>,
    /// The class of the greatest probability; absent where logits or probabilities are not finite.
    #[schema(required)]
    predicted: Option<usize>,
    /// Why no class is predicted.
    #[schema(required)]
    problem: Option<String>,
    /// Absent for an image that was sent.
    #[schema(required)]
    true_class: Option<u16>,
}

/// The prediction for an image at every checkpoint that has statistics of it.
#[derive(Serialize, ToSchema)]
struct ImageHistory {
    image: u32,
    /// Absent for an image that was sent.
    #[schema(required)]
    true_class: Option<u16>,
    checkpoints: Vec<usize>,
    probabilities: Vec<Vec<f32>>,
}

/// Logits and probabilities of a corpus image at a checkpoint.
#[utoipa::path(
    get, path = "/api/runs/{run}/checkpoints/{checkpoint}/predict/{image}", tag = "sheets",
    params(PredictPath, PredictQuery),
    responses(
        (status = 200, description = "the answer", body = Prediction),
        StatisticsErrors,
    )
)]
pub(crate) async fn predict(
    State(app): State<AppState>,
    PathParams(PredictPath { run, checkpoint, image }): PathParams<PredictPath>,
    QueryParams(PredictQuery { off, v }): QueryParams<PredictQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let open = app.runs.get(&run)?;
    let input = ModelInput::image(app.images(), &open, &image).await?;
    let off = SwitchedOff::read(open.network(), off.as_deref())?;
    let (prediction, hash) = prediction(&app, (&open, &checkpoint), (&input, &off)).await?;
    json_with_policy(&headers, &prediction, CachePolicy::by_hash(v.as_deref(), &hash))
}

/// Logits and probabilities of an image that is sent.
#[utoipa::path(
    post, path = "/api/runs/{run}/checkpoints/{checkpoint}/predict", tag = "sheets", params(CheckpointPath),
    request_body(content = Vec<u8>, content_type = "image/*", description = "an image file: PNG, JPEG, WebP, BMP, GIF, TIFF or PNM"),
    responses(
        (status = 200, description = "the answer", body = Prediction),
        SentImageErrors,
    )
)]
pub(crate) async fn predict_sent(
    State(app): State<AppState>,
    PathParams(CheckpointPath { run, checkpoint }): PathParams<CheckpointPath>,
    headers: HeaderMap,
    ImageBody(body): ImageBody,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&run)?;
    let input = sent_image(&app.work, &run, body).await?;
    let (prediction, _) = prediction(&app, (&run, &checkpoint), (&input, &SwitchedOff::default())).await?;
    json(&headers, &prediction)
}

async fn prediction(
    app: &App,
    (run, checkpoint): (&Arc<OpenRun>, &str),
    (input, off): (&ModelInput, &SwitchedOff),
) -> Result<(Prediction, String), ApiError> {
    let listing = run.listing_by(&app.work).await?;
    let (index, entry) = listing.point(&run.id, checkpoint)?;
    let activations = if off.is_empty() {
        app.models.activations(run, entry, input).await?
    } else {
        app.models.outputs_without(run, entry, (input, off)).await?
    };
    let logits = &activations.layers[run.network().logits()];
    let probabilities = &activations.layers[run.network().output()];
    let predicted = deepviz_stats::predicted_class(logits, probabilities);
    let true_class = match input {
        ModelInput::CorpusImage { corpus, id } => corpus.label(*id).map(|class| class.0),
        ModelInput::SentImage { .. } | ModelInput::UploadedImage(_) | ModelInput::Group { .. } => None,
    };
    let problem = if predicted.is_none() {
        let divergence = app.with_log(run, |log| Ok(log.divergence.clone())).await;
        Some(not_finite(logits, probabilities, divergence.ok().flatten()))
    } else {
        None
    };
    let prediction = Prediction {
        image: input.id().map(|id| id.0),
        checkpoint: index,
        logits: all_finite(logits),
        probabilities: all_finite(probabilities),
        predicted,
        problem,
        true_class,
    };
    Ok((prediction, entry.hash.clone()))
}

/// Why outputs predict no class.
fn not_finite(logits: &[f32], probabilities: &[f32], divergence: Option<Divergence>) -> String {
    let count = |values: &[f32]| values.iter().filter(|value| !value.is_finite()).count();
    let (what, values) = if count(logits) > 0 { ("outputs", logits) } else { ("probabilities", probabilities) };
    let bad = format!("no class is predicted: {} of {} {what} are not finite", count(values), values.len());
    match divergence {
        Some(divergence) => format!("{bad}; the run diverged at step {}", divergence.step),
        None => bad,
    }
}

/// An image's probabilities at every checkpoint whose statistics hold them.
///
/// Of an image that was sent they are computed now, at 64 checkpoints at most: the first, the last and those evenly
/// between them.
#[utoipa::path(
    get, path = "/api/runs/{run}/images/{image}/history", tag = "statistics", params(RunImagePath),
    responses(
        (status = 200, description = "the answer", body = ImageHistory),
        StatisticsErrors,
    )
)]
pub(crate) async fn image_history(
    State(app): State<AppState>,
    PathParams(RunImagePath { run, image }): PathParams<RunImagePath>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&run)?;
    if let Some(uploaded) = app.uploaded_images.find_for(&run, &image)? {
        return json(&headers, &computed_history(&app, &run, uploaded).await?);
    }
    let corpus = app.corpora.images_of(&run).await?;
    let id = image_id(&corpus, &image)?;
    let true_class = corpus.label(id).map(|class| class.0);
    let history = app
        .work
        .run(WorkKind::Render, move || {
            let by_step = match run.store()? {
                Some(store) => store.history(id)?,
                None => Vec::new(),
            };
            let listing = run.listing()?;
            let (mut checkpoints, mut probabilities) = (Vec::new(), Vec::new());
            for (step, logits) in by_step {
                let Some(index) = listing.index_of(step) else { continue };
                checkpoints.push(index);
                probabilities.push(deepviz_stats::softmax(logits.as_slice().into()));
            }
            Ok(ImageHistory { image: id.0, true_class, checkpoints, probabilities })
        })
        .await?;
    json(&headers, &history)
}

/// The history of an image that no statistics hold. Checkpoints without finite probabilities are left out, as in the
/// statistics.
async fn computed_history(
    app: &App,
    run: &Arc<OpenRun>,
    uploaded: Arc<UploadedImage>,
) -> Result<ImageHistory, ApiError> {
    let listing = run.listing_by(&app.work).await?;
    let readable: Vec<usize> = (0..listing.entries.len()).filter(|&index| listing.usable(index).is_ok()).collect();
    let mut history =
        ImageHistory { image: uploaded.id.0, true_class: None, checkpoints: vec![], probabilities: vec![] };
    let input = ModelInput::UploadedImage(uploaded);
    let output = run.network().output();
    for index in evenly_with_ends(&readable, MAX_COMPUTED_CHECKPOINTS) {
        let activations = app.models.activations(run, listing.usable(index)?, &input).await?;
        let probabilities = &activations.layers[output];
        if probabilities.iter().all(|value| value.is_finite()) {
            history.checkpoints.push(index);
            history.probabilities.push(probabilities.clone());
        }
    }
    Ok(history)
}
