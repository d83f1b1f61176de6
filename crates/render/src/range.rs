//! The range of values and what of it a sheet is scaled by.

use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::Error;

/// Of many values this share lies within the scale: a few extreme ones must not flatten all others.
const WITHIN: f64 = 0.99;

/// Fewer values than this are all within it.
const MANY: usize = 256;

/// Least and greatest finite value of something, and how far a scale has to reach to show them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The least value.
    pub minimum: f32,
    /// The greatest value.
    pub maximum: f32,
    limit: f32,
}

impl Range {
    /// The range of no value at all; the neutral element of [`Range::union`].
    pub const EMPTY: Self = Self { minimum: f32::INFINITY, maximum: f32::NEG_INFINITY, limit: 0.0 };

    /// The range of the finite values among these.
    pub fn of<'a>(values: impl IntoIterator<Item = &'a f32>) -> Self {
        let mut range = Self::EMPTY;
        let mut magnitudes = Vec::new();
        for value in values.into_iter().copied().filter(|v| v.is_finite()) {
            range.minimum = range.minimum.min(value);
            range.maximum = range.maximum.max(value);
            magnitudes.push(value.abs());
        }
        if magnitudes.len() < MANY {
            range.limit = magnitudes.into_iter().fold(0.0, f32::max);
        } else {
            let rank = ((magnitudes.len() - 1) as f64 * WITHIN) as usize;
            range.limit = *magnitudes.select_nth_unstable_by(rank, f32::total_cmp).1;
        }
        range
    }

    /// The smallest range that holds both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self {
            minimum: self.minimum.min(other.minimum),
            maximum: self.maximum.max(other.maximum),
            limit: self.limit.max(other.limit),
        }
    }

    /// The symmetric scale, so that zero stays in the middle: the greatest magnitude, or where there are many values
    /// the one that 99 in a hundred do not exceed. 0 when empty.
    pub fn limit(&self) -> f32 {
        self.limit
    }

    /// The same range with 0 and 0 for an empty one, fit for a reader.
    #[must_use]
    pub fn or_zero(self) -> Self {
        if self.minimum > self.maximum {
            return Self { minimum: 0.0, maximum: 0.0, limit: 0.0 };
        }
        self
    }
}

impl From<RangeInclusive<f32>> for Range {
    /// A range that is known; its scale reaches its ends.
    fn from(ends: RangeInclusive<f32>) -> Self {
        let (minimum, maximum) = ends.into_inner();
        Self { minimum, maximum, limit: minimum.abs().max(maximum.abs()) }
    }
}

/// What a sheet's colours are scaled over.
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
}
