//! The update of the weights.

use deepviz_net::recipe::{Optimiser, Rates, TrainRecipe};
use deepviz_net::{Network, ParameterSpec, Parameters, Role};

/// Rates and factors of one parameter at one step.
#[derive(Clone, Copy, Debug)]
struct Rule {
    rate: f32,
    momentum: f32,
    decay: f32,
    /// 1 / number of images in the minibatch.
    share: f32,
    epsilon: f32,
    beta2: f32,
    /// `1 - momentum^t` and `1 - beta2^t` at step t.
    corrections: [f32; 2],
}

/// One update: what it changes them by.
#[derive(Clone, Copy, Debug)]
pub struct Update<'a> {
    /// Whose parameters.
    pub network: &'a Network,
    /// Optimiser and its settings.
    pub train: &'a TrainRecipe,
    /// Learning rates of the step.
    pub rates: Rates,
    /// Epochs done before it, in fractions.
    pub epoch: f64,
    /// Number of the update, the first being 1.
    pub number: u64,
    /// dE/dW summed over the minibatch, and its statistics, as the engine writes them.
    pub gradients: &'a Parameters,
    /// Images in the minibatch.
    pub images: usize,
}

impl Update<'_> {
    /// Moves parameters and the optimiser's state, which are in the network's order.
    pub fn apply(&self, parameters: &mut Parameters, state: &mut Parameters) {
        let mut state = state.iter_mut().map(|(_, array)| array.as_slice_mut().unwrap_or_default());
        let specs = self.network.parameters().zip(self.gradients.iter());
        for ((_, weights), (spec, (_, gradient))) in parameters.iter_mut().zip(specs) {
            let weights = weights.as_slice_mut().unwrap_or_default();
            let gradient = gradient.as_slice().unwrap_or_default();
            if !spec.is_learnt() {
                follow(spec.rate_factor as f32, weights, gradient);
                continue;
            }
            let mut own = || state.next().unwrap_or_default();
            let (first, second) = match self.train.optimiser {
                Optimiser::AdamW => (own(), own()),
                _ => (own(), Default::default()),
            };
            if spec.epochs.is_some_and(|epochs| self.epoch >= epochs) {
                continue;
            }
            let rule = self.rule(spec);
            match self.train.optimiser {
                Optimiser::CudaConvnet => rule.cuda_convnet(weights, first, gradient),
                Optimiser::Pytorch => rule.pytorch(weights, first, gradient),
                Optimiser::Nesterov => rule.nesterov(weights, first, gradient),
                Optimiser::AdaGrad => rule.adagrad(weights, first, gradient),
                Optimiser::AdamW => rule.adamw(weights, (first, second), gradient),
            }
        }
    }

    fn rule(&self, spec: &ParameterSpec) -> Rule {
        let rate = match spec.role {
            Role::Bias => self.rates.bias,
            _ => self.rates.weight,
        };
        // Past this, the corrections are 1 to the last bit.
        let power = i32::try_from(self.number).unwrap_or(i32::MAX);
        let correction = |kept: f64| (1.0 - kept.powi(power)) as f32;
        Rule {
            rate: (rate * spec.rate_factor) as f32,
            momentum: spec.momentum as f32,
            decay: spec.decay as f32,
            share: 1.0 / self.images as f32,
            epsilon: self.train.epsilon as f32,
            beta2: self.train.beta2 as f32,
            corrections: [correction(spec.momentum), correction(self.train.beta2)],
        }
    }
}

/// Running statistics: `r <- (1 - m) r + m batch`.
fn follow(momentum: f32, running: &mut [f32], batch: &[f32]) {
    for (running, batch) in running.iter_mut().zip(batch) {
        *running = (1.0 - momentum) * *running + momentum * batch;
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

    /// `g' = g/n + decay w; v <- m v + g'; w <- w - rate (g' + m v)`
    fn nesterov(self, weights: &mut [f32], velocity: &mut [f32], gradient: &[f32]) {
        for ((w, v), g) in weights.iter_mut().zip(velocity).zip(gradient) {
            let g = self.share * g + self.decay * *w;
            *v = self.momentum * *v + g;
            *w -= self.rate * (g + self.momentum * *v);
        }
    }

    /// `g' = g/n + decay w; s <- s + g'^2; w <- w - rate g' / (sqrt(s) + epsilon)`
    fn adagrad(self, weights: &mut [f32], sum: &mut [f32], gradient: &[f32]) {
        for ((w, s), g) in weights.iter_mut().zip(sum).zip(gradient) {
            let g = self.share * g + self.decay * *w;
            *s += g * g;
            *w -= self.rate * g / (s.sqrt() + self.epsilon);
        }
    }

    /// Decoupled decay, then moments corrected for their start at zero.
    fn adamw(self, weights: &mut [f32], (first, second): (&mut [f32], &mut [f32]), gradient: &[f32]) {
        let kept = 1.0 - self.rate * self.decay;
        let step = self.rate / self.corrections[0];
        let root = self.corrections[1].sqrt();
        for (((w, a), b), g) in weights.iter_mut().zip(first).zip(second).zip(gradient) {
            let g = self.share * g;
            *a = self.momentum * *a + (1.0 - self.momentum) * g;
            *b = self.beta2 * *b + (1.0 - self.beta2) * g * g;
            *w = *w * kept - step * *a / (b.sqrt() / root + self.epsilon);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(rate: f32) -> Rule {
        Rule { rate, momentum: 0.9, decay: 0.1, share: 0.5, epsilon: 1e-8, beta2: 0.999, corrections: [0.1, 0.001] }
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

    #[test]
    fn nesterov_looks_ahead() {
        let (mut w, mut v) = ([2.0], [1.0]);
        rule(0.1).nesterov(&mut w, &mut v, &[4.0]);
        // g = 2.2, v = 0.9 + 2.2 = 3.1, w = 2 - 0.1 (2.2 + 0.9*3.1)
        assert!(near(v[0], 3.1) && near(w[0], 1.501), "{v:?} {w:?}");
    }

    #[test]
    fn adagrad_divides_by_all_that_was() {
        let (mut w, mut s) = ([2.0], [1.0]);
        rule(0.1).adagrad(&mut w, &mut s, &[4.0]);
        // g = 2.2, s = 1 + 4.84, w = 2 - 0.22 / sqrt(5.84)
        assert!(near(s[0], 5.84) && near(w[0], 2.0 - 0.22 / 5.84_f32.sqrt()), "{s:?} {w:?}");
    }

    #[test]
    fn the_first_step_of_adamw_is_the_rate_itself() {
        let (mut w, mut a, mut b) = ([2.0], [0.0], [0.0]);
        rule(0.1).adamw(&mut w, (&mut a, &mut b), &[4.0]);
        // Both moments corrected are g and g^2: w = 2 (1 - 0.1*0.1) - 0.1.
        assert!(near(a[0], 0.2) && near(b[0], 0.004) && near(w[0], 1.88), "{a:?} {b:?} {w:?}");
    }

    #[test]
    fn statistics_are_followed() {
        let mut running = [1.0];
        follow(0.25, &mut running, &[5.0]);
        assert!(near(running[0], 2.0));
    }
}
