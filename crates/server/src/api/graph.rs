//! The network as nodes and edges.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use deepviz_net::{Layer, Op, ParameterSpec};
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
        description: describe(layer),
    });
    let edges = layers.iter().flat_map(|layer| {
        let to = &layer.name;
        layer.inputs.iter().map(move |&from| Edge { from: layers[from].name.clone(), to: to.clone() })
    });
    let graph = Graph { nodes: nodes.collect(), edges: edges.collect(), parameters: run.network().parameter_count() };
    json(&headers, &graph)
}

/// The operation of a layer, as a paper would describe it.
fn describe(layer: &Layer) -> String {
    match &layer.op {
        Op::Input(shape) => format!("image of {} channels, {} x {}", shape.channels, shape.height, shape.width),
        Op::Conv(g) => windows(g.filters, g.size, (g.stride, g.padding, g.groups)),
        Op::Local(g) => format!("{}, unshared", windows(g.filters, g.size, (g.stride, g.padding, g.groups))),
        Op::Full(g) => format!("{} outputs, each of all {} inputs", g.outputs, g.input.len()),
        Op::Pool(g) => {
            format!("{} over {} x {}, stride {}", format!("{:?}", g.kind).to_lowercase(), g.size, g.size, g.stride)
        }
        Op::GlobalAverage(g) => format!("mean of {} x {} pixels", g.input.height, g.input.width),
        Op::Neuron(g) => g.neuron.name().to_owned(),
        Op::BatchNorm(_) => "batch normalisation".to_owned(),
        Op::ResponseNorm(g) => format!("response normalisation over {} x {} within a map", g.size, g.size),
        Op::CrossMapNorm(g) => format!("response normalisation across {} maps", g.size),
        Op::ContrastNorm(g) => format!("contrast normalisation over {} x {} within a map", g.size, g.size),
        Op::Dropout(g) => format!("dropout of {} %", f64::from(g.rate) * 100.0),
        Op::Softmax(g) => format!("probabilities of {} classes", g.classes),
        Op::Add(g) => format!("weighted sum of {} layers", g.inputs.len()),
        Op::Concat(g) => format!("{} layers stacked", g.inputs.len()),
    }
}

fn windows(filters: usize, size: usize, (stride, padding, groups): (usize, usize, usize)) -> String {
    let mut text = format!("{filters} filters of {size} x {size}, stride {stride}");
    if padding > 0 {
        text += ", padding ";
        text += &padding.to_string();
    }
    if groups > 1 {
        text += ", groups ";
        text += &groups.to_string();
    }
    text
}
