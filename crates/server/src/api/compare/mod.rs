//! Two runs, or two checkpoints of one, side by side.

pub(crate) mod clock;
pub(crate) mod errors;
pub(crate) mod images;
pub(crate) mod layers;
pub(crate) mod lifelines;
pub(crate) mod units;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::compare::sides::Side;

/// The checkpoint of a path, with which another one is compared.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct ComparePath {
    /// Id of the first run, A.
    #[param(example = "my-run")]
    run: String,
    /// Index of its checkpoint, or `last`.
    #[param(example = "last")]
    checkpoint: String,
}

/// The second checkpoint.
#[derive(Serialize, ToSchema)]
pub(crate) struct OtherCheckpoint {
    run: String,
    checkpoint: usize,
}

impl From<&Side> for OtherCheckpoint {
    fn from(side: &Side) -> Self {
        Self { run: side.run.id.clone(), checkpoint: side.checkpoint }
    }
}
