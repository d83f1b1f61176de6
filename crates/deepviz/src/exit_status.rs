//! The exit status of a command.

use std::process::ExitCode;

use crate::stop;

/// The exit status of a command that did not end with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// Everything requested was done (exit 0).
    Success,
    /// The command ran, and its finding is bad (exit 1, already reported).
    Failure,
    /// Stopped by Ctrl-C; all files on disk are whole (exit 130).
    Interrupted,
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        match status {
            ExitStatus::Success => Self::SUCCESS,
            ExitStatus::Failure => Self::FAILURE,
            ExitStatus::Interrupted => Self::from(stop::INTERRUPTED),
        }
    }
}
