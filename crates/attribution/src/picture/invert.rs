//! Inversion: the image reconstructed from a layer's outputs.

use super::adam::Adam;
use super::corpus_spectrum::CorpusSpectrum;
use super::maximise::in_image_order;
use super::spectral_image::{Coefficients, SpectralImage};
use crate::error::Error;
use deepviz_net::{Backward, ChannelEdit, Model, RectifierRule, Trace};
use ndarray::{Array3, ArrayView3, Axis};

/// Steps from grey, and from the picture of the checkpoint before.
const STEPS: usize = 160;
const NEXT_STEPS: usize = 60;
const RATE: f32 = 0.08;
/// Weight of the total variation, of the brightness, against the relative distance of the outputs.
const TOTAL_VARIATION: f32 = 2e-5;
/// What keeps the slope of the total variation finite where the image is flat.
const FLAT: f32 = 1e-4;

/// A picture whose outputs are like those of an image.
#[derive(Clone, Debug)]
pub struct Inversion {
    /// Brightness 0 to 1, `[c, h, w]` of the network's input, colours in the image's order.
    pub picture: Array3<f32>,
    /// The squared distance of the layer's outputs from those of the image, as a share of their own square.
    pub distance: f32,
    /// The coefficients that the optimisation at the next checkpoint starts from.
    pub coefficients: Coefficients,
}

/// Reconstructs images from their outputs, for one model.
pub struct Inverter<'m> {
    model: &'m Model,
    spectrum: &'m CorpusSpectrum,
    trace: Trace<'m>,
}

impl<'m> Inverter<'m> {
    /// Prepares the model's gradients.
    ///
    /// # Errors
    /// A network that a worker computes.
    pub fn new(model: &'m Model, spectrum: &'m CorpusSpectrum) -> Result<Self, Error> {
        Self::with_channels_set(model, spectrum, &[])
    }

    /// The same of a network with channels set, each with its layer ([`crate::ablation::edits`]).
    ///
    /// # Errors
    /// Also layers or channels that there are none of.
    pub fn with_channels_set(
        model: &'m Model,
        spectrum: &'m CorpusSpectrum,
        set: &[(usize, ChannelEdit)],
    ) -> Result<Self, Error> {
        let mut trace = model.trace()?;
        trace.fix(set)?;
        Ok(Self { model, spectrum, trace })
    }

    /// The picture reconstructed from a layer's outputs for an image, `[c, h, w]` as the corpus has it. The
    /// optimisation starts from `before`, the coefficients found at the checkpoint before.
    ///
    /// # Errors
    /// A layer that does not exist; an image of another shape; outputs that are zero or not finite.
    pub fn invert(
        &mut self,
        image: ArrayView3<'_, u8>,
        layer: usize,
        before: Option<&Coefficients>,
    ) -> Result<Inversion, Error> {
        let input = self.model.input_of(image)?;
        let target = self.trace.forward(&[input.view()], layer, &[layer])?.swap_remove(0);
        let square: f32 = target.iter().map(|value| value * value).sum();
        if !square.is_finite() || square <= 0.0 {
            return Err(Error::NotFinite);
        }
        let mut spectral = SpectralImage::new(self.spectrum);
        let mut coefficients = before.map_or_else(|| spectral.noise(0), Clone::clone);
        let mut adam = Adam::new(spectral.coefficients());
        let steps = if before.is_some() { NEXT_STEPS } else { STEPS };
        for step in 0..steps {
            let shown = spectral.show(&coefficients);
            let outputs = self.trace.forward(&[shown.input.view()], layer, &[layer])?.swap_remove(0);
            // Downhill: the gradient of the distance, with its sign turned.
            let seed = (&target - &outputs) * (2.0 / square);
            let backward = Backward { from: layer, rule: RectifierRule::Derivative, wanted: &[0] };
            let gradients = self.trace.backward(seed.view(), backward)?;
            let Ok(by_input) = gradients[0].row(0).into_shape_with_order(shown.input.dim()) else { continue };
            let smooth = total_variation_slope(shown.brightness.view());
            let span = &self.spectrum.white - &self.spectrum.black;
            let by_input = &by_input - &(smooth * TOTAL_VARIATION / span);
            let gradient = spectral.gradient(&shown, by_input.view());
            // Smaller steps towards the end.
            let left = 1.0 - step as f32 / steps as f32;
            adam.step(&mut coefficients.0, &gradient, RATE * (0.1 + 0.9 * left));
        }
        let shown = spectral.show(&coefficients);
        let outputs = self.trace.forward(&[shown.input.view()], layer, &[layer])?.swap_remove(0);
        let distance = (&outputs - &target).mapv(|value| value * value).sum() / square;
        Ok(Inversion { picture: in_image_order(self.model, &shown), distance, coefficients })
    }
}

/// The slope of `sum of sqrt(dx^2 + dy^2)` by each value, colour by colour.
fn total_variation_slope(planes: ArrayView3<'_, f32>) -> Array3<f32> {
    let mut slope = Array3::zeros(planes.dim());
    for (plane, mut slope) in planes.axis_iter(Axis(0)).zip(slope.axis_iter_mut(Axis(0))) {
        let (height, width) = plane.dim();
        for y in 0..height {
            for x in 0..width {
                let right = if x + 1 < width { plane[[y, x + 1]] - plane[[y, x]] } else { 0.0 };
                let down = if y + 1 < height { plane[[y + 1, x]] - plane[[y, x]] } else { 0.0 };
                let length = (right * right + down * down + FLAT).sqrt();
                slope[[y, x]] -= (right + down) / length;
                if x + 1 < width {
                    slope[[y, x + 1]] += right / length;
                }
                if y + 1 < height {
                    slope[[y + 1, x]] += down / length;
                }
            }
        }
    }
    slope
}
