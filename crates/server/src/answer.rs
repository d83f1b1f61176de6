//! REST requests answered without a socket: the command line draws its pictures by the same routes.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, header};
use tower::ServiceExt as _;

use crate::error::Error;
use crate::http::proxy::Proxies;
use crate::http::security::Access;
use crate::server::{Config, app, router};

/// A status and what came with it.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The picture, the JSON, or the problem document.
    pub body: Vec<u8>,
}

/// The REST interface over some runs, without a socket. Its caches last from one answer to the next.
pub struct Interface {
    router: Router,
}

impl Interface {
    /// Opens the runs; the runtime in which it does is used until the last answer.
    ///
    /// # Errors
    /// A run or a cache folder that cannot be used.
    #[expect(clippy::unused_async, reason = "what it starts needs a runtime around it")]
    pub async fn open(config: &Config) -> Result<Self, Error> {
        let access = Access::new(config.addr, None, Proxies::default());
        Ok(Self { router: router(app(config)?, Arc::new(access)) })
    }

    /// Answers a GET, or with a body a POST, of a path under `/api`.
    ///
    /// # Errors
    /// A path that cannot be read as a URI.
    pub async fn answer(&self, path: &str, body: Option<Vec<u8>>) -> Result<Answer, Error> {
        let method = if body.is_some() { Method::POST } else { Method::GET };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "localhost")
            .body(body.map_or_else(Body::empty, Body::from))
            .map_err(|source| Error::Serve { source: std::io::Error::other(source) })?;
        let Ok(response) = self.router.clone().oneshot(request).await;
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), usize::MAX)
            .await
            .map_err(|source| Error::Serve { source: std::io::Error::other(source) })?;
        Ok(Answer { status, body: body.into() })
    }
}
