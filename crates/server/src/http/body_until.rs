//! A body that ends before its time.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};

/// A body that ends when something else does: a stream of events with the session that it belongs to.
pub(crate) struct BodyUntil {
    body: Body,
    end: Pin<Box<dyn Future<Output = ()> + Send>>,
    has_ended: bool,
}

impl BodyUntil {
    pub(crate) fn new(body: Body, end: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { body, end: Box::pin(end), has_ended: false }
    }
}

impl HttpBody for BodyUntil {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, axum::Error>>> {
        if self.has_ended || self.end.as_mut().poll(context).is_ready() {
            self.has_ended = true;
            return Poll::Ready(None);
        }
        Pin::new(&mut self.body).poll_frame(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;
    use tokio_stream::StreamExt as _;

    #[tokio::test]
    async fn it_ends_with_what_it_waits_for() {
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let forever = tokio_stream::iter([Ok::<_, axum::Error>("beat")]).chain(tokio_stream::pending());
        let body = Body::new(BodyUntil::new(Body::from_stream(forever), async {
            // Dropped is ended too.
            let _ = ended.await;
        }));
        let mut parts = body.into_data_stream();
        assert_eq!(parts.next().await.unwrap().unwrap(), "beat");
        drop(end);
        assert!(parts.next().await.is_none());
        let whole = BodyUntil::new(Body::from("all of it"), std::future::pending());
        assert_eq!(to_bytes(Body::new(whole), 99).await.unwrap(), "all of it");
    }
}
