//! The range of values and what of it a sheet is scaled by.

use std::str::FromStr;

use crate::Error;

/// Least and greatest finite value of something.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The least value.
    pub minimum: f32,
    /// The greatest value.
    pub maximum: f32,
}

impl Range {
    /// The range of no value at all; the neutral element of [`Range::union`].
    pub const EMPTY: Self = Self {
        minimum: f32::INFINITY,
        maximum: f32::NEG_INFINITY,
    };

    /// The range of the finite values among these.
    pub fn of<'a>(values: impl IntoIterator<Item = &'a f32>) -> Self {
        values
            .into_iter()
            .filter(|v| v.is_finite())
            .fold(Self::EMPTY, |r, v| Self {
                minimum: r.minimum.min(*v),
                maximum: r.maximum.max(*v),
            })
    }

    /// The smallest range that holds both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self {
            minimum: self.minimum.min(other.minimum),
            maximum: self.maximum.max(other.maximum),
        }
    }

    /// The symmetric scale: the greatest magnitude, so that zero stays in the middle. 0 when empty.
    pub fn limit(&self) -> f32 {
        if self.minimum > self.maximum {
            return 0.0;
        }
        self.minimum.abs().max(self.maximum.abs())
    }

    /// The same range with 0 and 0 for an empty one, fit for a reader.
    #[must_use]
    pub fn or_zero(self) -> Self {
        if self.minimum > self.maximum {
            return Self {
                minimum: 0.0,
                maximum: 0.0,
            };
        }
        self
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
            _ => Err(Error::Word {
                what: "normalisation",
                found: word.to_owned(),
                expected: "sheet, filter",
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_are_not_numbers_do_not_count() {
        let range = Range::of(&[f32::NAN, -2.0, f32::INFINITY, 1.0]);
        assert_eq!(
            range,
            Range {
                minimum: -2.0,
                maximum: 1.0
            }
        );
        assert!((range.limit() - 2.0).abs() < f32::EPSILON);
        assert!(Range::of(&[f32::NAN]).limit().abs() < f32::EPSILON);
        assert_eq!(range.union(Range::EMPTY), range);
    }
}
