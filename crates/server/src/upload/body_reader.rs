//! A body that is sent in pieces, or the one file of a form, as a reader for blocking code.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::multipart::Field;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderMap, header};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::StreamExt;

use crate::http::problem::ApiError;

/// Between two pieces of an archive.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);
/// For a whole archive.
const UPLOAD_TIMEOUT: Duration = Duration::from_hours(1);

/// After [`RATE_FROM`] a sender must send at least this many bytes a second on average.
const MIN_BYTES_PER_S: u64 = 16 << 10;
const RATE_FROM: Duration = if cfg!(test) { Duration::from_millis(200) } else { Duration::from_mins(1) };

/// Bytes that may follow the end of an archive: tar pads to whole blocks, and zip and gzip to none.
const MAX_TRAILING_BYTES: usize = 1 << 20;

/// A piece, or why there is none.
type Chunk = Result<Bytes, &'static str>;

const CUT_SHORT: &str = "the upload was cut short";
const STANDS_STILL: &str = "the upload stood still for too long";
const TOO_SLOW: &str = "the upload is too slow: expected 16 KB a second at least";
const NO_FORM: &str = "the form cannot be read";

/// Sends the body of a request, or its one file, to the reader until it ends or the reader is gone.
pub(crate) async fn stream_body(request: Request, sender: mpsc::Sender<Chunk>) -> Result<(), ApiError> {
    let is_form = is_form(request.headers());
    let all = async {
        let problem =
            if is_form { stream_form(request, &sender).await } else { stream_plain_body(request, &sender).await };
        if let Err(problem) = problem {
            // An error means that the reader is gone: the answer says why.
            let _ = sender.send(Err(problem)).await;
        }
    };
    timeout(UPLOAD_TIMEOUT, all).await.map_err(|_| ApiError::bad("the upload took too long"))
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.trim_start().to_ascii_lowercase().starts_with("multipart/form-data")
}

async fn stream_plain_body(request: Request, sender: &mpsc::Sender<Chunk>) -> Result<(), &'static str> {
    let mut chunks = request.into_body().into_data_stream();
    let mut rate = UploadRate::default();
    while let Some(chunk) = rate.next(chunks.next()).await? {
        let chunk = chunk.map_err(|_| CUT_SHORT)?;
        rate.count(&chunk)?;
        if sender.send(Ok(chunk)).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// The rate of a sender; the time of unpacking does not count.
#[derive(Default)]
struct UploadRate {
    waited: Duration,
    bytes: u64,
}

impl UploadRate {
    async fn next<T>(&mut self, chunk: impl Future<Output = T>) -> Result<T, &'static str> {
        let start = Instant::now();
        let chunk = timeout(STALL_TIMEOUT, chunk).await.map_err(|_| STANDS_STILL)?;
        self.waited += start.elapsed();
        Ok(chunk)
    }

    fn count(&mut self, chunk: &Bytes) -> Result<(), &'static str> {
        self.bytes += chunk.len() as u64;
        let min = self.waited.as_secs_f64() * MIN_BYTES_PER_S as f64;
        if self.waited > RATE_FROM && (self.bytes as f64) < min { Err(TOO_SLOW) } else { Ok(()) }
    }
}

async fn stream_form(request: Request, sender: &mpsc::Sender<Chunk>) -> Result<(), &'static str> {
    let mut form = Multipart::from_request(request, &()).await.map_err(|_| NO_FORM)?;
    let mut has_file = false;
    loop {
        let field = timeout(STALL_TIMEOUT, form.next_field()).await.map_err(|_| STANDS_STILL)?.map_err(|_| NO_FORM)?;
        match field {
            Some(field) if field.file_name().is_none() => {}
            Some(_) if has_file => return Err("the form holds several files; send one archive"),
            Some(field) => {
                has_file = true;
                if !stream_file(field, sender).await? {
                    return Ok(());
                }
            }
            None if has_file => return Ok(()),
            None => return Err("the form holds no file; send the archive as its file, or as the body itself"),
        }
    }
}

/// Sends one file; `false` where the reader is gone.
async fn stream_file(mut file: Field<'_>, sender: &mpsc::Sender<Chunk>) -> Result<bool, &'static str> {
    let mut rate = UploadRate::default();
    while let Some(chunk) = rate.next(file.chunk()).await?.map_err(|_| CUT_SHORT)? {
        rate.count(&chunk)?;
        if sender.send(Ok(chunk)).await.is_err() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The pieces as a reader for blocking code.
pub(crate) struct BodyReader {
    receiver: mpsc::Receiver<Chunk>,
    current: Bytes,
}

impl BodyReader {
    pub(crate) fn new(receiver: mpsc::Receiver<Chunk>) -> Self {
        Self { receiver, current: Bytes::new() }
    }
}

impl BodyReader {
    /// Reads what follows the archive, a little padding at the most, and so learns what else the request held.
    ///
    /// # Errors
    /// 400 where the form held more than the one file, or more follows than [`MAX_TRAILING_BYTES`].
    pub(crate) fn expect_end(&mut self) -> Result<(), ApiError> {
        let mut buffer = [0; 8192];
        let mut behind = 0;
        loop {
            match self.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => behind += count,
                Err(problem) => return Err(ApiError::bad(problem.to_string())),
            }
            if behind > MAX_TRAILING_BYTES {
                return Err(ApiError::bad("more follows the end of the archive; send one archive alone"));
            }
        }
    }
}

impl Read for BodyReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.receiver.blocking_recv() {
                Some(Ok(chunk)) => self.current = chunk,
                Some(Err(problem)) => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, problem)),
                None => return Ok(0),
            }
        }
        let count = buffer.len().min(self.current.len());
        buffer[..count].copy_from_slice(&self.current.split_to(count));
        Ok(count)
    }
}
