//! The images: found, described, shown.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_corpus::{Account, Corpus, ImageId, Query};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::errors::CorpusErrors;
use crate::api::params::{limit, offset};
use crate::app::{App, AppState};
use crate::http::extract::{PathParams, QueryParams};
use crate::http::problem::ApiError;
use crate::http::reply::json;
use crate::http::work_pool::WorkKind;
use crate::runs::corpus_params::image_id;
use crate::runs::corpus_params::{class_of, split};
use crate::runs::wire::SplitName;
use crate::sheet::thumbnail::thumbnail_shape;

/// A corpus in a path.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct CorpusPath {
    /// Id of the corpus.
    #[param(example = "shapes")]
    pub(crate) corpus: String,
}

/// An image in a path.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct ImagePath {
    /// Id of the corpus.
    #[param(example = "shapes")]
    pub(crate) corpus: String,
    /// Id of the image.
    #[param(example = "3")]
    pub(crate) image: String,
}

/// The parameters of a search for images.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SearchQuery {
    /// Words that must all match: part of the class or the name, an id, or `#id`.
    q: Option<String>,
    /// Name or number of a class: the exact name first, then the name in another case, then the number
    /// (`#3` where a class is called 3).
    class: Option<String>,
    /// `train` or `test`.
    split: Option<String>,
    /// Images at most, up to 10,000; 100 unless given.
    limit: Option<usize>,
    /// The start of the page: the `next_cursor` of the page before.
    cursor: Option<String>,
}

/// All corpora.
#[derive(Serialize, ToSchema)]
struct CorpusList {
    corpora: Vec<CorpusDetail>,
}

/// A corpus.
#[derive(Serialize, ToSchema)]
struct CorpusDetail {
    id: String,
    name: String,
    /// True where its images can be shown now.
    available: bool,
    /// Why not.
    #[schema(required)]
    problem: Option<String>,
    #[schema(required)]
    identity: Option<String>,
    #[schema(required)]
    images: Option<usize>,
    #[schema(required)]
    train: Option<usize>,
    #[schema(required)]
    test: Option<usize>,
    #[schema(required)]
    classes: Option<Vec<String>>,
    /// Channels, rows, columns.
    #[schema(required)]
    image_shape: Option<[usize; 3]>,
    /// The files left out when it was opened, and how its layout was understood.
    #[schema(required)]
    account: Option<AccountDetail>,
    /// The number of files left out that hold or may hold images. `account` says which; this number will be
    /// removed in the next version.
    #[schema(required)]
    unreadable: Option<usize>,
}

/// The files that a corpus left out when it was opened.
#[derive(Serialize, ToSchema)]
struct AccountDetail {
    left_out: Vec<LeftOutDetail>,
    /// Sentences on how the corpus was understood.
    remarks: Vec<String>,
}

/// All that was left out for one reason.
#[derive(Serialize, ToSchema)]
struct LeftOutDetail {
    /// `damaged`, `empty`, `unknown_format`, `not_an_image`, `too_large`, `other_size`, `unreadable`, `unlabelled`,
    /// `other_split`, `other_folder`, `empty_folder`, `system` or `own_folder`.
    reason: String,
    /// The reason in words, to stand behind the count.
    text: String,
    count: usize,
    /// True for images; notes and files of the system are no loss.
    is_loss: bool,
    /// The first of them.
    first: Vec<LeftOutFile>,
}

/// A file or folder that was left out.
#[derive(Serialize, ToSchema)]
struct LeftOutFile {
    /// The path in the corpus.
    path: String,
    /// The fault; empty where the reason says it.
    detail: String,
}

impl AccountDetail {
    fn of(account: &Account) -> Self {
        let left_out = account.left_out().map(|left| LeftOutDetail {
            reason: left.reason.as_str().to_owned(),
            text: left.reason.text().to_owned(),
            count: left.count,
            is_loss: left.reason.is_loss(),
            first: left
                .first
                .iter()
                .map(|example| LeftOutFile { path: example.path.clone(), detail: example.detail.clone() })
                .collect(),
        });
        Self { left_out: left_out.collect(), remarks: account.remarks().to_vec() }
    }
}

/// Some of the images that were found.
#[derive(Serialize, ToSchema)]
struct ImagePage {
    total: usize,
    items: Vec<ImageItem>,
    #[schema(required)]
    next_cursor: Option<String>,
}

/// An image in a list.
#[derive(Serialize, ToSchema)]
struct ImageItem {
    id: u32,
    name: String,
    class: u16,
    split: SplitName,
}

/// An image.
#[derive(Serialize, ToSchema)]
struct ImageDetail {
    #[serde(flatten)]
    item: ImageItem,
    class_name: String,
    /// The class that it truly shows, where the corpus records that its label is wrong.
    #[schema(required)]
    recorded_class: Option<u16>,
}

/// The corpora of the runs that are served.
#[utoipa::path(get, path = "/api/corpora", tag = "corpora", responses((status = 200, description = "the answer", body = CorpusList)))]
pub(crate) async fn list_corpora(State(app): State<AppState>, headers: HeaderMap) -> Result<Response, ApiError> {
    for (_, run) in app.runs.all() {
        if let Ok(run) = run {
            app.corpora.of_run(&run);
        }
    }
    let corpora = app.corpora.all().into_iter().map(|corpus_cache| {
        let opened = corpus_cache.corpus();
        let corpus = opened.as_ref().ok();
        CorpusDetail {
            id: corpus_cache.id.clone(),
            name: corpus_cache.name.clone(),
            available: corpus.is_some(),
            identity: corpus.map(|corpus| corpus.identity().to_owned()),
            images: corpus.map(|corpus| corpus.len()),
            train: corpus.map(|corpus| corpus.range(deepviz_corpus::Split::Train).len()),
            test: corpus.map(|corpus| corpus.range(deepviz_corpus::Split::Test).len()),
            classes: corpus.map(|corpus| corpus.classes().to_vec()),
            image_shape: corpus.map(|corpus| {
                let shape = thumbnail_shape(corpus);
                [shape.channels, shape.height, shape.width]
            }),
            account: corpus.map(|corpus| AccountDetail::of(corpus.account())),
            unreadable: corpus.map(|corpus| corpus.account().lost()),
            problem: opened.err(),
        }
    });
    json(&headers, &CorpusList { corpora: corpora.collect() })
}

/// Images by class, split, name and id.
#[utoipa::path(
    get, path = "/api/corpora/{corpus}/images", tag = "corpora", params(CorpusPath, SearchQuery),
    responses(
        (status = 200, description = "the answer", body = ImagePage),
        CorpusErrors,
    )
)]
pub(crate) async fn search_images(
    State(app): State<AppState>,
    PathParams(CorpusPath { corpus }): PathParams<CorpusPath>,
    QueryParams(query): QueryParams<SearchQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let corpus = open(&app, &corpus).await?;
    let query = Query {
        class: query
            .class
            .as_deref()
            .filter(|class| !class.is_empty())
            .map(|class| class_of(corpus.classes(), class))
            .transpose()?,
        split: query.split.as_deref().filter(|word| !word.is_empty()).map(|word| split(Some(word))).transpose()?,
        limit: limit(query.limit, Query::DEFAULT_LIMIT)?,
        cursor: offset(query.cursor.as_deref())?,
        text: query.q,
    };
    let page = app
        .work
        .run(WorkKind::Render, move || {
            let page = corpus.search(&query);
            Ok(ImagePage {
                total: page.total,
                items: page.ids.iter().filter_map(|&id| item(&corpus, id)).collect(),
                next_cursor: page.next.map(|next| next.to_string()),
            })
        })
        .await?;
    json(&headers, &page)
}

/// One image: its class, split and name.
#[utoipa::path(
    get, path = "/api/corpora/{corpus}/images/{image}", tag = "corpora", params(ImagePath),
    responses(
        (status = 200, description = "the answer", body = ImageDetail),
        CorpusErrors,
    )
)]
pub(crate) async fn image_detail(
    State(app): State<AppState>,
    PathParams(ImagePath { corpus, image }): PathParams<ImagePath>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let corpus = open(&app, &corpus).await?;
    let id = image_id(&corpus, &image)?;
    let item = item(&corpus, id).ok_or_else(|| ApiError::internal("an image that was there is gone"))?;
    let class_name = corpus.classes().get(usize::from(item.class)).cloned().unwrap_or_default();
    json(&headers, &ImageDetail { class_name, recorded_class: recorded_class(&corpus, id), item })
}

fn recorded_class(corpus: &Corpus, id: ImageId) -> Option<u16> {
    corpus.notes()?.wrong_labels.get(&id).map(|class| class.0)
}

/// The images of that id, when they have been read.
pub(crate) async fn open(app: &App, id: &str) -> Result<Arc<Corpus>, ApiError> {
    let corpus_cache = app.corpora.get(id).or_else(|error| {
        // A run that was not requested yet may name it.
        for (_, run) in app.runs.all() {
            if let Ok(run) = run {
                app.corpora.of_run(&run);
            }
        }
        app.corpora.get(id).map_err(|_| error)
    })?;
    corpus_cache.required().await
}

fn item(corpus: &Corpus, id: ImageId) -> Option<ImageItem> {
    Some(ImageItem {
        id: id.0,
        name: corpus.name_of(id)?.into_owned(),
        class: corpus.label(id)?.0,
        split: corpus.split_of(id)?.into(),
    })
}
