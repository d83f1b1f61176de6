//! Which layers of two networks see the same.

use deepviz_net::random::Stream;
use deepviz_similarity::Estimate;
use deepviz_similarity::align::align;
use deepviz_similarity::cka::{CentredGram, Gram, alignments};
use deepviz_similarity::procrustes::Shape;
use ndarray::{Array2, Axis};
use rayon::prelude::*;

/// Random halves of the images by which intervals are found.
pub const HALVES: usize = 20;

/// Features of a layer whose Procrustes similarity is computed: it takes the third power of them.
pub const MAX_PROCRUSTES_FEATURES: usize = 512;

/// Sets these draws apart from all others of the same seed.
const PURPOSE: u64 = 0x51_4D;

/// How alike the layers of two networks are, `[first network's layers, second's]`; none where a layer does the same with
/// every image.
pub struct LayerMap {
    /// Linear CKA without bias.
    pub cka: Array2<Option<Estimate>>,
    /// Orthogonal Procrustes similarity; none too where a layer has more than [`MAX_PROCRUSTES_FEATURES`] features.
    pub procrustes: Array2<Option<f64>>,
    /// For each layer of the first network the one of the second that is aligned with it ([`align`]).
    pub opposite: Vec<Option<usize>>,
}

/// The comparison of all layers in parts of at most some tenths of a second, so that other work can run between them.
pub struct LayerComparison {
    features: [Vec<Array2<f32>>; 2],
    /// Until CKA is known.
    grams: [Vec<Gram>; 2],
    halves: Vec<Array2<Option<f64>>>,
    cka: Option<Array2<Option<f64>>>,
    /// In place of the features once CKA is known.
    shapes: [Vec<Option<Shape>>; 2],
    /// Rows of the map.
    procrustes: Vec<Vec<Option<f64>>>,
}

impl LayerComparison {
    /// Of the layers of two networks, each described by `[images, features]` over the same images.
    pub fn new(first: Vec<Array2<f32>>, second: Vec<Array2<f32>>) -> Self {
        let features = [first, second];
        let grams = [&features[0], &features[1]]
            .map(|layers| layers.par_iter().map(|layer| Gram::of(layer.view())).collect::<Vec<Gram>>());
        let (halves, shapes, procrustes) = (Vec::new(), [Vec::new(), Vec::new()], Vec::new());
        Self { features, grams, halves, cka: None, shapes, procrustes }
    }

    /// Does the next part; false when there is none left.
    pub fn advance(&mut self) -> bool {
        if self.halves.len() < HALVES {
            let images = half(self.grams[0].first().map_or(0, Gram::images), self.halves.len());
            let [first, second] = [&self.grams[0], &self.grams[1]]
                .map(|grams| grams.par_iter().map(|gram| gram.centred(&images)).collect::<Vec<CentredGram>>());
            self.halves.push(alignments(&first, &second));
            return true;
        }
        if self.cka.is_none() {
            let [first, second] = std::mem::take(&mut self.grams)
                .map(|grams| grams.into_par_iter().map(Gram::into_centred).collect::<Vec<CentredGram>>());
            self.cka = Some(alignments(&first, &second));
            drop((first, second));
            self.shapes = std::mem::take(&mut self.features)
                .map(|layers| layers.into_par_iter().map(|layer| narrow_shape(&layer)).collect());
            return true;
        }
        let [first, second] = &self.shapes;
        let Some(layer) = first.get(self.procrustes.len()) else { return false };
        let row = second.par_iter().map(|other| layer.as_ref()?.similarity(other.as_ref()?)).collect();
        self.procrustes.push(row);
        true
    }

    /// What is left of the work, and the map.
    pub fn finish(mut self) -> LayerMap {
        while self.advance() {}
        let whole = self.cka.unwrap_or_default();
        let cka = Array2::from_shape_fn(whole.dim(), |at| {
            let halves: Vec<f64> = self.halves.iter().filter_map(|half| half[at]).collect();
            whole[at].map(|value| {
                let Estimate { value, interval: [from, to] } = Estimate::from_halves(value, &halves);
                // No two layers are more alike than one with itself.
                Estimate { value, interval: [from.max(-1.0), to.min(1.0)] }
            })
        });
        let procrustes = Array2::from_shape_fn(whole.dim(), |(row, column)| self.procrustes[row][column]);
        let known = whole.mapv(|value| value.unwrap_or(f64::NAN));
        LayerMap { cka, procrustes, opposite: align(known.view()) }
    }
}

/// The shape of a layer that is not too wide.
fn narrow_shape(layer: &Array2<f32>) -> Option<Shape> {
    (layer.ncols() <= MAX_PROCRUSTES_FEATURES).then(|| Shape::of(layer.view())).flatten()
}

/// Half of the images, drawn without replacement, in rising order.
fn half(images: usize, draw: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..images).collect();
    Stream::new(0, &[PURPOSE, draw as u64]).shuffle(&mut order);
    order.truncate(images / 2);
    order.sort_unstable();
    order
}

/// The Procrustes similarity of two layers described by `[images, features]` over the same images, with an interval from
/// random halves of the images; none as in [`LayerMap::procrustes`].
pub fn procrustes_of_pair(first: &Array2<f32>, second: &Array2<f32>) -> Option<Estimate> {
    let value = narrow_shape(first)?.similarity(&narrow_shape(second)?)?;
    let halves = (0..HALVES).into_par_iter().filter_map(|draw| {
        let images = half(first.nrows(), draw);
        let of_half = |layer: &Array2<f32>| Shape::of(layer.select(Axis(0), &images).view());
        of_half(first)?.similarity(&of_half(second)?)
    });
    let halves: Vec<f64> = halves.collect();
    let Estimate { value, interval: [from, to] } = Estimate::from_biased_halves(value, &halves);
    Some(Estimate { value, interval: [from.max(0.0), to.min(1.0)] })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Features of which neighbouring layers share most.
    fn layers(seed: u64) -> Vec<Array2<f32>> {
        let noise = |purpose: u64, count: usize| {
            let stream = Stream::new(seed, &[purpose]);
            let mut index = 0;
            Array2::from_shape_simple_fn((200, count), || {
                index += 1;
                stream.normal(index) as f32
            })
        };
        let shared = |purpose: u64| {
            let stream = Stream::new(7, &[purpose]);
            let mut index = 0;
            Array2::from_shape_simple_fn((200, 6), || {
                index += 1;
                stream.normal(index) as f32
            })
        };
        vec![shared(1) + noise(1, 6) * 0.3, shared(2) + noise(2, 6) * 0.3, Array2::from_elem((200, 4), 1.0)]
    }

    #[test]
    fn layers_with_a_common_part_stand_opposite_each_other() {
        let (first, second) = (layers(1), layers(2));
        let map = LayerComparison::new(first.clone(), second.clone()).finish();
        assert_eq!(map.opposite, [Some(0), Some(1), None]);
        let same = map.cka[[0, 0]].unwrap();
        assert!(same.value > 0.7 && same.interval[0] < same.value && same.value < same.interval[1]);
        assert!(same.interval[1] - same.interval[0] < 0.3);
        assert!(map.cka[[0, 1]].unwrap().value.abs() < 0.2);
        assert!(map.procrustes[[0, 0]].unwrap() > map.procrustes[[0, 1]].unwrap() + 0.2);
        assert!(map.cka[[0, 2]].is_none() && map.procrustes[[2, 0]].is_none());
        let pair = procrustes_of_pair(&first[0], &second[0]).unwrap();
        assert_eq!(Some(pair.value), map.procrustes[[0, 0]]);
        assert!(pair.interval[0] < pair.value && pair.value < pair.interval[1] && pair.interval[1] <= 1.0);
        assert!(procrustes_of_pair(&first[0], &second[2]).is_none());
        // A network with itself.
        let itself = LayerComparison::new(first.clone(), first.clone()).finish();
        assert!((itself.cka[[1, 1]].unwrap().value - 1.0).abs() < 1e-9);
        assert!((itself.procrustes[[1, 1]].unwrap() - 1.0).abs() < 1e-6);
        assert!(LayerComparison::new(first, Vec::new()).finish().opposite.iter().all(Option::is_none));
    }
}
