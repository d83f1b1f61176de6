//! A download into a `.part` file that can be interrupted and taken up again.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use ureq::{
    Agent,
    http::{HeaderMap, StatusCode, header},
};

use super::{FetchEvent, Stage, progress::Report};
use crate::{Error, SourceFile};

/// A connection that sends nothing for so long is given up.
const READ_TIMEOUT: Duration = Duration::from_mins(1);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes accepted of a file whose size the description does not give.
const UNKNOWN_BYTES_MAX: u64 = 16 << 30;

/// The part of a file that has arrived.
pub(crate) struct PartialFile {
    path: PathBuf,
    file: File,
}

impl PartialFile {
    pub(crate) fn open(path: PathBuf) -> Result<Self, Error> {
        let file = OpenOptions::new().read(true).append(true).create(true).open(&path);
        let file = file.map_err(Error::io("open the download", &path))?;
        Ok(Self { path, file })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn bytes(&self) -> Result<u64, Error> {
        Ok(self.file.metadata().map_err(Error::io("look at the download", &self.path))?.len())
    }

    /// Gets what is missing. A connection that breaks is tried again at once, as long as each attempt brings
    /// something; after one that brings nothing, what has arrived stays for the next fetch.
    pub(crate) fn complete(
        &self,
        file: &SourceFile,
        url: &str,
        observer: &mut dyn FnMut(FetchEvent<'_>),
    ) -> Result<(), Error> {
        if file.bytes.is_some_and(|bytes| self.bytes().is_ok_and(|have| have > bytes)) {
            self.clear()?;
        }
        let mut report = Report::new(&file.name, Stage::Download, file.bytes.unwrap_or(0), observer);
        let agent: Agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_per_read(Some(READ_TIMEOUT))
            // The file is to arrive as it is; unpacking it in transfer would change its digest.
            .accept_encoding("identity")
            .user_agent(concat!("deepviz/", env!("CARGO_PKG_VERSION")))
            .build()
            .into();
        loop {
            let before = self.bytes()?;
            if file.bytes == Some(before) {
                return Ok(());
            }
            let request = Request { agent: &agent, url, expected: file.bytes };
            match self.attempt(&request, before, &mut report) {
                Err(Error::Interrupted { have, .. }) if have > before => {}
                Ok(Outcome::Restart) if before > 0 => {}
                Err(error) => return Err(error),
                Ok(_) => return Ok(()),
            }
        }
    }

    /// Deletes what has arrived.
    pub(crate) fn clear(&self) -> Result<(), Error> {
        self.file.set_len(0).map_err(Error::io("start the download anew in", &self.path))
    }

    /// One request, for all that is missing.
    fn attempt(&self, request: &Request<'_>, have: u64, report: &mut Report<'_>) -> Result<Outcome, Error> {
        let Request { agent, url, expected } = *request;
        let mut get = agent.get(url);
        if have > 0 {
            get = get.header(header::RANGE, format!("bytes={have}-"));
        }
        let response = get.call().map_err(|source| Error::Connect { source: Box::new(source), url: url.to_owned() })?;
        let answer =
            |found: String, expected: &str| Error::Answer { found, expected: expected.to_owned(), url: url.to_owned() };
        let start = match response.status() {
            StatusCode::OK => {
                // The server does not know ranges, or the file has changed: all of it comes again.
                self.clear()?;
                0
            }
            StatusCode::PARTIAL_CONTENT if range_start(response.headers()) == Some(have) => have,
            StatusCode::RANGE_NOT_SATISFIABLE if have > 0 => {
                self.clear()?;
                return Ok(Outcome::Restart);
            }
            status => return Err(answer(format!("status {status}"), "the file")),
        };
        let length = header_number(response.headers(), &header::CONTENT_LENGTH).map(|length| start + length);
        if let (Some(length), Some(expected)) = (length, expected)
            && length != expected
        {
            return Err(answer(format!("a file of {length} bytes"), &format!("{expected} bytes")));
        }
        let whole = expected.or(length);
        if let Some(found) = whole.filter(|&whole| expected.is_none() && whole > UNKNOWN_BYTES_MAX) {
            return Err(answer(
                format!("a file of {found} bytes"),
                "less than 16 GiB, or its `bytes` in the description",
            ));
        }
        report.set_total(whole.unwrap_or(0));
        report.set(start);
        let mut body = response.into_body().into_reader();
        let target = BodyTarget { start, max: whole.unwrap_or(UNKNOWN_BYTES_MAX), url };
        let have = self.receive(&mut body, &target, report)?;
        if let Some(expected) = whole.filter(|&whole| have < whole) {
            let source = std::io::ErrorKind::UnexpectedEof.into();
            return Err(Error::Interrupted { have, expected, source, url: url.to_owned() });
        }
        self.file.sync_all().map_err(Error::io("write the download", &self.path))?;
        Ok(Outcome::Done)
    }

    /// Appends a body to the file, up to the expected size; returns the size reached.
    fn receive(&self, body: &mut dyn Read, target: &BodyTarget<'_>, report: &mut Report<'_>) -> Result<u64, Error> {
        let mut file = &self.file;
        let writing = || Error::io("write the download", &self.path);
        file.seek(SeekFrom::End(0)).map_err(writing())?;
        let mut have = target.start;
        let mut buffer = vec![0; 1 << 16];
        while have < target.max {
            let length = (target.max - have).min(buffer.len() as u64) as usize;
            match body.read(&mut buffer[..length]) {
                Ok(0) => break,
                Ok(count) => {
                    file.write_all(&buffer[..count]).map_err(writing())?;
                    have += count as u64;
                    report.set(have);
                }
                Err(source) => {
                    return Err(Error::Interrupted { have, expected: target.max, source, url: target.url.to_owned() });
                }
            }
        }
        Ok(have)
    }
}

/// The outcome of a request.
enum Outcome {
    Done,
    /// The part that had arrived does not fit the server's file and was deleted.
    Restart,
}

#[derive(Clone, Copy)]
struct Request<'a> {
    agent: &'a Agent,
    url: &'a str,
    /// The size of the whole file, where it is known.
    expected: Option<u64>,
}

/// The file that a body is appended to.
struct BodyTarget<'a> {
    /// The present content.
    start: u64,
    /// The most bytes that there may be.
    max: u64,
    url: &'a str,
}

/// The first byte of `bytes 100-199/200`.
fn range_start(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}

fn header_number(headers: &HeaderMap, name: &header::HeaderName) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}
