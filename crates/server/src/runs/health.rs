//! The health of a filter at a checkpoint.

use serde::Serialize;
use utoipa::ToSchema;

/// Active for a smaller share of the images than this, a filter is about to die.
const AT_RISK: f32 = 0.01;

/// The health of a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Health {
    Alive,
    /// Above zero for fewer than one image in a hundred.
    AtRisk,
    /// Above zero for no image.
    Dead,
    /// Dead at the checkpoint before, and not any more.
    Revived,
}

impl Health {
    /// From the share of images with an output above zero, and the same at the checkpoint before.
    pub(crate) fn of_shares(now: f32, before: Option<f32>) -> Self {
        if now == 0.0 {
            Self::Dead
        } else if before == Some(0.0) {
            Self::Revived
        } else if now < AT_RISK {
            Self::AtRisk
        } else {
            Self::Alive
        }
    }
}
