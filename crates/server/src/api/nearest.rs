//! The images that a network finds most alike to one.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_corpus::{ClassId, Corpus, ImageId};
use deepviz_stats::NearQuery;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::errors::StatisticsErrors;
use crate::api::params::{DEFAULT_LIMIT, PredictPath, find_checkpoint, limit};
use crate::app::{App, AppState};
use crate::http::extract::{PathParams, QueryParams};
use crate::http::problem::ApiError;
use crate::http::reply::json;
use crate::http::work_pool::WorkKind;
use crate::runs::corpus_params::{class_of, image_id, split};
use crate::runs::open_run::OpenRun;
use crate::runs::statistics;
use crate::runs::wire::SplitName;
use crate::sheet::model_input::ModelInput;
use crate::sheet::uploaded_images::UploadedImage;

/// The parameters of a search for the nearest images.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct NearestQuery {
    /// `test` or `train`: whose images are searched; those of the image's own split unless given, for an image
    /// that was sent the test split.
    split: Option<String>,
    /// Only images with this label that are predicted as it: its name or number.
    typical: Option<String>,
    /// Images at most, up to 10,000; 48 unless given.
    limit: Option<usize>,
}

/// The images whose outputs at a checkpoint lie nearest to an image's, the nearest first.
#[derive(Serialize, ToSchema)]
struct NearbyImages {
    checkpoint: usize,
    /// The split whose images were searched.
    split: SplitName,
    image: u32,
    /// Absent for an image that was sent.
    #[schema(required)]
    true_class: Option<u16>,
    /// Without the image itself; of two equally near the smaller id comes first.
    items: Vec<NearbyImage>,
}

/// An image near to another.
#[derive(Serialize, ToSchema)]
struct NearbyImage {
    id: u32,
    true_class: u16,
    predicted: u16,
    /// Of the predicted class.
    probability: f32,
    /// Euclidean, between the logits of the two.
    distance: f32,
}

/// The images whose outputs at a checkpoint lie nearest to an image's.
///
/// Outputs are the logits, what goes into the softmax, as the statistics keep them. Images whose logits are no numbers
/// are left out.
#[utoipa::path(
    get, path = "/api/runs/{run}/checkpoints/{checkpoint}/images/{image}/near", tag = "statistics",
    params(PredictPath, NearestQuery),
    responses(
        (status = 200, description = "the answer", body = NearbyImages, example = json!({
            "checkpoint": 12, "split": "test", "image": 50003, "true_class": 3,
            "items": [
                {"id": 50917, "true_class": 3, "predicted": 3, "probability": 0.71, "distance": 0.84},
                {"id": 52040, "true_class": 5, "predicted": 3, "probability": 0.64, "distance": 0.97},
            ],
        })),
        StatisticsErrors,
    )
)]
pub(crate) async fn near(
    State(app): State<AppState>,
    PathParams(path): PathParams<PredictPath>,
    QueryParams(query): QueryParams<NearestQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&path.run)?;
    let corpus = app.corpora.images_of(&run).await?;
    let uploaded = app.uploaded_images.find_for(&run, &path.image)?;
    let outputs = match &uploaded {
        Some(uploaded) => Some(outputs_of(&app, &run, &path.checkpoint, uploaded).await?),
        None => None,
    };
    let near_to = match &uploaded {
        Some(uploaded) => NearTo { image: uploaded.id, outputs },
        None => NearTo { image: image_id(&corpus, &path.image)?, outputs },
    };
    let answer = app.work.run(WorkKind::Render, move || answer(&run, &path, &query, &corpus, near_to)).await?;
    json(&headers, &answer)
}

/// The image to which others are near.
struct NearTo {
    image: ImageId,
    /// Of an image that is not in the corpus.
    outputs: Option<Vec<f32>>,
}

/// The logits of an image that was sent.
async fn outputs_of(
    app: &App,
    run: &Arc<OpenRun>,
    checkpoint: &str,
    uploaded: &Arc<UploadedImage>,
) -> Result<Vec<f32>, ApiError> {
    let listing = run.listing_by(&app.work).await?;
    let (_, entry) = listing.point(&run.id, checkpoint)?;
    let input = ModelInput::UploadedImage(Arc::clone(uploaded));
    Ok(app.models.activations(run, entry, &input).await?.layers[run.network().logits()].clone())
}

fn answer(
    run: &OpenRun,
    path: &PredictPath,
    query: &NearestQuery,
    corpus: &Corpus,
    NearTo { image, outputs }: NearTo,
) -> Result<NearbyImages, ApiError> {
    let own_split = corpus.split_of(image).unwrap_or(deepviz_corpus::Split::Test);
    let split = query.split.as_deref().map_or(Ok(own_split), |word| split(Some(word)))?;
    let limit = limit(query.limit, DEFAULT_LIMIT)?;
    let checkpoint = find_checkpoint(run, &path.checkpoint)?;
    let store = statistics::required(run, split)?;
    let typical = query.typical.as_deref().filter(|class| !class.is_empty());
    let typical = typical.map(|class| class_of(corpus.classes(), class)).transpose()?;
    let is_wanted = |other: ImageId, predicted: ClassId| {
        typical.is_none_or(|class| predicted == class && corpus.label(other) == Some(class))
    };
    let near = NearQuery { step: checkpoint.step, image, split, limit };
    let found = match &outputs {
        Some(outputs) => store.near_outputs(&near, outputs, is_wanted)?,
        None => store.near_among(&near, is_wanted)?,
    };
    let Some(found) = found else {
        let missing = if store.confusion(checkpoint.step, own_split)?.is_none() { own_split } else { split };
        return Err(statistics::missing_at(run, &store, checkpoint, missing)?);
    };
    let class = |id: ImageId| corpus.label(id).map(|class| class.0).unwrap_or_default();
    let items = found.into_iter().map(|near| NearbyImage {
        id: near.image.0,
        true_class: class(near.image),
        predicted: near.predicted.0,
        probability: near.probability,
        distance: near.distance,
    });
    Ok(NearbyImages {
        checkpoint: checkpoint.index,
        split: split.into(),
        image: image.0,
        true_class: corpus.label(image).map(|class| class.0),
        items: items.collect(),
    })
}
