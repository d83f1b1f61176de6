//! Statistics of activations, taken from every layer's output while it is in the CPU's cache.
//!
//! Of each image and filter only a few numbers are kept; these are added up image by image and in order,
//! so that the result does not depend on the number of threads.

use std::ops::Range;

use deepviz_corpus::{ClassId, ImageId};
use deepviz_net::{ChannelSums, LayerOutput, Network};
use ndarray::Array2;
use rayon::prelude::*;

use crate::activity::{ClassActivity, FilterActivity, LayerActivity, LayerRecord, Top};
use crate::codec::MAX_CLASSES;

/// Filters whose numbers are added up together, by one thread.
const BLOCK: usize = 64;
/// A position that was not looked for.
const UNKNOWN: u32 = u32::MAX;

/// The filters of the chosen layers, numbered through; the others have none.
struct Filters {
    /// The first filter of each layer, and the end.
    starts: Vec<usize>,
    /// Positions of each layer.
    positions: Vec<usize>,
}

impl Filters {
    fn of(network: &Network, chosen: &[usize]) -> Self {
        let mut starts = vec![0];
        let mut positions = Vec::new();
        for (index, layer) in network.layers().iter().enumerate() {
            let filters = if chosen.contains(&index) { layer.shape.channels } else { 0 };
            starts.push(starts[index] + filters);
            positions.push(layer.shape.height * layer.shape.width);
        }
        Self { starts, positions }
    }

    fn len(&self) -> usize {
        self.starts.last().copied().unwrap_or(0)
    }

    fn range(&self, layer: usize) -> Range<usize> {
        self.starts[layer]..self.starts[layer + 1]
    }
}

/// The numbers of a chunk of images, by image and filter.
#[derive(Default)]
pub(crate) struct ChunkStats {
    images: usize,
    sums: Vec<f32>,
    squares: Vec<f32>,
    zeros: Vec<f32>,
    maxima: Vec<f32>,
    positions: Vec<u32>,
    blocks: Vec<ChannelSums>,
}

/// One image of a chunk.
#[derive(Clone, Copy)]
struct ImageOfChunk<'a> {
    chunk: &'a ChunkStats,
    /// Index of its first filter in the chunk's lists.
    first: usize,
}

/// Adds up the activations of a split.
pub(crate) struct ActivationStats {
    filters: Filters,
    classes: usize,
    /// The numbers of [`BLOCK`] filters each, the last of fewer.
    parts: Vec<FilterBlock>,
    /// By filter: the value to exceed to enter its list of strongest images.
    thresholds: Vec<f32>,
    images: Vec<u64>,
}

/// The numbers of some filters, from `first` on.
struct FilterBlock {
    first: usize,
    filters: usize,
    top_count: usize,
    /// By class (or all together) and filter: sum, sum of squares, zeros.
    sums: Vec<f64>,
    squares: Vec<f64>,
    zeros: Vec<f64>,
    /// By filter: sum over images of the square of an image's sum.
    image_squares: Vec<f64>,
    /// By filter.
    active: Vec<u32>,
    maxima: Vec<f32>,
    thresholds: Vec<f32>,
    top: Vec<Vec<Top>>,
}

impl FilterBlock {
    fn new(filters: Range<usize>, classes: usize, top_count: usize) -> Self {
        let (first, filters) = (filters.start, filters.len());
        let threshold = if top_count == 0 { f32::INFINITY } else { f32::NEG_INFINITY };
        let zeros = || vec![0.0; filters * classes];
        Self {
            first,
            filters,
            top_count,
            sums: zeros(),
            squares: zeros(),
            zeros: zeros(),
            image_squares: vec![0.0; filters],
            active: vec![0; filters],
            maxima: vec![f32::NEG_INFINITY; filters],
            thresholds: vec![threshold; filters],
            top: vec![Vec::new(); filters],
        }
    }

    /// Adds the numbers of one image of a chunk.
    fn add(&mut self, seen: ImageOfChunk<'_>, class: usize, image: u32) {
        let ImageOfChunk { chunk, first: at } = seen;
        let own = class * self.filters..(class + 1) * self.filters;
        let seen = at + self.first..at + self.first + self.filters;
        add(&mut self.sums[own.clone()], &chunk.sums[seen.clone()]);
        add(&mut self.squares[own.clone()], &chunk.squares[seen.clone()]);
        add(&mut self.zeros[own], &chunk.zeros[seen.clone()]);
        for (squares, sum) in self.image_squares.iter_mut().zip(&chunk.sums[seen.clone()]) {
            *squares += f64::from(*sum) * f64::from(*sum);
        }
        let maxima = &chunk.maxima[seen.clone()];
        for ((active, max), &seen) in self.active.iter_mut().zip(&mut self.maxima).zip(maxima) {
            *active += u32::from(seen > 0.0);
            *max = if seen > *max { seen } else { *max };
        }
        for (filter, (&value, threshold)) in maxima.iter().zip(&mut self.thresholds).enumerate() {
            // A value that is not finite ranks nowhere.
            if value > *threshold && value.is_finite() {
                let list = &mut self.top[filter];
                let rank = list.partition_point(|other| other.value >= value);
                list.insert(rank, Top { image, position: chunk.positions[seen.start + filter], value });
                list.truncate(self.top_count);
                if list.len() == self.top_count {
                    *threshold = list.last().map_or(*threshold, |last| last.value);
                }
            }
        }
    }
}

impl ActivationStats {
    /// Of the layers with these indices, with lists of the `top_count` strongest images of every filter.
    pub(crate) fn new(network: &Network, layers: &[usize], top_count: usize) -> Self {
        let filters = Filters::of(network, layers);
        let classes = if network.classes() <= MAX_CLASSES { network.classes() } else { 1 };
        let all = filters.len();
        let parts =
            (0..all).step_by(BLOCK).map(|first| FilterBlock::new(first..all.min(first + BLOCK), classes, top_count));
        let parts: Vec<FilterBlock> = parts.collect();
        let thresholds = parts.iter().flat_map(|part| part.thresholds.iter().copied()).collect();
        Self { filters, classes, parts, thresholds, images: vec![0; classes] }
    }

    /// Takes the numbers of one layer's output of a chunk of images.
    pub(crate) fn observe(&self, chunk: &mut ChunkStats, layer: usize, output: LayerOutput<'_>) {
        let range = self.filters.range(layer);
        if range.is_empty() {
            return;
        }
        let all = self.filters.len();
        if chunk.images == 0 {
            let size = output.images() * all;
            *chunk = ChunkStats {
                images: output.images(),
                sums: vec![0.0; size],
                squares: vec![0.0; size],
                zeros: vec![0.0; size],
                maxima: vec![0.0; size],
                positions: vec![UNKNOWN; size],
                blocks: Vec::new(),
            };
        }
        for image in 0..output.images() {
            output.add_up(image, &mut chunk.blocks);
            let at = image * all;
            for (lane, filter) in range.clone().enumerate() {
                let (block, lane) = (&chunk.blocks[lane / ChannelSums::LANES], lane % ChannelSums::LANES);
                chunk.sums[at + filter] = block.sums[lane];
                chunk.squares[at + filter] = block.squares[lane];
                chunk.zeros[at + filter] = block.zeros[lane];
                chunk.maxima[at + filter] = block.maxima[lane];
                if block.maxima[lane] > self.thresholds[filter] {
                    chunk.positions[at + filter] =
                        position_of(&output, image, filter - range.start, block.maxima[lane]);
                }
            }
        }
    }

    /// Adds the numbers of the images from `first` on; each filter's in the images' order, for any number of threads.
    pub(crate) fn add(&mut self, chunk_stats: &[ChunkStats], labels: &[ClassId], first: ImageId) {
        let n = self.filters.len();
        let class_of = |label: &ClassId| if self.classes > 1 { usize::from(label.0) } else { 0 };
        let images = || {
            chunk_stats
                .iter()
                .flat_map(|chunk| (0..chunk.images).map(move |image| ImageOfChunk { chunk, first: image * n }))
        };
        for (_, label) in images().zip(labels) {
            self.images[class_of(label)] += 1;
        }
        self.parts.par_iter_mut().for_each(|part| {
            for ((seen, label), id) in images().zip(labels).zip(first.0..) {
                part.add(seen, class_of(label), id);
            }
        });
        for (thresholds, part) in self.thresholds.chunks_mut(BLOCK).zip(&self.parts) {
            thresholds.copy_from_slice(&part.thresholds);
        }
    }

    /// The statistics of every chosen layer.
    pub(crate) fn finish(self) -> Vec<LayerRecord> {
        let layers = (0..self.filters.positions.len()).filter(|layer| !self.filters.range(*layer).is_empty());
        layers.map(|layer| self.layer(layer)).collect()
    }

    fn layer(&self, layer: usize) -> LayerRecord {
        let range = self.filters.range(layer);
        let positions = self.filters.positions[layer] as f64;
        let all_images: u64 = self.images.iter().sum();
        // A filter's part, and its index there.
        let at = |filter: usize| (&self.parts[filter / BLOCK], filter % BLOCK);
        let of_class =
            |numbers: &[f64], part: &FilterBlock, lane: usize, class: usize| numbers[class * part.filters + lane];
        let filters = range.clone().map(|filter| {
            let (part, lane) = at(filter);
            let total = |numbers: &[f64]| (0..self.classes).map(|class| of_class(numbers, part, lane, class)).sum();
            let values = all_images as f64 * positions;
            let (mean, spread) = moments(total(&part.sums), total(&part.squares), values);
            let zeros: f64 = total(&part.zeros);
            FilterActivity {
                mean,
                spread,
                zeros: (zeros / values.max(1.0)) as f32,
                active: (f64::from(part.active[lane]) / (all_images as f64).max(1.0)) as f32,
                max: part.maxima[lane],
            }
        });
        let by_class = |number: &dyn Fn([f64; 3], f64) -> f32| {
            Array2::from_shape_fn((range.len(), self.classes), |(filter, class)| {
                let (part, lane) = at(range.start + filter);
                let numbers = [&part.sums, &part.squares, &part.zeros];
                number(
                    numbers.map(|numbers| of_class(numbers, part, lane, class)),
                    self.images[class] as f64 * positions,
                )
            })
        };
        let classes = (self.classes > 1).then(|| ClassActivity {
            mean: by_class(&|[sum, squares, _], values| moments(sum, squares, values).0),
            spread: by_class(&|[sum, squares, _], values| moments(sum, squares, values).1),
            zeros: by_class(&|[_, _, zeros], values| (zeros / values.max(1.0)) as f32),
        });
        let image_spread = range.clone().map(|filter| {
            let (part, lane) = at(filter);
            let sum = (0..self.classes).map(|class| of_class(&part.sums, part, lane, class)).sum();
            moments(sum, part.image_squares[lane], all_images as f64).1 / positions as f32
        });
        let image_spread = Some(image_spread.collect());
        let top = range.clone().map(|filter| at(filter).0.top[at(filter).1].clone()).collect();
        LayerRecord { layer, activity: LayerActivity { filters: filters.collect(), image_spread, classes }, top }
    }
}

/// Mean and standard deviation from sums over `values` values; zeros if there are none.
fn moments(sum: f64, squares: f64, values: f64) -> (f32, f32) {
    if values == 0.0 {
        return (0.0, 0.0);
    }
    let mean = sum / values;
    (mean as f32, (squares / values - mean * mean).max(0.0).sqrt() as f32)
}

fn add(sums: &mut [f64], numbers: &[f32]) {
    sums.iter_mut().zip(numbers).for_each(|(sum, &number)| *sum += f64::from(number));
}

/// The first position at which a channel of an image has this value, its greatest.
fn position_of(output: &LayerOutput<'_>, image: usize, channel: usize, value: f32) -> u32 {
    let mut position = 0;
    for row in output.rows(image) {
        for pixel in row.chunks_exact(output.stride()) {
            if pixel[channel] >= value {
                return position;
            }
            position += 1;
        }
    }
    UNKNOWN
}
