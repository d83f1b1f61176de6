//! Pictures that are made: feature visualisation and inversion.

use std::sync::Arc;

use deepviz_attribution::picture::{Coefficients, CorpusSpectrum, Inverter, Start, Visualiser};
use deepviz_corpus::{Corpus, Split};
use ndarray::Array3;

use crate::explain::switched_off::SwitchedOff;
use crate::explain::test_sample::TestSample;
use crate::http::cache::CacheSize;
use crate::http::problem::ApiError;
use crate::http::work_pool::WorkKind;
use crate::runs::listing::Listing;
use crate::runs::open_run::OpenRun;
use crate::sheet::model_input::ModelInput;
use crate::sheet::models::Models;

/// Images that the frequencies and colours of a corpus are measured on.
const SPECTRUM_IMAGES: usize = 64;

/// A picture that was optimised, and how far the optimisation came.
pub(crate) struct MadePicture {
    /// `[c, h, w]`.
    pub(crate) pixels: Array3<u8>,
    /// The filter's activation (visualisation), or the distance of the layer's outputs (inversion).
    pub(crate) value: f32,
}

/// Pictures in the order they were requested.
pub(crate) struct MadePictures(pub(crate) Vec<MadePicture>);

impl CacheSize for MadePictures {
    fn bytes(&self) -> usize {
        self.0.iter().map(|picture| picture.pixels.len() + 64).sum()
    }
}

impl MadePicture {
    fn new(brightness: &Array3<f32>, value: f32) -> Self {
        Self { pixels: brightness.map(|value| (value * 255.0).round() as u8), value }
    }
}

/// Checkpoints of a run, in order.
#[derive(Clone, Copy)]
pub(crate) struct ChosenCheckpoints<'a> {
    pub(crate) run: &'a Arc<OpenRun>,
    pub(crate) listing: &'a Listing,
    pub(crate) checkpoints: &'a [usize],
}

impl ChosenCheckpoints<'_> {
    fn key(&self) -> Result<String, ApiError> {
        let mut hasher = blake3::Hasher::new();
        for &index in self.checkpoints {
            hasher.update(self.listing.usable(index)?.hash.as_bytes());
        }
        Ok(format!("{}/{}", self.run.id, hasher.finalize().to_hex()))
    }
}

impl Models {
    /// The feature visualisation of a filter at each of some checkpoints, where the optimisation of each
    /// picture starts from the picture of the checkpoint before, and the first from noise or from an image.
    pub(crate) async fn visualisations(
        &self,
        selection: ChosenCheckpoints<'_>,
        (corpus, layer, filter): (&Arc<Corpus>, usize, usize),
        start: Option<&ModelInput>,
    ) -> Result<Arc<MadePictures>, ApiError> {
        let begin = start.map_or_else(|| "noise".to_owned(), ModelInput::key);
        let key = format!("visualisation/{}/{layer}/{filter}/{begin}", selection.key()?);
        self.cache
            .get(key, async {
                let sample = spectrum_sample(corpus)?;
                let (mut pictures, mut before) = (Vec::new(), None::<Coefficients>);
                for &index in selection.checkpoints {
                    let loaded = self.model(selection.run, selection.listing.usable(index)?).await?;
                    let (sample, start) = (sample.clone(), start.cloned());
                    let find = move || {
                        let spectrum = CorpusSpectrum::new(&loaded.model, &sample.pixels(&sample.ids)?)?;
                        let mut visualiser = Visualiser::new(&loaded.model, &spectrum)?;
                        let begin = match (&before, &start) {
                            (Some(before), _) => Start::Before(before),
                            (None, Some(image)) => Start::Image(image.view()?),
                            (None, None) => Start::Noise,
                        };
                        let found = visualiser.maximise(layer, &[(filter, begin)])?.swap_remove(0);
                        Ok((MadePicture::new(&found.picture, found.activation), found.coefficients))
                    };
                    let (picture, coefficients) = self.work.run(WorkKind::Forward, find).await?;
                    pictures.push(picture);
                    before = Some(coefficients);
                }
                Ok(MadePictures(pictures))
            })
            .await
    }

    /// Pictures of what layers keep of an image (feature inversion): of each layer at each of some
    /// checkpoints, layer by layer, of the network without the units that are off.
    pub(crate) async fn inversions(
        &self,
        selection: ChosenCheckpoints<'_>,
        (corpus, input): (&Arc<Corpus>, &ModelInput),
        (layers, off): (&[usize], &SwitchedOff),
    ) -> Result<Arc<MadePictures>, ApiError> {
        let key = format!("inversion/{}/{layers:?}/{}/{}", selection.key()?, off.key(), input.key());
        let set = off.edits(selection.run.network());
        self.cache
            .get(key, async {
                let sample = spectrum_sample(corpus)?;
                let mut pictures = Vec::new();
                for &layer in layers {
                    let mut before = None::<Coefficients>;
                    for &index in selection.checkpoints {
                        let loaded = self.model(selection.run, selection.listing.usable(index)?).await?;
                        let (sample, input, set) = (sample.clone(), input.clone(), set.clone());
                        let find = move || {
                            let spectrum = CorpusSpectrum::new(&loaded.model, &sample.pixels(&sample.ids)?)?;
                            let mut inverter = Inverter::with_channels_set(&loaded.model, &spectrum, &set)?;
                            let found = inverter.invert(input.view()?, layer, before.as_ref())?;
                            Ok((MadePicture::new(&found.picture, found.distance), found.coefficients))
                        };
                        let (picture, coefficients) = self.work.run(WorkKind::Forward, find).await?;
                        pictures.push(picture);
                        before = Some(coefficients);
                    }
                }
                Ok(MadePictures(pictures))
            })
            .await
    }
}

/// Images of the training split, or of the test split where there are no others.
fn spectrum_sample(corpus: &Arc<Corpus>) -> Result<TestSample, ApiError> {
    let split = if corpus.range(Split::Train).is_empty() { Split::Test } else { Split::Train };
    TestSample::of(corpus, split, Some(SPECTRUM_IMAGES))
}
