//! The runs that are served.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_net::Metric;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::parts::Size;
use crate::app::AppState;
use crate::http::problem::ApiError;
use crate::http::reply::json;
use crate::http::work_pool::WorkKind;
use crate::runs::divergence::Diverged;
use crate::runs::open_run::OpenRun;

/// All runs.
#[derive(Serialize, ToSchema)]
struct RunList {
    runs: Vec<RunSummary>,
    /// Folders that look like runs and cannot be opened.
    problems: Vec<RunProblem>,
}

/// A run in a list.
#[derive(Serialize, ToSchema)]
struct RunSummary {
    id: String,
    name: String,
    live: bool,
    /// The number of checkpoints.
    checkpoints: usize,
    /// The number of classes.
    classes: usize,
    image_shape: Size,
    #[schema(required)]
    last_step: Option<u64>,
    /// The latest measured; absent too where it was not finite.
    #[schema(required)]
    test_error: Option<f64>,
    /// The divergence of the run, if it has diverged.
    #[schema(required)]
    divergence: Option<Diverged>,
}

/// A run that cannot be opened.
#[derive(Serialize, ToSchema)]
struct RunProblem {
    id: String,
    problem: String,
}

/// Every run in the folders that are served.
#[utoipa::path(get, path = "/api/runs", tag = "runs", responses((status = 200, description = "the answer", body = RunList)))]
pub(crate) async fn list_runs(State(app): State<AppState>, headers: HeaderMap) -> Result<Response, ApiError> {
    let shared = Arc::clone(&app);
    let alone = app.listing.lock().await;
    let list = app
        .work
        .run(WorkKind::Render, move || {
            let (mut runs, mut problems) = (Vec::new(), Vec::new());
            for (id, run) in shared.runs.all() {
                match run {
                    Ok(run) => runs.push(summary(&run)),
                    Err(error) => problems.push(RunProblem { id, problem: error.to_string() }),
                }
            }
            Ok(RunList { runs, problems })
        })
        .await?;
    drop(alone);
    json(&headers, &list)
}

fn summary(run: &OpenRun) -> RunSummary {
    let info = run.info();
    // Neither a snapshot's header nor all measurements: a list of many runs is asked for at every start.
    let brief = run.brief();
    let latest = run.latest();
    RunSummary {
        id: run.id.clone(),
        name: info.name.clone(),
        live: run.is_live(),
        checkpoints: brief.checkpoints,
        classes: info.classes.len(),
        image_shape: info.image.into(),
        last_step: brief.last_step.map(|step| step.0),
        test_error: latest.test.as_ref().and_then(Metric::finite_error),
        divergence: latest.divergence.clone(),
    }
}
