//! Which layers of two networks see the same.

use deepviz_net::random::Stream;
use deepviz_similarity::Estimate;
use deepviz_similarity::align::align;
use deepviz_similarity::cka::{Gram, Prepared};
use deepviz_similarity::procrustes::Shape;
use ndarray::Array2;
use rayon::prelude::*;

/// Random halves of the images by which intervals are found.
pub const HALVES: usize = 20;

/// Features of a layer whose Procrustes similarity is computed: it takes the third power of them.
pub const MOST_PROCRUSTES: usize = 512;

/// Sets these draws apart from all others of the same seed.
const PURPOSE: u64 = 0x51_4D;

/// How alike the layers of two networks are, `[first network's layers, second's]`; none where a layer does the same with
/// every image.
pub struct LayerMap {
    /// Linear CKA without bias.
    pub cka: Array2<Option<Estimate>>,
    /// Orthogonal Procrustes similarity; none too where a layer has more than [`MOST_PROCRUSTES`] features.
    pub procrustes: Array2<Option<f64>>,
    /// For each layer of the first network the one of the second that stands opposite it.
    pub opposite: Vec<Option<usize>>,
}

/// Compares every layer of one network with every layer of another, each described by `[images, features]` over the same
/// images.
pub fn layer_map(first: &[Array2<f32>], second: &[Array2<f32>]) -> LayerMap {
    let size = (first.len(), second.len());
    let grams =
        |layers: &[Array2<f32>]| -> Vec<Gram> { layers.par_iter().map(|layer| Gram::of(layer.view())).collect() };
    let (first_grams, second_grams) = (grams(first), grams(second));
    let images = first_grams.first().map_or(0, Gram::images);
    let halves: Vec<Array2<f64>> =
        (0..HALVES).map(|draw| of_half(&first_grams, &second_grams, &half(images, draw))).collect();
    let prepared = |grams: Vec<Gram>| -> Vec<Prepared> { grams.into_iter().map(Gram::into_prepared).collect() };
    let (first_grams, second_grams) = (prepared(first_grams), prepared(second_grams));
    let whole = alignments(&first_grams, &second_grams);
    let cka = Array2::from_shape_fn(size, |at| {
        let value = whole[at];
        let halves: Vec<f64> = halves.iter().map(|half| half[at]).filter(|value| value.is_finite()).collect();
        (!value.is_nan()).then(|| {
            let Estimate { value, interval: [from, to] } = Estimate::from_halves(value, &halves);
            // No two layers are more alike than one with itself.
            Estimate { value, interval: [from.max(-1.0), to.min(1.0)] }
        })
    });
    drop((first_grams, second_grams));
    let shapes = |layers: &[Array2<f32>]| -> Vec<Option<Shape>> { layers.par_iter().map(narrow_shape).collect() };
    let (first_shapes, second_shapes) = (shapes(first), shapes(second));
    let pairs: Vec<(usize, usize)> = (0..size.0).flat_map(|a| (0..size.1).map(move |b| (a, b))).collect();
    let similarities = pairs.par_iter().map(|&(a, b)| first_shapes[a].as_ref()?.similarity(second_shapes[b].as_ref()?));
    let similarities: Vec<Option<f64>> = similarities.collect();
    let procrustes = Array2::from_shape_fn(size, |(a, b)| similarities[a * size.1 + b]);
    LayerMap { cka, procrustes, opposite: align(whole.view()) }
}

/// The shape of a layer that is not too wide.
fn narrow_shape(layer: &Array2<f32>) -> Option<Shape> {
    (layer.ncols() <= MOST_PROCRUSTES).then(|| Shape::of(layer.view())).flatten()
}

/// Half of the images, drawn without replacement, in rising order.
fn half(images: usize, draw: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..images).collect();
    Stream::new(0, &[PURPOSE, draw as u64]).shuffle(&mut order);
    order.truncate(images / 2);
    order.sort_unstable();
    order
}

/// CKA of all pairs over some of the images.
fn of_half(first: &[Gram], second: &[Gram], images: &[usize]) -> Array2<f64> {
    let prepared = |grams: &[Gram]| -> Vec<Prepared> { grams.iter().map(|gram| gram.prepared(images)).collect() };
    alignments(&prepared(first), &prepared(second))
}

/// CKA of all pairs; NaN where there is none.
fn alignments(first: &[Prepared], second: &[Prepared]) -> Array2<f64> {
    let mut found = Array2::from_elem((first.len(), second.len()), f64::NAN);
    for (layer, mut row) in first.iter().zip(found.rows_mut()) {
        let values: Vec<f64> = second.par_iter().map(|other| layer.alignment(other).unwrap_or(f64::NAN)).collect();
        for (place, value) in row.iter_mut().zip(values) {
            *place = value;
        }
    }
    found
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
        let map = layer_map(&first, &second);
        assert_eq!(map.opposite, [Some(0), Some(1), None]);
        let same = map.cka[[0, 0]].unwrap();
        assert!(same.value > 0.7 && same.interval[0] < same.value && same.value < same.interval[1]);
        assert!(same.interval[1] - same.interval[0] < 0.3);
        assert!(map.cka[[0, 1]].unwrap().value.abs() < 0.2);
        assert!(map.procrustes[[0, 0]].unwrap() > map.procrustes[[0, 1]].unwrap() + 0.2);
        assert!(map.cka[[0, 2]].is_none() && map.procrustes[[2, 0]].is_none());
        // A network with itself.
        let itself = layer_map(&first, &first);
        assert!((itself.cka[[1, 1]].unwrap().value - 1.0).abs() < 1e-9);
        assert!((itself.procrustes[[1, 1]].unwrap() - 1.0).abs() < 1e-6);
        assert!(layer_map(&first, &[]).opposite.iter().all(Option::is_none));
    }
}
