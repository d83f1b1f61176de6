//! The images that two checkpoints do not agree on.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_corpus::find_class;
use deepviz_stats::compare::{ImageOutcome, Outcome};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::ComparePath;
use crate::api::errors::StatisticsErrors;
use crate::api::params::{DEFAULT_LIMIT, limit, next_cursor, offset};
use crate::app::AppState;
use crate::compare::outcomes::Outcomes;
use crate::compare::sides::Sides;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::problem::ApiError;
use crate::http::reply::json;
use crate::http::work_pool::WorkKind;
use crate::runs::corpus_params::split;
use crate::runs::open_run::OpenRun;

/// Images by who is right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Which {
    /// A is right and B is wrong.
    #[default]
    OnlyA,
    /// B is right and A is wrong.
    OnlyB,
    /// Both are right.
    Both,
    /// Both are wrong.
    Neither,
    /// They predict different classes.
    Changed,
    /// All of them.
    All,
}

impl Which {
    fn holds(self, image: &ImageOutcome) -> bool {
        match (self, image.is_right()) {
            (Self::OnlyA, right) => right == [true, false],
            (Self::OnlyB, right) => right == [false, true],
            (Self::Both, right) => right == [true, true],
            (Self::Neither, right) => right == [false, false],
            (Self::Changed, _) => image.first.predicted != image.second.predicted,
            (Self::All, _) => true,
        }
    }
}

/// Which images of two checkpoints.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CompareImagesQuery {
    /// Id of the second run, B.
    #[param(example = "my-run")]
    b: String,
    /// Index of its checkpoint; its last unless given.
    b_checkpoint: Option<String>,
    /// `test` (default) or `train`.
    split: Option<String>,
    /// `only_a` (right, default), `only_b`, `both`, `neither`, `changed` or `all`.
    #[param(inline)]
    which: Option<Which>,
    /// Only of this class, by number or name of A.
    true_class: Option<String>,
    /// Only what A takes for this class.
    a_predicted: Option<String>,
    /// Only what B takes for this class.
    b_predicted: Option<String>,
    /// Images at most, up to 10,000; 48 unless given.
    limit: Option<usize>,
    /// The start of the page: the `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of images, those first whose margins differ most.
#[derive(Serialize, ToSchema)]
struct ComparedImages {
    total: usize,
    items: Vec<ComparedImage>,
    #[schema(required)]
    next_cursor: Option<String>,
}

/// An image and what both checkpoints say of it.
#[derive(Serialize, ToSchema)]
struct ComparedImage {
    id: u32,
    true_class: u16,
    a: ImageVerdict,
    b: ImageVerdict,
}

/// What a checkpoint says of an image.
#[derive(Serialize, ToSchema)]
struct ImageVerdict {
    /// By the numbers of A's classes.
    predicted: u16,
    /// The probability of the true class less the greatest other: above 0 where it is right.
    margin: f32,
}

impl From<Outcome> for ImageVerdict {
    fn from(Outcome { predicted, margin }: Outcome) -> Self {
        Self { predicted, margin }
    }
}

/// The images that one of two checkpoints gets right and the other does not, or any others by who is right.
#[utoipa::path(
    get, path = "/api/runs/{run}/checkpoints/{checkpoint}/compare/images", tag = "compare",
    params(ComparePath, CompareImagesQuery),
    responses(
        (status = 200, description = "the answer", body = ComparedImages),
        StatisticsErrors,
    )
)]
pub(crate) async fn compared_images(
    State(app): State<AppState>,
    PathParams(path): PathParams<ComparePath>,
    QueryParams(query): QueryParams<CompareImagesQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let split = split(query.split.as_deref())?;
    let (offset, limit) = (offset(query.cursor.as_deref())?, limit(query.limit, DEFAULT_LIMIT)?);
    let second = (query.b.as_str(), query.b_checkpoint.as_deref());
    let sides = Sides::find(&app, (&path.run, &path.checkpoint), second).await?;
    let class = |text: &Option<String>| text.as_deref().map(|text| class(&sides.a.run, text)).transpose();
    let (of, a, b) = (class(&query.true_class)?, class(&query.a_predicted)?, class(&query.b_predicted)?);
    let which = query.which.unwrap_or_default();
    let found = sides.outcomes(&app, split).await?;
    let page = move || Ok(page_of(&found, (which, [of, a, b]), (offset, limit)));
    json(&headers, &app.work.run(WorkKind::RenderLarge, page).await?)
}

/// Which images: by who is right, of a class, taken by either for a class.
type Choice = (Which, [Option<u16>; 3]);

fn page_of(found: &Outcomes, (which, [of, a, b]): Choice, (offset, limit): (usize, usize)) -> ComparedImages {
    let is_wanted = |image: &&ImageOutcome| {
        let is = |wanted: Option<u16>, found: u16| wanted.is_none_or(|wanted| wanted == found);
        let is_chosen = is(of, image.class) && is(a, image.first.predicted) && is(b, image.second.predicted);
        is_chosen && which.holds(image)
    };
    let mut images: Vec<&ImageOutcome> = found.0.images.iter().filter(is_wanted).collect();
    let distance = |image: &ImageOutcome| (image.first.margin - image.second.margin).abs();
    images.sort_by(|x, y| distance(y).total_cmp(&distance(x)).then(x.image.cmp(&y.image)));
    let page = images.iter().skip(offset).take(limit).map(|image| ComparedImage {
        id: image.image.0,
        true_class: image.class,
        a: image.first.into(),
        b: image.second.into(),
    });
    let items: Vec<ComparedImage> = page.collect();
    let next_cursor = next_cursor(offset, items.len(), images.len());
    ComparedImages { total: images.len(), items, next_cursor }
}

fn class(run: &OpenRun, text: &str) -> Result<u16, ApiError> {
    Ok(find_class(&run.info().classes, text).map_err(|error| ApiError::bad(error.to_string()))?.0)
}
