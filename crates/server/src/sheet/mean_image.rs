//! The mean image of each cluster of a split.

use std::sync::Arc;

use deepviz_corpus::{Corpus, ImageId, ImageShape};
use ndarray::Array3;

use crate::http::cache::CacheSize;
use crate::http::problem::ApiError;
use crate::http::work_pool::WorkKind;
use crate::sheet::image_table::ImageMeasurements;
use crate::sheet::thumbnail::{thumbnail, thumbnail_shape};

/// Bytes of pixels that are added up at a time, so that others are served in between.
const CHUNK_BYTES: usize = 16 << 20;

/// Sums of the images of each cluster, as thumbnails of one size.
pub(crate) struct ImageSums {
    shape: ImageShape,
    /// By cluster: images, and the sum of each value.
    clusters: Vec<(u32, Vec<u32>)>,
}

impl CacheSize for ImageSums {
    fn bytes(&self) -> usize {
        self.clusters.iter().map(|(_, sums)| sums.len() * 4 + 48).sum()
    }
}

impl ImageSums {
    /// The mean of the images that are in a cluster, or of all that are not; none where there is no image.
    pub(crate) fn mean(&self, cluster: usize, is_inside: bool) -> Option<Array3<u8>> {
        let wanted = || self.clusters.iter().enumerate().filter(|(index, _)| (*index == cluster) == is_inside);
        let count: u64 = wanted().map(|(_, (count, _))| u64::from(*count)).sum();
        let ImageShape { channels, height, width } = self.shape;
        let mut sums = vec![0_u64; channels * height * width];
        for (_, (_, own)) in wanted() {
            sums.iter_mut().zip(own).for_each(|(sum, own)| *sum += u64::from(*own));
        }
        let mean = sums.into_iter().map(|sum| ((sum + count / 2) / count.max(1)) as u8).collect();
        (count > 0).then(|| Array3::from_shape_vec((channels, height, width), mean).ok()).flatten()
    }
}

/// Images and the cluster of each.
pub(crate) struct ClusteredImages {
    /// The cache key of these images in these clusters.
    pub(crate) key: String,
    pub(crate) images: Vec<(ImageId, u16)>,
    /// How many clusters there are.
    pub(crate) count: usize,
}

/// Bytes of the sums of `count` clusters.
fn bytes_of(shape: ImageShape, count: usize) -> usize {
    count * shape.channels * shape.height * shape.width * 4
}

impl ImageMeasurements {
    /// The sums of all clusters' images: one pass over the images serves the means of all.
    pub(crate) async fn sums(
        &self,
        corpus: &Arc<Corpus>,
        clustered: ClusteredImages,
    ) -> Result<Arc<ImageSums>, ApiError> {
        let ClusteredImages { key, images, count } = clustered;
        let make = async {
            let shape = thumbnail_shape(corpus);
            let _held = self.answers.take_at_most(bytes_of(shape, count)).await?;
            let empty = || (0, vec![0_u32; shape.channels * shape.height * shape.width]);
            let mut sums = ImageSums { shape, clusters: (0..count).map(|_| empty()).collect() };
            let images = Arc::new(images);
            let of_one = images.first().and_then(|&(id, _)| corpus.shape_of(id)).unwrap_or(shape);
            let at_a_time = (CHUNK_BYTES / (of_one.channels * of_one.height * of_one.width).max(1)).max(1);
            for start in (0..images.len()).step_by(at_a_time) {
                let (corpus, images) = (Arc::clone(corpus), Arc::clone(&images));
                let end = images.len().min(start + at_a_time);
                let add = move || {
                    for &(id, cluster) in &images[start..end] {
                        let (Some(pixels), Some((count, own))) =
                            (corpus.pixels(id), sums.clusters.get_mut(usize::from(cluster)))
                        else {
                            continue;
                        };
                        *count += 1;
                        own.iter_mut()
                            .zip(thumbnail(pixels, shape).iter())
                            .for_each(|(sum, value)| *sum += u32::from(*value));
                    }
                    Ok(sums)
                };
                sums = self.work.run(WorkKind::RenderLarge, add).await?;
            }
            Ok(sums)
        };
        self.cache.get(key, make).await
    }
}
