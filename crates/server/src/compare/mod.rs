//! Two checkpoints side by side, of one run or of two.

pub(crate) mod alignment;
pub(crate) mod layers;
pub(crate) mod outcomes;
pub(crate) mod sides;
pub(crate) mod stored;
pub(crate) mod unit_history;
