//! Units that are switched off, as an address names them.

use deepviz_attribution::ablation;
use deepviz_net::{ChannelEdit, Network};

use crate::http::problem::ApiError;
use crate::http::selection::{Axis, Selection};
use crate::sheet::layer_axis::layer_index;

/// Units at most.
const MAX_UNITS: usize = 4_096;

/// Units that are switched off, by layer and filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SwitchedOff {
    /// Sorted, each once.
    pub(crate) units: Vec<(usize, usize)>,
}

impl SwitchedOff {
    /// Reads `fc64:39;conv1:2,5-7`.
    pub(crate) fn read(network: &Network, text: Option<&str>) -> Result<Self, ApiError> {
        let mut units = Vec::new();
        for part in text.unwrap_or_default().split(';').filter(|part| !part.is_empty()) {
            let Some((name, filters)) = part.rsplit_once(':') else {
                return Err(ApiError::bad(format!("expected a layer and its units, found `{part}`"))
                    .hint("units that are off look like fc64:39 or conv1:2,5-7;fc64:39"));
            };
            let layer = layer_index(network, name)?;
            if !ablation::layers(network).contains(&layer) {
                let known: Vec<&str> =
                    ablation::layers(network).iter().map(|&index| network.layers()[index].name.as_str()).collect();
                return Err(ApiError::bad(format!("the units of layer {name} cannot be switched off"))
                    .hint(format!("those of these layers can: {}", known.join(", "))));
            }
            let count = network.layers()[network.nonlinearity_of(layer)].shape.channels;
            let axis = Axis { what: "filter", of: name, count };
            units.extend(filters.parse::<Selection>()?.bind(axis)?.into_iter().map(|filter| (layer, filter)));
            if units.len() > MAX_UNITS {
                return Err(ApiError::bad(format!("expected at most {MAX_UNITS} units, found {}", units.len())));
            }
        }
        units.sort_unstable();
        units.dedup();
        Ok(Self { units })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.units.is_empty()
    }

    /// The part of a cache key that stands for them.
    pub(crate) fn key(&self) -> String {
        self.units.iter().map(|(layer, filter)| format!("{layer}.{filter}")).collect::<Vec<_>>().join(",")
    }

    /// The channels that are set to zero, each with its layer.
    pub(crate) fn edits(&self, network: &Network) -> Vec<(usize, ChannelEdit)> {
        ablation::edits(network, &self.units)
    }
}
