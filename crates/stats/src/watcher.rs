//! Looks at every layer's output while it is in the cache.
//!
//! Of each image and filter only a few numbers stay; these are added up image by image and in order,
//! so that the result does not depend on the number of threads.

use deepviz_corpus::{ClassId, ImageId};
use deepviz_net::{LayerOutput, Network};
use ndarray::Array2;

use crate::activity::{ClassActivity, FilterActivity, LayerActivity, LayerRecord, Top};
use crate::codec::MOST_CLASSES;

/// Values side by side: what the compiler makes vectors of.
const LANES: usize = 8;
/// A place that nobody looked for.
const UNKNOWN: u32 = u32::MAX;

/// The filters of all layers, numbered through; the input has none.
struct Filters {
    /// The first filter of each layer, and the end.
    starts: Vec<usize>,
    /// Positions of each layer.
    positions: Vec<usize>,
}

impl Filters {
    fn of(network: &Network) -> Self {
        let mut starts = vec![0];
        let mut positions = Vec::new();
        for (index, layer) in network.layers().iter().enumerate() {
            let filters = if index == 0 { 0 } else { layer.shape.channels };
            starts.push(starts[index] + filters);
            positions.push(layer.shape.height * layer.shape.width);
        }
        Self { starts, positions }
    }

    fn len(&self) -> usize {
        self.starts.last().copied().unwrap_or(0)
    }

    fn range(&self, layer: usize) -> std::ops::Range<usize> {
        self.starts[layer]..self.starts[layer + 1]
    }
}

/// Running numbers of eight filters.
#[derive(Clone, Copy)]
struct Block {
    sums: [f32; LANES],
    squares: [f32; LANES],
    zeros: [f32; LANES],
    maxima: [f32; LANES],
}

impl Block {
    const EMPTY: Self =
        Self { sums: [0.0; LANES], squares: [0.0; LANES], zeros: [0.0; LANES], maxima: [f32::NEG_INFINITY; LANES] };
}

/// What was seen of a few images: by image and filter.
#[derive(Default)]
pub(crate) struct Sight {
    images: usize,
    sums: Vec<f32>,
    squares: Vec<f32>,
    zeros: Vec<f32>,
    maxima: Vec<f32>,
    places: Vec<u32>,
    blocks: Vec<Block>,
}

/// Adds up what is seen of a split.
pub(crate) struct Watcher {
    filters: Filters,
    classes: usize,
    places: usize,
    /// By class (or all together) and filter: sum, sum of squares, zeros.
    sums: Vec<f64>,
    squares: Vec<f64>,
    zeros: Vec<f64>,
    /// By filter.
    active: Vec<u32>,
    maxima: Vec<f32>,
    /// The value that is to be beaten to get on a filter's list.
    bars: Vec<f32>,
    top: Vec<Vec<Top>>,
    images: Vec<u64>,
}

impl Watcher {
    /// For so many images on each filter's list.
    pub(crate) fn new(network: &Network, places: usize) -> Self {
        let filters = Filters::of(network);
        let classes = if network.classes() <= MOST_CLASSES { network.classes() } else { 1 };
        let (n, all) = (filters.len(), filters.len() * classes);
        let bar = if places == 0 { f32::INFINITY } else { f32::NEG_INFINITY };
        Self {
            filters,
            classes,
            places,
            sums: vec![0.0; all],
            squares: vec![0.0; all],
            zeros: vec![0.0; all],
            active: vec![0; n],
            maxima: vec![f32::NEG_INFINITY; n],
            bars: vec![bar; n],
            top: vec![Vec::new(); n],
            images: vec![0; classes],
        }
    }

    /// Looks at one layer's output of a few images.
    pub(crate) fn look(&self, sight: &mut Sight, layer: usize, output: LayerOutput<'_>) {
        let range = self.filters.range(layer);
        if range.is_empty() {
            return;
        }
        let all = self.filters.len();
        if sight.images == 0 {
            let size = output.images() * all;
            *sight = Sight {
                images: output.images(),
                sums: vec![0.0; size],
                squares: vec![0.0; size],
                zeros: vec![0.0; size],
                maxima: vec![0.0; size],
                places: vec![UNKNOWN; size],
                blocks: Vec::new(),
            };
        }
        for image in 0..output.images() {
            sight.blocks.clear();
            sight.blocks.resize(range.len().div_ceil(LANES), Block::EMPTY);
            for row in output.rows(image) {
                add_row(row, output.stride(), &mut sight.blocks);
            }
            let at = image * all;
            for (lane, filter) in range.clone().enumerate() {
                let (block, lane) = (&sight.blocks[lane / LANES], lane % LANES);
                sight.sums[at + filter] = block.sums[lane];
                sight.squares[at + filter] = block.squares[lane];
                sight.zeros[at + filter] = block.zeros[lane];
                sight.maxima[at + filter] = block.maxima[lane];
                if block.maxima[lane] > self.bars[filter] {
                    sight.places[at + filter] = place_of(&output, image, filter - range.start, block.maxima[lane]);
                }
            }
        }
    }

    /// Adds what was seen of the images from `first` on.
    pub(crate) fn add(&mut self, sights: &[Sight], labels: &[ClassId], first: ImageId) {
        let n = self.filters.len();
        let images = sights.iter().flat_map(|sight| (0..sight.images).map(move |image| (sight, image * n)));
        for (((sight, at), label), id) in images.zip(labels).zip(first.0..) {
            let class = if self.classes > 1 { usize::from(label.0) } else { 0 };
            self.images[class] += 1;
            let part = class * n..(class + 1) * n;
            add(&mut self.sums[part.clone()], &sight.sums[at..at + n]);
            add(&mut self.squares[part.clone()], &sight.squares[at..at + n]);
            add(&mut self.zeros[part], &sight.zeros[at..at + n]);
            let maxima = &sight.maxima[at..at + n];
            for ((active, max), &seen) in self.active.iter_mut().zip(&mut self.maxima).zip(maxima) {
                *active += u32::from(seen > 0.0);
                *max = if seen > *max { seen } else { *max };
            }
            for (filter, (&value, bar)) in maxima.iter().zip(&mut self.bars).enumerate() {
                if value > *bar {
                    let list = &mut self.top[filter];
                    let rank = list.partition_point(|other| other.value >= value);
                    list.insert(rank, Top { image: id, place: sight.places[at + filter], value });
                    list.truncate(self.places);
                    if list.len() == self.places {
                        *bar = list.last().map_or(*bar, |last| last.value);
                    }
                }
            }
        }
    }

    /// What it amounts to, layer by layer.
    pub(crate) fn finish(self) -> Vec<LayerRecord> {
        (1..self.filters.positions.len()).map(|layer| self.layer(layer)).collect()
    }

    fn layer(&self, layer: usize) -> LayerRecord {
        let (range, n) = (self.filters.range(layer), self.filters.len());
        let positions = self.filters.positions[layer] as f64;
        let all_images: u64 = self.images.iter().sum();
        let total = |sums: &[f64], filter: usize| -> f64 { (0..self.classes).map(|c| sums[c * n + filter]).sum() };
        let filters = range.clone().map(|filter| {
            let values = all_images as f64 * positions;
            let (mean, spread) = moments(total(&self.sums, filter), total(&self.squares, filter), values);
            FilterActivity {
                mean,
                spread,
                zeros: (total(&self.zeros, filter) / values.max(1.0)) as f32,
                active: (f64::from(self.active[filter]) / (all_images as f64).max(1.0)) as f32,
                max: self.maxima[filter],
            }
        });
        let by_class = |number: &dyn Fn(usize, f64) -> f32| {
            Array2::from_shape_fn((range.len(), self.classes), |(filter, class)| {
                number(class * n + range.start + filter, self.images[class] as f64 * positions)
            })
        };
        let classes = (self.classes > 1).then(|| ClassActivity {
            mean: by_class(&|at, values| moments(self.sums[at], self.squares[at], values).0),
            spread: by_class(&|at, values| moments(self.sums[at], self.squares[at], values).1),
            zeros: by_class(&|at, values| (self.zeros[at] / values.max(1.0)) as f32),
        });
        let top = self.top[range.clone()].to_vec();
        LayerRecord { layer, activity: LayerActivity { filters: filters.collect(), classes }, top }
    }
}

/// Mean and standard deviation from sums over so many values; zeros where there are none.
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

/// Adds a row of pixels to the running numbers of their channels.
fn add_row(row: &[f32], stride: usize, blocks: &mut [Block]) {
    for (first, block) in (0..).step_by(LANES).zip(blocks) {
        let mut sums = *block;
        for pixel in row.chunks_exact(stride) {
            let values = match pixel.get(first..).and_then(<[f32]>::first_chunk::<LANES>) {
                Some(values) => *values,
                // Channels without spare room after them.
                None => std::array::from_fn(|lane| pixel.get(first + lane).copied().unwrap_or_default()),
            };
            for (lane, value) in values.into_iter().enumerate() {
                sums.sums[lane] += value;
                sums.squares[lane] += value * value;
                sums.zeros[lane] += if value == 0.0 { 1.0 } else { 0.0 };
                sums.maxima[lane] = if value > sums.maxima[lane] { value } else { sums.maxima[lane] };
            }
        }
        *block = sums;
    }
}

/// Where a channel of an image first has this value, which is its greatest.
fn place_of(output: &LayerOutput<'_>, image: usize, channel: usize, value: f32) -> u32 {
    let mut place = 0;
    for row in output.rows(image) {
        for pixel in row.chunks_exact(output.stride()) {
            if pixel[channel] >= value {
                return place;
            }
            place += 1;
        }
    }
    UNKNOWN
}
