//! The one error a handler returns, as `application/problem+json` (RFC 9457).

use std::sync::Arc;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use deepviz_corpus::Split;
use serde::Serialize;
use utoipa::ToSchema;

/// The problem document of a request that failed (RFC 9457).
#[derive(Serialize, ToSchema)]
pub(crate) struct Problem {
    /// A relative reference that names the kind of problem.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The kind in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// The fault: what was found and what was expected.
    detail: String,
    /// The remedy.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

/// Why a request failed. Everything but [`ProblemKind::Internal`] is reported to the client.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{detail}")]
pub(crate) struct ApiError {
    kind: ProblemKind,
    detail: String,
    hint: Option<String>,
}

/// The detail of a failure of the server itself, for clients.
const IN_THE_LOG: &str = "the reason is in the server's log";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ProblemKind {
    BadRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    NotReady,
    NoSplit,
    TooLarge,
    UnsupportedMedia,
    Unusable,
    NotAllowed,
    Exists,
    TooLong,
    HeadTooLong,
    Busy,
    OutOfFiles,
    Full,
    Internal,
}

impl ProblemKind {
    fn describe(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::BadRequest => (StatusCode::BAD_REQUEST, "bad-request", "The request cannot be understood"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "token-required", "A token is required"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "forbidden", "The request is refused"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not-found", "There is no such thing"),
            Self::NotReady => (StatusCode::CONFLICT, "not-ready", "What is needed for this is missing"),
            Self::NoSplit => (StatusCode::NOT_FOUND, "no-split", "The corpus has no such split"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The upload is too large"),
            Self::UnsupportedMedia => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-an-image", "The upload is not an image that can be read")
            }
            Self::Unusable => (StatusCode::UNPROCESSABLE_ENTITY, "unusable", "What is on disk cannot be used"),
            Self::NotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "This address does not take this method")
            }
            Self::Exists => (StatusCode::CONFLICT, "exists", "There is one of that name already"),
            Self::TooLong => (StatusCode::URI_TOO_LONG, "too-long", "The address is too long"),
            Self::HeadTooLong => {
                (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "head-too-long", "The headers are too long")
            }
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy", "The server has too much to do"),
            Self::OutOfFiles => (StatusCode::SERVICE_UNAVAILABLE, "out-of-files", "The server has too many files open"),
            Self::Full => (StatusCode::INSUFFICIENT_STORAGE, "full", "The disk of the server is full"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "The server failed"),
        }
    }
}

impl ApiError {
    fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), hint: None }
    }

    /// 400: what was found, what is expected.
    pub(crate) fn bad(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::BadRequest, detail)
    }

    /// 404.
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::NotFound, detail)
    }

    /// 404 for one thing on an axis; the name of the axis is for the hint.
    pub(crate) fn missing(what: &str, detail: impl Into<String>) -> Self {
        let error = Self::not_found(detail);
        match what {
            "checkpoint" | "filter" | "channel" => {
                error.hint(format!("{what}s are counted from 0; GET /api/runs/{{run}} tells how many there are"))
            }
            _ => error,
        }
    }

    /// 409: statistics or a corpus that are not there (yet).
    pub(crate) fn not_ready(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::NotReady, detail)
    }

    /// 404: a split without images, of which there can be no statistics.
    pub(crate) fn no_split(split: Split) -> Self {
        Self::new(ProblemKind::NoSplit, format!("this corpus has no {split} split: none of its images belongs to it"))
            .hint(format!("ask for split={}", if split == Split::Test { Split::Train } else { Split::Test }))
    }

    /// 422: a file that is damaged or out of date.
    pub(crate) fn unusable(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::Unusable, detail)
    }

    /// 413.
    pub(crate) fn too_large(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::TooLarge, detail)
    }

    /// 415.
    pub(crate) fn not_an_image(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::UnsupportedMedia, detail)
    }

    /// 401.
    pub(crate) fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::Unauthorized, detail)
    }

    /// 403.
    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::Forbidden, detail)
    }

    /// 503: more than can be done in time.
    pub(crate) fn busy(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::Busy, detail).hint("ask again in a few seconds")
    }

    /// 503: the limit on open files is reached.
    pub(crate) fn out_of_files() -> Self {
        Self::new(ProblemKind::OutOfFiles, "the server is out of open files: it has as many open as it may").hint(
            "ask again in a few seconds; who runs the server can allow more (`ulimit -n`), or serve fewer runs at once",
        )
    }

    /// 414.
    pub(crate) fn too_long(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::TooLong, detail)
    }

    /// 431.
    pub(crate) fn head_too_long(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::HeadTooLong, detail)
    }

    /// 409: a name that is taken.
    pub(crate) fn exists(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::Exists, detail)
    }

    /// 507.
    pub(crate) fn full() -> Self {
        Self::new(ProblemKind::Full, "there is no space for what was sent")
    }

    /// 405.
    pub(crate) fn not_allowed() -> Self {
        Self::new(ProblemKind::NotAllowed, "this address does not take this method")
            .hint("GET /api/openapi.json describes every route")
    }

    /// A refusal of the framework, which says little more than its status.
    pub(crate) fn from_status(status: StatusCode) -> Self {
        match status {
            StatusCode::PAYLOAD_TOO_LARGE => Self::too_large("the body is larger than 10 MB"),
            StatusCode::NOT_FOUND => Self::not_found("no such route"),
            StatusCode::METHOD_NOT_ALLOWED => Self::not_allowed(),
            status if status.is_server_error() => Self::internal(format!("status {status}")),
            status => Self::bad(format!("the request cannot be read ({status})")),
        }
    }

    /// 500: the detail goes to the log, never to the client.
    pub(crate) fn internal(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::Internal, detail)
    }

    /// Adds what the reader can do.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The HTTP status it becomes.
    pub(crate) fn status(&self) -> StatusCode {
        self.kind.describe().0
    }
}

impl ApiError {
    /// The detail that a client may read.
    pub(crate) fn message(&self) -> &str {
        if self.kind == ProblemKind::Internal { IN_THE_LOG } else { &self.detail }
    }

    /// The problem document, for an answer that has begun already.
    pub(crate) fn document(self) -> Vec<u8> {
        serde_json::to_vec(&self.into_problem()).unwrap_or_default()
    }

    fn into_problem(self) -> Problem {
        let (status, kind, title) = self.kind.describe();
        let detail = if self.kind == ProblemKind::Internal {
            tracing::error!(detail = %self.detail, "request failed");
            IN_THE_LOG.to_owned()
        } else {
            self.detail
        };
        Problem { kind, title, status: status.as_u16(), detail, hint: self.hint }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut response = (status, Json(self.into_problem())).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl ApiError {
    /// True where the same request may be answered in a moment: nothing is wrong with it.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self.kind, ProblemKind::Busy | ProblemKind::OutOfFiles)
    }
}

/// Errors of coalesced work come shared.
impl From<Arc<ApiError>> for ApiError {
    fn from(shared: Arc<ApiError>) -> Self {
        Arc::unwrap_or_clone(shared)
    }
}

impl From<deepviz_render::Error> for ApiError {
    fn from(error: deepviz_render::Error) -> Self {
        match error {
            deepviz_render::Error::Png { .. } => Self::internal(error.to_string()),
            _ => Self::bad(error.to_string()),
        }
    }
}
