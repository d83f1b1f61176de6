//! Maps of images by one model.

use crate::class_map::{class_map_layer, weighted};
use crate::error::Error;
use crate::map::{Area, Map, MapKind};
use crate::method::Method;
use crate::occlusion::losses;
use crate::pixel_gradient::{Points, copies, noisy, summed};
use crate::target::Target;
use deepviz_net::{Backward, ChannelEdit, Model, Network, RectifierRule, Trace};
use ndarray::{Array1, Array2, Array3, ArrayView3};

/// Makes maps of images by one model, on the CPU.
#[derive(Debug)]
pub struct Explainer<'m> {
    model: &'m Model,
    trace: Trace<'m>,
    /// Channels that are set, each with its layer.
    set: Vec<(usize, ChannelEdit)>,
}

impl<'m> Explainer<'m> {
    /// Prepares the model's gradients.
    ///
    /// # Errors
    /// A network that a worker computes: it has no gradients here.
    pub fn new(model: &'m Model) -> Result<Self, Error> {
        Self::with_channels_set(model, Vec::new())
    }

    /// The same of a network with channels set, each with its layer ([`crate::ablation::edits`]).
    ///
    /// # Errors
    /// Also layers or channels that there are none of.
    pub fn with_channels_set(model: &'m Model, set: Vec<(usize, ChannelEdit)>) -> Result<Self, Error> {
        let mut trace = model.trace()?;
        trace.fix(&set)?;
        Ok(Self { model, trace, set })
    }

    fn network(&self) -> &'m Network {
        self.model.network()
    }

    /// The class that the network answers with for an image, `[c, h, w]` as the corpus has it.
    ///
    /// # Errors
    /// An image of another shape; outputs that are not finite.
    pub fn predicted(&mut self, image: ArrayView3<'_, u8>) -> Result<usize, Error> {
        let input = self.model.input_of(image)?;
        let logits = self.logits(&input)?;
        // The first of equal logits wins, as everywhere.
        let greatest = logits.iter().enumerate().rev().max_by(|a, b| a.1.total_cmp(b.1));
        Ok(greatest.map_or(0, |(class, _)| class))
    }

    fn logits(&mut self, input: &Array3<f32>) -> Result<Vec<f32>, Error> {
        let at = self.network().logits();
        let outputs = self.trace.forward(&[input.view()], at, &[at])?;
        let logits = outputs[0].row(0).to_vec();
        if logits.iter().all(|value| value.is_finite()) { Ok(logits) } else { Err(Error::NotFinite) }
    }

    /// The map of an image, `[c, h, w]` as the corpus has it. `layer`, by index, is where class activation maps are taken
    /// ([`class_map_layer`] unless given); other methods have none.
    ///
    /// # Errors
    /// Classes or layers that do not fit; an image of another shape; outputs that are not finite.
    pub fn map(
        &mut self,
        image: ArrayView3<'_, u8>,
        target: Target,
        (method, layer): (Method, Option<usize>),
    ) -> Result<Map, Error> {
        target.check(self.network().classes())?;
        let input = self.model.input_of(image)?;
        if method.is_of_layer() {
            let layer = layer.map_or_else(|| class_map_layer(self.network(), method), Ok)?;
            return self.of_layer(&input, target, (method, layer));
        }
        let logits = self.logits(&input)?;
        let explained = target.value(&logits);
        let mut map = Map {
            values: Array2::zeros((0, 0)),
            kind: if method.is_signed() { MapKind::Signed } else { MapKind::Unsigned },
            area: self.area(),
            explained,
            logits,
            completeness_error: None,
            layer: None,
            picture: None,
        };
        if method == Method::Occlusion {
            map.values = losses(&mut self.trace, self.model.network(), (&input, target), explained)?;
            return Ok(map);
        }
        self.of_pixels(&input, (method, target), &mut map)?;
        Ok(map)
    }

    /// The part of the image that the network sees.
    fn area(&self) -> Area {
        let (view, shape) = (self.network().centre_view(), self.network().input());
        Area { top: view.y.max(0) as usize, left: view.x.max(0) as usize, height: shape.height, width: shape.width }
    }

    fn of_layer(
        &mut self,
        input: &Array3<f32>,
        target: Target,
        (method, layer): (Method, usize),
    ) -> Result<Map, Error> {
        let network = self.network();
        let at = network.logits();
        let grid = network.layers().get(layer).and_then(|layer| layer.grid).filter(|grid| grid.area() > 1);
        if let (Some(name), None) = (network.layers().get(layer), grid) {
            return Err(Error::LayerWithoutMaps { layer: name.name.clone(), method: method.name() });
        }
        let outputs = self.trace.forward(&[input.view()], at, &[layer, at])?;
        let logits = outputs[1].row(0).to_vec();
        if !logits.iter().all(|value| value.is_finite()) {
            return Err(Error::NotFinite);
        }
        let seed = Array2::from_shape_fn((1, network.classes()), |(_, class)| target.seed(network.classes())[class]);
        let backward = Backward { from: at, rule: RectifierRule::Derivative, wanted: &[layer] };
        let gradients = self.trace.backward(seed.view(), backward)?;
        let Some(grid) = grid else { return Err(Error::NoMaps { method: method.name() }) };
        Ok(Map {
            values: weighted(method, grid, outputs[0].row(0), gradients[0].row(0)),
            kind: if method.is_signed() { MapKind::Signed } else { MapKind::Unsigned },
            area: self.area(),
            explained: target.value(&logits),
            logits,
            completeness_error: None,
            layer: Some(layer),
            picture: None,
        })
    }

    fn of_pixels(
        &mut self,
        input: &Array3<f32>,
        (method, target): (Method, Target),
        map: &mut Map,
    ) -> Result<(), Error> {
        let network = self.model.network();
        let shape = network.input();
        let (model, set, trace) = (self.model, &self.set, &mut self.trace);
        let mut gradient = |points: Points, rule| {
            let (count, of) = (points.len(), (target, rule));
            if count < 2 * trace.capacity() {
                return summed(trace, network, (&points, 0..count), of);
            }
            // Two threads also where the model has one.
            let mut other = model.trace()?;
            other.fix(set)?;
            let (first, second) = rayon::join(
                || summed(trace, network, (&points, 0..count / 2), of),
                || summed(&mut other, network, (&points, count / 2..count), of),
            );
            Ok(first? + second?)
        };
        let one = || Points::Inputs(vec![input.clone()]);
        let derivative = RectifierRule::Derivative;
        let flat = match method {
            Method::SmoothGrad => gradient(Points::Inputs(noisy(input).collect()), derivative)? / copies(),
            Method::Integrated => {
                let sum = gradient(Points::Line(input.clone()), derivative)? / crate::pixel_gradient::STEPS as f32;
                let input: Array1<f32> = input.iter().copied().collect();
                sum * input
            }
            Method::Guided => gradient(one(), RectifierRule::Guided)?,
            Method::Deconvnet => gradient(one(), RectifierRule::Deconvnet)?,
            Method::Gradient | Method::LayerCam | Method::HiResCam | Method::Occlusion => gradient(one(), derivative)?,
        };
        if method == Method::Integrated {
            let base = target.value(&self.logits(&Array3::zeros(shape.dims()))?);
            let difference = map.explained - base;
            map.completeness_error = Some((flat.sum() - difference).abs() / difference.abs());
            map.values = over_colours(&flat, (shape.height, shape.width), |value| value);
            return Ok(());
        }
        // With respect to pixels of 0 to 255, whose units are the same in all colours.
        let picture = self.model.by_pixel(flat.view())?;
        let Area { top, left, height, width } = map.area;
        let seen = picture.slice(ndarray::s![.., top..top + height, left..left + width]);
        let seen: Array1<f32> = seen.iter().copied().collect();
        map.values = over_colours(&seen, (height, width), f32::abs);
        if method.is_reconstruction() {
            map.picture = Some(picture);
        }
        Ok(())
    }
}

/// The sum over colours of a function of values in channel, row, column order.
fn over_colours(values: &Array1<f32>, (height, width): (usize, usize), function: impl Fn(f32) -> f32) -> Array2<f32> {
    let mut map = Array2::zeros((height, width));
    for (index, &value) in values.iter().enumerate() {
        let position = index % (height * width);
        map[[position / width, position % width]] += function(value);
    }
    map
}
