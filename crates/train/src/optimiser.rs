//! The update of the weights.

use deepviz_net::recipe::{Optimiser, Rates, TrainRecipe};
use deepviz_net::{Network, Orthogonaliser, ParameterSpec, Parameters, Role};

/// Steps of the iteration towards an orthogonal matrix, as in airbench94.
const MUON_STEPS: usize = 3;

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

/// One update: what the parameters are changed by.
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
    /// Images in the minibatch.
    pub images: usize,
}

impl Update<'_> {
    /// Moves parameters and the optimiser's state, which are in the network's order. `gradients` are
    /// dE/dW summed over the minibatch, and its statistics, as the engine writes them.
    pub fn apply(
        &self,
        orthogonal: &mut Orthogonaliser,
        gradients: &Parameters,
        (parameters, state): (&mut Parameters, &mut Parameters),
    ) {
        let mut state = state.iter_mut().map(|(_, array)| array.as_slice_mut().unwrap_or_default());
        let specs = self.network.parameters().zip(gradients.iter());
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
            if !self.is_active(spec) {
                continue;
            }
            let is_filters = spec.role == Role::Weight && spec.shape.len() == 4;
            let rule = self.rule(spec);
            match self.train.optimiser {
                Optimiser::CudaConvnet => rule.cuda_convnet(weights, first, gradient),
                Optimiser::Pytorch => rule.pytorch(weights, first, gradient),
                Optimiser::Muon if is_filters => rule.muon(orthogonal, spec.shape[0], weights, first, gradient),
                Optimiser::Nesterov | Optimiser::Muon => rule.nesterov(weights, first, gradient),
                Optimiser::AdaGrad => rule.adagrad(weights, first, gradient),
                Optimiser::AdamW => rule.adamw(weights, (first, second), gradient),
            }
        }
    }

    /// The same for a GPU: the update of every parameter, in the network's order.
    pub(crate) fn rules(&self) -> Vec<deepviz_net::cuda::Rule> {
        let rule = |spec: &ParameterSpec| {
            let Rule { rate, momentum, decay, share, epsilon, beta2, corrections } = self.rule(spec);
            let active = i32::from(spec.is_learnt() && self.is_active(spec));
            deepviz_net::cuda::Rule { rate, momentum, decay, share, epsilon, beta2, corrections, active }
        };
        self.network.parameters().map(rule).collect()
    }

    /// True when a parameter is learnt still.
    fn is_active(&self, spec: &ParameterSpec) -> bool {
        spec.epochs.is_none_or(|epochs| self.epoch < epochs)
    }

    fn rule(&self, spec: &ParameterSpec) -> Rule {
        let rate = match spec.role {
            Role::Bias => self.rates.bias,
            _ => self.rates.weight,
        };
        let momentum = spec.momentum.unwrap_or(self.train.momentum);
        let decay = spec.decay.unwrap_or(match spec.role {
            Role::Bias => self.train.bias_decay,
            _ => self.train.decay,
        });
        // Past this, the corrections are 1 to the last bit.
        let power = i32::try_from(self.number).unwrap_or(i32::MAX);
        let correction = |kept: f64| (1.0 - kept.powi(power)) as f32;
        Rule {
            rate: (rate * spec.rate_factor) as f32,
            momentum: momentum as f32,
            decay: decay as f32,
            share: 1.0 / self.images as f32,
            epsilon: self.train.epsilon as f32,
            beta2: self.train.beta2 as f32,
            corrections: [correction(momentum), correction(self.train.beta2)],
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

    /// As [`Optimiser::Muon`] says, for filters one after the other; frozen ones stay what they are.
    fn muon(
        self,
        orthogonal: &mut Orthogonaliser,
        filters: usize,
        weights: &mut [f32],
        velocity: &mut [f32],
        gradient: &[f32],
    ) {
        if self.rate <= 0.0 || weights.is_empty() {
            return;
        }
        for (v, g) in velocity.iter_mut().zip(gradient) {
            *v = self.momentum * *v + self.share * g;
        }
        let ahead = velocity.iter().zip(gradient).map(|(v, g)| self.share * g + self.momentum * v);
        let moves = orthogonal.apply(ahead, (filters, weights.len() / filters), MUON_STEPS);
        let norm = weights.iter().map(|w| f64::from(*w).powi(2)).sum::<f64>().sqrt();
        let length = ((filters as f64).sqrt() / norm) as f32;
        for (w, by) in weights.iter_mut().zip(moves) {
            *w = *w * length - self.rate * by;
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
    use deepviz_net::Device;

    fn orthogonaliser() -> Orthogonaliser {
        match Device::cpu(Some(1), None).unwrap() {
            Device::Cpu(cpu) => Orthogonaliser::new(&cpu),
            other => panic!("{other:?}"),
        }
    }

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
    fn muon_turns_filters_of_fixed_length() {
        // Two filters of length 1 each together, whatever they were; the step of a matrix whose rows
        // are orthogonal and of one length is that matrix over its singular value, times f(f(f(s)))/s
        // with f(s) = 3.4445 s - 4.775 s^3 + 2.0315 s^5 and s = 1/sqrt(2) at first.
        let (mut w, mut v) = ([3.0, 0.0, 0.0, 4.0], [0.0; 4]);
        rule(0.1).muon(&mut orthogonaliser(), 2, &mut w, &mut v, &[0.0, 8.0, -8.0, 0.0]);
        let f = |s: f64| 3.4445 * s - 4.775 * s.powi(3) + 2.0315 * s.powi(5);
        let by = 0.1 * f(f(f(1.0 / 2.0_f64.sqrt()))) as f32;
        let long = 2.0_f32.sqrt() / 5.0;
        let expected = [3.0 * long, -by, by, 4.0 * long];
        assert!(w.iter().zip(expected).all(|(found, expected)| near(*found, expected)), "{w:?} {expected:?}");
        assert!(near(v[1], 4.0) && near(v[2], -4.0), "{v:?}");
        // Frozen ones stay.
        let before = w;
        rule(0.0).muon(&mut orthogonaliser(), 2, &mut w, &mut v, &[1.0; 4]);
        assert_eq!(before.map(f32::to_bits), w.map(f32::to_bits));
    }

    #[test]
    fn statistics_are_followed() {
        let mut running = [1.0];
        follow(0.25, &mut running, &[5.0]);
        assert!(near(running[0], 2.0));
    }
}
