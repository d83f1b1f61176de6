//! The other side of a connection, as a request and the body of its answer know it.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::Extensions;

use crate::http::connection_slots::ConnectionState;

/// The other side of a request's connection; in an extension of the request.
#[derive(Clone)]
pub(crate) struct Peer {
    pub(crate) address: IpAddr,
    connection_state: Option<Arc<ConnectionState>>,
}

impl Peer {
    pub(crate) fn new(address: IpAddr, connection_state: Arc<ConnectionState>) -> Self {
        Self { address, connection_state: Some(connection_state) }
    }

    /// The peer of a request; this process itself, where it came over no connection.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        let here = || Self { address: std::net::Ipv4Addr::LOCALHOST.into(), connection_state: None };
        extensions.get().cloned().unwrap_or_else(here)
    }

    /// Closes the connection: others need what it holds.
    pub(crate) fn gives_way(&self) {
        if let Some(connection_state) = &self.connection_state {
            connection_state.close();
        }
    }

    /// Marks its request as authorised: the connection keeps its slot until the answer is sent.
    pub(crate) fn is_let_in(&self) {
        if let Some(connection_state) = &self.connection_state {
            connection_state.works();
        }
    }
}

/// A request with its peer.
pub(crate) fn from_peer<B>(mut request: Request<B>, peer: &Peer) -> Request<B> {
    request.extensions_mut().insert(peer.clone());
    request
}

/// The body of an answer, which notes when it has been handed to the connection.
pub(crate) struct TrackedBody {
    body: Body,
    connection_state: Arc<ConnectionState>,
}

impl TrackedBody {
    pub(crate) fn new(body: Body, connection_state: Arc<ConnectionState>) -> Self {
        Self { body, connection_state }
    }
}

impl Drop for TrackedBody {
    fn drop(&mut self) {
        self.connection_state.has_answered();
    }
}

impl HttpBody for TrackedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}
