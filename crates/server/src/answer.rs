//! One request answered without a socket: what the command line draws is what the interface serves.

use std::sync::Arc;

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

/// Answers a GET, or with a body a POST, of a path under `/api`.
pub async fn answer(config: &Config, path: &str, body: Option<Vec<u8>>) -> Result<Answer, Error> {
    let router = router(app(config)?, Arc::new(Access::new(config.addr, None, Proxies::default())));
    let method = if body.is_some() { Method::POST } else { Method::GET };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "localhost")
        .body(body.map_or_else(Body::empty, Body::from))
        .map_err(|source| Error::Serve { source: std::io::Error::other(source) })?;
    let Ok(response) = router.oneshot(request).await;
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), usize::MAX)
        .await
        .map_err(|source| Error::Serve { source: std::io::Error::other(source) })?;
    Ok(Answer { status, body: body.into() })
}
