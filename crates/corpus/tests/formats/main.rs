//! Small corpora of every layout, written by others' libraries (`scripts/reference/corpus_samples`), read and compared;
//! and the errors of damaged files.
#![expect(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

mod archives;
mod batches;
mod bombs;
mod lists;
mod odd;
mod samples;
mod strays;
