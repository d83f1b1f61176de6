//! How well the layers of a network tell two classes apart at a checkpoint.

use std::sync::Arc;

use deepviz_corpus::ClassId;
use deepviz_net::{ChannelSums, CheckpointEntry, LayerOutput, Network};
use deepviz_stats::separation::{self, Histogram, Probe, UnitSeparation};
use ndarray::{Array2, s};

use crate::http::cache::CacheSize;
use crate::http::problem::ApiError;
use crate::http::work_pool::WorkKind;
use crate::runs::open_run::OpenRun;
use crate::sheet::aggregate::ClassImages;
use crate::sheet::image_group::ImageGroup;
use crate::sheet::models::Models;

/// Images that go through the network at a time, so that others get their turn between.
const CHUNK_IMAGES: usize = 32;
/// Layers that are measured at most: of deeper networks these are spread evenly.
pub(crate) const MOST_LAYERS: usize = 48;
/// Bars of a histogram.
const BINS: usize = 24;
/// Units that are named.
const BEST_UNITS: usize = 5;

/// A layer with weights, and the one at whose output its units are measured: behind its nonlinearity, if it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MeasuredLayer {
    pub(crate) layer: usize,
    pub(crate) measured_at: usize,
}

/// The separation by one layer.
pub(crate) struct LayerSeparation {
    pub(crate) of: MeasuredLayer,
    pub(crate) units: UnitSeparation,
    /// None where the images are too few for two halves.
    pub(crate) probe: Option<Probe>,
}

/// A unit that separates the classes well.
pub(crate) struct SeparatingUnit {
    pub(crate) of: MeasuredLayer,
    pub(crate) unit: usize,
    pub(crate) area: separation::Area,
    /// Mean over the images of either class.
    pub(crate) means: [f32; 2],
    pub(crate) histogram: Histogram,
}

/// The separation of two classes by all layers.
pub(crate) struct Separation {
    pub(crate) layers: Vec<LayerSeparation>,
    /// The best units of all layers but the last, the best first.
    pub(crate) units: Vec<SeparatingUnit>,
    /// Images of either class.
    pub(crate) images: [usize; 2],
    /// Layers with weights that were not measured: too many, or with outputs that are no finite numbers.
    pub(crate) layers_left_out: usize,
}

impl CacheSize for Separation {
    fn bytes(&self) -> usize {
        let areas: usize = self.layers.iter().map(|layer| layer.units.areas.len() * 16 + 128).sum();
        areas + self.units.len() * (BINS * 8 + 128)
    }
}

/// The layers with weights of their own, each with its place of measurement, and how many more there are.
fn measured_layers(network: &Network) -> (Vec<MeasuredLayer>, usize) {
    let layers = network.layers();
    let weighted: Vec<usize> = (1..layers.len()).filter(|&index| layers[index].kernel_dims.is_some()).collect();
    let count = weighted.len().min(MOST_LAYERS);
    // Evenly, the last one always among them.
    let chosen = (1..=count).map(|place| weighted[place * weighted.len() / count - 1]);
    let chosen = chosen.map(|layer| MeasuredLayer { layer, measured_at: network.nonlinearity_of(layer) });
    (chosen.collect(), weighted.len() - count)
}

/// The means of every measured layer's maps, for a few images.
#[derive(Default)]
struct ChunkMeans {
    images: usize,
    /// By measured layer: images by channels.
    values: Vec<Vec<f32>>,
    blocks: Vec<ChannelSums>,
}

impl ChunkMeans {
    fn take(&mut self, place: usize, layers: usize, output: LayerOutput<'_>) {
        self.images = output.images();
        self.values.resize(layers, Vec::new());
        let shape = output.shape();
        let area = (shape.height * shape.width) as f32;
        for image in 0..output.images() {
            output.add_up(image, &mut self.blocks);
            let sums = self.blocks.iter().flat_map(|block| block.sums).take(shape.channels);
            self.values[place].extend(sums.map(|sum| sum / area));
        }
    }
}

impl Models {
    /// How well each layer tells two classes apart at a checkpoint.
    pub(crate) async fn separation(
        &self,
        run: &Arc<OpenRun>,
        entry: &CheckpointEntry,
        images: ClassImages<'_>,
        classes: [ClassId; 2],
    ) -> Result<Arc<Separation>, ApiError> {
        let ClassImages { corpus, sample } = images;
        let [a, b] = classes.map(|class| class.0);
        let key = format!(
            "separation/{}/{}/{}/{}/{}/{a}/{b}",
            run.id,
            entry.hash,
            corpus.identity(),
            sample.split,
            sample.limit
        );
        self.cache
            .get(key, async {
                let groups = [
                    ImageGroup::of_class(corpus, classes[0], sample)?,
                    ImageGroup::of_class(corpus, classes[1], sample)?,
                ];
                let counts = [groups[0].ids.len(), groups[1].ids.len()];
                let ids: Arc<Vec<_>> = Arc::new(groups.iter().flat_map(|group| group.ids.iter().copied()).collect());
                let (measured, layers_left_out) = measured_layers(run.network());
                let measured = Arc::new(measured);
                let loaded = self.model(run, entry).await?;
                let mut means: Vec<Vec<f32>> = vec![Vec::new(); measured.len()];
                for start in (0..ids.len()).step_by(CHUNK_IMAGES) {
                    let (loaded, corpus, ids, measured) =
                        (Arc::clone(&loaded), Arc::clone(corpus), Arc::clone(&ids), Arc::clone(&measured));
                    let apply = move || {
                        let ids = &ids[start..ids.len().min(start + CHUNK_IMAGES)];
                        let images: Vec<_> = ids.iter().filter_map(|id| corpus.pixels(*id)).collect();
                        let watch = |chunk: &mut ChunkMeans, layer: usize, output: LayerOutput<'_>| {
                            for (place, _) in measured.iter().enumerate().filter(|(_, of)| of.measured_at == layer) {
                                chunk.take(place, measured.len(), output);
                            }
                        };
                        let (_, chunks) = loaded.model.forward_watched::<ChunkMeans>(&images, &[], watch)?;
                        Ok(chunks)
                    };
                    for chunk in self.work.run(WorkKind::Forward, apply).await? {
                        means.iter_mut().zip(chunk.values).for_each(|(all, own)| all.extend(own));
                    }
                }
                let summarise = move || Ok(summary(&measured, means, counts, layers_left_out));
                self.work.run(WorkKind::Forward, summarise).await
            })
            .await
    }
}

fn summary(measured: &[MeasuredLayer], means: Vec<Vec<f32>>, images: [usize; 2], layers_left_out: usize) -> Separation {
    let count = images[0] + images[1];
    let is_first: Vec<bool> = (0..count).map(|image| image < images[0]).collect();
    let mut layers = Vec::with_capacity(measured.len());
    let mut candidates: Vec<SeparatingUnit> = Vec::new();
    for (place, (&of, values)) in measured.iter().zip(means).enumerate() {
        let channels = values.len() / count.max(1);
        let Ok(features) = Array2::from_shape_vec((count, channels), values) else { continue };
        let Some(units) = separation::units(features.view(), &is_first) else { continue };
        // The last layer's units are the classes themselves.
        if place + 1 < measured.len() {
            let mut order: Vec<usize> = (0..channels).collect();
            order.sort_by(|a, b| units.areas[*b].value.total_cmp(&units.areas[*a].value));
            for &unit in order.iter().take(BEST_UNITS) {
                let column = features.column(unit);
                let Some(histogram) = separation::histogram(column, &is_first, BINS) else { continue };
                let mean = |range: std::ops::Range<usize>| column.slice(s![range]).mean().unwrap_or(f32::NAN);
                let means = [mean(0..images[0]), mean(images[0]..count)];
                candidates.push(SeparatingUnit { of, unit, area: units.areas[unit], means, histogram });
            }
        }
        let probe = separation::probe(features.view(), &is_first);
        layers.push(LayerSeparation { of, units, probe });
    }
    let layers_left_out = layers_left_out + measured.len() - layers.len();
    candidates.sort_by(|a, b| b.area.value.total_cmp(&a.area.value));
    candidates.truncate(BEST_UNITS);
    Separation { layers, units: candidates, images, layers_left_out }
}
