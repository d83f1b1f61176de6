//! From a configuration to a running server.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::{Router, extract::Request, middleware::Next};
use deepviz_corpus::Limits;
use deepviz_net::Device;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};

use crate::api;
use crate::app::{App, AppState};
use crate::error::Error;
use crate::http::cache::Cache;
use crate::http::content_disposition::name_files;
use crate::http::drain::read_refused;
use crate::http::file_limits::FileLimits;
use crate::http::listen;
use crate::http::problem::ApiError;
use crate::http::proxy::{AddressRange, Proxies};
use crate::http::response_memory::{ResponseBudgets, count_response_memory};
use crate::http::security::{Access, guard};
use crate::http::work_pool::{WorkPool, forward_threads};
use crate::runs::catalogue::{Catalogue, is_run};
use crate::runs::corpora::Corpora;
use crate::runs::event_bus::EventBus;
use crate::runs::follow::follow;
use crate::runs::metrics_logs::MetricsLogs;
use crate::runs::stored_results::StoredResults;
use crate::sheet::image_table::ImageMeasurements;
use crate::sheet::models::Models;
use crate::sheet::uploaded_images::UploadedImages;
use crate::upload::folder::UploadFolder;
use crate::upload::image::ImageBudget;
use crate::upload::receive::MAX_ENTRIES;

/// The longest time before an answer begins.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);

/// The configuration of a server.
#[derive(Clone, Debug)]
pub struct Config {
    /// Run folders, or folders of run folders.
    pub runs: Vec<PathBuf>,
    /// The address to listen on; port 0 takes any free one.
    pub addr: SocketAddr,
    /// The corpus to use instead of the one each run names.
    pub corpus: Option<PathBuf>,
    /// The folder in which decoded images are kept; without one they are held in memory.
    pub cache_dir: Option<PathBuf>,
    /// Most bytes that pictures, snapshots and models may take in memory.
    pub cache_bytes: u64,
    /// The token that clients must send; required where the address is not this machine's alone.
    pub token: Option<String>,
    /// Proxies beside those on this machine that are believed about the client (`X-Forwarded-Proto`, `Forwarded`).
    pub trusted_proxies: Vec<AddressRange>,
    /// Lets clients send runs and corpora as archives; they go to the first folder that is not itself a run.
    pub allow_upload: bool,
    /// Most bytes that all uploads together may take on the disk.
    pub upload_bytes: u64,
    /// The device that networks are applied with; the CPU, unless given.
    pub device: Option<Device>,
    /// The Python that applies networks for which deepViz has no operations, if one may be started. It loads and
    /// executes the graph that is stored with a run, so it is not for runs of unknown origin.
    pub worker: Option<PathBuf>,
}

/// A server that listens and does not answer yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    pub(crate) app: AppState,
    access: Arc<Access>,
    pub(crate) limits: listen::ConnectionLimits,
}

/// Takes the address and looks for runs. Needs tokio's runtime of several threads.
pub async fn bind(config: Config) -> Result<Server, Error> {
    let addr = config.addr;
    if let Some(token) = &config.token
        && !((1..=256).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic()))
    {
        return Err(Error::Token);
    }
    if config.token.is_none() && !addr.ip().is_loopback() {
        return Err(Error::TokenRequired { addr });
    }
    if config.allow_upload && config.token.is_none() {
        return Err(Error::Uploads { missing: "a token" });
    }
    if config.allow_upload && upload_folder(&config).is_none() {
        return Err(Error::Uploads { missing: "a folder of runs to go to; the folders given are runs themselves" });
    }
    if let Some(path) = config.runs.iter().find(|path| !path.is_dir()) {
        return Err(Error::NoFolder { path: path.clone() });
    }
    // A run that was named must open; one that is found in a folder is listed with its problem.
    for path in config.runs.iter().map(|path| path.join("run.toml")).filter(|path| path.is_file()) {
        let folder = path.parent().unwrap_or(&path);
        deepviz_net::Run::open(folder).map_err(|source| Error::Run { source, path: path.clone() })?;
    }
    let listener = TcpListener::bind(addr).await.map_err(|source| match source.kind() {
        std::io::ErrorKind::AddrInUse => Error::Taken { addr },
        _ => Error::Listen { addr, source },
    })?;
    let address = listener.local_addr().map_err(|source| Error::Listen { addr, source })?;
    let access = Arc::new(Access::new(address, config.token.as_deref(), Proxies::new(&config.trusted_proxies)));
    Ok(Server { listener, address, app: app(&config)?, access, limits: listen::ConnectionLimits::new() })
}

fn upload_folder(config: &Config) -> Option<PathBuf> {
    let is_folder = |path: &&PathBuf| !is_run(path);
    config.runs.iter().find(is_folder).filter(|_| config.allow_upload).cloned()
}

/// The state of a server.
#[expect(clippy::result_large_err, reason = "made once, when the server starts")]
pub(crate) fn app(config: &Config) -> Result<AppState, Error> {
    let upload_limits = Limits { decoded_bytes: config.upload_bytes, images: MAX_ENTRIES };
    let corpora = Corpora::new(config.corpus.clone(), config.cache_dir.clone(), upload_limits);
    let uploads = upload_folder(config).map(|folder| {
        UploadFolder::new(&folder, config.upload_bytes).map_err(|source| Error::UploadFolder { source, path: folder })
    });
    let uploads = uploads.transpose()?.map(Arc::new);
    // Corpora that were sent to an earlier server, whether a run names them or not.
    for corpus in uploads.iter().flat_map(|uploads| uploads.corpora()) {
        corpora.register(&corpus);
    }
    let device = match &config.device {
        Some(device) => device.clone(),
        None => Device::cpu(Some(forward_threads()), None).map_err(|source| Error::Device { source })?,
    };
    let (cache, work) = (Arc::new(Cache::new(config.cache_bytes)), Arc::new(WorkPool::new()));
    let stored_results = Arc::new(StoredResults::new(config.cache_dir.as_deref()));
    let answers = ResponseBudgets::new();
    let image_measurements =
        ImageMeasurements { cache: Arc::clone(&cache), work: Arc::clone(&work), answers: Arc::clone(&answers) };
    Ok(Arc::new(App {
        runs: Arc::new(Catalogue::new(&config.runs, FileLimits::of_this_process())),
        corpora,
        uploads,
        logs: Arc::new(MetricsLogs::new()),
        listing: Mutex::default(),
        answers,
        image_measurements,
        sent: ImageBudget::new(),
        uploaded_images: UploadedImages::new(),
        event_bus: Arc::new(EventBus::new()),
        models: Models::new(
            Arc::clone(&cache),
            (Arc::clone(&work), Arc::clone(&stored_results)),
            device,
            config.worker.clone(),
        ),
        stored_results,
        user_stories: Mutex::default(),
        cache,
        work,
    }))
}

/// Every route, with everything around them.
pub(crate) fn router(app: AppState, access: Arc<Access>) -> Router {
    let worth_it = SizeAbove::new(1024)
        .and(NotForContentType::new("image/png"))
        .and(NotForContentType::new("application/octet-stream"))
        .and(NotForContentType::new("font/"))
        .and(NotForContentType::new("text/event-stream"));
    let answers = Arc::clone(&app.answers);
    api::router()
        .fallback(crate::http::web::fallback)
        .method_not_allowed_fallback(not_allowed)
        .with_state(app)
        .layer(from_fn(name_files))
        .layer(from_fn_with_state(answers, count_response_memory))
        .layer(from_fn(request_timeout))
        .layer(from_fn(plain_problems))
        .layer(CatchPanicLayer::custom(|panic: Box<dyn std::any::Any + Send>| {
            let text = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
            let error = ApiError::internal(format!("a handler panicked: {}", text.unwrap_or("no message")));
            error.into_response()
        }))
        .layer(CompressionLayer::new().gzip(true).compress_when(worth_it))
        .layer(from_fn_with_state(access, guard))
        .layer(from_fn(read_refused))
}

/// The answer to a method that a path does not take; for uploads with a hint, since forms and many clients use POST.
async fn not_allowed(request: Request) -> ApiError {
    if request.uri().path().starts_with("/api/uploads/") {
        return ApiError::not_allowed().hint(crate::api::uploads::HOW_TO_SEND);
    }
    ApiError::not_allowed()
}

/// No request waits forever. Uploads of archives have timeouts of their own.
async fn request_timeout(request: Request, next: Next) -> Response {
    if request.uri().path().starts_with("/api/uploads/") {
        return next.run(request).await;
    }
    match tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::busy("the answer took too long").into_response(),
    }
}

/// Refusals of the framework itself (a body that is too long, say) in the form of all others.
async fn plain_problems(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    let is_ours = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/problem+json");
    if is_ours || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    ApiError::from_status(status).into_response()
}

impl Server {
    /// The address it listens on, with the port that was taken.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `shutdown` completes, then finishes what is in flight.
    pub async fn serve(self, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), Error> {
        let Self { listener, app, access, limits, .. } = self;
        let event_bus = Arc::clone(&app.event_bus);
        let watcher = tokio::spawn(follow(Arc::clone(&app.runs), Arc::clone(&app.event_bus)));
        let signal = {
            let event_bus = Arc::clone(&event_bus);
            async move {
                shutdown.await;
                // Streams of events end now; they would never end by themselves.
                event_bus.close();
            }
        };
        listen::serve(listener, router(app, access), limits, signal).await;
        watcher.abort();
        Ok(())
    }
}
