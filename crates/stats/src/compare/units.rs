//! Which units of two layers see the same.

use deepviz_net::random::Stream;
use deepviz_similarity::units::{Matching, StandardisedUnits, best_by_chance, matching, percentile};
use ndarray::ArrayView2;

/// Best correlations that the threshold of chance is taken from, at least.
const CHANCES: usize = 1_000;
/// Orders of the images at most: a threshold of few units is coarser.
const MAX_ORDERS: usize = 16;
/// The percentile of chance that a pair has to exceed.
const PERCENT: f64 = 99.0;

/// Sets these draws apart from all others of the same seed.
const PURPOSE: u64 = 0x0D_E2;

/// The units of two layers, matched one to one.
#[derive(Clone, Debug, PartialEq)]
pub struct UnitMatch {
    /// The pairs, and who has no partner.
    pub matching: Matching,
    /// The 99th percentile of the best correlation of a unit where the images of the second layer are shuffled.
    pub chance: f64,
    /// Units of each layer that do the same everywhere.
    pub silent: [Vec<usize>; 2],
}

/// Matches the units of two layers by their activations over the same images, `[images * positions, units]`.
pub fn match_units(first: ArrayView2<'_, f32>, second: ArrayView2<'_, f32>, positions: usize) -> UnitMatch {
    let images = first.nrows() / positions.max(1);
    let (first, second) = (StandardisedUnits::of(first), StandardisedUnits::of(second));
    let silent = [first.silent(), second.silent()];
    let correlation = first.correlation(&second);
    let orders = CHANCES.div_ceil(correlation.nrows().max(1)).min(MAX_ORDERS);
    let orders: Vec<Vec<usize>> = (0..orders).map(|draw| order(images, draw)).collect();
    let chance = percentile(&best_by_chance(&first, &second, &orders, positions), PERCENT);
    UnitMatch { matching: matching(correlation.view(), chance), chance, silent }
}

/// The images in random order.
fn order(images: usize, draw: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..images).collect();
    Stream::new(0, &[PURPOSE, draw as u64]).shuffle(&mut order);
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, Axis};

    #[test]
    fn a_permuted_layer_is_matched_and_unrelated_units_are_not() {
        let stream = Stream::new(3, &[1]);
        let mut index = 0;
        let mut draw = || {
            index += 1;
            stream.normal(index) as f32
        };
        let first = Array2::from_shape_simple_fn((400, 20), &mut draw);
        let unrelated = Array2::from_shape_simple_fn((400, 20), &mut draw);
        let order: Vec<usize> = (0..20).map(|unit| (unit * 7 + 3) % 20).collect();
        let found = match_units(first.view(), first.select(Axis(1), &order).view(), 4);
        assert_eq!(found.matching.pairs.len(), 20);
        assert!(found.matching.pairs.iter().all(|pair| order[pair.second] == pair.first));
        assert!(found.chance > 0.05 && found.chance < 0.4, "{}", found.chance);
        let apart = match_units(first.view(), unrelated.view(), 4);
        assert!(apart.matching.pairs.len() < 3);
        assert_eq!(apart.matching.first_alone.len() + apart.matching.pairs.len(), 20);
    }
}
