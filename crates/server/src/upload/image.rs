//! Images that are sent: decoded within limits and brought to the size of the network's images.

use std::sync::Arc;
use std::time::Duration;

use axum::body::HttpBody as _;
use axum::extract::{FromRef, FromRequest, Request};
use axum::http::StatusCode;
use deepviz_corpus::Reading;
use ndarray::Array3;
use tokio::time::timeout;
use tokio_stream::StreamExt as _;

use crate::http::memory_budget::{MemoryBudget, Reservation, too_slow};
use crate::http::problem::ApiError;
use crate::http::work_pool::{WorkKind, WorkPool};
use crate::runs::open_run::OpenRun;
use crate::sheet::model_input::ModelInput;
use crate::upload::decode::{MAX_PIXELS, decode, small_pixels};

/// The largest file that is taken.
pub(crate) const MAX_BYTES: usize = 10 << 20;
/// All files together, from the first byte that comes in to the last that is decoded.
const MAX_IN_FLIGHT_BYTES: usize = 64 << 20;
/// Bytes that a file that has only begun to arrive may hold without a reservation.
const SMALL_BYTES: usize = 64 << 10;
/// Between two pieces of a file.
const STALL_TIMEOUT: Duration = Duration::from_secs(15);

/// Memory for images while they are uploaded and decoded.
#[derive(Clone)]
pub(crate) struct ImageBudget(Arc<MemoryBudget>);

impl ImageBudget {
    pub(crate) fn new() -> Self {
        Self(MemoryBudget::new(MAX_IN_FLIGHT_BYTES))
    }
}

/// The body of a request, an image file, read as a whole. Memory is counted for the received bytes only, not for the
/// announced length.
pub(crate) struct ImageBody(pub(crate) ImageFile);

/// A file in memory.
pub(crate) struct ImageFile {
    bytes: Vec<u8>,
    /// Its bytes among those in flight, where it is not small.
    _held: Option<Reservation>,
}

impl<S: Send + Sync> FromRequest<S> for ImageBody
where
    ImageBudget: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let body = request.into_body();
        let expected = body.size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or_default();
        if expected > MAX_BYTES {
            return Err(ApiError::from_status(StatusCode::PAYLOAD_TOO_LARGE));
        }
        let mut pieces = body.into_data_stream();
        let (mut bytes, mut held) = (Vec::new(), None::<Reservation>);
        loop {
            let next = timeout(STALL_TIMEOUT, pieces.next());
            let piece = match &held {
                None => next.await,
                Some(hold) => tokio::select! {
                    () = hold.must_leave() => return Err(too_slow()),
                    piece = next => piece,
                },
            };
            let piece = match piece {
                Err(_) => return Err(ApiError::bad("the image stood still for too long while it was sent")),
                Ok(None) => break,
                Ok(Some(Err(_))) => return Err(ApiError::from_status(StatusCode::BAD_REQUEST)),
                Ok(Some(Ok(piece))) => piece,
            };
            let length = bytes.len() + piece.len();
            if length > MAX_BYTES {
                return Err(ApiError::from_status(StatusCode::PAYLOAD_TOO_LARGE));
            }
            match &held {
                Some(hold) => hold.grow_to(length).await?,
                None if length <= SMALL_BYTES => {}
                None => {
                    let hold = ImageBudget::from_ref(state).0.take(length).await?;
                    hold.awaits_client();
                    held = Some(hold);
                }
            }
            if bytes.len() <= SMALL_BYTES && length > SMALL_BYTES {
                // Once, rather than by doubling.
                bytes.reserve_exact(expected.max(length) - bytes.len());
            }
            bytes.extend_from_slice(&piece);
            if let Some(hold) = &held {
                hold.moved(piece.len());
            }
        }
        if let Some(hold) = &held {
            hold.awaits_server();
        }
        Ok(Self(ImageFile { bytes, _held: held }))
    }
}

/// A sent image as an input of the run's network.
pub(crate) async fn sent_image(work: &WorkPool, run: &OpenRun, file: ImageFile) -> Result<ModelInput, ApiError> {
    let SentPixels { pixels, hash } = sent_pixels(work, run, file).await?;
    Ok(ModelInput::SentImage { pixels, hash })
}

/// An image in the size of a network's images.
pub(crate) struct SentPixels {
    /// Channels, rows, columns.
    pub(crate) pixels: Arc<Array3<u8>>,
    /// The hash of the shape and the pixels.
    pub(crate) hash: String,
}

/// The pixels of a sent image, brought to the size of the run's network.
pub(crate) async fn sent_pixels(work: &WorkPool, run: &OpenRun, file: ImageFile) -> Result<SentPixels, ApiError> {
    let transform = run.network().transform().for_any_image();
    // As the run's corpus was read: the same file is the same picture in both.
    let orientation = Reading::from_pairs(&run.info().corpus.reading).unwrap_or_default().orientation;
    let file = Arc::new(file);
    let small = {
        let file = Arc::clone(&file);
        work.run(WorkKind::Decode, move || small_pixels(&file.bytes, orientation, transform)).await?
    };
    let pixels = if let Some(pixels) = small {
        pixels
    } else {
        let whole = move || decode(&file.bytes, orientation, transform, MAX_PIXELS);
        work.run(WorkKind::DecodeLarge, whole).await?
    };
    let mut hasher = blake3::Hasher::new();
    for &side in pixels.shape() {
        hasher.update(&side.to_le_bytes());
    }
    hasher.update(pixels.as_slice().unwrap_or_default());
    Ok(SentPixels { hash: hasher.finalize().to_hex().to_string(), pixels: Arc::new(pixels) })
}
