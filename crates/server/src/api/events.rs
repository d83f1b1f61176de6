//! Live events of a run, as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderName;
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{AppendHeaders, IntoResponse, Response};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::api::errors::RunErrors;
use crate::api::params::RunPath;
use crate::app::AppState;
use crate::http::extract::PathParams;
use crate::http::problem::ApiError;
use crate::http::work_pool::WorkKind;
use crate::runs::event::Event;
use crate::runs::fingerprint::RunFingerprint;

/// After how long a browser whose stream has ended asks for another.
const RETRY: Duration = Duration::from_secs(2);
/// The interval of comments where nothing happens: proxies end streams that are silent, and a client that went away is
/// noticed.
const HEARTBEAT: Duration = Duration::from_secs(15);

type Sender = mpsc::Sender<Result<sse::Event, Infallible>>;

/// The events of a run: `checkpoint`, `statistics`, `metrics`, `state`; `run` for another run that appeared;
/// `reload` when the client should ask for everything again. At the start: where the run is now.
#[utoipa::path(
    get, path = "/api/runs/{run}/events", tag = "runs", params(RunPath),
    responses(
        (status = 200, description = "the answer", body = Event, content_type = "text/event-stream"),
        RunErrors,
    )
)]
pub(crate) async fn events(
    State(app): State<AppState>,
    PathParams(RunPath { run: id }): PathParams<RunPath>,
) -> Result<Response, ApiError> {
    let run = app.runs.get(&id)?;
    // First the subscription, then the state of the run: what happens between is reported twice rather than never.
    let mut messages = app.event_bus.subscribe();
    let mut closing = app.event_bus.closing();
    let seen = app.work.run(WorkKind::Render, move || RunFingerprint::of(&run, None)).await?;
    let initial_events = seen.initial_events();
    let subscription = app.event_bus.follow(&id, seen);
    app.event_bus.wake.notify_one();
    let (sender, receiver) = mpsc::channel(64);
    tokio::spawn(async move {
        let _subscription = subscription;
        // Before anything else, so that a browser comes back soon whatever ends the stream.
        if sender.send(Ok(sse::Event::default().retry(RETRY))).await.is_err() {
            return;
        }
        for event in initial_events {
            if !send(&sender, &event).await {
                return;
            }
        }
        let id: Arc<str> = id.into();
        if *closing.borrow() {
            return;
        }
        loop {
            let event = tokio::select! {
                message = messages.recv() => match message {
                    Ok((run, event)) if run.as_ref().is_none_or(|run| *run == id) => event,
                    Ok(_) => continue,
                    Err(RecvError::Lagged(_)) => Event::Reload {},
                    Err(RecvError::Closed) => return,
                },
                () = sender.closed() => return,
                _ = closing.changed() => return,
            };
            if !send(&sender, &event).await {
                return;
            }
        }
    });
    let stream = Sse::new(ReceiverStream::new(receiver)).keep_alive(KeepAlive::new().interval(HEARTBEAT));
    // Proxies that buffer answers would hold the events back.
    let unbuffered = AppendHeaders([(HeaderName::from_static("x-accel-buffering"), "no")]);
    Ok((unbuffered, stream).into_response())
}

async fn send(sender: &Sender, event: &Event) -> bool {
    let data = sse::Event::default().event(event.name()).json_data(event);
    let Ok(data) = data else { return true };
    sender.send(Ok(data)).await.is_ok()
}
