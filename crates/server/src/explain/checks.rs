//! The parameter randomisation test of every method on a run's network.

use std::sync::Arc;

use deepviz_attribution::Method;
use deepviz_attribution::randomisation::{self, Randomisation, Step};
use deepviz_net::CheckpointEntry;
use serde::{Deserialize, Serialize};

use crate::explain::test_sample::TestSample;
use crate::http::cache::CacheSize;
use crate::http::problem::ApiError;
use crate::http::work_pool::WorkKind;
use crate::runs::open_run::OpenRun;
use crate::sheet::models::Models;

/// Images whose maps are compared.
pub(crate) const IMAGES: usize = 16;

/// The test of one method.
pub(crate) struct MethodCheck(pub(crate) Randomisation);

/// The same in a file; what is no number is `null` there.
#[derive(Deserialize, Serialize)]
struct StoredCheck {
    images: usize,
    steps: Vec<(usize, Option<f64>)>,
}

impl StoredCheck {
    fn of(check: &Randomisation) -> Self {
        let known = |step: &Step| (step.layer, Some(step.correlation).filter(|value| value.is_finite()));
        Self { images: check.images, steps: check.steps.iter().map(known).collect() }
    }

    fn of_method(self, method: Method) -> MethodCheck {
        let step =
            |(layer, correlation): (usize, Option<f64>)| Step { layer, correlation: correlation.unwrap_or(f64::NAN) };
        MethodCheck(Randomisation { method, steps: self.steps.into_iter().map(step).collect(), images: self.images })
    }
}

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
        let key = format!("method-check/{}/{}/{method}/{}", run.network_key(), entry.hash, sample.key());
        self.cache
            .get(key.clone(), async {
                let computed = self.test_method(run, entry, (sample, method));
                Ok(self.stored_results.get(&key, computed).await?.of_method(method))
            })
            .await
    }

    async fn test_method(
        &self,
        run: &Arc<OpenRun>,
        entry: &CheckpointEntry,
        (sample, method): (&TestSample, Method),
    ) -> Result<StoredCheck, ApiError> {
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
            test.map(|test| StoredCheck::of(&test)).ok_or_else(|| ApiError::internal("a method was not tested"))
        };
        self.work.run(WorkKind::Forward, compute).await
    }
}
