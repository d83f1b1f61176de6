//! The network as nodes and edges.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_net::ParameterSpec;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::errors::RunErrors;
use crate::api::params::RunPath;
use crate::api::parts::Size;
use crate::app::AppState;
use crate::http::extract::PathParams;
use crate::http::problem::ApiError;
use crate::http::reply::json;

/// A network.
#[derive(Serialize, ToSchema)]
struct Graph {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    /// Values that are learnt, in all.
    parameters: usize,
}

/// A layer.
#[derive(Serialize, ToSchema)]
struct Node {
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    /// Of its output.
    shape: Size,
    parameters: usize,
    /// The operation, in words.
    description: String,
}

/// From a layer to one that takes its output.
#[derive(Serialize, ToSchema)]
struct Edge {
    from: String,
    to: String,
}

/// The network of a run: layers, connections, shapes, numbers of parameters.
#[utoipa::path(
    get, path = "/api/runs/{run}/graph", tag = "runs", params(RunPath),
    responses(
        (status = 200, description = "the answer", body = Graph),
        RunErrors,
    )
)]
pub(crate) async fn graph(
    State(app): State<AppState>,
    PathParams(RunPath { run }): PathParams<RunPath>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&run)?;
    let layers = run.network().layers();
    let nodes = layers.iter().map(|layer| Node {
        name: layer.name.clone(),
        kind: layer.op.kind(),
        shape: layer.shape.into(),
        parameters: layer.parameters.iter().filter(|spec| spec.is_learnt()).map(ParameterSpec::len).sum(),
        description: run.network().describe(layer),
    });
    let edges = layers.iter().flat_map(|layer| {
        let to = &layer.name;
        layer.inputs.iter().map(move |&from| Edge { from: layers[from].name.clone(), to: to.clone() })
    });
    let graph = Graph { nodes: nodes.collect(), edges: edges.collect(), parameters: run.network().parameter_count() };
    json(&headers, &graph)
}
