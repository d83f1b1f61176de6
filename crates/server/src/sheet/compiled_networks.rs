//! Compiled networks, which all models of a run share, kept for the runs that were requested last.

use std::sync::{Arc, Mutex, PoisonError};

use deepviz_net::{CompiledNetwork, Device, Network};

/// Runs whose compiled networks are kept: two that are compared. Each holds a workspace for the outputs of some images.
const KEPT: usize = 2;

/// The last compiled networks, the newest last.
#[derive(Default)]
pub(crate) struct CompiledNetworks(Mutex<Vec<CompiledNetwork>>);

impl CompiledNetworks {
    /// A run's compiled network, compiled now where it is not kept.
    pub(crate) fn of(&self, network: &Arc<Network>, device: impl FnOnce() -> Device) -> CompiledNetwork {
        let mut networks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = networks.iter().position(|compiled| Arc::ptr_eq(compiled.network(), network));
        let compiled = match known {
            Some(position) => networks.remove(position),
            None => CompiledNetwork::new(Arc::clone(network), &device()),
        };
        if networks.len() >= KEPT {
            networks.remove(0);
        }
        networks.push(compiled.clone());
        compiled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use deepviz_net::{Recipe, Shape};

    #[test]
    fn the_last_networks_are_prepared_once() {
        let recipe = "[[layer]]\nname = \"fc\"\ntype = \"full\"\noutputs = 2\n\
            [[layer]]\nname = \"probs\"\ntype = \"softmax\"\n\
            [train]\nstages = [{ epochs = 1, rate = 0.1 }]";
        let recipe = Recipe::parse(recipe, "small", &[]).unwrap();
        let image = Shape { channels: 3, height: 4, width: 4 };
        let networks: Vec<_> = (0..3).map(|_| Arc::new(Network::new(&recipe, image, 2).unwrap())).collect();
        let (compiled_networks, device) = (CompiledNetworks::default(), Device::cpu(Some(1), None).unwrap());
        let count = || networks.iter().map(Arc::strong_count).collect::<Vec<_>>();
        for index in [0, 1, 0, 1] {
            compiled_networks.of(&networks[index], || device.clone());
        }
        assert_eq!(count(), [2, 2, 1]);
        compiled_networks.of(&networks[2], || device.clone());
        assert_eq!(count(), [1, 2, 2]);
    }
}
