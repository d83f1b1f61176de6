//! Refusals that arrive: most programs send their whole body before they listen, and find the connection closed where
//! the answer came before the body was read.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;
use hyper::body::{Frame, SizeHint};
use tokio_stream::StreamExt;

/// More of a refused body is not read: its sender may well find a closed connection.
const MAX_BYTES: usize = 16 << 20;
/// The longest time for which it is read.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// A body whose rest is read after its handler is done with it.
struct SharedBody(Arc<Mutex<Body>>);

impl SharedBody {
    fn with<T>(&self, look: impl FnOnce(Pin<&mut Body>) -> T) -> T {
        look(Pin::new(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl HttpBody for SharedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.with(|body| body.poll_frame(context))
    }

    fn is_end_stream(&self) -> bool {
        self.with(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.with(|body| body.size_hint())
    }
}

/// Reads what a refused request still sends, within limits, before it is answered.
pub(crate) async fn read_refused(request: Request, next: Next) -> Response {
    // A client that sends `Expect: 100-continue` sends no body that is refused.
    let expects_continue = request.headers().contains_key(header::EXPECT);
    if expects_continue || request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let body = Arc::new(Mutex::new(body));
    let response = next.run(Request::from_parts(parts, Body::new(SharedBody(Arc::clone(&body))))).await;
    if response.status().is_client_error() || response.status().is_server_error() {
        let mut rest = Body::new(SharedBody(body)).into_data_stream();
        let mut read = 0;
        let reading = async {
            while let Some(Ok(piece)) = rest.next().await {
                read += piece.len();
                if read > MAX_BYTES {
                    return;
                }
            }
        };
        // However it ends, the answer is the same.
        let _ = tokio::time::timeout(DRAIN_TIMEOUT, reading).await;
    }
    response
}
