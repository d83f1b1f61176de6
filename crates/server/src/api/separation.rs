//! How well the layers and units of a network distinguish two classes.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_net::Network;
use deepviz_stats::compare::MeasuredLayer;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::errors::{NotModified, StatisticsErrors};
use crate::app::AppState;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::problem::ApiError;
use crate::http::reply::{CachePolicy, json_with_policy};
use crate::runs::corpus_params::class_of;
use crate::runs::wire::SplitName;
use crate::sheet::aggregate::ClassImages;
use crate::sheet::image_group::{ClassSample, GroupQuery};
use crate::sheet::model_input::fitting_corpus;
use crate::sheet::separation::{LayerSeparation, SeparatingUnit, Separation, bytes_of_means};

/// Images of each class by default.
const DEFAULT_LIMIT: usize = 500;

/// A checkpoint in a path.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct SeparationPath {
    /// Id of the run.
    run: String,
    /// Index of the checkpoint, or `last`.
    checkpoint: String,
}

/// Two classes and the images that stand for them.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SeparationQuery {
    /// The first class, by number or name.
    a: String,
    /// The second class.
    b: String,
    /// The split that the images are of: `test` (default) or `train`.
    split: Option<String>,
    /// Images of each class, evenly chosen, 1 to 1,000; 500 unless given.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// The checkpoint's hash: makes the answer immutable.
    v: Option<String>,
}

/// How well each layer distinguishes two classes, from the image to the output.
#[derive(Serialize, ToSchema)]
struct SeparationAnswer {
    checkpoint: usize,
    split: SplitName,
    /// The two classes.
    classes: [usize; 2],
    /// Images of each class that were examined.
    images: [usize; 2],
    /// The layers with weights.
    layers: Vec<LayerAreas>,
    /// Layers with weights that were not measured: beyond 48, or with outputs that are not finite.
    layers_left_out: usize,
    /// The units that separate the classes best, of all layers but the last.
    units: Vec<UnitArea>,
}

/// One layer. Areas lie under the receiver operating characteristic: 0.5 is chance, 1 is perfect.
#[derive(Serialize, ToSchema)]
struct LayerAreas {
    layer: String,
    /// Where its units are measured: behind the layer's rectifier, if it has one.
    measured_at: String,
    /// Units, each of which is described by the mean of its map.
    units: usize,
    /// The unit that separates the classes best by itself.
    best_unit: usize,
    best_area: f64,
    /// The class that it has greater values for.
    best_class: usize,
    median_area: f64,
    /// A linear probe on all units: ridge regression on half of the images, the area on the other half, and the other way
    /// round. Absent with too few images.
    #[schema(required)]
    probe_area: Option<f64>,
    /// Its interval of 95 %.
    #[schema(required)]
    probe_interval: Option<[f64; 2]>,
}

/// A unit with its values for the images of both classes.
#[derive(Serialize, ToSchema)]
struct UnitArea {
    layer: String,
    measured_at: String,
    unit: usize,
    area: f64,
    /// The class that it has greater values for.
    class: usize,
    /// Mean over the images of each class.
    means: [f32; 2],
    /// Least and greatest value of either class.
    range: [f32; 2],
    /// Shares of the images of each class in equal bins of that range.
    histograms: [Vec<f32>; 2],
}

/// How well one unit and all units of each layer distinguish two classes at a checkpoint, and the best units.
#[utoipa::path(
    get, path = "/api/runs/{run}/checkpoints/{checkpoint}/separation", tag = "statistics",
    params(SeparationPath, SeparationQuery),
    responses(
        (status = 200, description = "the answer", body = SeparationAnswer),
        NotModified,
        StatisticsErrors,
    )
)]
pub(crate) async fn separation(
    State(app): State<AppState>,
    PathParams(path): PathParams<SeparationPath>,
    QueryParams(query): QueryParams<SeparationQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&path.run)?;
    let listing = run.listing_by(&app.work).await?;
    let (checkpoint, _) = listing.point(&run.id, &path.checkpoint)?;
    let entry = listing.usable(checkpoint)?;
    let corpus = fitting_corpus(&app.corpora, &run).await?;
    let classes = [class_of(corpus.classes(), &query.a)?, class_of(corpus.classes(), &query.b)?];
    if classes[0] == classes[1] {
        return Err(ApiError::bad(format!("expected two classes, found `{}` twice", query.a)));
    }
    let limit = Some(query.limit.unwrap_or(DEFAULT_LIMIT));
    let sample = ClassSample::of_all(&GroupQuery { split: query.split, limit, minus: None }, classes.len())?;
    let _held = app.answers.take(bytes_of_means(run.network(), sample.limit)).await?;
    let found = app.models.separation(&run, entry, ClassImages { corpus: &corpus, sample }, classes).await?;
    let classes = classes.map(|class| usize::from(class.0));
    let answer = answer(run.network(), checkpoint, (sample.split.into(), classes), &found);
    json_with_policy(&headers, &answer, CachePolicy::by_hash(query.v.as_deref(), &entry.hash))
}

fn answer(
    network: &Network,
    checkpoint: usize,
    (split, classes): (SplitName, [usize; 2]),
    found: &Separation,
) -> SeparationAnswer {
    let name = |index: usize| network.layers()[index].name.clone();
    let class_of = |is_first: bool| if is_first { classes[0] } else { classes[1] };
    let layer = |LayerSeparation { of: MeasuredLayer { layer, measured_at }, units, probe }: &LayerSeparation| {
        let best = units.best_area;
        LayerAreas {
            layer: name(*layer),
            measured_at: name(*measured_at),
            units: units.areas.len(),
            best_unit: units.best,
            best_area: best.value,
            best_class: class_of(best.is_greater_for_first),
            median_area: units.median,
            probe_area: probe.map(|probe| probe.area),
            probe_interval: probe.map(|probe| probe.interval),
        }
    };
    let unit =
        |SeparatingUnit { of: MeasuredLayer { layer, measured_at }, unit, area, means, histogram }: &SeparatingUnit| {
            UnitArea {
                layer: name(*layer),
                measured_at: name(*measured_at),
                unit: *unit,
                area: area.value,
                class: class_of(area.is_greater_for_first),
                means: *means,
                range: [histogram.from, histogram.to],
                histograms: [histogram.first.clone(), histogram.second.clone()],
            }
        };
    SeparationAnswer {
        checkpoint,
        split,
        classes,
        images: found.images,
        layers: found.layers.iter().map(layer).collect(),
        layers_left_out: found.layers_left_out,
        units: found.units.iter().map(unit).collect(),
    }
}
