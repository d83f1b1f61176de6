//! The values of many sheets in one answer: `multipart/mixed`, a part a sheet, made while it is sent.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use tokio_stream::StreamExt;

use crate::api::sheets::bound::BoundSheets;
use crate::app::{App, AppState};
use crate::http::problem::ApiError;
use crate::http::response_memory::with_reservation;
use crate::http::work_pool::WorkKind;
use crate::sheet::model_input::ModelInput;
use crate::sheet::render::ResolvedSheet;
use crate::sheet::reply::{bytes_of, shape_of};
use crate::sheet::request::SheetRequest;

/// The boundary between two parts, assumed not to occur in the values.
const BOUNDARY: &str = "deepviz-sheet-7f3a9c51e2d84b60";
/// Values that one answer holds; it is a limit of time, not of memory.
const MAX_VALUES: usize = 256 << 20;

/// The answer, sheet after sheet. A checkpoint that cannot be read is a part too: its problem document.
pub(super) async fn answer(app: &AppState, bound: &BoundSheets) -> Result<Response, ApiError> {
    let in_all = bound.requests.iter().map(SheetRequest::values).sum::<usize>().saturating_mul(bound.checkpoints.len());
    if in_all > MAX_VALUES {
        return Err(ApiError::bad(format!(
            "the selection holds {in_all} values, at most {MAX_VALUES} are sent at once"
        )));
    }
    if bound.requests.iter().any(|request| matches!(request.input, Some(ModelInput::SentImage { .. }))) {
        return Err(ApiError::bad("an uploaded image is applied at one checkpoint and one layer at a time"));
    }
    let wanted: Vec<(usize, SheetRequest)> = bound
        .checkpoints
        .iter()
        .flat_map(|&index| bound.requests.iter().map(move |request| (index, request.clone())))
        .collect();
    // One part at a time: its values, their bytes, and those behind its head.
    let greatest = bound.requests.iter().map(SheetRequest::values).max().unwrap_or_default();
    let held = app.answers.take(12 * greatest).await?;
    let app = AppState::clone(app);
    let parts = tokio_stream::iter(wanted).then(move |(index, request)| {
        let app = AppState::clone(&app);
        async move { Ok::<_, Infallible>(part(&app, &request, index).await) }
    });
    let end = tokio_stream::once(Ok(Bytes::from(format!("--{BOUNDARY}--\r\n"))));
    let mut response = Response::new(Body::from_stream(parts.chain(end)));
    let kind = HeaderValue::from_static("multipart/mixed; boundary=deepviz-sheet-7f3a9c51e2d84b60");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(with_reservation(response, held))
}

async fn part(app: &App, request: &SheetRequest, index: usize) -> Bytes {
    let (head, body) = match sheet(app, request, index).await {
        Ok(part) => part,
        Err(error) => {
            let name = format!("x-deepviz-checkpoint: {index}\r\nx-deepviz-layer: {}\r\n", request.layer().name);
            (format!("content-type: application/problem+json\r\n{name}"), error.document())
        }
    };
    let mut part = format!("--{BOUNDARY}\r\n{head}content-length: {}\r\n\r\n", body.len()).into_bytes();
    part.extend(body);
    part.extend(b"\r\n");
    part.into()
}

async fn sheet(app: &App, request: &SheetRequest, index: usize) -> Result<(String, Vec<u8>), ApiError> {
    let resolved = ResolvedSheet::read(&app.models, request, index).await?;
    // As large work whatever its size: there are many more.
    app.work
        .run(WorkKind::RenderLarge, move || {
            let sheet = resolved.geometry()?;
            let geometry = serde_json::to_string(&sheet).map_err(|error| ApiError::internal(error.to_string()))?;
            let head = format!(
                "content-type: application/octet-stream\r\nx-deepviz-checkpoint: {index}\r\nx-deepviz-layer: {}\r\n\
                 x-deepviz-shape: {}\r\nx-deepviz-sheet: {geometry}\r\n",
                sheet.layer,
                shape_of(&resolved.values)
            );
            Ok((head, bytes_of(&resolved.values)))
        })
        .await
}
