//! Predictions with units switched off: of one image, and counted over many.

use std::sync::Arc;

use deepviz_net::CheckpointEntry;
use ndarray::{Array2, ArrayView1};

use crate::explain::switched_off::SwitchedOff;
use crate::explain::test_sample::TestSample;
use crate::http::cache::CacheSize;
use crate::http::problem::ApiError;
use crate::http::work_pool::WorkKind;
use crate::runs::open_run::OpenRun;
use crate::sheet::model_input::ModelInput;
use crate::sheet::models::{Activations, Models};

/// Images that go through the network at a time, so that others are served in between.
const CHUNK_IMAGES: usize = 256;

/// Values of a layer's outputs that are kept for one sample at most: 64 MiB.
const MAX_CACHED_VALUES: usize = 16 << 20;

/// A layer's outputs for some images, with a row an image.
struct LayerOutputs(Array2<f32>);

impl CacheSize for LayerOutputs {
    fn bytes(&self) -> usize {
        self.0.len() * size_of::<f32>()
    }
}

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
                let network = run.network();
                let edits = off.edits(network);
                let wanted = [network.logits(), network.output()];
                // What comes before the first unit that is off is computed once, where all that follows goes through it.
                let first = edits.iter().map(|(layer, _)| *layer).min();
                let start = first.filter(|&layer| {
                    let values = network.layers()[layer].shape.len() * sample.ids.len();
                    network.is_cut(layer) && values <= MAX_CACHED_VALUES
                });
                let mut classes = Vec::with_capacity(sample.ids.len());
                for (index, ids) in sample.ids.chunks(CHUNK_IMAGES).enumerate() {
                    let cached = match start {
                        Some(layer) => Some(self.outputs_of(run, entry, (sample, index), layer).await?),
                        None => None,
                    };
                    let (loaded, sample, ids, edits) =
                        (Arc::clone(&loaded), sample.clone(), ids.to_vec(), edits.clone());
                    let apply = move || {
                        let outputs = match (start, cached) {
                            (Some(layer), Some(cached)) => {
                                loaded.model.forward_from((layer, cached.0.view()), &wanted, &edits)?
                            }
                            _ => loaded.model.forward_edited(&sample.pixels(&ids)?, &wanted, &edits)?,
                        };
                        predicted(&outputs[0], &outputs[1])
                    };
                    classes.extend(self.work.run(WorkKind::Forward, apply).await?);
                }
                Ok(PredictedClasses(classes))
            })
            .await
    }

    /// A layer's outputs for a chunk of a sample.
    async fn outputs_of(
        &self,
        run: &Arc<OpenRun>,
        entry: &CheckpointEntry,
        (sample, index): (&TestSample, usize),
        layer: usize,
    ) -> Result<Arc<LayerOutputs>, ApiError> {
        let key = format!("outputs-of/{}/{}/{layer}/{}/{index}", run.id, entry.hash, sample.key());
        self.cache
            .get(key, async {
                let loaded = self.model(run, entry).await?;
                let (sample, ids) =
                    (sample.clone(), sample.ids.chunks(CHUNK_IMAGES).nth(index).unwrap_or(&[]).to_vec());
                let apply = move || {
                    let outputs = loaded.model.forward_edited(&sample.pixels(&ids)?, &[layer], &[])?;
                    Ok(LayerOutputs(outputs.into_iter().next().unwrap_or_default()))
                };
                self.work.run(WorkKind::Forward, apply).await
            })
            .await
    }
}

/// The class of every row.
fn predicted(logits: &Array2<f32>, probabilities: &Array2<f32>) -> Result<Vec<u16>, ApiError> {
    let rows = logits.rows().into_iter().zip(probabilities.rows());
    let class = |(logits, probabilities): (ArrayView1<'_, f32>, ArrayView1<'_, f32>)| {
        deepviz_stats::predicted_class(&logits.to_vec(), &probabilities.to_vec()).map(|class| class as u16)
    };
    rows.map(class)
        .collect::<Option<Vec<u16>>>()
        .ok_or_else(|| ApiError::unusable("the outputs of this checkpoint are not finite, so nothing is predicted"))
}
