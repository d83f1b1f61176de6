//! The cluster sets of one unit, from its layers' outputs.

use std::time::Instant;

use deepviz_corpus::{ImageId, Split};
use ndarray::Array2;

use crate::cluster::{self, ClusterSetInfo, Members};
use crate::control::Control;
use crate::error::Error;
use crate::forward::not_finite;
use crate::job::Job;
use crate::kmeans::{self, Fit, Previous, Request};
use crate::metric::Metric;
use crate::observer::Event;
use crate::store::{SetClusters, SetRecord, Store, UnitKey};

/// Most bytes that the rows of one layer may take: clustering holds them all.
const MAX_BYTES: usize = 2 << 30;

/// The layers whose outputs a unit needs, each once, the logits first.
pub(crate) struct Wanted {
    pub layers: Vec<usize>,
    /// The job's cluster sets, each with its layer's place in `layers`; `None` where the rows are too large.
    sets: Vec<(usize, Option<usize>)>,
}

impl Wanted {
    pub(crate) fn of(job: &Job<'_>, split: Split, sets: &[usize]) -> Self {
        let network = job.run.network();
        let mut wanted = Self { layers: vec![network.logits()], sets: Vec::new() };
        for &set in sets {
            let Some(layer) = network.index_of(&job.cluster_layers[set].0) else { continue };
            let bytes = job.corpus.range(split).len() * network.layers()[layer].shape.len() * size_of::<f32>();
            let rows_index = (bytes <= MAX_BYTES).then(|| {
                wanted.layers.iter().position(|&l| l == layer).unwrap_or_else(|| {
                    wanted.layers.push(layer);
                    wanted.layers.len() - 1
                })
            });
            wanted.sets.push((set, rows_index));
        }
        wanted
    }
}

/// The unit and job that cluster sets are computed for.
pub(crate) struct Context<'a> {
    pub job: &'a Job<'a>,
    pub store: &'a Store,
    pub pool: &'a rayon::ThreadPool,
    pub key: UnitKey<'a>,
}

/// All wanted sets; `None` when stopped.
pub(crate) fn sets(
    context: &Context<'_>,
    wanted: &Wanted,
    outputs: &[Array2<f32>],
    control: &mut Control<'_>,
) -> Result<Option<Vec<SetRecord>>, Error> {
    let mut records = Vec::new();
    for &(set, rows_index) in &wanted.sets {
        let (layer, metric) = &context.job.cluster_layers[set];
        control.event(&Event::Clustering { layer: layer.clone(), metric: *metric });
        let Some(record) = one_set(context, layer, *metric, rows_index.and_then(|p| outputs.get(p)), control)? else {
            return Ok(None);
        };
        records.push(record);
    }
    Ok(Some(records))
}

fn one_set(
    context: &Context<'_>,
    layer: &str,
    metric: Metric,
    rows: Option<&Array2<f32>>,
    control: &mut Control<'_>,
) -> Result<Option<SetRecord>, Error> {
    let Context { job, key, .. } = context;
    let started = Instant::now();
    let mut info = ClusterSetInfo {
        layer: layer.to_owned(),
        metric,
        clusters: job.clusters,
        nearest: job.nearest,
        dimensions: rows.map_or(0, Array2::ncols),
        inertia: None,
        iterations: 0,
        origin: None,
        previous_step: None,
        problem: problem_with(rows, layer, job.corpus.range(key.split).len()),
    };
    let mut clusters = None;
    if let (Some(rows), None) = (rows, &info.problem) {
        let previous =
            control.retry_while_busy(|| context.store.previous_clusters(key.step, key.split, layer, metric))?;
        let (previous_step, previous) = previous.unzip();
        match fit(context, &info, rows, previous.as_ref(), control) {
            Ok(Some(fit)) if fit.is_finite() => {
                info.inertia = Some(fit.inertia);
                info.iterations = fit.iterations;
                info.origin = Some(fit.origin);
                info.previous_step = previous_step.filter(|_| fit.origin != kmeans::Origin::Fresh);
                clusters = Some(clusters_of(context, fit));
            }
            Ok(Some(_)) => info.problem = Some(Error::TooFarApart { layer: layer.to_owned() }.to_string()),
            Ok(None) => return Ok(None),
            Err(error) => info.problem = Some(error.to_string()),
        }
    }
    Ok(Some(SetRecord { info, clusters, seconds: started.elapsed().as_secs_f64() }))
}

/// k-means over the rows; `None` when stopped.
fn fit(
    context: &Context<'_>,
    info: &ClusterSetInfo,
    rows: &Array2<f32>,
    previous: Option<&Previous>,
    control: &Control<'_>,
) -> Result<Option<Fit>, Error> {
    let Context { job, pool, key, .. } = context;
    let request = Request {
        clusters: job.clusters,
        seed: seed_of(
            job.run.info().training.as_ref().map_or(0, |training| training.seed),
            key,
            &info.layer,
            info.metric,
        ),
        previous,
        kmeans: job.kmeans,
        stop: control.stop,
    };
    let mut rows = rows.clone();
    pool.install(|| {
        info.metric.prepare(&mut rows);
        kmeans::fit(rows, &request)
    })
}

fn clusters_of(context: &Context<'_>, fit: Fit) -> SetClusters {
    let job = context.job;
    let range = job.corpus.range(context.key.split);
    let members = Members {
        labels: &job.corpus.labels()[range.start as usize..range.end as usize],
        classes: job.corpus.classes().len(),
        first: ImageId(range.start),
    };
    SetClusters {
        mix: cluster::mix_of(&fit, &members),
        nearest: cluster::nearest_of(&fit, &members, job.nearest),
        centres: fit.centres,
        assignments: fit.assignments,
    }
}

/// The reason why these rows cannot be clustered; `None` where they can.
fn problem_with(rows: Option<&Array2<f32>>, layer: &str, images: usize) -> Option<String> {
    let Some(rows) = rows else {
        return Some(format!(
            "the outputs of {layer} for {images} images take more than {} GiB; cluster a smaller layer",
            MAX_BYTES >> 30
        ));
    };
    let found = not_finite(rows);
    (found > 0).then(|| Error::NotFinite { what: format!("the outputs of {layer}"), found, images }.to_string())
}

/// A seed of its own for every set, the same whenever and wherever it is computed.
fn seed_of(run_seed: u64, key: &UnitKey<'_>, layer: &str, metric: Metric) -> u64 {
    let text = format!("clusters {run_seed} {} {} {layer} {metric}", key.step.0, key.split.as_str());
    blake3::hash(text.as_bytes()).as_bytes()[..8].iter().fold(0, |seed, &byte| seed << 8 | u64::from(byte))
}
