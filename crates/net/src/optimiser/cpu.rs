//! The update of the weights on the CPU.

use super::muon::{MatrixShape, Orthogonaliser, is_matrix};
use super::settings::Optimiser;
use super::state::TrainingState;
use super::update_params::{Update, UpdateParams};
use crate::device::Cpu;
use crate::error::Error;
use crate::network::Network;
use crate::ops::ParameterSpec;
use crate::parameters::Parameters;
use ndarray::ArrayD;

/// An optimiser on the CPU, with the buffers that it keeps from step to step.
#[derive(Debug)]
pub(crate) struct CpuOptimiser {
    orthogonaliser: Orthogonaliser,
}

impl CpuOptimiser {
    /// Computes with that processor's threads and vector instructions.
    pub fn new(cpu: &Cpu) -> Self {
        Self { orthogonaliser: Orthogonaliser::new(cpu) }
    }

    /// Updates parameters and the optimiser's arrays. `gradients` are those of the loss summed over the minibatch, and
    /// for running statistics the minibatch's own, as the engine writes them; all are in the network's order.
    ///
    /// # Errors
    /// [`Error::Internal`] where an array is missing or its values are not in standard (row-major) order; arrays before
    /// it are updated by then.
    pub fn update(
        &mut self,
        network: &Network,
        update: &Update<'_>,
        gradients: &Parameters,
        state: &mut TrainingState,
    ) -> Result<(), Error> {
        let mut parameters = state.parameters.iter_mut();
        let mut gradients = gradients.iter();
        let mut state = state.optimiser.iter_mut();
        for spec in network.parameters() {
            let missing = || Error::internal(format!("no array or no gradient of `{}` to update", spec.name));
            let (_, weights) = parameters.next().ok_or_else(missing)?;
            let (_, gradient) = gradients.next().ok_or_else(missing)?;
            let weights = values_mut(spec, weights)?;
            let gradient = gradient.as_slice().ok_or_else(|| not_in_order(spec))?;
            let by = update.params(spec);
            if !spec.is_learnt() {
                follow(spec.rate_factor as f32, weights, gradient);
                continue;
            }
            let mut source = StateSource { spec, state: &mut state };
            match update.settings.kind {
                Optimiser::CudaConvnet => by.cuda_convnet(source.join(weights, gradient)?),
                Optimiser::Pytorch => by.pytorch(source.join(weights, gradient)?),
                Optimiser::Muon if is_matrix(spec) => {
                    let shape = MatrixShape::of_filters(spec);
                    by.muon(&mut self.orthogonaliser, shape, source.join(weights, gradient)?);
                }
                Optimiser::Nesterov | Optimiser::Muon => by.nesterov(source.join(weights, gradient)?),
                Optimiser::AdaGrad => by.adagrad(source.join(weights, gradient)?),
                Optimiser::AdamW => by.adamw(source.join(weights, gradient)?),
            }
        }
        Ok(())
    }
}

/// One parameter's values, its gradient's, and those of the arrays that the optimiser keeps for it.
struct ParameterArrays<'a, const KEPT: usize> {
    weights: &'a mut [f32],
    gradient: &'a [f32],
    state: [&'a mut [f32]; KEPT],
}

/// The optimiser's arrays that are not taken yet: those of the parameter `spec` come first.
struct StateSource<'s, I> {
    spec: &'s ParameterSpec,
    state: &'s mut I,
}

impl<'a, I: Iterator<Item = (&'a str, &'a mut ArrayD<f32>)>> StateSource<'_, I> {
    /// Takes the arrays of `spec`, and joins them to its weights and gradient.
    fn join<const KEPT: usize>(
        &mut self,
        weights: &'a mut [f32],
        gradient: &'a [f32],
    ) -> Result<ParameterArrays<'a, KEPT>, Error> {
        let Self { spec, state } = self;
        let missing = || Error::internal(format!("no array of the optimiser for `{}`", spec.name));
        let own = state.by_ref().take(KEPT).map(|(_, array)| values_mut(spec, array));
        let own = own.collect::<Result<Vec<_>, _>>()?;
        let state = own.try_into().map_err(|_| missing())?;
        Ok(ParameterArrays { weights, gradient, state })
    }
}

fn values_mut<'a>(spec: &ParameterSpec, array: &'a mut ArrayD<f32>) -> Result<&'a mut [f32], Error> {
    array.as_slice_mut().ok_or_else(|| not_in_order(spec))
}

fn not_in_order(spec: &ParameterSpec) -> Error {
    Error::internal(format!("an array of `{}` is not in standard (row-major) order", spec.name))
}

/// Running statistics: `r <- (1 - m) r + m batch`.
fn follow(momentum: f32, running: &mut [f32], batch: &[f32]) {
    for (running, batch) in running.iter_mut().zip(batch) {
        *running = (1.0 - momentum) * *running + momentum * batch;
    }
}

/// The updates; a parameter that is not active stays as it is.
impl UpdateParams {
    /// `v <- m v - (rate/n) g - rate decay w; w <- w + v`
    fn cuda_convnet(self, arrays: ParameterArrays<'_, 1>) {
        let ParameterArrays { weights, gradient, state: [velocity] } = arrays;
        if self.active == 0 {
            return;
        }
        let step = self.rate * self.share;
        let decay = self.rate * self.decay;
        for ((w, v), g) in weights.iter_mut().zip(velocity).zip(gradient) {
            *v = self.momentum * *v - step * g - decay * *w;
            *w += *v;
        }
    }

    /// `v <- m v + g/n + decay w; w <- w - rate v`
    fn pytorch(self, arrays: ParameterArrays<'_, 1>) {
        let ParameterArrays { weights, gradient, state: [velocity] } = arrays;
        if self.active == 0 {
            return;
        }
        for ((w, v), g) in weights.iter_mut().zip(velocity).zip(gradient) {
            *v = self.momentum * *v + self.share * g + self.decay * *w;
            *w -= self.rate * *v;
        }
    }

    /// `g' = g/n + decay w; v <- m v + g'; w <- w - rate (g' + m v)`
    fn nesterov(self, arrays: ParameterArrays<'_, 1>) {
        let ParameterArrays { weights, gradient, state: [velocity] } = arrays;
        if self.active == 0 {
            return;
        }
        for ((w, v), g) in weights.iter_mut().zip(velocity).zip(gradient) {
            let g = self.share * g + self.decay * *w;
            *v = self.momentum * *v + g;
            *w -= self.rate * (g + self.momentum * *v);
        }
    }

    /// As [`Optimiser::Muon`] says, for filters one after the other; frozen ones stay what they are.
    fn muon(self, orthogonaliser: &mut Orthogonaliser, shape: MatrixShape, arrays: ParameterArrays<'_, 1>) {
        let ParameterArrays { weights, gradient, state: [velocity] } = arrays;
        if self.active == 0 || self.rate <= 0.0 || weights.is_empty() {
            return;
        }
        for (v, g) in velocity.iter_mut().zip(gradient) {
            *v = self.momentum * *v + self.share * g;
        }
        let ahead = velocity.iter().zip(gradient).map(|(v, g)| self.share * g + self.momentum * v);
        let moves = orthogonaliser.apply(ahead, shape);
        let norm = weights.iter().map(|w| f64::from(*w).powi(2)).sum::<f64>().sqrt();
        let scale = ((shape.rows as f64).sqrt() / norm) as f32;
        for (w, by) in weights.iter_mut().zip(moves) {
            *w = *w * scale - self.rate * by;
        }
    }

    /// `g' = g/n + decay w; s <- s + g'^2; w <- w - rate g' / (sqrt(s) + epsilon)`
    fn adagrad(self, arrays: ParameterArrays<'_, 1>) {
        let ParameterArrays { weights, gradient, state: [sum] } = arrays;
        if self.active == 0 {
            return;
        }
        for ((w, s), g) in weights.iter_mut().zip(sum).zip(gradient) {
            let g = self.share * g + self.decay * *w;
            *s += g * g;
            *w -= self.rate * g / (s.sqrt() + self.epsilon);
        }
    }

    /// Decoupled decay, then moments corrected for their start at zero.
    fn adamw(self, arrays: ParameterArrays<'_, 2>) {
        let ParameterArrays { weights, gradient, state: [first, second] } = arrays;
        if self.active == 0 {
            return;
        }
        let shrink = 1.0 - self.rate * self.decay;
        let step = self.rate / self.corrections[0];
        let root = self.corrections[1].sqrt();
        for (((w, a), b), g) in weights.iter_mut().zip(first).zip(second).zip(gradient) {
            let g = self.share * g;
            *a = self.momentum * *a + (1.0 - self.momentum) * g;
            *b = self.beta2 * *b + (1.0 - self.beta2) * g * g;
            *w = *w * shrink - step * *a / (b.sqrt() / root + self.epsilon);
        }
    }
}

#[cfg(test)]
mod tests;
