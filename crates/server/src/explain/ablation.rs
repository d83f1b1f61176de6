//! What each class loses without each filter of a layer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use deepviz_attribution::ablation::{self, Atlas, ClassResult, LabelledImages};
use deepviz_net::CheckpointEntry;

use crate::explain::test_sample::TestSample;
use crate::http::cache::CacheSize;
use crate::http::problem::ApiError;
use crate::http::work_pool::WorkKind;
use crate::runs::open_run::OpenRun;
use crate::sheet::models::Models;

/// The effects of a layer's filters.
pub(crate) struct LayerAblation(pub(crate) Atlas);

impl CacheSize for LayerAblation {
    fn bytes(&self) -> usize {
        let effects: usize = self.0.layers.iter().map(|layer| layer.zero.len() * 2).sum();
        effects * size_of::<ClassResult>() + self.0.images.len() * 32
    }
}

impl Models {
    /// The effects of one layer's filters over a sample, computed now.
    pub(crate) async fn ablation(
        &self,
        run: &Arc<OpenRun>,
        entry: &CheckpointEntry,
        (sample, layer): (&TestSample, usize),
    ) -> Result<Arc<LayerAblation>, ApiError> {
        let key = format!("ablation/{}/{}/{layer}/{}", run.id, entry.hash, sample.key());
        self.cache
            .get(key, async {
                let loaded = self.model(run, entry).await?;
                let sample = sample.clone();
                let compute = move || {
                    let (images, labels) = (sample.pixels(&sample.ids)?, sample.labels());
                    let of = LabelledImages { images: &images, labels: &labels };
                    let (done, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
                    let atlas = ablation::atlas(&loaded.model, of, &[layer], (&done, &stop))?;
                    atlas.map(LayerAblation).ok_or_else(|| ApiError::internal("an ablation stopped by itself"))
                };
                self.work.run(WorkKind::Forward, compute).await
            })
            .await
    }
}
