//! A download into a `.part` file that can be interrupted and taken up again.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use ureq::{
    Agent,
    http::{HeaderMap, StatusCode, header},
};

use super::{Archive, Progress, Report, Stage};
use crate::Error;

/// A connection that says nothing for so long is given up.
const SILENCE: Duration = Duration::from_mins(1);
const CONNECT: Duration = Duration::from_secs(30);

/// What has arrived of an archive. Locked, so that two fetches cannot write one file.
pub(crate) struct Part {
    path: PathBuf,
    file: File,
}

impl Part {
    pub(crate) fn open(path: PathBuf) -> Result<Self, Error> {
        let file = OpenOptions::new().read(true).append(true).create(true).open(&path);
        let file = file.map_err(Error::io("open the download", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { path, file }),
            Err(TryLockError::WouldBlock) => Err(Error::Busy { path }),
            Err(TryLockError::Error(source)) => Err(Error::Io { action: "lock the download", source, path }),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes what has arrived.
    pub(crate) fn discard(self) -> Result<(), Error> {
        fs::remove_file(&self.path).map_err(Error::io("remove", &self.path))
    }

    fn bytes(&self) -> Result<u64, Error> {
        Ok(self.file.metadata().map_err(Error::io("look at the download", &self.path))?.len())
    }

    /// Gets what is missing. A connection that breaks is tried again at once, as long as each attempt brings
    /// something; after one that brings nothing, what has arrived stays for the next fetch.
    pub(crate) fn complete(
        &self,
        archive: &Archive<'_>,
        url: &str,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), Error> {
        if self.bytes()? > archive.bytes {
            self.clear()?;
        }
        let mut report = Report::new(Stage::Download, archive.bytes, progress);
        let agent: Agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_per_read(Some(SILENCE))
            // The archive is to arrive as it is; unpacking it on the way would change its hash.
            .accept_encoding("identity")
            .user_agent(concat!("deepviz/", env!("CARGO_PKG_VERSION")))
            .build()
            .into();
        loop {
            let before = self.bytes()?;
            if before == archive.bytes {
                return Ok(());
            }
            let request = Request { agent: &agent, url, expected: archive.bytes };
            match self.attempt(&request, before, &mut report) {
                Err(Error::Interrupted { have, .. }) if have > before => {}
                Err(error) => return Err(error),
                Ok(()) => {}
            }
        }
    }

    fn clear(&self) -> Result<(), Error> {
        self.file.set_len(0).map_err(Error::io("start the download anew in", &self.path))
    }

    /// One request, for all that is missing.
    fn attempt(&self, request: &Request<'_>, have: u64, report: &mut Report<'_>) -> Result<(), Error> {
        let Request { agent, url, expected } = *request;
        let mut get = agent.get(url);
        if have > 0 {
            get = get.header(header::RANGE, format!("bytes={have}-"));
        }
        let response = get.call().map_err(|source| Error::Connect { source: Box::new(source), url: url.to_owned() })?;
        let start = match response.status() {
            StatusCode::OK => {
                // The server does not know ranges, or the file has changed: all of it comes again.
                self.clear()?;
                0
            }
            StatusCode::PARTIAL_CONTENT if range_start(response.headers()) == Some(have) => have,
            StatusCode::RANGE_NOT_SATISFIABLE if have > 0 => return self.clear(),
            status => {
                let found = format!("status {status}");
                return Err(Error::Answer { found, expected: "the archive".to_owned(), url: url.to_owned() });
            }
        };
        let length = header_number(response.headers(), &header::CONTENT_LENGTH);
        if let Some(length) = length.filter(|length| start + length != expected) {
            let found = format!("a file of {} bytes", start + length);
            return Err(Error::Answer { found, expected: format!("{expected} bytes"), url: url.to_owned() });
        }
        report.set(start);
        let mut body = response.into_body().into_reader();
        let have = self.receive(&mut body, start, request, report)?;
        if have < expected {
            let source = std::io::ErrorKind::UnexpectedEof.into();
            return Err(Error::Interrupted { have, expected, source, url: url.to_owned() });
        }
        self.file.sync_all().map_err(Error::io("write the download", &self.path))
    }

    /// Appends a body to the file, up to the expected size; returns the size reached.
    fn receive(
        &self,
        body: &mut dyn Read,
        start: u64,
        request: &Request<'_>,
        report: &mut Report<'_>,
    ) -> Result<u64, Error> {
        let mut file = &self.file;
        let writing = || Error::io("write the download", &self.path);
        file.seek(SeekFrom::End(0)).map_err(writing())?;
        let mut have = start;
        let mut buffer = vec![0; 1 << 16];
        while have < request.expected {
            let room = (request.expected - have).min(buffer.len() as u64) as usize;
            match body.read(&mut buffer[..room]) {
                Ok(0) => break,
                Ok(count) => {
                    file.write_all(&buffer[..count]).map_err(writing())?;
                    have += count as u64;
                    report.set(have);
                }
                Err(source) => {
                    let (expected, url) = (request.expected, request.url.to_owned());
                    return Err(Error::Interrupted { have, expected, source, url });
                }
            }
        }
        Ok(have)
    }
}

#[derive(Clone, Copy)]
struct Request<'a> {
    agent: &'a Agent,
    url: &'a str,
    /// The size of the whole archive.
    expected: u64,
}

/// The first byte of `bytes 100-199/200`.
fn range_start(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}

fn header_number(headers: &HeaderMap, name: &header::HeaderName) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}
