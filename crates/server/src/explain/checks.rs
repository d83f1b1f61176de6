//! The parameter randomisation test of every method on a run's network.

use std::sync::Arc;

use deepviz_attribution::Method;
use deepviz_attribution::randomisation::{self, Randomisation};
use deepviz_net::CheckpointEntry;

use crate::explain::test_sample::TestSample;
use crate::http::cache::CacheSize;
use crate::http::problem::ApiError;
use crate::http::work_pool::WorkKind;
use crate::runs::open_run::OpenRun;
use crate::sheet::models::Models;

/// Images that maps are compared of.
pub(crate) const IMAGES: usize = 16;

/// The test of one method.
pub(crate) struct MethodCheck(pub(crate) Randomisation);

impl CacheSize for MethodCheck {
    fn bytes(&self) -> usize {
        self.0.steps.len() * 16 + 64
    }
}

impl Models {
    /// The randomisation test of a method at a checkpoint, over a few images.
    pub(crate) async fn method_check(
        &self,
        run: &Arc<OpenRun>,
        entry: &CheckpointEntry,
        (sample, method): (&TestSample, Method),
    ) -> Result<Arc<MethodCheck>, ApiError> {
        let key = format!("method-check/{}/{}/{method}/{}", run.id, entry.hash, sample.key());
        self.cache
            .get(key, async {
                let snapshot = self.snapshot(run, entry).await?;
                let compiled = self.compiled(run);
                let (run, sample) = (Arc::clone(run), sample.clone());
                let compute = move || {
                    let images = sample.pixels(&sample.ids)?;
                    let model = |parameters: &deepviz_net::Parameters| {
                        let mut shuffled = (*snapshot).clone();
                        shuffled.parameters = parameters.clone();
                        compiled.model(&shuffled)
                    };
                    let tests = randomisation::test(run.network(), &snapshot.parameters, (&images, &[method]), &model)?;
                    let test = tests.into_iter().next();
                    test.map(MethodCheck).ok_or_else(|| ApiError::internal("a method was not tested"))
                };
                self.work.run(WorkKind::Forward, compute).await
            })
            .await
    }
}
