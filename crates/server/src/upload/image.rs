//! Images that are sent: decoded within limits and brought to the size of the network's images.

use std::io::Cursor;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::time::Duration;

use axum::body::HttpBody as _;
use axum::extract::{FromRef, FromRequest, Request};
use axum::http::StatusCode;
use deepviz_corpus::{ImageShape, Orientation, Reading, Reason, decode_within};
use deepviz_net::InputTransform;
use image::{ImageDecoder as _, ImageReader};
use ndarray::Array3;
use tokio::time::timeout;
use tokio_stream::StreamExt as _;

use crate::http::memory_budget::{MemoryBudget, Reservation, too_slow};
use crate::http::problem::ApiError;
use crate::http::work_pool::{WorkKind, WorkPool};
use crate::runs::open_run::OpenRun;
use crate::sheet::model_input::ModelInput;

/// The largest file that is taken.
pub(crate) const MOST_BYTES: usize = 10 << 20;
/// All files together, from the first byte that comes in to the last that is decoded.
const MOST_IN_FLIGHT: usize = 64 << 20;
/// What a file that has only begun to come may hold uncounted.
const SMALL_BYTES: usize = 64 << 10;
/// Between two pieces of a file.
const STALL_TIMEOUT: Duration = Duration::from_secs(15);

/// More pixels are not decoded.
const MOST_PIXELS: u64 = 64_000_000;
/// Nor more bytes of them, as they are in the file: 64 megapixels in four channels of 8 bits, half of that of 16 bits.
const MOST_DECODED_BYTES: u64 = 4 * MOST_PIXELS;
/// A picture with more pixels waits for its turn among the large ones.
const SMALL_PIXELS: u64 = 4_000_000;

/// Memory for pictures that come in.
#[derive(Clone)]
pub(crate) struct ImageBudget(Arc<MemoryBudget>);

impl ImageBudget {
    pub(crate) fn new() -> Self {
        Self(MemoryBudget::new(MOST_IN_FLIGHT))
    }
}

/// The body of a request, an image file, read whole. No place is taken while it comes in: only the bytes that are there
/// count.
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
        if expected > MOST_BYTES {
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
            if length > MOST_BYTES {
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

/// A sent image, fit for the run's network.
pub(crate) async fn sent_image(work: &WorkPool, run: &OpenRun, file: ImageFile) -> Result<ModelInput, ApiError> {
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
        let whole = move || decode(&file.bytes, orientation, transform, MOST_PIXELS);
        work.run(WorkKind::DecodeLarge, whole).await?
    };
    let hash = blake3::hash(pixels.as_slice().unwrap_or_default()).to_hex().to_string();
    Ok(ModelInput::SentImage { pixels: Arc::new(pixels), hash })
}

/// The pixels of a picture that is small; none of another one.
fn small_pixels(
    file: &[u8],
    orientation: Orientation,
    transform: InputTransform,
) -> Result<Option<Array3<u8>>, ApiError> {
    if size_of(file).is_some_and(|size| size.pixels > SMALL_PIXELS) {
        return Ok(None);
    }
    match decode(file, orientation, transform, SMALL_PIXELS) {
        // Its header could not be read above.
        Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => Ok(None),
        decoded => decoded.map(Some),
    }
}

/// What a file's header promises.
struct DecodedSize {
    pixels: u64,
    /// Of the pixels as they are in the file.
    bytes: u64,
}

/// Reads the header; nothing where it cannot be read, which decoding explains.
fn size_of(file: &[u8]) -> Option<DecodedSize> {
    catch_unwind(|| {
        let decoder = ImageReader::new(Cursor::new(file)).with_guessed_format().ok()?.into_decoder().ok()?;
        let (width, height) = decoder.dimensions();
        Some(DecodedSize { pixels: u64::from(width) * u64::from(height), bytes: decoder.total_bytes() })
    })
    .ok()?
}

fn decode(
    file: &[u8],
    orientation: Orientation,
    transform: InputTransform,
    most_pixels: u64,
) -> Result<Array3<u8>, ApiError> {
    if file.is_empty() {
        return Err(ApiError::not_an_image("the request has no body; expected an image file"));
    }
    if let Some(DecodedSize { pixels, bytes }) = size_of(file)
        && pixels <= MOST_PIXELS
        && bytes > MOST_DECODED_BYTES
    {
        return Err(ApiError::too_large(format!(
            "the image is too large: its pixels take {} MB, at most {} MB are read",
            bytes / 1_000_000,
            MOST_DECODED_BYTES / 1_000_000
        ))
        .hint("send it with 8 bits a channel, or smaller"));
    }
    let decoded = decode_within(file, orientation, most_pixels).map_err(|fault| match fault.reason {
        Reason::TooLarge => ApiError::too_large(format!("the image is too large: {}", fault.detail)),
        _ => ApiError::not_an_image(format!("cannot read the image: {}", fault.detail)),
    })?;
    let ImageShape { channels, height, width } = decoded.shape;
    let pixels = Array3::from_shape_vec((channels, height, width), decoded.pixels)
        .map_err(|error| ApiError::internal(error.to_string()))?;
    let fitted = transform.image(pixels.view()).map_err(|error| ApiError::bad(error.to_string()))?;
    Ok(fitted.into_owned())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use deepviz_net::{Network, Recipe, Shape};
    use image::DynamicImage;

    use super::*;

    /// The transform of a network that takes such images.
    fn takes(channels: usize, height: usize, width: usize) -> InputTransform {
        let text = "[[layer]]\nname = \"fc\"\ntype = \"full\"\noutputs = 2\n[[layer]]\nname = \"probs\"\n\
                    type = \"softmax\"\n[train]\nstages = [{ epochs = 1, rate = 1 }]";
        let recipe = Recipe::parse(text, "small", &[]).unwrap();
        Network::new(&recipe, Shape::new(channels, height, width), 2).unwrap().transform().for_any_image()
    }

    fn decode(file: &[u8], transform: InputTransform) -> Result<Array3<u8>, ApiError> {
        super::decode(file, Orientation::Stored, transform, MOST_PIXELS)
    }

    fn png(image: &DynamicImage) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        image.write_to(&mut file, image::ImageFormat::Png).unwrap();
        file.into_inner()
    }

    #[test]
    fn an_image_of_the_right_size_keeps_its_pixels() {
        let image = DynamicImage::ImageRgb8(image::RgbImage::from_fn(4, 3, |x, y| {
            image::Rgb([x as u8, y as u8, (x * y) as u8])
        }));
        let pixels = decode(&png(&image), takes(3, 3, 4)).unwrap();
        assert_eq!(pixels, Array3::from_shape_fn((3, 3, 4), |(c, y, x)| [x, y, x * y][c] as u8));
    }

    #[test]
    fn another_size_is_brought_to_the_networks() {
        let image = DynamicImage::ImageRgb8(image::RgbImage::from_pixel(50, 20, image::Rgb([9, 8, 7])));
        let pixels = decode(&png(&image), takes(3, 8, 8)).unwrap();
        assert_eq!(pixels.dim(), (3, 8, 8));
        assert!(pixels.outer_iter().zip([9, 8, 7]).all(|(plane, value)| plane.iter().all(|v| *v == value)));
        assert_eq!(decode(&png(&image), takes(1, 8, 8)).unwrap().dim(), (1, 8, 8));
    }

    proptest::proptest! {
        /// A damaged file of each format is an image or is refused, within the limits.
        #[test]
        fn any_bytes_are_decoded_or_refused(
            kind in 0..4_usize,
            flips in proptest::collection::vec((proptest::prelude::any::<usize>(), proptest::prelude::any::<u8>()), 0..12),
        ) {
            let image = DynamicImage::ImageRgb8(image::RgbImage::from_fn(23, 17, |x, y| image::Rgb([x as u8 * 9, y as u8, 7])));
            let mut file = Cursor::new(Vec::new());
            let format = [image::ImageFormat::Png, image::ImageFormat::Jpeg, image::ImageFormat::WebP].get(kind);
            if let Some(format) = format {
                image.write_to(&mut file, *format).unwrap();
            }
            let mut file = file.into_inner();
            file.extend(flips.iter().map(|(_, value)| *value));
            for (at, value) in &flips {
                let at = at % file.len();
                file[at] = *value;
            }
            let decoded = decode(&file, takes(3, 8, 8));
            let status = decoded.as_ref().err().map(|error| error.status().as_u16());
            proptest::prop_assert!(matches!(status, None | Some(413 | 415)), "{:?}", status);
            proptest::prop_assert!(decoded.is_err() || decoded.is_ok_and(|pixels| pixels.dim() == (3, 8, 8)));
            if flips.is_empty() {
                proptest::prop_assert_eq!(status.is_none(), format.is_some());
            }
        }
    }

    /// A few bytes that claim to be a picture of gigabytes.
    #[test]
    fn a_bomb_is_not_unpacked() {
        let image = DynamicImage::ImageLuma8(image::GrayImage::new(8_000, 8_000));
        let file = png(&image);
        assert!(file.len() < MOST_BYTES / 10, "{}", file.len());
        let decoded = decode(&file, takes(1, 8, 8));
        assert!(decoded.is_ok() || decoded.is_err_and(|error| error.status() == 413));
        // Its header alone says that it is too large.
        let mut wide = png(&DynamicImage::ImageLuma8(image::GrayImage::new(1, 1)));
        wide[16..20].copy_from_slice(&1_000_000_u32.to_be_bytes());
        let length = wide.len();
        // The checksum of the header chunk, or the decoder refuses it for that.
        let sum = crc32(&wide[12..29]);
        wide[29..33].copy_from_slice(&sum.to_be_bytes());
        assert_eq!(wide.len(), length);
        assert_eq!(decode(&wide, takes(1, 8, 8)).unwrap_err().status(), 413);
    }

    /// Four channels of 16 bits take twice as much as of 8: few pixels enough, and too many bytes.
    #[test]
    fn pixels_of_too_many_bytes_are_refused_by_the_header() {
        for (image, status) in [
            (DynamicImage::ImageRgba16(image::ImageBuffer::new(1, 1)), 413),
            // Refused too, but for the pixels that do not come.
            (DynamicImage::ImageRgb8(image::ImageBuffer::new(1, 1)), 415),
        ] {
            let mut file = png(&image);
            for at in [16, 20] {
                file[at..at + 4].copy_from_slice(&7_000_u32.to_be_bytes());
            }
            let sum = crc32(&file[12..29]);
            file[29..33].copy_from_slice(&sum.to_be_bytes());
            let refused = decode(&file, takes(3, 8, 8)).unwrap_err();
            assert_eq!(refused.status(), status, "{refused}");
            assert_eq!(refused.to_string().contains("at most 256 MB"), status == 413, "{refused}");
        }
    }

    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0_u32, |sum, byte| {
            (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 })
        })
    }

    #[test]
    fn what_is_no_image_is_refused() {
        let shape = takes(3, 8, 8);
        for (file, status) in [(&b""[..], 415), (b"hello", 415), (b"\x89PNG\r\n\x1a\nbroken", 415)] {
            assert_eq!(decode(file, shape).unwrap_err().status(), status);
        }
    }

    /// What a corpus refuses is refused here too (B14): a JPEG that is cut, and one that says it is turned is the same
    /// picture as in the corpus (B16).
    #[test]
    fn a_sent_file_is_read_as_one_of_a_corpus() {
        let image = DynamicImage::ImageRgb8(image::RgbImage::from_fn(64, 48, |x, y| {
            image::Rgb([x as u8 * 3, y as u8 * 5, (x * y) as u8])
        }));
        let mut file = Cursor::new(Vec::new());
        image.write_to(&mut file, image::ImageFormat::Jpeg).unwrap();
        let whole = file.into_inner();
        let shape = takes(3, 48, 64);
        let pixels = decode(&whole, shape).unwrap();
        assert_eq!(decode(&whole[..whole.len() - 2], shape).unwrap(), pixels, "without its end marker");
        assert_eq!(decode(&whole[..whole.len() * 2 / 3], shape).unwrap_err().status(), 415);
        // EXIF with orientation 6, behind the first marker.
        let exif = b"\xff\xe1\0\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        let noted = [&whole[..2], exif, &whole[2..]].concat();
        assert_eq!(decode(&noted, shape).unwrap(), pixels);
        let turned = super::decode(&noted, Orientation::Turned, takes(3, 64, 48), MOST_PIXELS).unwrap();
        assert_eq!(turned[[0, 0, 47]], pixels[[0, 0, 0]]);
        assert_eq!(turned[[1, 63, 0]], pixels[[1, 47, 63]]);
    }
}
