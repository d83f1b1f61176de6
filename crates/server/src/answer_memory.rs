//! Answers that are sent: what they hold in memory is counted until a client has taken it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use hyper::body::{Frame, SizeHint};

use crate::app::Shared;
use crate::places::Peer;
use crate::problem::ApiError;
use crate::room::{Hold, Room, too_slow};

/// What a connection may hold uncounted.
const SMALL_BYTES: usize = 64 << 10;
/// The greatest answer that is counted among the common ones.
const COMMON_BYTES: usize = 2 << 20;
/// All common ones, and all others.
const COMMON_ROOM_BYTES: usize = 64 << 20;
pub(crate) const LARGE_ROOM_BYTES: usize = 256 << 20;
/// Handed to the connection at a time.
const PIECE_BYTES: usize = 64 << 10;

/// Room for answers, while they are made and sent. Common ones (a sheet, a list) have a room of their own, which large
/// ones cannot fill.
pub(crate) struct AnswerRooms {
    common: Arc<Room>,
    large: Arc<Room>,
}

/// What an answer holds; in an extension of the response.
pub(crate) type Counted = Option<Arc<Hold>>;

impl AnswerRooms {
    pub(crate) fn new() -> Self {
        Self { common: Room::new(COMMON_ROOM_BYTES), large: Room::new(LARGE_ROOM_BYTES) }
    }

    /// Takes what making and sending an answer needs; nothing where that is little.
    ///
    /// # Errors
    /// 400 where one answer may not have as much.
    pub(crate) async fn take(&self, bytes: usize) -> Result<Counted, ApiError> {
        let room = match bytes {
            0..=SMALL_BYTES => return Ok(None),
            _ if bytes <= COMMON_BYTES => &self.common,
            _ => &self.large,
        };
        room.take(bytes).await.map(|hold| Some(Arc::new(hold)))
    }

    /// The same for what is larger than all there is: it takes everything.
    pub(crate) async fn take_at_most(&self, bytes: usize) -> Result<Counted, ApiError> {
        self.take(bytes.min(LARGE_ROOM_BYTES)).await
    }

    /// Bytes that common answers do not hold, and large ones.
    #[cfg(test)]
    pub(crate) fn free_bytes(&self) -> [usize; 2] {
        [&self.common, &self.large].map(|room| room.free_bytes())
    }
}

/// An answer with what was taken for it.
pub(crate) fn counted(mut response: Response, held: Counted) -> Response {
    if let Some(hold) = held {
        response.extensions_mut().insert(hold);
    }
    response
}

/// Counts what answers hold until they are sent.
pub(crate) async fn count_answers(State(app): State<Shared>, request: Request, next: Next) -> Response {
    if !request.uri().path().starts_with("/api/") {
        return next.run(request).await;
    }
    let peer = Peer::of(request.extensions());
    let mut response = next.run(request).await;
    let bytes = response.body().size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok());
    let hold = match (response.extensions_mut().remove::<Arc<Hold>>(), bytes) {
        (Some(_), Some(0..=SMALL_BYTES)) | (None, None) => return response,
        (Some(hold), _) => hold,
        (None, Some(bytes)) => match app.answers.take(bytes).await {
            Ok(None) => return response,
            Ok(Some(hold)) => hold,
            Err(error) => return error.into_response(),
        },
    };
    if let Some(bytes) = bytes {
        hold.shrink_to(bytes);
    }
    hold.is_of(peer);
    hold.awaits_client();
    response.map(|body| Body::new(Held { body, rest: Bytes::new(), hold }))
}

/// A body that is handed over in pieces, so that it is known how fast a client takes it.
struct Held {
    body: Body,
    rest: Bytes,
    hold: Arc<Hold>,
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.hold.has_left() {
            return Poll::Ready(Some(Err(axum::Error::new(too_slow()))));
        }
        if self.rest.is_empty() {
            // What is made while it is sent takes the server's time.
            self.hold.awaits_server();
            let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
            self.hold.awaits_client();
            let Some(frame) = frame else { return Poll::Ready(None) };
            match frame.map(Frame::into_data) {
                Ok(Ok(data)) => self.rest = data,
                Ok(Err(other)) => return Poll::Ready(Some(Ok(other))),
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
        let bytes = self.rest.len().min(PIECE_BYTES);
        let piece = self.rest.split_to(bytes);
        self.hold.moved(bytes);
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

    fn held(hold: &Arc<Hold>, body: Body) -> Body {
        hold.awaits_client();
        Body::new(Held { body, rest: Bytes::new(), hold: Arc::clone(hold) })
    }

    #[tokio::test]
    async fn an_answer_comes_whole_in_pieces_and_is_counted_until_its_end() {
        let room = Room::new(4 * MB);
        let bytes: Vec<u8> = (0..MB + 5).map(|at| at as u8).collect();
        let hold = Arc::new(room.take(bytes.len()).await.unwrap());
        let body = held(&hold, Body::from(bytes.clone()));
        drop(hold);
        assert_eq!(body.size_hint().exact(), Some(bytes.len() as u64));
        let mut pieces = body.into_data_stream();
        let mut found = Vec::new();
        while let Some(piece) = pieces.next().await {
            let piece = piece.unwrap();
            assert!(piece.len() <= PIECE_BYTES && room.free_bytes() < 3 * MB);
            found.extend(piece);
        }
        assert!(found == bytes);
        drop(pieces);
        assert_eq!(room.free_bytes(), 4 * MB);
    }

    /// Made while it is sent: what the server takes for it is not held against the client.
    #[tokio::test]
    async fn a_slow_reader_is_cut_off_when_others_wait_and_a_slow_server_is_not() {
        let room = Room::new(MB);
        let (parts, stream) = tokio::sync::mpsc::channel(1);
        let stream = tokio_stream::wrappers::ReceiverStream::new(stream);
        let body = Body::from_stream(stream.map(|part: Vec<u8>| Ok::<_, axum::Error>(part)));
        let hold = Arc::new(room.take(MB).await.unwrap());
        let mut pieces = held(&hold, body).into_data_stream();
        let waiting = tokio::spawn({
            let room = Arc::clone(&room);
            async move { room.take(MB).await.map(drop) }
        });
        // Longer than a client may be late.
        assert!(timeout(Duration::from_secs(2), pieces.next()).await.is_err(), "there is nothing yet");
        parts.send(vec![0; 2 * PIECE_BYTES]).await.unwrap();
        assert!(pieces.next().await.unwrap().is_ok());
        assert!(!hold.has_left() && !waiting.is_finished());
        // Now the client takes nothing.
        timeout(Duration::from_mins(10), hold.must_leave()).await.unwrap();
        let error = pieces.next().await.unwrap().unwrap_err();
        assert!(error.to_string().contains("too slow"), "{error}");
        drop((pieces, hold));
        waiting.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn answers_have_room_by_their_size() {
        let rooms = AnswerRooms::new();
        assert!(rooms.take(SMALL_BYTES).await.unwrap().is_none());
        let (common, large) = (rooms.take(COMMON_BYTES).await.unwrap(), rooms.take(COMMON_BYTES + 1).await.unwrap());
        assert!(rooms.free_bytes()[0] == COMMON_ROOM_BYTES - COMMON_BYTES && rooms.free_bytes()[1] < LARGE_ROOM_BYTES);
        drop((common, large));
        let refused = rooms.take(LARGE_ROOM_BYTES + 1).await.err().unwrap();
        assert!(refused.status() == 400 && refused.to_string().contains("at most 256 MB"), "{refused}");
        let all = rooms.take_at_most(usize::MAX).await.unwrap();
        assert_eq!(rooms.free_bytes()[1], 0);
        drop(all);
    }
}
