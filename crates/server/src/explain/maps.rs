//! Attribution maps of images at checkpoints.

use std::sync::Arc;

use deepviz_attribution::{Explainer, Map, Method, Target};
use deepviz_net::CheckpointEntry;

use crate::explain::switched_off::SwitchedOff;
use crate::http::cache::CacheSize;
use crate::http::problem::ApiError;
use crate::http::work_pool::WorkKind;
use crate::runs::open_run::OpenRun;
use crate::sheet::model_input::ModelInput;
use crate::sheet::models::Models;

/// The method of a map, and what it explains.
#[derive(Clone, Debug)]
pub(crate) struct MapRequest {
    pub(crate) method: Method,
    /// The class that is explained; the predicted one unless given.
    pub(crate) class: Option<usize>,
    /// The class that it is compared with.
    pub(crate) versus: Option<usize>,
    /// The layer that class activation maps are taken at, by index.
    pub(crate) layer: Option<usize>,
    /// Units that are off.
    pub(crate) off: SwitchedOff,
}

/// A map with what it explains.
pub(crate) struct ImageMap {
    pub(crate) target: Target,
    pub(crate) map: Map,
}

impl CacheSize for ImageMap {
    fn bytes(&self) -> usize {
        let picture = self.map.picture.as_ref().map_or(0, ndarray::Array3::len);
        (self.map.values.len() + self.map.logits.len() + picture) * size_of::<f32>() + 256
    }
}

impl Models {
    /// The map of an image at a checkpoint.
    pub(crate) async fn image_map(
        &self,
        run: &Arc<OpenRun>,
        entry: &CheckpointEntry,
        (input, request): (&ModelInput, &MapRequest),
    ) -> Result<Arc<ImageMap>, ApiError> {
        let &MapRequest { method, class, versus, layer, ref off } = request;
        let part = |part: Option<usize>| part.map_or_else(|| "-".to_owned(), |part| part.to_string());
        let of = [part(class), part(versus), part(layer), off.key()].join("/");
        let key = format!("map/{}/{}/{method}/{of}/{}", run.id, entry.hash, input.key());
        self.cache
            .get(key, async {
                let loaded = self.model(run, entry).await?;
                let (input, set) = (input.clone(), off.edits(run.network()));
                self.work
                    .run(WorkKind::Forward, move || {
                        let mut explainer = Explainer::with_channels_set(&loaded.model, set)?;
                        let image = input.view()?;
                        let class = class.map_or_else(|| explainer.predicted(image), Ok)?;
                        let target = Target { class, versus };
                        Ok(ImageMap { target, map: explainer.map(image, target, (method, layer))? })
                    })
                    .await
            })
            .await
    }
}
