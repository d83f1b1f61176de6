//! Weighted sums on the device.

use crate::device::cuda::{Arg, At, Cuda, Grid};
use crate::error::Error;

impl Cuda {
    /// `to = factor * from` over that many values, added or written.
    pub(crate) fn add_scaled(&self, factor: f32, (from, to, add): (At, At, bool), total: usize) -> Result<(), Error> {
        let args = [from.into(), factor.into(), to.into(), Arg::long(total), add.into()];
        self.launch("add_scaled", Grid::Each(total), &args)
    }
}
