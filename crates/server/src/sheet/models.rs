//! The chain run -> snapshot -> model -> activations, each link cached.

use std::path::PathBuf;
use std::sync::Arc;

use deepviz_attribution::expanded;
use deepviz_corpus::Corpus;
use deepviz_net::{CheckpointEntry, CompiledNetwork, Device, Model, Snapshot, Worker};
use deepviz_stats::OutputCheck;
use ndarray::Array3;

use crate::http::cache::{Cache, CacheSize};
use crate::http::problem::ApiError;
use crate::http::selection::text_from_indices;
use crate::http::work_pool::{WorkKind, WorkPool};
use crate::runs::open_run::OpenRun;
use crate::runs::stored_results::StoredResults;
use crate::sheet::compiled_networks::CompiledNetworks;
use crate::sheet::model_input::ModelInput;
use crate::sheet::weight_summary::{WeightChange, WeightSummary};

/// Filters that [`Models::expanded`] computes at a time, so that other requests run between.
const CHUNK_FILTERS: usize = 64;
/// Images whose outputs the workspace of a model holds.
const WORKSPACE_IMAGES: usize = 8;

/// Snapshots and models, and what is computed with them.
pub(crate) struct Models {
    pub(crate) cache: Arc<Cache>,
    pub(crate) work: Arc<WorkPool>,
    /// Results that survive a restart.
    pub(crate) stored_results: Arc<StoredResults>,
    device: Device,
    /// The Python that applies networks for which deepViz has no operations.
    worker: Option<PathBuf>,
    compiled_networks: CompiledNetworks,
}

impl CacheSize for Snapshot {
    fn bytes(&self) -> usize {
        let parameters = self.parameters.iter().map(|(_, array)| array.len()).sum::<usize>();
        (parameters + self.mean.as_ref().map_or(0, Array3::len)) * 4
    }
}

/// A model with what it holds in memory.
pub(crate) struct LoadedModel {
    pub(crate) model: Model,
    bytes: usize,
}

impl CacheSize for LoadedModel {
    fn bytes(&self) -> usize {
        self.bytes
    }
}

/// The output of every layer for one image, in the order of the network's layers.
pub(crate) struct Activations {
    pub(crate) layers: Vec<Vec<f32>>,
}

impl CacheSize for Activations {
    fn bytes(&self) -> usize {
        self.layers.iter().map(|values| values.len() * 4 + 24).sum()
    }
}

/// Filters of a layer as filters over the image, one after the other; see [`Models::expanded`].
pub(crate) struct ExpandedFilters(pub(crate) Vec<f32>);

impl CacheSize for ExpandedFilters {
    fn bytes(&self) -> usize {
        self.0.len() * 4
    }
}

/// The result of a comparison with recorded outputs.
struct Checked(Option<OutputCheck>);

impl CacheSize for Checked {
    fn bytes(&self) -> usize {
        size_of::<Self>()
    }
}

impl Models {
    /// Models that are applied with a device, or by this Python where deepViz has no operations for them.
    pub(crate) fn new(
        cache: Arc<Cache>,
        (work, stored_results): (Arc<WorkPool>, Arc<StoredResults>),
        device: Device,
        worker: Option<PathBuf>,
    ) -> Self {
        Self { cache, work, stored_results, device, worker, compiled_networks: CompiledNetworks::default() }
    }

    fn device_of(&self, run: &OpenRun) -> Device {
        match &self.worker {
            Some(python) if run.network().is_external() => Device::Worker(Worker::new(python, run.run().path(), None)),
            _ => self.device.clone(),
        }
    }

    /// The run's network, compiled for the device.
    pub(crate) fn compiled(&self, run: &OpenRun) -> CompiledNetwork {
        self.compiled_networks.of(run.network(), || self.device_of(run))
    }

    /// A snapshot's weights and mean, without the optimiser's state.
    pub(crate) async fn snapshot(
        &self,
        run: &Arc<OpenRun>,
        entry: &CheckpointEntry,
    ) -> Result<Arc<Snapshot>, ApiError> {
        let key = format!("snapshot/{}/{}", run.id, entry.hash);
        self.cache.get(key, async { self.work.run_here(WorkKind::Render, || read_snapshot(run, entry)).await }).await
    }

    /// The network with a snapshot's weights and its own mean: the one way to apply it to an image.
    pub(crate) async fn model(
        &self,
        run: &Arc<OpenRun>,
        entry: &CheckpointEntry,
    ) -> Result<Arc<LoadedModel>, ApiError> {
        let key = format!("model/{}/{}", run.id, entry.hash);
        self.cache
            .get(key, async {
                let snapshot = self.snapshot(run, entry).await?;
                self.work
                    .run_here(WorkKind::Render, || {
                        let model = self.compiled(run).model(&snapshot)?;
                        Ok(LoadedModel { bytes: 2 * snapshot.bytes() + workspace_bytes(run.network()), model })
                    })
                    .await
            })
            .await
    }

    /// How far outputs lie from those that were recorded with the run; none where there is nothing to compare with.
    pub(crate) async fn output_check(
        &self,
        run: &Arc<OpenRun>,
        corpus: &Corpus,
    ) -> Result<Option<OutputCheck>, ApiError> {
        let Some(check) = &run.info().check else { return Ok(None) };
        let listing = run.listing_by(&self.work).await?;
        let entry = listing.entries.iter().find(|entry| entry.step == check.step);
        let entry = entry.ok_or_else(|| ApiError::not_found(format!("there is no snapshot of step {}", check.step)))?;
        let key = format!("output-check/{}/{}/{}", run.id, entry.hash, corpus.identity());
        let checked = self.cache.get(key, async {
            let loaded = self.model(run, entry).await?;
            self.work
                .run_here(WorkKind::Forward, || Ok(Checked(OutputCheck::with(run.run(), corpus, &loaded.model)?)))
                .await
        });
        Ok(checked.await?.0)
    }

    /// The output of every layer for an image at a checkpoint.
    pub(crate) async fn activations(
        &self,
        run: &Arc<OpenRun>,
        entry: &CheckpointEntry,
        input: &ModelInput,
    ) -> Result<Arc<Activations>, ApiError> {
        let key = format!("activations/{}/{}/{}", run.id, entry.hash, input.key());
        self.cache
            .get(key, async {
                let loaded = self.model(run, entry).await?;
                self.work
                    .run_here(WorkKind::Forward, || {
                        let wanted: Vec<usize> = (0..run.network().layers().len()).collect();
                        let outputs = loaded.model.forward(&[input.view()?], &wanted)?;
                        let layers = outputs.into_iter().map(|array| array.into_raw_vec_and_offset().0).collect();
                        Ok(Activations { layers })
                    })
                    .await
            })
            .await
    }

    /// Filters of a layer as filters over the image, in the order named: their weights are carried back through the
    /// layers below, as if these were linear.
    pub(crate) async fn expanded(
        &self,
        run: &Arc<OpenRun>,
        entry: &CheckpointEntry,
        (layer, filters): (usize, &[usize]),
    ) -> Result<Arc<ExpandedFilters>, ApiError> {
        let key = format!("expanded/{}/{}/{layer}/{}", run.id, entry.hash, text_from_indices(filters));
        self.cache
            .get(key, async {
                let snapshot = self.snapshot(run, entry).await?;
                let network = Arc::new(run.network().linearised(layer)?);
                let compile = || Ok(Model::from_snapshot(network, &snapshot, &Device::cpu(Some(1), None)?)?);
                let model = self.work.run_here(WorkKind::Render, compile).await?;
                let mut values = Vec::new();
                for chunk in filters.chunks(CHUNK_FILTERS) {
                    let expand = || Ok(expanded(&model, layer, chunk)?);
                    values.extend(self.work.run_here(WorkKind::Forward, expand).await?);
                }
                Ok(ExpandedFilters(values))
            })
            .await
    }

    /// Numbers about the weights of every layer at a checkpoint.
    pub(crate) async fn weight_summary(
        &self,
        run: &Arc<OpenRun>,
        entry: &CheckpointEntry,
    ) -> Result<Arc<WeightSummary>, ApiError> {
        let key = format!("summary/{}/{}", run.id, entry.hash);
        self.cache
            .get(key, async {
                let snapshot = self.snapshot(run, entry).await?;
                let run = Arc::clone(run);
                self.work.run(WorkKind::Render, move || WeightSummary::of(run.network(), &snapshot)).await
            })
            .await
    }

    /// The change of every layer's weights between two checkpoints.
    pub(crate) async fn weight_change(
        &self,
        run: &Arc<OpenRun>,
        before: &CheckpointEntry,
        now: &CheckpointEntry,
    ) -> Result<Arc<WeightChange>, ApiError> {
        let key = format!("moves/{}/{}/{}", run.id, before.hash, now.hash);
        self.cache
            .get(key, async {
                let (before, now) = (self.snapshot(run, before).await?, self.snapshot(run, now).await?);
                let run = Arc::clone(run);
                self.work.run(WorkKind::Render, move || WeightChange::between(run.network(), &before, &now)).await
            })
            .await
    }
}

/// Bytes of the workspace that applying a model keeps, at most: models of a run share it.
fn workspace_bytes(network: &deepviz_net::Network) -> usize {
    network.layers().iter().map(|layer| layer.shape.len() * 4 * WORKSPACE_IMAGES).sum()
}

fn read_snapshot(run: &OpenRun, entry: &CheckpointEntry) -> Result<Snapshot, ApiError> {
    let snapshot = match run.run().weights(entry.step) {
        Ok(snapshot) => snapshot,
        Err(error) => {
            let error = ApiError::from(error);
            if !error.is_passing() {
                run.mark_broken(&entry.hash, &error);
            }
            return Err(error);
        }
    };
    if snapshot.hash != entry.hash {
        return Err(ApiError::not_ready(format!("the snapshot of step {} was replaced just now", entry.step))
            .hint("ask for the run again"));
    }
    Ok(snapshot)
}
