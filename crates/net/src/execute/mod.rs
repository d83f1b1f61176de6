//! Forward and backward passes through a network, per device: operations are called through their traits only.

mod batch;
pub(crate) mod channel_edit;
pub(crate) mod cpu;
pub(crate) mod cuda;
mod engine;
mod rectifier_rule;
pub(crate) mod worker;

pub use batch::{Batch, BatchResult};
pub use channel_edit::ChannelEdit;
pub use engine::Engine;
pub use rectifier_rule::RectifierRule;

use crate::network::Network;

/// Layers whose gradient is wanted: all of them, or those with something learnt in or below them.
pub(crate) fn gradients_wanted(network: &Network, to_input: bool) -> Vec<bool> {
    let mut wanted: Vec<bool> = Vec::with_capacity(network.layers().len());
    for layer in network.layers() {
        let below = layer.inputs.iter().any(|&input| wanted[input]);
        wanted.push(to_input || below || !layer.parameters.is_empty());
    }
    wanted
}
