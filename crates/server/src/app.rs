//! The state that every handler shares.

use std::sync::Arc;

use axum::extract::FromRef;
use deepviz_net::MetricsLog;
use tokio::sync::Mutex;

use crate::http::cache::Cache;
use crate::http::problem::ApiError;
use crate::http::response_memory::ResponseBudgets;
use crate::http::work_pool::WorkPool;
use crate::runs::catalogue::Catalogue;
use crate::runs::corpora::Corpora;
use crate::runs::event_bus::EventBus;
use crate::runs::metrics_logs::MetricsLogs;
use crate::runs::open_run::OpenRun;
use crate::runs::stored_results::StoredResults;
use crate::sheet::image_table::ImageMeasurements;
use crate::sheet::model_input::ImageSources;
use crate::sheet::models::Models;
use crate::sheet::uploaded_images::UploadedImages;
use crate::upload::folder::UploadFolder;
use crate::upload::image::ImageBudget;

/// The state of the server.
pub(crate) struct App {
    pub(crate) runs: Arc<Catalogue>,
    pub(crate) corpora: Corpora,
    pub(crate) cache: Arc<Cache>,
    /// The metrics logs (`metrics.jsonl`) of all runs.
    pub(crate) logs: Arc<MetricsLogs>,
    /// Held while the list of runs is made, by one request at a time: what one has read the next finds cached.
    pub(crate) listing: Mutex<()>,
    pub(crate) work: Arc<WorkPool>,
    /// Memory for answers that are made and sent.
    pub(crate) answers: Arc<ResponseBudgets>,
    /// Memory for images while they are uploaded and decoded.
    pub(crate) sent: ImageBudget,
    /// Images that clients uploaded, kept for a while.
    pub(crate) uploaded_images: UploadedImages,
    pub(crate) event_bus: Arc<EventBus>,
    /// Results that survive a restart.
    pub(crate) stored_results: Arc<StoredResults>,
    pub(crate) models: Models,
    pub(crate) image_measurements: ImageMeasurements,
    /// Held while the sentences that users write into a run's story are replaced.
    pub(crate) user_stories: Mutex<()>,
    /// The folder that takes uploads, where they are allowed.
    pub(crate) uploads: Option<Arc<UploadFolder>>,
}

/// The state as handlers extract it.
pub(crate) type AppState = Arc<App>;

impl FromRef<AppState> for ImageBudget {
    fn from_ref(app: &AppState) -> Self {
        app.sent.clone()
    }
}

impl App {
    /// Works with the metrics log of a run on a blocking thread, once there is memory to read it.
    pub(crate) async fn with_log<T: Send + 'static>(
        &self,
        run: &Arc<OpenRun>,
        work: impl FnOnce(&MetricsLog) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let held = self.answers.take_at_most(self.logs.cost(run)).await?;
        let (logs, run) = (Arc::clone(&self.logs), Arc::clone(run));
        let kind = MetricsLogs::work_kind(&run);
        self.work
            .run(kind, move || {
                let _held = held;
                work(&*logs.of(&run)?)
            })
            .await
    }

    /// Where the images are that a request names.
    pub(crate) fn images(&self) -> ImageSources<'_> {
        ImageSources { corpora: &self.corpora, uploaded: &self.uploaded_images }
    }

    /// The folder of uploads; 403 where they are not allowed.
    pub(crate) fn upload_folder(&self) -> Result<Arc<UploadFolder>, ApiError> {
        self.uploads.clone().ok_or_else(|| {
            ApiError::forbidden("this server takes no uploads")
                .hint("start it with `deepviz serve FOLDER --allow-upload` and a token")
        })
    }
}
