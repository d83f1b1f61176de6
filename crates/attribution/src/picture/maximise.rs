//! Activation maximisation: the picture for which a filter's output is greatest.

use super::adam::Adam;
use super::corpus_spectrum::CorpusSpectrum;
use super::spectral_image::{Coefficients, Shown, SpectralImage};
use crate::error::Error;
use deepviz_net::random::Stream;
use deepviz_net::{Backward, Model, RectifierRule, Trace};
use ndarray::{Array2, Array3, ArrayView3, Axis};

/// Steps of gradient ascent: from noise or an image, and from the picture of the checkpoint before.
const STEPS: usize = 96;
const NEXT_STEPS: usize = 24;
/// Learning rate from noise, and from an image, which should stay recognisable.
const RATE: f32 = 0.12;
const NEAR_RATE: f32 = 0.04;
/// Pixels that the picture is shifted by at random, at most: a sixteenth of its side.
const JITTER: usize = 16;

/// Where the search begins.
#[derive(Clone, Copy, Debug)]
pub enum Start<'a> {
    /// Faint noise around grey.
    Noise,
    /// An image, `[c, h, w]` as the corpus has it, in which the filter's features are amplified.
    Image(ArrayView3<'a, u8>),
    /// The picture at the checkpoint before.
    Before(&'a Coefficients),
}

/// A picture that was found.
#[derive(Clone, Debug)]
pub struct Visualisation {
    /// Brightness 0 to 1, `[c, h, w]` of the network's input, colours in the image's order.
    pub picture: Array3<f32>,
    /// The mean over positions of the filter's output for it, before its nonlinearity.
    pub activation: f32,
    /// The coefficients that the optimisation at the next checkpoint starts from.
    pub coefficients: Coefficients,
}

/// Finds pictures for one model.
pub struct Visualiser<'m> {
    model: &'m Model,
    spectrum: &'m CorpusSpectrum,
    trace: Trace<'m>,
}

impl<'m> Visualiser<'m> {
    /// Prepares the model's gradients.
    ///
    /// # Errors
    /// A network that a worker computes.
    pub fn new(model: &'m Model, spectrum: &'m CorpusSpectrum) -> Result<Self, Error> {
        Ok(Self { model, spectrum, trace: model.trace()? })
    }

    /// The pictures of several filters of a layer, each from a start of its own.
    ///
    /// # Errors
    /// A layer or filters that do not exist.
    pub fn maximise(&mut self, layer: usize, wanted: &[(usize, Start<'_>)]) -> Result<Vec<Visualisation>, Error> {
        let mut found = Vec::with_capacity(wanted.len());
        for chunk in wanted.chunks(self.trace.capacity()) {
            found.extend(self.chunk(layer, chunk)?);
        }
        Ok(found)
    }

    fn chunk(&mut self, layer: usize, wanted: &[(usize, Start<'_>)]) -> Result<Vec<Visualisation>, Error> {
        let network = self.model.network();
        let nonlinearity = network.nonlinearity_of(layer);
        // Before the nonlinearity, where a unit whose output is zero has a gradient too.
        let at = if nonlinearity == layer { layer } else { network.layers()[nonlinearity].inputs[0] };
        let shape = network.layers()[at].shape;
        let area = shape.height * shape.width;
        let mut image = SpectralImage::new(self.spectrum);
        let mut coefficients = Vec::with_capacity(wanted.len());
        for (filter, start) in wanted {
            coefficients.push(match start {
                Start::Noise => image.noise(*filter as u64),
                Start::Image(pixels) => image.of(self.model.input_of(*pixels)?.view()),
                Start::Before(before) => (*before).clone(),
            });
        }
        let seeds = Array2::from_shape_fn((wanted.len(), shape.len()), |(row, value)| {
            if value / area == wanted[row].0 { 1.0 / area as f32 } else { 0.0 }
        });
        let mut adams: Vec<Adam> = wanted.iter().map(|_| Adam::new(image.coefficients())).collect();
        let is_next = wanted.iter().all(|(_, start)| matches!(start, Start::Before(_)));
        let (_, height, width) = self.spectrum.black.dim();
        let jitter = Stream::new(0, &[2, layer as u64]);
        let steps = if is_next { NEXT_STEPS } else { STEPS };
        for step in 0..steps {
            let shown: Vec<Shown> = coefficients.iter_mut().map(|of| image.show_within_contrast(of)).collect();
            let shift = |axis: u64, side: usize| {
                let max = side / JITTER;
                jitter.below(2 * step as u64 + axis, 2 * max as u64 + 1) as isize - max as isize
            };
            let by = (shift(0, height), shift(1, width));
            // Smaller steps towards the end.
            let rest = 1.0 - 0.9 * step as f32 / steps as f32;
            let inputs: Vec<Array3<f32>> = shown.iter().map(|shown| rolled(shown.input.view(), by)).collect();
            let views: Vec<ArrayView3<'_, f32>> = inputs.iter().map(Array3::view).collect();
            self.trace.forward(&views, at, &[])?;
            let backward = Backward { from: at, rule: RectifierRule::Derivative, wanted: &[0] };
            let gradients = self.trace.backward(seeds.view(), backward)?;
            let rows = gradients[0].rows().into_iter().zip(&shown).zip(coefficients.iter_mut().zip(&mut adams));
            for (((gradient, shown), (coefficients, adam)), (_, start)) in rows.zip(wanted) {
                let Ok(gradient) = gradient.into_shape_with_order(shown.input.dim()) else { continue };
                let gradient = image.gradient(shown, rolled(gradient, (-by.0, -by.1)).view());
                let rate = if matches!(start, Start::Image(_)) { NEAR_RATE } else { RATE };
                adam.step(&mut coefficients.0, &gradient, rate * rest);
            }
        }
        let shown: Vec<Shown> = coefficients.iter_mut().map(|of| image.show_within_contrast(of)).collect();
        let views: Vec<ArrayView3<'_, f32>> = shown.iter().map(|shown| shown.input.view()).collect();
        let outputs = self.trace.forward(&views, at, &[at])?;
        let rows = outputs[0].rows().into_iter().zip(wanted).zip(shown).zip(coefficients);
        let found = rows.map(|(((outputs, (filter, _)), shown), coefficients)| {
            let own = outputs.iter().skip(filter * area).take(area);
            let activation = own.sum::<f32>() / area as f32;
            Visualisation { picture: in_image_order(self.model, &shown), activation, coefficients }
        });
        Ok(found.collect())
    }
}

/// The brightness with its colours in the image's order.
pub(super) fn in_image_order(model: &Model, shown: &Shown) -> Array3<f32> {
    let order = model.network().channel_order();
    let channels = shown.brightness.dim().0;
    let mut picture = shown.brightness.clone();
    for (channel, plane) in shown.brightness.axis_iter(Axis(0)).enumerate() {
        picture.index_axis_mut(Axis(0), order.source(channel, channels)).assign(&plane);
    }
    picture
}

/// The planes shifted, what leaves on one side coming back on the other.
fn rolled(planes: ArrayView3<'_, f32>, (down, right): (isize, isize)) -> Array3<f32> {
    let (channels, height, width) = planes.dim();
    Array3::from_shape_fn((channels, height, width), |(channel, y, x)| {
        let from = |at: usize, by: isize, side: usize| (at as isize - by).rem_euclid(side as isize) as usize;
        planes[[channel, from(y, down, height), from(x, right, width)]]
    })
}
