//! The range of values, and the part of it over which a sheet's colours are scaled.

use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::Error;

/// Of many values this share lies within the symmetric scale: a few extreme ones must not flatten all others.
const WITHIN: f64 = 0.99;

/// With fewer values than this the symmetric scale holds all.
const MANY: usize = 256;

/// Least and greatest finite value of something, and how far a scale has to reach to show them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The least value.
    pub minimum: f32,
    /// The greatest value.
    pub maximum: f32,
    /// The end of the symmetric scale.
    limit: f32,
    /// The ends of the other scale.
    low: f32,
    high: f32,
}

impl Range {
    /// The range of no value at all; the neutral element of [`Range::union`].
    pub const EMPTY: Self = Self {
        minimum: f32::INFINITY,
        maximum: f32::NEG_INFINITY,
        limit: 0.0,
        low: f32::INFINITY,
        high: f32::NEG_INFINITY,
    };

    /// The range of the finite values among these. The symmetric scale leaves out the few largest magnitudes of
    /// many values; the other one reaches from the least to the greatest.
    pub fn of<'a>(values: impl IntoIterator<Item = &'a f32>) -> Self {
        let mut range = Self::EMPTY;
        let values = values.into_iter();
        let mut magnitudes = Vec::with_capacity(values.size_hint().0);
        for value in values.copied().filter(|v| v.is_finite()) {
            range.minimum = range.minimum.min(value);
            range.maximum = range.maximum.max(value);
            // Bits of positive floats are in the order of the floats, and sooner compared.
            magnitudes.push(value.abs().to_bits());
        }
        (range.low, range.high) = (range.minimum, range.maximum);
        let share = if magnitudes.len() < MANY { 1.0 } else { WITHIN };
        range.limit =
            rank(magnitudes.len(), share).map_or(0.0, |rank| f32::from_bits(*magnitudes.select_nth_unstable(rank).1));
        range
    }

    /// The range of the finite values among these, with scales that reach as far as `percentile` says, 50 to 100:
    /// the symmetric one to that percentile of the magnitudes, the other one from its counterpart to that
    /// percentile of the values. 100 leaves nothing out.
    pub fn within<'a>(values: impl IntoIterator<Item = &'a f32>, percentile: f32) -> Self {
        let share = f64::from(percentile.clamp(50.0, 100.0)) / 100.0;
        let mut finite: Vec<f32> = values.into_iter().copied().filter(|v| v.is_finite()).collect();
        let mut range = Self::EMPTY;
        for value in &finite {
            range.minimum = range.minimum.min(*value);
            range.maximum = range.maximum.max(*value);
        }
        if let (Some(low), Some(high)) = (nth(&mut finite, 1.0 - share), nth(&mut finite, share)) {
            (range.low, range.high) = (low, high);
        }
        for value in &mut finite {
            *value = value.abs();
        }
        range.limit = nth(&mut finite, share).unwrap_or_default();
        range
    }

    /// The smallest range that holds both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self {
            minimum: self.minimum.min(other.minimum),
            maximum: self.maximum.max(other.maximum),
            limit: self.limit.max(other.limit),
            low: self.low.min(other.low),
            high: self.high.max(other.high),
        }
    }

    /// The values at the two ends of a palette: around zero for a signed one, else from the least to the greatest
    /// value that the scale reaches. Values of which none is below zero, such as those of a rectifier, begin at zero:
    /// black is then none, in every picture.
    pub fn ends(&self, is_signed: bool) -> [f32; 2] {
        let range = self.or_zero();
        if is_signed {
            [-range.limit, range.limit]
        } else if range.minimum >= 0.0 {
            [0.0, range.high]
        } else {
            [range.low, range.high]
        }
    }

    /// The symmetric scale, so that zero stays in the middle: the greatest magnitude, or where there are many values
    /// the one that 99 in a hundred do not exceed. 0 when empty.
    pub fn limit(&self) -> f32 {
        self.limit
    }

    /// The same range; 0 to 0 for an empty one, whose ends are infinite.
    #[must_use]
    pub fn or_zero(self) -> Self {
        if self.minimum > self.maximum {
            return Self::from(0.0..=0.0);
        }
        self
    }
}

impl From<RangeInclusive<f32>> for Range {
    /// A range that is known; its scale reaches its ends.
    fn from(ends: RangeInclusive<f32>) -> Self {
        let (minimum, maximum) = ends.into_inner();
        Self { minimum, maximum, limit: minimum.abs().max(maximum.abs()), low: minimum, high: maximum }
    }
}

/// The value that a share of all does not exceed.
fn nth(values: &mut [f32], share: f64) -> Option<f32> {
    let rank = rank(values.len(), share)?;
    Some(*values.select_nth_unstable_by(rank, f32::total_cmp).1)
}

/// The index of that value among `count` sorted ones.
fn rank(count: usize, share: f64) -> Option<usize> {
    let last = count.checked_sub(1)?;
    // A percentile is a few digits of a decimal number, which the product misses by less than this.
    Some(((last as f64 * share + 1e-6) as usize).min(last))
}

/// The values that a sheet's colours are scaled over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Normalise {
    /// One range for the whole sheet.
    Sheet,
    /// Each filter by its own range.
    Filter,
    /// A given range, such as that of a layer over the whole run.
    Range(Range),
}

impl FromStr for Normalise {
    type Err = Error;

    /// Reads `sheet` or `filter`; a given range has no word.
    fn from_str(word: &str) -> Result<Self, Error> {
        match word {
            "sheet" => Ok(Self::Sheet),
            "filter" => Ok(Self::Filter),
            _ => Err(Error::Word { what: "normalisation", found: word.to_owned(), expected: "sheet, filter" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_are_not_numbers_do_not_count() {
        let range = Range::of(&[f32::NAN, -2.0, f32::INFINITY, 1.0]);
        assert_eq!(range, Range::from(-2.0..=1.0));
        assert!((range.limit() - 2.0).abs() < f32::EPSILON);
        assert!(Range::of(&[f32::NAN]).limit().abs() < f32::EPSILON);
        assert_eq!(range.union(Range::EMPTY), range);
    }

    #[test]
    fn a_few_extreme_values_do_not_flatten_the_scale() {
        let mut values: Vec<f32> = (0..1000).map(|i| (i % 100) as f32 / 100.0).collect();
        values[17] = -50.0;
        let range = Range::of(&values);
        assert!((range.minimum + 50.0).abs() < f32::EPSILON);
        assert!((0.9..=1.0).contains(&range.limit()), "{}", range.limit());
        assert!((range.union(Range::from(0.0..=3.0)).limit() - 3.0).abs() < f32::EPSILON);
    }

    #[test]
    fn the_scale_follows_the_percentile() {
        // -100 to 100: 201 values, of which 90 % are no greater than 80, and no magnitude's than 90.
        let values: Vec<f32> = (-100..=100).rev().map(|v| v as f32).collect();
        let range = Range::within(&values, 90.0);
        let assert_ends = |found: [f32; 2], ends: [f32; 2]| assert_eq!(found.map(f32::to_bits), ends.map(f32::to_bits));
        assert_ends(range.ends(true), [-90.0, 90.0]);
        assert_ends(range.ends(false), [-80.0, 80.0]);
        assert_ends([range.minimum, range.maximum], [-100.0, 100.0]);
        let whole = Range::within(&values, 100.0);
        assert_ends(whole.ends(true), [-100.0, 100.0]);
        assert_ends(whole.ends(false), [-100.0, 100.0]);
        assert_ends(Range::within(&[f32::NAN], 99.0).ends(false), [0.0, 0.0]);
        // A pool behind a rectifier never reaches zero, and is drawn from it all the same.
        assert_ends(Range::of(&[3.0, 8.0]).ends(false), [0.0, 8.0]);
        assert_ends(Range::of(&[3.0, 8.0]).ends(true), [-8.0, 8.0]);
    }
}
