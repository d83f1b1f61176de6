//! The accept loop: the number of connections is bounded, and idle ones are closed.
//!
//! A client that sends its request slowly, or does not take its answer, loses its connection; one that has said all it
//! had to say (a half-closed connection) gets its answer. When all slots are taken, connections that only
//! wait are closed ([`crate::http::connection_slots`]); while every slot is at work, new connections wait in the
//! system's queue.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Sleep, sleep, timeout};
use tower::ServiceExt as _;

use crate::http::connection_slots::{ConnectionSlot, ConnectionSlots, ConnectionState};
use crate::http::file_limits::FileLimits;
use crate::http::peer::{Peer, TrackedBody, from_peer};

/// Bytes of a request's head at most.
const HEAD_BYTES: usize = 64 << 10;
/// Headers of a request at most.
const MAX_HEADERS: usize = 100;
/// Before a new connection is tried where the system refuses one.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// The limits on connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionLimits {
    /// Connections at a time.
    pub(crate) connections: u32,
    /// From the beginning of a connection, or the end of an answer, to the end of a request's head.
    pub(crate) head: Duration,
    /// Without a byte of an answer being taken.
    pub(crate) stall: Duration,
    /// For what is in flight when the server stops.
    pub(crate) grace: Duration,
}

impl ConnectionLimits {
    /// As the system allows.
    pub(crate) fn new() -> Self {
        Self {
            connections: FileLimits::of_this_process().connections,
            head: Duration::from_secs(30),
            stall: Duration::from_secs(30),
            grace: Duration::from_secs(5),
        }
    }
}

/// Answers until `shutdown` completes, then finishes what is in flight.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    shutdown: impl Future<Output = ()>,
) {
    let mut shutdown = pin!(shutdown);
    let slots = ConnectionSlots::new(limits.connections);
    let closed = watch::Sender::new(false);
    loop {
        let accepted = tokio::select! {
            () = shutdown.as_mut() => break,
            accepted = accept(&listener, &slots) => accepted,
        };
        match accepted {
            Ok((stream, peer, slot)) => {
                let connection = Connection { stream, peer, router: router.clone(), limits, slot };
                tokio::spawn(connection.serve(closed.subscribe()));
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!("cannot take a connection: {error}");
                sleep(RETRY_INTERVAL).await;
            }
        }
    }
    drop(listener);
    closed.send_replace(true);
    // An error means that the time is over: what is still in flight is given up.
    let _ = timeout(limits.grace, slots.all_left()).await;
}

async fn accept(listener: &TcpListener, slots: &Arc<ConnectionSlots>) -> io::Result<(TcpStream, Peer, ConnectionSlot)> {
    let (stream, peer) = listener.accept().await?;
    let slot = slots.take(peer.ip()).await;
    Ok((stream, Peer::new(peer.ip(), Arc::clone(&slot.connection_state)), slot))
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// One client.
struct Connection {
    stream: TcpStream,
    peer: Peer,
    router: Router,
    limits: ConnectionLimits,
    slot: ConnectionSlot,
}

impl Connection {
    async fn serve(self, mut closing: watch::Receiver<bool>) {
        // Small answers must not wait for more to send; without it they are slower, no more.
        let _ = self.stream.set_nodelay(true);
        let connection_state = Arc::clone(&self.slot.connection_state);
        let stream = StallTimeout {
            stream: self.stream,
            stall: self.limits.stall,
            timer: None,
            connection_state: Arc::clone(&connection_state),
        };
        let service = service_fn(|request| {
            let answer = self.router.clone().oneshot(from_peer(request, &self.peer));
            let connection_state = Arc::clone(&connection_state);
            async { answer.await.map(|answer| answer.map(|body: Body| TrackedBody::new(body, connection_state))) }
        });
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.head)
            .max_buf_size(HEAD_BYTES)
            .max_headers(MAX_HEADERS)
            .half_close(true);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        // Only once: the other side of the channel lives as long as the server.
        let stop = async { drop(closing.wait_for(|closed| *closed).await) };
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = connection_state.must_leave() => return,
            () = stop => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!("a connection ended early: {error}");
        }
    }
}

/// A stream that ends with an error when its other side takes nothing for too long.
struct StallTimeout {
    stream: TcpStream,
    stall: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    connection_state: Arc<ConnectionState>,
}

impl StallTimeout {
    fn bounded<T>(
        &mut self,
        context: &mut Context<'_>,
        step: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if let Poll::Ready(result) = step(Pin::new(&mut self.stream), context) {
            self.timer = None;
            return Poll::Ready(result);
        }
        let stall = self.stall;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(stall)));
        ready!(timer.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for StallTimeout {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for StallTimeout {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.bounded(context, |stream, context| stream.poll_write(context, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.bounded(context, |stream, context| stream.poll_write_vectored(context, parts))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes when there is nothing left to write.
        let flushed = ready!(self.bounded(context, AsyncWrite::poll_flush));
        self.connection_state.has_sent();
        Poll::Ready(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.bounded(context, AsyncWrite::poll_shutdown)
    }
}
