//! The runs that are served.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_net::{Metric, Network};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::parts::Size;
use crate::app::AppState;
use crate::http::problem::ApiError;
use crate::http::reply::json;
use crate::http::work_pool::WorkKind;
use crate::runs::divergence::Diverged;
use crate::runs::open_run::OpenRun;
use crate::runs::statistics::test_metrics;

/// All runs.
#[derive(Serialize, ToSchema)]
struct RunList {
    runs: Vec<RunSummary>,
    /// The networks of these runs; equal ones stand here once.
    networks: Vec<NetworkOutline>,
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
    /// The latest measured; of a run whose program has recorded none, that of the latest statistics. Absent too where it
    /// was not finite.
    #[schema(required)]
    test_error: Option<f64>,
    /// The divergence of the run, if it has diverged.
    #[schema(required)]
    divergence: Option<Diverged>,
    state: RunState,
    /// Index of its network in `networks`.
    network: usize,
    corpus: RunImages,
    /// The program that trained it and what that calls the network; null for deepViz's own.
    #[schema(required)]
    source: Option<String>,
    /// The latest change of its measurements (without any, of its settings), in seconds since 1970.
    #[schema(required)]
    modified: Option<f64>,
    /// How it is trained, one value a key: `train.batch`, `train.momentum`, `seed`.
    settings: BTreeMap<String, String>,
}

/// Whether a run continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum RunState {
    /// It is being written.
    Running,
    /// All of its steps are done, or it was trained elsewhere.
    Finished,
    /// It was interrupted before its last step.
    Stopped,
    /// Its numbers are not finite.
    Diverged,
}

/// The images that a run learns from.
#[derive(Serialize, ToSchema)]
struct RunImages {
    name: String,
    identity: String,
    train: u64,
    test: u64,
}

/// A network as it is drawn small.
#[derive(Serialize, ToSchema)]
struct NetworkOutline {
    /// The recipe's name, of the first run that has it.
    name: String,
    /// Values that are learnt.
    parameters: usize,
    /// Every layer but the image, in order.
    layers: Vec<OutlineLayer>,
}

/// A layer of an outline.
#[derive(Serialize, ToSchema)]
struct OutlineLayer {
    #[serde(rename = "type")]
    kind: &'static str,
    /// Of its output.
    shape: Size,
    /// It has weights of its own.
    weights: bool,
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
            let mut networks = Outlines::default();
            for (id, run) in shared.runs.all() {
                match run {
                    Ok(run) => runs.push(summary(&run, networks.index_of(&run))),
                    Err(error) => problems.push(RunProblem { id, problem: error.to_string() }),
                }
            }
            Ok(RunList { runs, networks: networks.all, problems })
        })
        .await?;
    drop(alone);
    json(&headers, &list)
}

/// The networks of a list, each once.
#[derive(Default)]
struct Outlines {
    all: Vec<NetworkOutline>,
    indices: HashMap<Vec<(String, Vec<usize>)>, usize>,
}

impl Outlines {
    fn index_of(&mut self, run: &OpenRun) -> usize {
        let network = run.network();
        let of_layer = |index: usize| {
            let layer = &network.layers()[index];
            let shape = layer.shape;
            let weights = layer.parameters.iter().flat_map(|spec| spec.shape.clone());
            let size = [shape.channels, shape.height, shape.width].into_iter().chain(weights);
            (format!("{} {:?}", layer.op.kind(), layer.inputs), size.collect())
        };
        let key: Vec<_> = (0..network.layers().len()).map(of_layer).collect();
        let next = self.all.len();
        let position = *self.indices.entry(key).or_insert(next);
        if position == next {
            self.all.push(outline(run.info().recipe.name.clone(), network));
        }
        position
    }
}

fn outline(name: String, network: &Network) -> NetworkOutline {
    let layers = &network.layers()[1..];
    let learnt = |layer: &deepviz_net::Layer| -> usize {
        layer.parameters.iter().filter(|spec| spec.is_learnt()).map(deepviz_net::ParameterSpec::len).sum()
    };
    NetworkOutline {
        name,
        parameters: layers.iter().map(learnt).sum(),
        layers: layers
            .iter()
            .map(|layer| OutlineLayer {
                kind: layer.op.kind(),
                shape: Size::of_layer(layer),
                weights: layer.kernel_dims.is_some(),
            })
            .collect(),
    }
}

/// Everything about the training that a recipe says, one value a key.
fn settings(run: &OpenRun) -> BTreeMap<String, String> {
    let info = run.info();
    let mut found = BTreeMap::new();
    if let Ok(Value::Object(mut recipe)) = serde_json::to_value(&info.recipe) {
        // The network has a column of its own.
        recipe.remove("layer");
        recipe.remove("name");
        flatten("", &Value::Object(recipe), &mut found);
    }
    if let Some(training) = &info.training {
        found.insert("seed".to_owned(), training.seed.to_string());
        found.remove("train.seed");
        found.insert("train_images".to_owned(), training.train_images.to_string());
        found.insert("vector_level".to_owned(), training.vector_level.clone());
    }
    if let Some(optimiser) = info.source.as_ref().and_then(|source| source.optimiser.clone()) {
        found.insert("optimiser".to_owned(), optimiser);
    }
    found
}

fn flatten(key: &str, value: &Value, found: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(table) => {
            for (name, value) in table {
                let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                flatten(&key, value, found);
            }
        }
        Value::String(text) => drop(found.insert(key.to_owned(), text.clone())),
        other => drop(found.insert(key.to_owned(), other.to_string())),
    }
}

fn modified(run: &OpenRun) -> Option<f64> {
    let time = |file: &str| std::fs::metadata(run.path.join(file)).and_then(|found| found.modified()).ok();
    let time = time("metrics.jsonl").or_else(|| time("run.toml"))?;
    Some(time.duration_since(UNIX_EPOCH).ok()?.as_secs_f64())
}

fn summary(run: &OpenRun, network: usize) -> RunSummary {
    let info = run.info();
    // Neither a snapshot's header nor all measurements: a list of many runs is requested at every start.
    let count = run.snapshot_count();
    let latest = run.latest();
    // One that has diverged has no error, although checkpoints before that have statistics.
    let is_unmeasured = latest.test.is_none() && latest.divergence.is_none();
    let computed = if is_unmeasured { test_metrics(run) } else { Vec::new() };
    let total = info.training.as_ref().map(|training| training.total_steps);
    let last = count.last_step.map(|step| step.0);
    let is_done = total.is_none_or(|total| last.is_some_and(|last| last >= total));
    let live = run.is_live();
    let state = match (&latest.divergence, live, is_done) {
        (Some(_), _, _) => RunState::Diverged,
        (None, true, _) => RunState::Running,
        (None, false, true) => RunState::Finished,
        (None, false, false) => RunState::Stopped,
    };
    RunSummary {
        id: run.id.clone(),
        name: info.name.clone(),
        live,
        checkpoints: count.checkpoints,
        classes: info.classes.len(),
        image_shape: info.image.into(),
        last_step: last,
        test_error: latest.test.as_ref().or(computed.last()).and_then(Metric::finite_error),
        divergence: latest.divergence.clone(),
        state,
        network,
        corpus: RunImages {
            name: info.corpus.name.clone(),
            identity: info.corpus.identity.clone(),
            train: info.corpus.train,
            test: info.corpus.test,
        },
        source: info.source.as_ref().map(|source| format!("{} {}, {}", source.kind, source.version, source.model)),
        modified: modified(run),
        settings: settings(run),
    }
}
