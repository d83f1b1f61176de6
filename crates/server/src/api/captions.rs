//! What makes each cluster: captions with their effect sizes.

use std::ops::Range;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_stats::captions::{self, Against, Caption, ImageTable, MAX_CAPTIONS, Side, Subject};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::cluster_choice::{Assignments, ClusterQuery};
use crate::api::errors::StatisticsErrors;
use crate::api::params::CheckpointPath;
use crate::app::AppState;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::problem::ApiError;
use crate::http::reply::json;
use crate::http::work_pool::WorkKind;
use crate::runs::wire::SplitName;

/// What the clusters are compared with.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AgainstQuery {
    /// `rest` (default): all other images of the split. `class`: the images of the cluster's most frequent class inside it
    /// with those of the same class outside.
    against: Option<String>,
    /// Number of the only cluster to answer for; all unless given.
    cluster: Option<usize>,
    /// Captions of each cluster at most, 1 to 24; 24 unless given.
    #[param(minimum = 1, maximum = 24)]
    limit: Option<usize>,
}

impl AgainstQuery {
    fn limit(&self) -> Result<usize, ApiError> {
        let limit = self.limit.unwrap_or(MAX_CAPTIONS);
        if (1..=MAX_CAPTIONS).contains(&limit) {
            return Ok(limit);
        }
        Err(ApiError::bad(format!("expected a limit of 1 to {MAX_CAPTIONS}, found {limit}")))
    }

    fn against(&self) -> Result<Against, ApiError> {
        match self.against.as_deref() {
            None | Some("rest") => Ok(Against::Rest),
            Some("class") => Ok(Against::Class),
            Some(word) => Err(ApiError::bad(format!("unknown comparison `{word}`; expected rest or class"))),
        }
    }
}

/// What sets the clusters of a checkpoint apart.
#[derive(Serialize, ToSchema)]
struct ClusterCaptions {
    checkpoint: usize,
    split: SplitName,
    layer: String,
    metric: String,
    /// `rest` or `class`.
    against: &'static str,
    /// Images of the split, and those that were measured: all, or 2 GiB of pixels evenly chosen.
    images: usize,
    measured: usize,
    /// Comparisons for each cluster: intervals hold for all of them together.
    comparisons: usize,
    clusters: Vec<CaptionedCluster>,
}

/// The captions of one cluster.
#[derive(Serialize, ToSchema)]
struct CaptionedCluster {
    index: usize,
    /// The class that both sides are of, where they are compared within one.
    #[schema(required)]
    class: Option<usize>,
    /// Measured images inside, and those they are compared with.
    images: [usize; 2],
    /// Those beyond the noise and not small, the largest effect first.
    captions: Vec<ClusterCaption>,
}

/// Something that sets a cluster apart.
#[derive(Serialize, ToSchema)]
struct ClusterCaption {
    subject: SubjectName,
    /// Name of the property, the word, or the class.
    name: String,
    /// In words: `dark background`.
    text: String,
    /// What is measured, in words: `brightness of the background`.
    measure: String,
    /// Mean (of a property) or share of images (with a word, of a class) inside.
    inside: f64,
    outside: f64,
    /// Images on either side for which it is defined.
    images: [usize; 2],
    /// Hedges' g of means, Cohen's h of shares: 0.2 is small, 0.5 medium, 0.8 large.
    effect: f64,
    /// Interval of 95 % for all comparisons of a cluster together: of the effect for means, of the difference for shares.
    interval: [f64; 2],
    /// Index of a stronger caption with the same content.
    #[schema(required)]
    repeats: Option<usize>,
    /// The side of the threshold that the cluster is on: `above` or `below`; with a word or class, or without.
    side: SideName,
    /// Half-way between both means; absent for words and classes.
    #[schema(required)]
    threshold: Option<f64>,
}

/// A kind of caption.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SubjectName {
    /// Measured from the pixels.
    Property,
    /// A word of file names.
    Word,
    /// A class.
    Class,
}

/// A side of a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SideName {
    /// Smaller values; without the word; not of the class.
    Below,
    /// The others.
    Above,
}

impl From<SideName> for Side {
    fn from(side: SideName) -> Self {
        match side {
            SideName::Below => Self::Below,
            SideName::Above => Self::Above,
        }
    }
}

/// What sets each cluster apart from other images, by their pixels, names and classes.
#[utoipa::path(
    get, path = "/api/runs/{run}/checkpoints/{checkpoint}/clusters/captions", tag = "statistics",
    params(CheckpointPath, ClusterQuery, AgainstQuery),
    responses(
        (status = 200, description = "the answer", body = ClusterCaptions),
        StatisticsErrors,
    )
)]
pub(crate) async fn captions(
    State(app): State<AppState>,
    PathParams(CheckpointPath { run, checkpoint }): PathParams<CheckpointPath>,
    QueryParams(query): QueryParams<ClusterQuery>,
    QueryParams(asked): QueryParams<AgainstQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&run)?;
    let (against, limit) = (asked.against()?, asked.limit()?);
    let corpus = app.corpora.images_of(&run).await?;
    let found = app.work.run(WorkKind::Render, move || Assignments::find(&run, &checkpoint, &query)).await?;
    let only = asked.cluster.map(|cluster| found.check(cluster).map(|()| cluster)).transpose()?;
    let table = app.image_measurements.table(&corpus, found.choice.split).await?;
    let answer = move || {
        let wanted = only.map_or(0..found.count(), |cluster| cluster..cluster + 1);
        let clusters = CaptionedCluster::of_all(&table, &found, (against, limit), corpus.classes(), wanted);
        Ok(ClusterCaptions {
            checkpoint: found.checkpoint.index,
            split: found.choice.split.into(),
            layer: found.choice.layer.clone(),
            metric: found.choice.metric.name().to_owned(),
            against: if against == Against::Rest { "rest" } else { "class" },
            images: corpus.range(found.choice.split).len(),
            measured: table.images.len(),
            comparisons: captions::comparisons(&table, against),
            clusters,
        })
    };
    json(&headers, &app.work.run(WorkKind::Render, answer).await?)
}

impl CaptionedCluster {
    fn of_all(
        table: &ImageTable,
        found: &Assignments,
        (against, limit): (Against, usize),
        classes: &[String],
        wanted: Range<usize>,
    ) -> Vec<Self> {
        // No cluster has so great a number: it stands for images that are in none.
        let clusters: Vec<u16> = table.images.iter().map(|&image| found.of(image).unwrap_or(u16::MAX)).collect();
        let all = captions::captions(table, &clusters, wanted.clone(), against);
        let captioned = wanted.zip(all).map(|(index, of)| Self {
            index,
            class: of.class,
            images: of.images,
            captions: of.captions.iter().take(limit).map(|caption| worded(table, classes, caption)).collect(),
        });
        captioned.collect()
    }
}

fn worded(table: &ImageTable, classes: &[String], caption: &Caption) -> ClusterCaption {
    let side = if caption.effect.size > 0.0 { SideName::Above } else { SideName::Below };
    let (subject, name, threshold) = match caption.subject {
        Subject::Property(property) => {
            let half_way = f64::midpoint(caption.inside, caption.outside);
            (SubjectName::Property, property.name().to_owned(), Some(half_way))
        }
        Subject::Word(word) => (SubjectName::Word, table.words[word].text.clone(), None),
        Subject::Class(class) => {
            let name = classes.get(class).cloned().unwrap_or_else(|| class.to_string());
            (SubjectName::Class, name, None)
        }
    };
    let (text, measure) = in_words(caption.subject, &name, side);
    ClusterCaption {
        subject,
        text,
        measure,
        name,
        inside: caption.inside,
        outside: caption.outside,
        images: caption.images,
        effect: caption.effect.size,
        interval: caption.effect.interval,
        repeats: caption.repeats,
        side,
        threshold,
    }
}

/// What images on a side are called, and what is measured of them.
pub(crate) fn in_words(subject: Subject, name: &str, side: SideName) -> (String, String) {
    match subject {
        Subject::Property(property) => {
            let [below, above] = property.words();
            let text = if side == SideName::Below { below } else { above };
            (text.to_owned(), property.measure().to_owned())
        }
        Subject::Word(_) => {
            let with = if side == SideName::Below { "without" } else { "with" };
            (format!("names {with} \u{201c}{name}\u{201d}"), "share of images".to_owned())
        }
        Subject::Class(_) => {
            let not = if side == SideName::Below { "not " } else { "" };
            (format!("{not}{name}"), "share of images".to_owned())
        }
    }
}
