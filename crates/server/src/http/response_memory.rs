//! Answers that are sent: the memory they hold is reserved in a budget until a client has taken them.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use hyper::body::{Frame, SizeHint};

use crate::http::memory_budget::{MemoryBudget, Reservation, too_slow};
use crate::http::peer::Peer;
use crate::http::problem::ApiError;

/// Bytes that an answer may hold without a reservation.
const SMALL_BYTES: usize = 64 << 10;
/// The largest answer that is reserved in the budget of common ones.
const COMMON_BYTES: usize = 2 << 20;
/// The budgets of all common answers, and of all larger ones.
const COMMON_BUDGET_BYTES: usize = 64 << 20;
pub(crate) const LARGE_BUDGET_BYTES: usize = 256 << 20;
/// Handed to the connection at a time.
const CHUNK_BYTES: usize = 64 << 10;

/// Memory for answers, while they are made and sent. Common ones (a sheet, a list) have a budget of their own, which large
/// ones cannot fill.
pub(crate) struct ResponseBudgets {
    common: Arc<MemoryBudget>,
    large: Arc<MemoryBudget>,
}

/// The memory that an answer holds; in an extension of the response.
pub(crate) type ResponseMemory = Option<Arc<Reservation>>;

impl ResponseBudgets {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { common: MemoryBudget::new(COMMON_BUDGET_BYTES), large: MemoryBudget::new(LARGE_BUDGET_BYTES) })
    }

    /// Takes what making and sending an answer needs; nothing where that is little.
    ///
    /// # Errors
    /// 400 where one answer may not have as much.
    pub(crate) async fn take(&self, bytes: usize) -> Result<ResponseMemory, ApiError> {
        let budget = match bytes {
            0..=SMALL_BYTES => return Ok(None),
            _ if bytes <= COMMON_BYTES => &self.common,
            _ => &self.large,
        };
        budget.take(bytes).await.map(|reservation| Some(Arc::new(reservation)))
    }

    /// The same for what is larger than all there is: it takes everything.
    pub(crate) async fn take_at_most(&self, bytes: usize) -> Result<ResponseMemory, ApiError> {
        self.take(bytes.min(LARGE_BUDGET_BYTES)).await
    }

    /// Bytes that common answers do not hold, and large ones.
    #[cfg(test)]
    pub(crate) fn free_bytes(&self) -> [usize; 2] {
        [&self.common, &self.large].map(|budget| budget.free_bytes())
    }
}

/// Attaches the memory reserved for an answer; [`count_response_memory`] holds it until the answer is sent.
pub(crate) fn with_reservation(mut response: Response, held: ResponseMemory) -> Response {
    if let Some(reservation) = held {
        response.extensions_mut().insert(reservation);
    }
    response
}

/// The middleware that reserves the memory of every answer until it is sent.
pub(crate) async fn count_response_memory(
    State(budgets): State<Arc<ResponseBudgets>>,
    request: Request,
    next: Next,
) -> Response {
    if !request.uri().path().starts_with("/api/") {
        return next.run(request).await;
    }
    let peer = Peer::of(request.extensions());
    let mut response = next.run(request).await;
    let bytes = response.body().size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok());
    let reservation = match (response.extensions_mut().remove::<Arc<Reservation>>(), bytes) {
        (Some(_), Some(0..=SMALL_BYTES)) | (None, None) => return response,
        (Some(reservation), _) => reservation,
        (None, Some(bytes)) => match budgets.take(bytes).await {
            Ok(None) => return response,
            Ok(Some(reservation)) => reservation,
            Err(error) => return error.into_response(),
        },
    };
    if let Some(bytes) = bytes {
        reservation.shrink_to(bytes);
    }
    reservation.is_of(peer);
    reservation.awaits_client();
    response.map(|body| Body::new(CountedBody { body, rest: Bytes::new(), reservation }))
}

/// A body that is handed over in pieces, so that it is known how fast a client takes it.
struct CountedBody {
    body: Body,
    rest: Bytes,
    reservation: Arc<Reservation>,
}

impl HttpBody for CountedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.reservation.has_left() {
            return Poll::Ready(Some(Err(axum::Error::new(too_slow()))));
        }
        if self.rest.is_empty() {
            // What is made while it is sent takes the server's time.
            self.reservation.awaits_server();
            let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
            self.reservation.awaits_client();
            let Some(frame) = frame else { return Poll::Ready(None) };
            match frame.map(Frame::into_data) {
                Ok(Ok(data)) => self.rest = data,
                Ok(Err(other)) => return Poll::Ready(Some(Ok(other))),
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
        let bytes = self.rest.len().min(CHUNK_BYTES);
        let piece = self.rest.split_to(bytes);
        self.reservation.moved(bytes);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (inner, rest) = (self.body.size_hint(), self.rest.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower() + rest);
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use tokio::time::timeout;
    use tokio_stream::StreamExt as _;

    const MB: usize = 1 << 20;

    fn held(reservation: &Arc<Reservation>, body: Body) -> Body {
        reservation.awaits_client();
        Body::new(CountedBody { body, rest: Bytes::new(), reservation: Arc::clone(reservation) })
    }

    #[tokio::test]
    async fn an_answer_comes_whole_in_pieces_and_is_counted_until_its_end() {
        let budget = MemoryBudget::new(4 * MB);
        let bytes: Vec<u8> = (0..MB + 5).map(|at| at as u8).collect();
        let reservation = Arc::new(budget.take(bytes.len()).await.unwrap());
        let body = held(&reservation, Body::from(bytes.clone()));
        drop(reservation);
        assert_eq!(body.size_hint().exact(), Some(bytes.len() as u64));
        let mut pieces = body.into_data_stream();
        let mut found = Vec::new();
        while let Some(piece) = pieces.next().await {
            let piece = piece.unwrap();
            assert!(piece.len() <= CHUNK_BYTES && budget.free_bytes() < 3 * MB);
            found.extend(piece);
        }
        assert!(found == bytes);
        drop(pieces);
        assert_eq!(budget.free_bytes(), 4 * MB);
    }

    /// Made while it is sent: what the server takes for it is not counted against the client.
    #[tokio::test]
    async fn a_slow_reader_is_cut_off_when_others_wait_and_a_slow_server_is_not() {
        let budget = MemoryBudget::new(MB);
        let (parts, stream) = tokio::sync::mpsc::channel(1);
        let stream = tokio_stream::wrappers::ReceiverStream::new(stream);
        let body = Body::from_stream(stream.map(|part: Vec<u8>| Ok::<_, axum::Error>(part)));
        let reservation = Arc::new(budget.take(MB).await.unwrap());
        let mut pieces = held(&reservation, body).into_data_stream();
        let waiting = tokio::spawn({
            let budget = Arc::clone(&budget);
            async move { budget.take(MB).await.map(drop) }
        });
        // Longer than a client may be late.
        assert!(timeout(Duration::from_secs(2), pieces.next()).await.is_err(), "there is nothing yet");
        parts.send(vec![0; 2 * CHUNK_BYTES]).await.unwrap();
        assert!(pieces.next().await.unwrap().is_ok());
        assert!(!reservation.has_left() && !waiting.is_finished());
        // Now the client takes nothing.
        timeout(Duration::from_mins(10), reservation.must_leave()).await.unwrap();
        let error = pieces.next().await.unwrap().unwrap_err();
        assert!(error.to_string().contains("too slow"), "{error}");
        drop((pieces, reservation));
        waiting.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn the_size_of_an_answer_decides_its_budget() {
        let budgets = ResponseBudgets::new();
        assert!(budgets.take(SMALL_BYTES).await.unwrap().is_none());
        let (common, large) =
            (budgets.take(COMMON_BYTES).await.unwrap(), budgets.take(COMMON_BYTES + 1).await.unwrap());
        assert!(
            budgets.free_bytes()[0] == COMMON_BUDGET_BYTES - COMMON_BYTES
                && budgets.free_bytes()[1] < LARGE_BUDGET_BYTES
        );
        drop((common, large));
        let refused = budgets.take(LARGE_BUDGET_BYTES + 1).await.err().unwrap();
        assert!(refused.status() == 400 && refused.to_string().contains("at most 256 MB"), "{refused}");
        let all = budgets.take_at_most(usize::MAX).await.unwrap();
        assert_eq!(budgets.free_bytes()[1], 0);
        drop(all);
    }
}
