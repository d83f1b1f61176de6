//! The rates and factors of an update of one parameter, on the CPU and on a GPU.

use super::settings::{OptimiserSettings, Rates};
use crate::network::Network;
use crate::ops::{ParameterSpec, Role};

/// Rates and factors of one parameter at one step; the kernels' struct of the same name has the same layout.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C)]
pub(crate) struct UpdateParams {
    /// Learning rate.
    pub rate: f32,
    /// Momentum, or how much of the first moment is kept.
    pub momentum: f32,
    /// Decay.
    pub decay: f32,
    /// 1 / number of images in the minibatch.
    pub share: f32,
    /// Added to the root of a second moment.
    pub epsilon: f32,
    /// How much of the second moment is kept.
    pub beta2: f32,
    /// `1 - momentum^t` and `1 - beta2^t` at step t.
    pub corrections: [f32; 2],
    /// 1 where the parameter is learnt at this step, else 0.
    pub active: i32,
}

/// One update: what [`UpdateParams`] follow from, besides the settings of each parameter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Update<'a> {
    /// The optimiser and its settings.
    pub settings: &'a OptimiserSettings,
    /// Learning rates of the step.
    pub rates: Rates,
    /// Epochs done before it, in fractions.
    pub epoch: f64,
    /// Number of the update, the first being 1.
    pub number: u64,
    /// Images in the minibatch.
    pub images: usize,
}

impl Update<'_> {
    /// The update of one parameter.
    pub fn params(&self, spec: &ParameterSpec) -> UpdateParams {
        let settings = self.settings;
        let rate = match spec.role {
            Role::Bias => self.rates.bias,
            _ => self.rates.weight,
        };
        let momentum = spec.momentum.unwrap_or(settings.momentum);
        let decay = spec.decay.unwrap_or(match spec.role {
            Role::Bias => settings.bias_decay,
            _ => settings.decay,
        });
        // Past this, the corrections are 1 to the last bit.
        let power = i32::try_from(self.number).unwrap_or(i32::MAX);
        let correction = |decay: f64| (1.0 - decay.powi(power)) as f32;
        let is_active = spec.is_learnt() && spec.epochs.is_none_or(|epochs| self.epoch < epochs);
        UpdateParams {
            rate: (rate * spec.rate_factor) as f32,
            momentum: momentum as f32,
            decay: decay as f32,
            share: 1.0 / self.images as f32,
            epsilon: settings.epsilon as f32,
            beta2: settings.beta2 as f32,
            corrections: [correction(momentum), correction(settings.beta2)],
            active: is_active.into(),
        }
    }

    /// The update of every parameter, in the network's order.
    pub fn params_of(&self, network: &Network) -> Vec<UpdateParams> {
        network.parameters().map(|spec| self.params(spec)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Optimiser;
    use super::*;
    use crate::ops::{Dense, Learning, Softmax};
    use crate::{Init, Shape};

    #[test]
    fn a_parameters_own_settings_come_before_the_optimisers() {
        let mut learning = Learning::from_init(Init::He);
        learning.momentum = Some(0.5);
        learning.bias_rate_factor = 4.0;
        learning.bias_epochs = Some(2.0);
        let network = Network::builder(Shape::new(1, 2, 2))
            .layer("fc", Dense::new(3, learning), &["data"])
            .layer("probs", Softmax, &["fc"])
            .build()
            .unwrap();
        let settings = OptimiserSettings {
            kind: Optimiser::AdamW,
            momentum: 0.9,
            beta2: 0.75,
            epsilon: 1e-8,
            decay: 0.1,
            bias_decay: 0.2,
        };
        let rates = Rates { weight: 0.5, bias: 0.25 };
        let update = Update { settings: &settings, rates, epoch: 1.5, number: 2, images: 4 };
        let [weight, bias] = update.params_of(&network).try_into().unwrap();
        let expected = UpdateParams {
            rate: 0.5,
            momentum: 0.5,
            decay: 0.1,
            share: 0.25,
            epsilon: 1e-8,
            beta2: 0.75,
            corrections: [0.75, 0.4375],
            active: 1,
        };
        assert_eq!(weight, expected);
        assert_eq!(bias, UpdateParams { rate: 1.0, decay: 0.2, ..expected });
        let late = Update { epoch: 2.0, ..update }.params_of(&network);
        assert_eq!((late[0].active, late[1].active), (1, 0), "a bias that is learnt for two epochs");
    }
}
