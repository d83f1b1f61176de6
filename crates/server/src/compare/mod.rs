//! Two checkpoints side by side, of one run or of two.

pub(crate) mod clock;
pub(crate) mod kept;
pub(crate) mod layers;
pub(crate) mod lifelines;
pub(crate) mod outcomes;
pub(crate) mod sides;
