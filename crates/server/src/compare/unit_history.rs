//! The history of a layer's units over checkpoints, computed on request and cached.

use std::sync::Arc;

use deepviz_net::CheckpointEntry;
use deepviz_stats::compare::{Pooling, StandardisedUnits, UnitsAtCheckpoint, unit_grid};

use crate::app::App;
use crate::compare::layers::pooled;
use crate::compare::sides::Side;
use crate::explain::test_sample::TestSample;
use crate::http::cache::CacheSize;
use crate::http::problem::ApiError;
use crate::http::work_pool::WorkKind;
use crate::runs::open_run::OpenRun;

/// The units of a layer at several checkpoints, each compared with the last checkpoint.
pub(crate) struct UnitHistory {
    pub(crate) checkpoints: Vec<UnitsAtCheckpoint>,
    pub(crate) grid: [usize; 2],
}

impl CacheSize for UnitHistory {
    fn bytes(&self) -> usize {
        self.checkpoints.iter().map(|checkpoint| checkpoint.own.len() * 40).sum()
    }
}

/// A request for the history of a layer's units at some checkpoints, in order.
pub(crate) struct UnitHistoryRequest<'a> {
    pub(crate) run: &'a Arc<OpenRun>,
    pub(crate) checkpoints: &'a [(usize, CheckpointEntry)],
    pub(crate) layer: usize,
}

impl UnitHistoryRequest<'_> {
    /// Compares every checkpoint with the last of them over the images of a sample.
    pub(crate) async fn answer(&self, app: &App, sample: &TestSample) -> Result<Arc<UnitHistory>, ApiError> {
        let mut hasher = blake3::Hasher::new();
        for (_, entry) in self.checkpoints {
            hasher.update(entry.hash.as_bytes());
        }
        let hash = hasher.finalize().to_hex();
        let network = self.run.network_key();
        let key = format!("lifelines/{network}/{hash}/{}/{}", self.layer, sample.key());
        app.cache
            .get(key, async {
                let network = self.run.network();
                let measured_at = network.nonlinearity_of(self.layer);
                let shape = network.layers()[measured_at].shape;
                let grid = unit_grid(shape, shape, sample.ids.len());
                let values = sample.ids.len() * grid[0] * grid[1] * shape.channels;
                // The last checkpoint and one other, each raw and standardised, and their correlations.
                let bytes = (values * 4 + shape.channels * shape.channels) * size_of::<f32>();
                let held = app.answers.take(bytes).await?;
                let pooling = [Pooling { layer: measured_at, grid }];
                let at = |(checkpoint, entry): &(usize, CheckpointEntry)| Side {
                    run: Arc::clone(self.run),
                    checkpoint: *checkpoint,
                    entry: entry.clone(),
                };
                let Some(last) = self.checkpoints.last() else {
                    return Ok(UnitHistory { checkpoints: Vec::new(), grid });
                };
                let end = pooled(app, &at(last), sample, &pooling).await?.swap_remove(0);
                let end = app.work.run(WorkKind::Forward, move || Ok(StandardisedUnits::of(end.view()))).await?;
                let end = Arc::new(end);
                let mut checkpoints = Vec::new();
                for point in self.checkpoints {
                    let now = pooled(app, &at(point), sample, &pooling).await?.swap_remove(0);
                    // The memory stays reserved until the work is done, even if the client disconnects meanwhile.
                    let (end, held) = (Arc::clone(&end), held.clone());
                    let compare = move || {
                        let _held = held;
                        Ok(UnitsAtCheckpoint::of(&StandardisedUnits::of(now.view()), &end))
                    };
                    checkpoints.push(app.work.run(WorkKind::Forward, compare).await?);
                }
                Ok(UnitHistory { checkpoints, grid })
            })
            .await
    }
}
