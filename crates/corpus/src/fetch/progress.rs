//! Progress of a fetch.

use crate::Error;

/// The activity of a fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Bytes arrive.
    Download,
    /// The whole file is checked against its digests.
    Verify,
    /// Its contents are written.
    Unpack,
}

/// Progress of a stage, for one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The file's name.
    pub file: &'a str,
    /// The stage.
    pub stage: Stage,
    /// Bytes of the file that are done; a download that is taken up again starts where it stopped.
    pub done_bytes: u64,
    /// Bytes of the whole file; as many as are done, where the size is unknown.
    pub total_bytes: u64,
}

/// What a fetch reports while it runs.
#[derive(Debug)]
#[non_exhaustive]
pub enum FetchEvent<'a> {
    /// The download continues.
    Progress(Progress<'a>),
    /// An address failed, and the next one is tried.
    AddressFailed {
        /// The file's name.
        file: &'a str,
        /// The address.
        address: &'a str,
        /// Why.
        error: &'a Error,
    },
}

/// Bytes between two reports of progress.
const REPORT_BYTES: u64 = 1 << 20;

/// Passes progress on, but not for every few bytes.
pub(crate) struct Report<'a> {
    now: Progress<'a>,
    reported_bytes: u64,
    to: &'a mut dyn FnMut(FetchEvent<'_>),
}

impl<'a> Report<'a> {
    pub(crate) fn new(file: &'a str, stage: Stage, total_bytes: u64, to: &'a mut dyn FnMut(FetchEvent<'_>)) -> Self {
        Self { now: Progress { file, stage, done_bytes: 0, total_bytes }, reported_bytes: 0, to }
    }

    pub(crate) fn add(&mut self, bytes: u64) {
        self.set(self.now.done_bytes + bytes);
    }

    pub(crate) fn set(&mut self, done_bytes: u64) {
        self.now.done_bytes = done_bytes;
        self.now.total_bytes = self.now.total_bytes.max(done_bytes);
        let end = self.now.done_bytes == self.now.total_bytes;
        if end || self.now.done_bytes.abs_diff(self.reported_bytes) >= REPORT_BYTES {
            self.reported_bytes = self.now.done_bytes;
            (self.to)(FetchEvent::Progress(self.now));
        }
    }

    pub(crate) fn total_bytes(&self) -> u64 {
        self.now.total_bytes
    }

    /// Sets the size of the current file, which was unknown before.
    pub(crate) fn set_total(&mut self, total_bytes: u64) {
        self.now.total_bytes = total_bytes;
    }
}
