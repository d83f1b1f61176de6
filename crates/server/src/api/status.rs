//! The load of the server.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::AppState;
use crate::http::problem::ApiError;
use crate::http::reply::json;
use crate::http::work_pool::WorkKind;

/// The load of the server.
#[derive(Serialize, ToSchema)]
struct Status {
    /// The version of deepViz.
    version: &'static str,
    /// Runs that are served.
    runs: usize,
    /// True where archives of runs and corpora are taken.
    uploads: bool,
    cache: CacheStatus,
    /// Reading and drawing.
    drawing: WorkStatus,
    /// Applying networks.
    forward: WorkStatus,
}

/// Pictures, snapshots and models in memory.
#[derive(Serialize, ToSchema)]
struct CacheStatus {
    entries: u64,
    bytes: u64,
    /// Bytes at most.
    limit_bytes: u64,
}

/// Work of one kind.
#[derive(Serialize, ToSchema)]
struct WorkStatus {
    /// Pieces done since the start.
    done: u64,
    /// Pieces that wait for a thread.
    waiting: usize,
}

/// Memory and work of the server, for operators and load tests.
#[utoipa::path(get, path = "/api/status", tag = "runs", responses((status = 200, description = "the answer", body = Status)))]
pub(crate) async fn status(State(app): State<AppState>, headers: HeaderMap) -> Result<Response, ApiError> {
    let (entries, bytes) = app.cache.size();
    let work = |kind| {
        let (done, waiting) = app.work.counts(kind);
        WorkStatus { done, waiting }
    };
    let status = Status {
        version: env!("CARGO_PKG_VERSION"),
        runs: app.runs.all().len(),
        uploads: app.uploads.is_some(),
        cache: CacheStatus { entries, bytes, limit_bytes: app.cache.limit_bytes() },
        drawing: work(WorkKind::Render),
        forward: work(WorkKind::Forward),
    };
    json(&headers, &status)
}
