//! Single units of two layers, matched one to one by what they do over the same images.

use ndarray::{Array2, ArrayView2, Axis};
use pathfinding::kuhn_munkres::kuhn_munkres;
use pathfinding::matrix::Matrix;
use rayon::prelude::*;

/// The activations of a layer's units, each with mean 0 and norm 1.
#[derive(Clone, Debug)]
pub struct StandardisedUnits {
    /// `[samples, units]`.
    values: Array2<f32>,
    /// Units that do the same everywhere: they correlate with nothing.
    silent: Vec<bool>,
}

impl StandardisedUnits {
    /// Of activations `[samples, units]`; a sample is an image at a position.
    #[must_use]
    pub fn of(activations: ArrayView2<'_, f32>) -> Self {
        let mut values = activations.to_owned();
        let samples = values.nrows().max(1) as f64;
        let columns: Vec<_> = values.axis_iter_mut(Axis(1)).collect();
        let silent = columns.into_par_iter().map(|mut column| {
            let mean = column.iter().map(|&value| f64::from(value)).sum::<f64>() / samples;
            let square = column.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>();
            let norm = square.sqrt();
            // What centring leaves of equal values is rounding.
            let is_silent = !norm.is_finite() || norm <= mean.abs() * samples.sqrt() * 1e-6 || norm == 0.0;
            column.mapv_inplace(|value| if is_silent { 0.0 } else { ((f64::from(value) - mean) / norm) as f32 });
            is_silent
        });
        let silent = silent.collect();
        Self { values, silent }
    }

    /// The units that do the same everywhere.
    #[must_use]
    pub fn silent(&self) -> Vec<usize> {
        self.silent.iter().enumerate().filter_map(|(unit, &is_silent)| is_silent.then_some(unit)).collect()
    }

    /// Of each unit whether it does the same everywhere.
    #[must_use]
    pub fn is_silent(&self) -> &[bool] {
        &self.silent
    }

    /// Pearson's correlation of each unit with each of another layer over the same samples, `[units, other's units]`; 0
    /// for silent units.
    #[must_use]
    pub fn correlation(&self, other: &Self) -> Array2<f32> {
        self.values.t().dot(&other.values)
    }

    /// The same images in another order: `images` names for each place an image, each of `positions` samples.
    #[must_use]
    pub fn shuffled(&self, images: &[usize], positions: usize) -> Self {
        let rows: Vec<usize> = images.iter().flat_map(|&image| image * positions..(image + 1) * positions).collect();
        Self { values: self.values.select(Axis(0), &rows), silent: self.silent.clone() }
    }
}

/// The greatest correlation of every unit of either layer with any of the other, where chance alone is at work: the images
/// of the second in other orders. In rising order.
#[must_use]
pub fn best_by_chance(
    first: &StandardisedUnits,
    second: &StandardisedUnits,
    orders: &[Vec<usize>],
    positions: usize,
) -> Vec<f64> {
    let mut best: Vec<f64> = Vec::new();
    for order in orders {
        let correlation = first.correlation(&second.shuffled(order, positions));
        let rows = correlation.rows().into_iter().zip(&first.silent).filter(|(_, is_silent)| !**is_silent);
        best.extend(rows.map(|(row, _)| f64::from(row.iter().copied().fold(-1.0, f32::max))));
        let columns = correlation.columns().into_iter().zip(&second.silent).filter(|(_, is_silent)| !**is_silent);
        best.extend(columns.map(|(column, _)| f64::from(column.iter().copied().fold(-1.0, f32::max))));
    }
    best.sort_unstable_by(f64::total_cmp);
    best
}

/// A percentile of sorted values, between neighbours in proportion, as numpy's default; 1 without any.
#[must_use]
pub fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 1.0 };
    let place = percent / 100.0 * last as f64;
    let below = (place.floor() as usize).min(last);
    let above = (below + 1).min(last);
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}

/// Two units that stand for each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// Unit of the first layer.
    pub first: usize,
    /// Unit of the second.
    pub second: usize,
    /// The correlation of their activations.
    pub correlation: f32,
    /// Each is the other's best.
    pub is_mutual: bool,
}

/// The nearest unit of the other layer, if any.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nearest {
    /// The unit itself.
    pub unit: usize,
    /// The other layer's unit that it correlates with most; none where nothing correlates with it positively.
    pub nearest: Option<usize>,
    /// How much.
    pub correlation: f32,
}

/// Units of two layers, one to one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matching {
    /// Those that correlate more than chance does, the strongest first.
    pub pairs: Vec<Pair>,
    /// Units of the first layer without a partner, with the nearest of the second.
    pub first_alone: Vec<Nearest>,
    /// Units of the second layer.
    pub second_alone: Vec<Nearest>,
}

/// Matches units by their correlations so that the sum over all pairs is greatest (the Hungarian method of Kuhn and Munkres),
/// and keeps the pairs above `chance`.
#[must_use]
pub fn matching(correlation: ArrayView2<'_, f32>, chance: f64) -> Matching {
    let is_wide = correlation.nrows() <= correlation.ncols();
    let rows = if is_wide { correlation } else { correlation.reversed_axes() };
    let mut found = Matching::default();
    if rows.nrows() > 0 {
        // Whole numbers, as the method has to find equals equal.
        let scaled = |value: f32| (f64::from(value) * 1e9).round() as i64;
        let weights = Matrix::from_rows(rows.rows().into_iter().map(|row| row.to_vec().into_iter().map(scaled)));
        let Ok(weights) = weights else { return found };
        let (_, partners) = kuhn_munkres(&weights);
        let pairs =
            partners.into_iter().enumerate().map(|(row, column)| if is_wide { (row, column) } else { (column, row) });
        for (first, second) in pairs {
            let value = correlation[[first, second]];
            if f64::from(value) > chance {
                let is_mutual = nearest(first, correlation.row(first).iter()).nearest == Some(second)
                    && nearest(second, correlation.column(second).iter()).nearest == Some(first);
                found.pairs.push(Pair { first, second, correlation: value, is_mutual });
            }
        }
    }
    found.pairs.sort_by(|a, b| b.correlation.total_cmp(&a.correlation).then(a.first.cmp(&b.first)));
    let is_alone = |unit: usize, of: fn(&Pair) -> usize| found.pairs.iter().all(|pair| of(pair) != unit);
    let first_alone = (0..correlation.nrows())
        .filter(|&unit| is_alone(unit, |pair| pair.first))
        .map(|unit| nearest(unit, correlation.row(unit).iter()));
    let second_alone = (0..correlation.ncols())
        .filter(|&unit| is_alone(unit, |pair| pair.second))
        .map(|unit| nearest(unit, correlation.column(unit).iter()));
    let (first_alone, second_alone) = (first_alone.collect(), second_alone.collect());
    Matching { first_alone, second_alone, ..found }
}

/// The first of the greatest.
fn nearest<'a>(unit: usize, correlations: impl Iterator<Item = &'a f32>) -> Nearest {
    let none = Nearest { unit, nearest: None, correlation: 0.0 };
    correlations.enumerate().fold(none, |best, (other, &value)| {
        if value > best.correlation { Nearest { unit, nearest: Some(other), correlation: value } } else { best }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    /// Samples of units that look random.
    fn activations(samples: usize, units: usize, seed: u64) -> Array2<f32> {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        Array2::from_shape_simple_fn((samples, units), || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 40) as f32) / 16_777_216.0
        })
    }

    #[test]
    fn permuted_units_are_recovered() {
        let x = activations(400, 12, 1);
        let order = [5, 2, 11, 0, 7, 1, 9, 3, 10, 4, 8, 6];
        let y = x.select(Axis(1), &order) * 2.0 - 1.0;
        let [x, y] = [&x, &y].map(|x| StandardisedUnits::of(x.view()));
        let images: Vec<usize> = (0..100).map(|image| (image + 37) % 100).collect();
        let chance = percentile(&best_by_chance(&x, &y, &[images], 4), 99.0);
        assert!(chance > 0.0 && chance < 0.5, "{chance}");
        let found = matching(x.correlation(&y).view(), chance);
        assert_eq!(found.pairs.len(), 12);
        assert!(found.pairs.iter().all(|pair| order[pair.second] == pair.first && pair.is_mutual));
        assert!(found.first_alone.is_empty() && found.second_alone.is_empty());
        // Noise has nothing to do with them.
        let noise = StandardisedUnits::of(activations(400, 12, 2).view());
        assert!(matching(x.correlation(&noise).view(), chance).pairs.len() < 3);
    }

    #[test]
    fn the_sum_decides_and_the_rest_is_alone() {
        // Greedy would give the first unit to 0 (0.9) and leave 0.1 for the second: 1.0. The best sum is 0.8 + 0.7.
        let correlation = array![[0.9_f32, 0.8], [0.7, 0.1], [0.2, 0.3]];
        let found = matching(correlation.view(), 0.5);
        let pairs: Vec<_> = found.pairs.iter().map(|pair| (pair.first, pair.second, pair.is_mutual)).collect();
        assert_eq!(pairs, [(0, 1, false), (1, 0, false)]);
        assert_eq!(found.first_alone, [Nearest { unit: 2, nearest: Some(1), correlation: 0.3 }]);
        assert!(found.second_alone.is_empty());
        let found = matching(correlation.t(), 0.75);
        assert_eq!(found.pairs.len(), 1);
        assert_eq!(found.second_alone.len(), 2);
    }

    #[test]
    fn silent_units_match_nothing() {
        let x = array![[1.0_f32, 0.1, 2.0], [2.0, 0.1, f32::NAN], [4.0, 0.1, 1.0]];
        let standardised = StandardisedUnits::of(x.view());
        assert_eq!(standardised.silent(), [1, 2]);
        let found = matching(standardised.correlation(&standardised).view(), 0.5);
        assert_eq!(found.pairs.len(), 1);
        assert_eq!(found.first_alone[0], Nearest { unit: 1, nearest: None, correlation: 0.0 });
        assert_eq!(matching(Array2::zeros((0, 3)).view(), 0.5).second_alone.len(), 3);
    }

    #[test]
    fn percentiles_are_numpys() {
        assert!((percentile(&[1.0, 2.0, 3.0, 4.0], 99.0) - 3.97).abs() < 1e-12);
        assert!((percentile(&[1.0, 2.0, 3.0, 4.0], 50.0) - 2.5).abs() < 1e-12);
    }
}
