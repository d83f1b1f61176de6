//! Faults of queries, and the errors that they become.

use std::path::Path;

use rusqlite::ErrorCode;

use super::deadline::PATIENCE;
use crate::error::Error;

/// Numbers of a unit that the run cannot have.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct ImpossibleCounts(pub String);

/// A fault of a query, before the path is known.
pub(super) enum Fault {
    Sqlite(rusqlite::Error),
    Content(String),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<String> for Fault {
    fn from(found: String) -> Self {
        Self::Content(found)
    }
}

/// The error of a fault, with the path and what to do.
pub(super) fn error_from_fault(fault: Fault, tried: &'static str, path: &Path) -> Error {
    let path = path.to_owned();
    match fault {
        Fault::Content(found) => Error::Corrupt { found, path },
        Fault::Sqlite(rusqlite::Error::FromSqlConversionFailure(_, _, source)) if source.is::<ImpossibleCounts>() => {
            Error::Corrupt { found: source.to_string(), path }
        }
        // Of another type, or of another size, than what is written here.
        Fault::Sqlite(
            source @ (rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::FromSqlConversionFailure(..)),
        ) => Error::Corrupt { found: source.to_string(), path },
        Fault::Sqlite(source) => match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Error::Corrupt { found: source.to_string(), path }
            }
            Some(ErrorCode::OperationInterrupted) => {
                Error::Corrupt { found: format!("a query of them took more than {} s", PATIENCE.as_secs()), path }
            }
            Some(ErrorCode::TooBig) => Error::Corrupt { found: source.to_string(), path },
            Some(ErrorCode::DiskFull) => Error::Full { path },
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::SystemIoFailure) => {
                Error::Unwritable { tried, source, path }
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Busy { path },
            _ => Error::Database { tried, source, path },
        },
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err hands it over")]
pub(super) fn not_a_blob(error: rusqlite::types::FromSqlError) -> Fault {
    Fault::Content(format!("a packed column of another type: {error}"))
}
