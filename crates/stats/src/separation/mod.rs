//! How well a layer distinguishes two classes: by one unit, and by all of them together.
//!
//! An image is described by the mean of each of the layer's maps. One unit separates the classes as well as the area
//! under its receiver operating characteristic says (0.5: not at all, 1: wholly), whichever class it is greater for. All
//! units together do as a linear probe says (Alain and Bengio, "Understanding intermediate layers using linear classifier
//! probes", 2016): ridge regression on one half of the images, the area on the other half, and the other way round.

mod area;
mod ridge;

pub use area::{Area, area_under_curve};
pub use ridge::{Probe, probe};

use ndarray::{ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;

/// How well each unit of a layer separates two classes.
#[derive(Clone, Debug, PartialEq)]
pub struct UnitSeparation {
    /// By unit; none where a value is not a number.
    pub areas: Vec<Option<Area>>,
    /// The unit with the greatest area, the first of equals.
    pub best: usize,
    /// Its area.
    pub best_area: Area,
    /// The median of those areas.
    pub median: f64,
}

/// The separation of two classes by each column of `features`, images by units; `is_first` says of each image whether it
/// belongs to the first class. None without such units, or without images of either class.
pub fn units(features: ArrayView2<'_, f32>, is_first: &[bool]) -> Option<UnitSeparation> {
    let columns: Vec<ArrayView1<'_, f32>> = features.axis_iter(Axis(1)).collect();
    let areas = columns.par_iter().map(|column| area_under_curve(column.iter().copied(), is_first));
    let areas: Vec<Option<Area>> = areas.collect();
    let mut sorted: Vec<f64> = areas.iter().flatten().map(|area| area.value).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let greatest = *sorted.last()?;
    let mut known = areas.iter().enumerate().filter_map(|(unit, area)| Some((unit, (*area)?)));
    let (best, best_area) = known.find(|(_, area)| area.value >= greatest)?;
    let middle = sorted.len() / 2;
    let median =
        if sorted.len().is_multiple_of(2) { f64::midpoint(sorted[middle - 1], sorted[middle]) } else { sorted[middle] };
    Some(UnitSeparation { areas, best, best_area, median })
}

/// Shares of images in equal bins from the least to the greatest value.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// The least value of either class.
    pub from: f32,
    /// The greatest.
    pub to: f32,
    /// Of the first class's images.
    pub first: Vec<f32>,
    /// Of the second's.
    pub second: Vec<f32>,
}

/// The values of a unit for the images of both classes; none where a value is not finite.
pub fn histogram(values: ArrayView1<'_, f32>, is_first: &[bool], bins: usize) -> Option<Histogram> {
    let from = values.iter().copied().reduce(f32::min)?;
    let to = values.iter().copied().reduce(f32::max)?;
    if !from.is_finite() || !to.is_finite() || values.iter().any(|value| value.is_nan()) {
        return None;
    }
    let mut counts = [vec![0_u32; bins], vec![0_u32; bins]];
    for (value, is_first) in values.iter().zip(is_first) {
        let place = if to > from { (value - from) / (to - from) * bins as f32 } else { 0.0 };
        counts[usize::from(!is_first)][(place as usize).min(bins - 1)] += 1;
    }
    let [first, second] = counts.map(|counts| {
        let all = counts.iter().sum::<u32>().max(1) as f32;
        counts.into_iter().map(|count| count as f32 / all).collect()
    });
    Some(Histogram { from, to, first, second })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_best_unit_may_be_greater_for_either_class() {
        let features = array![[0.0, 5.0, 1.0], [1.0, 4.0, 1.0], [2.0, 1.0, 1.0], [3.0, 2.0, 1.0]];
        let found = units(features.view(), &[true, true, false, false]).unwrap();
        let areas: Vec<_> = found.areas.iter().flatten().map(|area| (area.value, area.is_greater_for_first)).collect();
        assert_eq!(areas, [(1.0, false), (1.0, true), (0.5, true)]);
        // A unit that is not a number does not take the others along.
        let broken = units(array![[f32::NAN, 1.0], [1.0, 2.0]].view(), &[true, false]).unwrap();
        assert_eq!((broken.areas[0], broken.best, broken.median), (None, 1, 1.0));
        assert_eq!((found.best, found.median), (0, 1.0));
        assert!(units(features.view(), &[true; 4]).is_none());
    }

    #[test]
    fn bins_hold_shares_of_each_class() {
        let values = array![0.0, 0.0, 1.0, 4.0];
        let found = histogram(values.view(), &[true, true, true, false], 4).unwrap();
        assert_eq!((found.from, found.to), (0.0, 4.0));
        assert_eq!(found.first, [2.0 / 3.0, 1.0 / 3.0, 0.0, 0.0]);
        assert_eq!(found.second, [0.0, 0.0, 0.0, 1.0]);
        let same = array![2.0, 2.0];
        assert_eq!(histogram(same.view(), &[true, false], 3).unwrap().first, [1.0, 0.0, 0.0]);
        let broken = array![1.0, f32::NAN];
        assert!(histogram(broken.view(), &[true, false], 3).is_none());
    }
}
