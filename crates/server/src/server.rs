//! From a configuration to a running server.

use std::future::{Future, IntoFuture};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Response;
use axum::serve::ListenerExt;
use axum::{Router, extract::Request, middleware::Next};
use deepviz_net::Device;
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};

use crate::api;
use crate::app::{App, Shared};
use crate::cache::Cache;
use crate::catalogue::Catalogue;
use crate::corpora::Corpora;
use crate::error::Error;
use crate::hub::Hub;
use crate::problem::ApiError;
use crate::security::{Access, guard};
use crate::watch::follow;
use crate::work::Work;

/// How long requests in flight may take after the signal to stop.
const GRACE: Duration = Duration::from_secs(5);

/// What to serve, and to whom.
#[derive(Clone, Debug)]
pub struct Config {
    /// Run folders, or folders of run folders.
    pub runs: Vec<PathBuf>,
    /// Where to listen; port 0 takes any free one.
    pub addr: SocketAddr,
    /// The corpus to use instead of the one each run names.
    pub corpus: Option<PathBuf>,
    /// Most bytes that pictures, snapshots and models may take in memory.
    pub cache_bytes: u64,
    /// What a client must know; required where the address is not this machine's alone.
    pub token: Option<String>,
}

/// A server that listens and does not answer yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    app: Shared,
    access: Arc<Access>,
}

/// Takes the address and looks for runs.
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
    if let Some(path) = config.runs.iter().find(|path| !path.is_dir()) {
        return Err(Error::NoFolder { path: path.clone() });
    }
    // A run that was named is wanted; one that merely lies in a folder is listed with its problem.
    for path in config.runs.iter().map(|path| path.join("run.toml")).filter(|path| path.is_file()) {
        let folder = path.parent().unwrap_or(&path);
        deepviz_net::Run::open(folder).map_err(|source| Error::Run { source, path: path.clone() })?;
    }
    let listener = TcpListener::bind(addr).await.map_err(|source| match source.kind() {
        std::io::ErrorKind::AddrInUse => Error::Taken { addr },
        _ => Error::Listen { addr, source },
    })?;
    let address = listener.local_addr().map_err(|source| Error::Listen { addr, source })?;
    let access = Arc::new(Access::new(address, config.token.as_deref()));
    Ok(Server { listener, address, app: app(&config)?, access })
}

/// The state of a server.
#[expect(clippy::result_large_err, reason = "made once, when the server starts")]
pub(crate) fn app(config: &Config) -> Result<Shared, Error> {
    Ok(Arc::new(App {
        runs: Catalogue::new(&config.runs),
        corpora: Corpora::new(config.corpus.clone()),
        cache: Cache::new(config.cache_bytes),
        work: Work::new(),
        hub: Arc::new(Hub::new()),
        device: Device::cpu(None, None).map_err(|source| Error::Device { source })?,
    }))
}

/// Every route, with everything around them.
pub(crate) fn router(app: Shared, access: Arc<Access>) -> Router {
    let worth_it = SizeAbove::new(1024)
        .and(NotForContentType::new("image/png"))
        .and(NotForContentType::new("application/octet-stream"))
        .and(NotForContentType::new("font/"))
        .and(NotForContentType::new("text/event-stream"));
    api::router()
        .fallback(crate::web::fallback)
        .method_not_allowed_fallback(async || ApiError::not_allowed())
        .with_state(app)
        .layer(from_fn(plain_problems))
        .layer(CatchPanicLayer::custom(|panic: Box<dyn std::any::Any + Send>| {
            let text = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
            let error = ApiError::internal(format!("a handler panicked: {}", text.unwrap_or("no message")));
            axum::response::IntoResponse::into_response(error)
        }))
        .layer(CompressionLayer::new().gzip(true).compress_when(worth_it))
        .layer(from_fn_with_state(access, guard))
}

/// Refusals of the framework itself (a body that is too long, say) in the form of all others.
async fn plain_problems(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    let is_ours = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/problem+json");
    if is_ours || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    axum::response::IntoResponse::into_response(ApiError::from_status(status))
}

impl Server {
    /// Where it listens, with the port that was taken.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `shutdown` is there, then finishes what is in flight.
    pub async fn serve(self, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), Error> {
        let Self { listener, app, access, .. } = self;
        let hub = Arc::clone(&app.hub);
        let watcher = tokio::spawn(follow(Arc::clone(&app)));
        let mut closing = hub.closing();
        let signal = {
            let hub = Arc::clone(&hub);
            async move {
                shutdown.await;
                hub.close();
            }
        };
        // Small answers must not wait for more to send.
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        let serving = axum::serve(listener, router(app, access)).with_graceful_shutdown(signal).into_future();
        let too_long = async move {
            // An error means that the hub is gone, and everything with it.
            let _ = closing.changed().await;
            tokio::time::sleep(GRACE).await;
        };
        let result = tokio::select! {
            result = serving => result,
            () = too_long => Ok(()),
        };
        hub.close();
        watcher.abort();
        result.map_err(|source| Error::Serve { source })
    }
}
