//! The parameter randomisation test: does a method's map change when the network's weights do?
//!
//! # Source
//! Adebayo et al., *Sanity checks for saliency maps*, 2018: weights are randomised layer by layer from the output down, and
//! each map is compared with that of the trained network.

use crate::error::Error;
use crate::explainer::Explainer;
use crate::method::Method;
use crate::spearman::spearman;
use crate::target::Target;
use deepviz_net::random::Stream;
use deepviz_net::{Model, Network, Parameters};
use ndarray::ArrayView3;

/// The mean agreement from which on a method has failed: half of the order of the cells then stays while the network is
/// destroyed from the top.
pub const FAILS_FROM: f64 = 0.5;

/// The agreement of maps once the weights down to a layer are randomised.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The lowest layer whose weights are randomised, by index.
    pub layer: usize,
    /// Spearman's rank correlation with the trained network's maps, the mean over images; NaN where no map has two
    /// different values.
    pub correlation: f64,
}

/// The randomisation test of a method.
#[derive(Clone, Debug, PartialEq)]
pub struct Randomisation {
    /// The method.
    pub method: Method,
    /// From the last layer with weights down to the first.
    pub steps: Vec<Step>,
    /// Images whose maps were compared.
    pub images: usize,
}

impl Randomisation {
    /// The mean agreement over the steps, whose maps it could be computed of; none without weights.
    pub fn mean(&self) -> Option<f64> {
        let known: Vec<f64> = self.steps.iter().map(|step| step.correlation).filter(|r| r.is_finite()).collect();
        (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
    }

    /// Whether the maps depend on the weights: the mean agreement is below [`FAILS_FROM`].
    pub fn is_passed(&self) -> bool {
        self.mean().is_some_and(|mean| mean.abs() < FAILS_FROM)
    }
}

/// Asks of each method whether its maps depend on the weights. `model` makes a model of weights; images are `[c, h, w]`, as
/// the corpus has them; each is explained for the class that the trained network answers with.
///
/// Weights are randomised by shuffling each array: the distribution of its values stays.
///
/// # Errors
/// As [`Explainer::map`].
pub fn test(
    network: &Network,
    parameters: &Parameters,
    (images, methods): (&[ArrayView3<'_, u8>], &[Method]),
    model: &dyn Fn(&Parameters) -> Result<Model, deepviz_net::Error>,
) -> Result<Vec<Randomisation>, Error> {
    let trained = model(parameters)?;
    let mut explainer = Explainer::new(&trained)?;
    let classes = images.iter().map(|image| explainer.predicted(*image)).collect::<Result<Vec<_>, _>>()?;
    let maps = |explainer: &mut Explainer<'_>, method: Method| {
        let of = images.iter().zip(&classes);
        of.map(|(image, &class)| Ok(explainer.map(*image, Target::class(class), (method, None))?.values))
            .collect::<Result<Vec<_>, Error>>()
    };
    let known = methods.iter().map(|&method| maps(&mut explainer, method)).collect::<Result<Vec<_>, _>>()?;
    let mut results: Vec<Randomisation> =
        methods.iter().map(|&method| Randomisation { method, steps: Vec::new(), images: images.len() }).collect();
    let mut shuffled = parameters.clone();
    for layer in (0..network.layers().len()).rev().filter(|&index| !network.layers()[index].parameters.is_empty()) {
        for (place, spec) in network.layers()[layer].parameters.iter().enumerate() {
            if let Some(values) = shuffled.get_mut(&spec.name).and_then(|array| array.as_slice_mut()) {
                Stream::new(0, &[layer as u64, place as u64]).shuffle(values);
            }
        }
        let model = model(&shuffled)?;
        let mut explainer = Explainer::new(&model)?;
        for ((result, known), &method) in results.iter_mut().zip(&known).zip(methods) {
            let found = match maps(&mut explainer, method) {
                Ok(found) => found,
                // Shuffled weights may overflow; the maps before stand.
                Err(Error::NotFinite) => continue,
                Err(error) => return Err(error),
            };
            let flat = |map: &ndarray::Array2<f32>| map.iter().copied().collect::<Vec<f32>>();
            let each = known.iter().zip(&found).map(|(a, b)| spearman(&flat(a), &flat(b)));
            let (sum, count) = each.filter(|r| r.is_finite()).fold((0.0, 0), |(sum, count), r| (sum + r, count + 1));
            result.steps.push(Step { layer, correlation: sum / f64::from(count) });
        }
    }
    Ok(results)
}
