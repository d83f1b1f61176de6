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
use ndarray::{Array2, ArrayView3};

/// The mean agreement from which on a method has failed: half of the order of the cells then stays while the network is
/// destroyed from the top.
pub const FAILS_FROM: f64 = 0.5;

/// Steps at most: of a deeper network maps are compared after some of its layers, evenly chosen, while the weights of all
/// are randomised.
const MAX_STEPS: usize = 12;

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
    /// From the last layer with weights down to the first; see [`compared_after`].
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

/// The layers after whose randomisation maps are compared, by index, from the last with weights down to the first.
pub fn compared_after(network: &Network) -> Vec<usize> {
    let layers = with_weights(network);
    if layers.len() <= MAX_STEPS {
        return layers;
    }
    (0..MAX_STEPS).map(|step| layers[step * (layers.len() - 1) / (MAX_STEPS - 1)]).collect()
}

/// From the last to the first.
fn with_weights(network: &Network) -> Vec<usize> {
    (0..network.layers().len()).rev().filter(|&index| !network.layers()[index].parameters.is_empty()).collect()
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
    let of = (images, &classes[..]);
    let known = methods.iter().map(|&method| maps(&trained, of, method)).collect::<Result<Vec<_>, _>>()?;
    let mut results: Vec<Randomisation> =
        methods.iter().map(|&method| Randomisation { method, steps: Vec::new(), images: images.len() }).collect();
    let mut shuffled = parameters.clone();
    let compared = compared_after(network);
    for layer in with_weights(network) {
        for (position, spec) in network.layers()[layer].parameters.iter().enumerate() {
            if let Some(values) = shuffled.get_mut(&spec.name).and_then(|array| array.as_slice_mut()) {
                Stream::new(0, &[layer as u64, position as u64]).shuffle(values);
            }
        }
        if !compared.contains(&layer) {
            continue;
        }
        let model = model(&shuffled)?;
        for ((result, known), &method) in results.iter_mut().zip(&known).zip(methods) {
            let found = match maps(&model, of, method) {
                Ok(found) => found,
                // Shuffled weights may overflow; the maps before stand.
                Err(Error::NotFinite) => continue,
                Err(error) => return Err(error),
            };
            let flat = |map: &Array2<f32>| map.iter().copied().collect::<Vec<f32>>();
            let each = known.iter().zip(&found).map(|(a, b)| spearman(&flat(a), &flat(b)));
            let (sum, count) = each.filter(|r| r.is_finite()).fold((0.0, 0), |(sum, count), r| (sum + r, count + 1));
            result.steps.push(Step { layer, correlation: sum / f64::from(count) });
        }
    }
    Ok(results)
}

/// The maps of images for their classes, on two threads.
fn maps(
    model: &Model,
    (images, classes): (&[ArrayView3<'_, u8>], &[usize]),
    method: Method,
) -> Result<Vec<Array2<f32>>, Error> {
    let of = |images: &[ArrayView3<'_, u8>], classes: &[usize]| {
        let mut explainer = Explainer::new(model)?;
        let each = images.iter().zip(classes);
        each.map(|(image, &class)| Ok(explainer.map(*image, Target::class(class), (method, None))?.values))
            .collect::<Result<Vec<_>, Error>>()
    };
    let half = images.len() / 2;
    let (first, second) =
        rayon::join(|| of(&images[..half], &classes[..half]), || of(&images[half..], &classes[half..]));
    let mut first = first?;
    first.extend(second?);
    Ok(first)
}
