//! Predictions with units switched off: of one image, and counted over many.

use std::sync::Arc;

use deepviz_net::CheckpointEntry;

use crate::explain::switched_off::SwitchedOff;
use crate::explain::test_sample::TestSample;
use crate::http::cache::CacheSize;
use crate::http::problem::ApiError;
use crate::http::work_pool::WorkKind;
use crate::runs::open_run::OpenRun;
use crate::sheet::model_input::ModelInput;
use crate::sheet::models::{Activations, Models};

/// Images that go through the network at a time, so that others get their turn between.
const CHUNK_IMAGES: usize = 256;

/// The predicted class of every image of a sample.
pub(crate) struct PredictedClasses(pub(crate) Vec<u16>);

impl CacheSize for PredictedClasses {
    fn bytes(&self) -> usize {
        self.0.len() * 2
    }
}

impl Models {
    /// Logits and probabilities of an image with units switched off, in the order of the network's layers; other layers
    /// are empty.
    pub(crate) async fn outputs_without(
        &self,
        run: &Arc<OpenRun>,
        entry: &CheckpointEntry,
        (input, off): (&ModelInput, &SwitchedOff),
    ) -> Result<Arc<Activations>, ApiError> {
        let key = format!("outputs-without/{}/{}/{}/{}", run.id, entry.hash, off.key(), input.key());
        self.cache
            .get(key, async {
                let loaded = self.model(run, entry).await?;
                self.work
                    .run_here(WorkKind::Forward, || {
                        let network = run.network();
                        let wanted = [network.logits(), network.output()];
                        let outputs = loaded.model.forward_edited(&[input.view()?], &wanted, &off.edits(network))?;
                        let mut layers = vec![Vec::new(); network.layers().len()];
                        for (layer, array) in wanted.into_iter().zip(outputs) {
                            layers[layer] = array.into_raw_vec_and_offset().0;
                        }
                        Ok(Activations { layers })
                    })
                    .await
            })
            .await
    }

    /// The predicted class of every image of a sample, with units switched off or none.
    pub(crate) async fn classes_without(
        &self,
        run: &Arc<OpenRun>,
        entry: &CheckpointEntry,
        (sample, off): (&TestSample, &SwitchedOff),
    ) -> Result<Arc<PredictedClasses>, ApiError> {
        let key = format!("classes-without/{}/{}/{}/{}", run.id, entry.hash, off.key(), sample.key());
        self.cache
            .get(key, async {
                let loaded = self.model(run, entry).await?;
                let edits = off.edits(run.network());
                let wanted = [run.network().logits(), run.network().output()];
                let mut classes = Vec::with_capacity(sample.ids.len());
                for ids in sample.ids.chunks(CHUNK_IMAGES) {
                    let (loaded, sample, ids, edits) =
                        (Arc::clone(&loaded), sample.clone(), ids.to_vec(), edits.clone());
                    let apply = move || {
                        let images = sample.pixels(&ids)?;
                        let outputs = loaded.model.forward_edited(&images, &wanted, &edits)?;
                        let rows = outputs[0].rows().into_iter().zip(outputs[1].rows());
                        let class = |(logits, probabilities): (ndarray::ArrayView1<'_, f32>, _)| {
                            let (logits, probabilities): (_, ndarray::ArrayView1<'_, f32>) = (logits, probabilities);
                            let (logits, probabilities) = (logits.to_vec(), probabilities.to_vec());
                            deepviz_stats::predicted_class(&logits, &probabilities).map(|class| class as u16)
                        };
                        rows.map(class).collect::<Option<Vec<u16>>>().ok_or_else(|| {
                            ApiError::unusable("the outputs of this checkpoint are not finite, so nothing is predicted")
                        })
                    };
                    classes.extend(self.work.run(WorkKind::Forward, apply).await?);
                }
                Ok(PredictedClasses(classes))
            })
            .await
    }
}
