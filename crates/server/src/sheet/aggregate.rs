//! Mean activations over groups of images, and the class selectivity of filters.

use std::sync::Arc;

use deepviz_corpus::{ClassId, Corpus};
use deepviz_net::CheckpointEntry;

use crate::http::cache::CacheSize;
use crate::http::json_number::finite;
use crate::http::problem::ApiError;
use crate::http::work_pool::WorkKind;
use crate::runs::open_run::OpenRun;
use crate::sheet::image_group::{ClassSample, ImageGroup};
use crate::sheet::models::Models;
use crate::sheet::sheet_shape::SheetShape;

/// Images that go through the network at a time, so that the requests of others are served in between.
const CHUNK_IMAGES: usize = 32;
/// Limit of the output values of a chunk.
const CHUNK_VALUES: usize = 16 << 20;

/// The mean output of a layer over a group of images.
pub(crate) struct MeanActivation(pub(crate) Vec<f32>);

impl CacheSize for MeanActivation {
    fn bytes(&self) -> usize {
        self.0.len() * 4
    }
}

/// The class selectivity of every filter of a layer.
pub(crate) struct LayerSelectivity {
    /// The selectivity of each filter, in order.
    pub(crate) filters: Vec<ClassSelectivity>,
    /// The mean output map of each filter for its preferred class, one after the other.
    pub(crate) maps: Vec<f32>,
    /// Number of averaged images, by class.
    pub(crate) images: Vec<usize>,
}

/// The class selectivity of one filter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ClassSelectivity {
    /// The preferred class: the one with the largest mean activation.
    pub(crate) class: usize,
    /// The class selectivity index, from 0 (all classes activate it equally) to 1 (only one does).
    pub(crate) index: f32,
    /// The mean activation by class; `None` if the split has no image of the class, or the mean is not finite.
    pub(crate) means: Vec<Option<f32>>,
}

impl CacheSize for LayerSelectivity {
    fn bytes(&self) -> usize {
        let means: usize = self.filters.iter().map(|filter| filter.means.len() * 8 + 32).sum();
        self.maps.len() * 4 + self.images.len() * 8 + means
    }
}

impl ClassSelectivity {
    /// From the mean activation by class. The index is the class selectivity index of Morcos et al. 2018 ("On the
    /// importance of single directions for generalization"): with the largest mean `m` and the mean `r` of the
    /// other classes, `(m - r) / (m + r)`. It is defined for activations that are never negative; if there are negative
    /// ones, the means are shifted so that the smallest is zero.
    pub(crate) fn of(means: Vec<Option<f32>>) -> Self {
        let known = || means.iter().enumerate().filter_map(|(class, mean)| Some((class, (*mean)?)));
        let floor = known().fold(0.0_f32, |floor, (_, mean)| floor.min(mean));
        let (mut class, mut max_mean, mut sum, mut count) = (0, f32::NEG_INFINITY, 0.0, 0_u32);
        for (candidate, mean) in known() {
            if mean > max_mean {
                (class, max_mean) = (candidate, mean);
            }
            sum += mean - floor;
            count += 1;
        }
        if count < 2 {
            return Self { class, index: 0.0, means };
        }
        let max_mean = max_mean - floor;
        let rest_mean = (sum - max_mean) / (count - 1) as f32;
        let both = max_mean + rest_mean;
        Self { class, index: if both > 0.0 { (max_mean - rest_mean) / both } else { 0.0 }, means }
    }
}

/// Which images represent each class of a corpus.
#[derive(Clone, Copy)]
pub(crate) struct ClassImages<'a> {
    pub(crate) corpus: &'a Arc<Corpus>,
    pub(crate) sample: ClassSample,
}

impl Models {
    /// The mean of a layer's output over a group of images.
    pub(crate) async fn mean(
        &self,
        run: &Arc<OpenRun>,
        entry: &CheckpointEntry,
        layer: usize,
        group: &Arc<ImageGroup>,
    ) -> Result<Arc<MeanActivation>, ApiError> {
        let key = format!("mean/{}/{}/{layer}/{}", run.id, entry.hash, group.key);
        self.cache
            .get(key, async {
                let loaded = self.model(run, entry).await?;
                let length = run.network().layers()[layer].shape.len();
                let at_a_time = (CHUNK_VALUES / length.max(1)).clamp(1, CHUNK_IMAGES);
                let mut sums = vec![0.0_f64; length];
                for start in (0..group.ids.len()).step_by(at_a_time) {
                    let (loaded, group) = (Arc::clone(&loaded), Arc::clone(group));
                    sums = self
                        .work
                        .run(WorkKind::Forward, move || {
                            let ids = &group.ids[start..group.ids.len().min(start + at_a_time)];
                            let images: Vec<_> = ids.iter().filter_map(|id| group.corpus.pixels(*id)).collect();
                            for outputs in loaded.model.forward(&images, &[layer])? {
                                for row in outputs.outer_iter() {
                                    sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
                                }
                            }
                            Ok(sums)
                        })
                        .await?;
                }
                let count = group.ids.len().max(1) as f64;
                Ok(MeanActivation(sums.into_iter().map(|sum| (sum / count) as f32).collect()))
            })
            .await
    }

    /// The class selectivity of every filter of a layer at a checkpoint.
    pub(crate) async fn selectivity(
        &self,
        run: &Arc<OpenRun>,
        entry: &CheckpointEntry,
        layer: usize,
        images: ClassImages<'_>,
    ) -> Result<Arc<LayerSelectivity>, ApiError> {
        let ClassImages { corpus, sample } = images;
        let ClassSample { split, limit } = sample;
        let key = format!("preference/{}/{}/{layer}/{}/{split}/{limit}", run.id, entry.hash, corpus.identity());
        self.cache
            .get(key, async {
                let sheet_shape = SheetShape::of_output(&run.network().layers()[layer]);
                let area = sheet_shape.map_values();
                let classes = corpus.classes().len();
                let mut counts = vec![0; classes];
                let mut means = vec![vec![None; classes]; sheet_shape.filters];
                let mut maps = vec![0.0; sheet_shape.filters * area];
                let mut max_means = vec![f32::NEG_INFINITY; sheet_shape.filters];
                for class in 0..classes {
                    // A class without an image in the split has no mean; the others have.
                    let Ok(group) = ImageGroup::of_class(corpus, ClassId(class as u16), sample) else { continue };
                    counts[class] = group.ids.len();
                    let mean = self.mean(run, entry, layer, &Arc::new(group)).await?;
                    for (filter, map) in mean.0.chunks_exact(area.max(1)).enumerate() {
                        let sum: f64 = map.iter().map(|value| f64::from(*value)).sum();
                        let map_mean = (sum / area.max(1) as f64) as f32;
                        means[filter][class] = finite(map_mean);
                        if map_mean > max_means[filter] && map_mean.is_finite() {
                            max_means[filter] = map_mean;
                            maps[filter * area..(filter + 1) * area].copy_from_slice(map);
                        }
                    }
                }
                Ok(LayerSelectivity {
                    filters: means.into_iter().map(ClassSelectivity::of).collect(),
                    maps,
                    images: counts,
                })
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(means: &[f32]) -> (usize, f32) {
        let found = ClassSelectivity::of(means.iter().map(|mean| Some(*mean)).collect());
        (found.class, found.index)
    }

    #[test]
    fn selectivity_indices_computed_by_hand() {
        // 6 against a mean of 2: (6 - 2) / (6 + 2).
        assert_eq!(of(&[3.0, 6.0, 1.0]), (1, 0.5));
        assert_eq!(of(&[0.0, 0.0, 5.0]), (2, 1.0));
        assert_eq!(of(&[2.0, 2.0]), (0, 0.0));
        assert_eq!(of(&[0.0, 0.0]), (0, 0.0));
        // Shifted by the smallest, -2: 4 against a mean of 1.
        assert_eq!(of(&[2.0, -2.0, 0.0]), (0, 0.6));
        assert_eq!(of(&[7.0]), (0, 0.0));
        let gap = ClassSelectivity::of(vec![None, Some(1.0), Some(3.0)]);
        assert_eq!((gap.class, gap.index), (2, 0.5));
        assert_eq!(ClassSelectivity::of(vec![None]).index.to_bits(), 0);
    }
}
