//! The update of the weights.

use deepviz_net::recipe::{Optimiser, Stage};
use deepviz_net::{Network, ParameterSpec, Parameters, Role};

/// Rates and factors of one parameter at one step.
#[derive(Clone, Copy, Debug)]
struct Rule {
    rate: f32,
    momentum: f32,
    decay: f32,
    /// 1 / number of images in the minibatch.
    share: f32,
}

/// What one update changes, and what it reads.
pub(crate) struct Update<'a> {
    pub network: &'a Network,
    pub optimiser: Optimiser,
    pub stage: &'a Stage,
    /// dE/dW summed over the minibatch.
    pub gradients: &'a Parameters,
    /// Images in the minibatch.
    pub images: usize,
}

impl Update<'_> {
    /// Moves velocities and parameters, which are in the network's order.
    pub fn apply(&self, parameters: &mut Parameters, velocities: &mut Parameters) {
        let arrays = parameters.iter_mut().zip(velocities.iter_mut());
        let specs = self.network.parameters().zip(self.gradients.iter());
        for (((_, weights), (_, velocity)), (spec, (_, gradient))) in arrays.zip(specs) {
            let rule = self.rule(spec);
            let (Some(weights), Some(velocity), Some(gradient)) =
                (weights.as_slice_mut(), velocity.as_slice_mut(), gradient.as_slice())
            else {
                continue;
            };
            match self.optimiser {
                Optimiser::CudaConvnet => rule.cuda_convnet(weights, velocity, gradient),
                Optimiser::Pytorch => rule.pytorch(weights, velocity, gradient),
            }
        }
    }

    fn rule(&self, spec: &ParameterSpec) -> Rule {
        let rate = match spec.role {
            Role::Weight => self.stage.rate,
            Role::Bias => self.stage.bias_rate,
        };
        Rule {
            rate: (rate * spec.rate_factor) as f32,
            momentum: spec.momentum as f32,
            decay: spec.decay as f32,
            share: 1.0 / self.images as f32,
        }
    }
}

impl Rule {
    /// `v <- m v - (rate/n) g - rate decay w; w <- w + v`
    fn cuda_convnet(self, weights: &mut [f32], velocity: &mut [f32], gradient: &[f32]) {
        let step = self.rate * self.share;
        let decay = self.rate * self.decay;
        for ((w, v), g) in weights.iter_mut().zip(velocity).zip(gradient) {
            *v = self.momentum * *v - step * g - decay * *w;
            *w += *v;
        }
    }

    /// `v <- m v + g/n + decay w; w <- w - rate v`
    fn pytorch(self, weights: &mut [f32], velocity: &mut [f32], gradient: &[f32]) {
        for ((w, v), g) in weights.iter_mut().zip(velocity).zip(gradient) {
            *v = self.momentum * *v + self.share * g + self.decay * *w;
            *w -= self.rate * *v;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(rate: f32) -> Rule {
        Rule { rate, momentum: 0.9, decay: 0.1, share: 0.5 }
    }

    fn near(found: f32, expected: f32) -> bool {
        (found - expected).abs() < 1e-6
    }

    #[test]
    fn cuda_convnet_keeps_the_rate_inside_the_velocity() {
        let (mut w, mut v) = ([2.0], [0.0]);
        rule(0.1).cuda_convnet(&mut w, &mut v, &[4.0]);
        // v = -0.1/2*4 - 0.1*0.1*2 = -0.22
        assert!(near(v[0], -0.22) && near(w[0], 1.78), "{v:?} {w:?}");
        // A rate of 0 leaves the old velocity at its old scale.
        rule(0.0).cuda_convnet(&mut w, &mut v, &[4.0]);
        assert!(near(v[0], -0.198) && near(w[0], 1.582), "{v:?} {w:?}");
    }

    #[test]
    fn pytorch_keeps_the_rate_outside() {
        let (mut w, mut v) = ([2.0], [0.0]);
        rule(0.1).pytorch(&mut w, &mut v, &[4.0]);
        // v = 4/2 + 0.1*2 = 2.2
        assert!(near(v[0], 2.2) && near(w[0], 1.78), "{v:?} {w:?}");
        rule(0.0).pytorch(&mut w, &mut v, &[4.0]);
        assert!(near(w[0], 1.78), "{w:?}");
    }
}
