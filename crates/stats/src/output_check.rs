//! Outputs compared with those of the program that trained the network.

use deepviz_corpus::{Corpus, ImageId};
use deepviz_net::{CompiledNetwork, Device, Model, Run, Step};

use crate::error::Error;

/// How far our outputs lie from those that were recorded with a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OutputCheck {
    /// The snapshot that was used.
    pub step: Step,
    /// Images whose outputs were compared.
    pub images: usize,
    /// The largest difference of any output, as a share of the largest recorded one; not finite where outputs are not.
    pub difference: f64,
}

impl OutputCheck {
    /// The largest difference at which outputs count as the same: far above what single precision and another order of
    /// sums make, far below what another image, mean or weight makes.
    pub const TOLERANCE: f64 = 1e-3;

    /// Whether the outputs are the same but for rounding.
    pub fn agrees(&self) -> bool {
        self.difference <= Self::TOLERANCE
    }

    /// Compares the outputs of a run's `[check]`; none where it has none.
    ///
    /// # Errors
    /// The snapshot, the recorded outputs or an image cannot be read.
    pub fn of(run: &Run, corpus: &Corpus, device: &Device) -> Result<Option<Self>, Error> {
        let Some(check) = &run.info().check else { return Ok(None) };
        let model = CompiledNetwork::new(run.network().clone(), device).model(&run.weights(check.step)?)?;
        Self::with(run, corpus, &model)
    }

    /// The same with the model of the snapshot that the check is of.
    ///
    /// # Errors
    /// As [`OutputCheck::of`].
    pub fn with(run: &Run, corpus: &Corpus, model: &Model) -> Result<Option<Self>, Error> {
        let (Some(check), Some(expected)) = (&run.info().check, run.check_outputs()?) else { return Ok(None) };
        let images = check.images.iter().map(|&id| {
            corpus.pixels(ImageId(id)).ok_or(Error::BadJob {
                what: "an image of [check] in run.toml",
                found: id as usize,
                expected: "the id of an image of the corpus",
            })
        });
        let images = images.collect::<Result<Vec<_>, _>>()?;
        let outputs = model.forward(&images, &[run.network().logits()])?;
        let found = outputs.iter().flatten().map(|value| f64::from(*value));
        let largest = expected.iter().fold(0.0, |largest: f64, value| largest.max(f64::from(value.abs())));
        let pairs = found.zip(expected.iter().map(|value| f64::from(*value)));
        // NaN is carried on: it must not look like no difference.
        let difference = pairs
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, |max: f64, distance| if distance > max || distance.is_nan() { distance } else { max });
        let difference = if difference > 0.0 || difference.is_nan() { difference / largest } else { 0.0 };
        Ok(Some(Self { step: check.step, images: images.len(), difference }))
    }
}
