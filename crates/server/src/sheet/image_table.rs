//! Properties of the images of a split: measured once, and kept.

use std::sync::Arc;

use deepviz_corpus::{Corpus, Split};
use deepviz_stats::captions::ImageTable;

use crate::http::cache::{Cache, CacheSize};
use crate::http::problem::ApiError;
use crate::http::response_memory::ResponseBudgets;
use crate::http::work_pool::{WorkKind, WorkPool};

/// Bytes of pixels that are measured at a time, so that others are served in between.
const CHUNK_BYTES: usize = 4 << 20;

impl CacheSize for ImageTable {
    fn bytes(&self) -> usize {
        Self::bytes(self)
    }
}

/// Measurements over many images, each made once.
#[derive(Clone)]
pub(crate) struct ImageMeasurements {
    pub(crate) cache: Arc<Cache>,
    pub(crate) work: Arc<WorkPool>,
    /// Memory for what is being made.
    pub(crate) answers: Arc<ResponseBudgets>,
}

impl ImageMeasurements {
    /// The properties, words and classes of a split's images.
    ///
    /// A client that is gone does not end the measurement: it is the same for every checkpoint, and the next request
    /// needs it.
    pub(crate) async fn table(&self, corpus: &Arc<Corpus>, split: Split) -> Result<Arc<ImageTable>, ApiError> {
        let (this, corpus) = (self.clone(), Arc::clone(corpus));
        let measured = tokio::spawn(async move {
            // Names and classes are not part of a corpus's identity.
            let key = format!("image-table/{}/{}/{split}", corpus.identity(), corpus.path().display());
            this.cache.get(key, this.measure(&corpus, split)).await
        });
        measured.await.map_err(|error| ApiError::internal(format!("measuring the images failed: {error}")))?
    }

    async fn measure(&self, corpus: &Arc<Corpus>, split: Split) -> Result<ImageTable, ApiError> {
        let images = Arc::new(ImageTable::chosen(corpus, corpus.range(split)));
        let _held = self.answers.take_at_most(ImageTable::bytes_of(images.len())).await?;
        let shape = images.first().and_then(|&id| corpus.shape_of(id));
        let bytes = shape.map_or(1, |shape| shape.channels * shape.height * shape.width);
        let at_a_time = (CHUNK_BYTES / bytes.max(1)).max(1);
        let mut values = Vec::with_capacity(images.len());
        for start in (0..images.len()).step_by(at_a_time) {
            let (corpus, images) = (Arc::clone(corpus), Arc::clone(&images));
            let end = images.len().min(start + at_a_time);
            let measure = move || Ok(ImageTable::measure(&corpus, &images[start..end]));
            values.extend(self.work.run(WorkKind::RenderLarge, measure).await?);
        }
        let corpus = Arc::clone(corpus);
        let table = move || Ok(ImageTable::new(&corpus, Arc::unwrap_or_clone(images), &values));
        self.work.run(WorkKind::RenderLarge, table).await
    }
}
