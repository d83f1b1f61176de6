//! Aligns the layers of two networks: which layer of one corresponds to which of the other.

use ndarray::ArrayView2;

/// What is subtracted from a similarity where the two layers are the whole depth of a network apart.
pub const DEPTH_WEIGHT: f64 = 0.5;

/// Stands for a similarity that is not known: below all others.
const UNKNOWN: f64 = -2.0;

/// For each layer of the first network the layer of the second that corresponds to it, by a monotone alignment: a later
/// layer never corresponds to an earlier one than its predecessor does. The sum of similarities, each less
/// [`DEPTH_WEIGHT`] times the distance in relative depth, is greatest among all such choices: one layer that is similar
/// to many does not become the counterpart of all. None for a layer whose similarity to all possible counterparts is
/// unknown (NaN); `similarity` is `[first, second]`.
#[must_use]
pub fn align(similarity: ArrayView2<'_, f64>) -> Vec<Option<usize>> {
    let (rows, columns) = similarity.dim();
    if columns == 0 {
        return vec![None; rows];
    }
    let known = |row: usize, column: usize| {
        let value = similarity[[row, column]];
        let depth = |index: usize, of: usize| (index as f64 + 0.5) / of as f64;
        let away = (depth(row, rows) - depth(column, columns)).abs();
        // What is not known is worse than anything that is.
        let value = if value.is_nan() { UNKNOWN } else { value };
        value - DEPTH_WEIGHT * away
    };
    // best[row][column]: the greatest sum of the rows up to this one where this row corresponds to one up to `column`.
    let mut best = vec![vec![0.0_f64; columns]; rows + 1];
    let mut choice = vec![vec![0_usize; columns]; rows];
    for row in 0..rows {
        for column in 0..columns {
            let here = best[row][column] + known(row, column);
            let is_better = column == 0 || here > best[row + 1][column - 1];
            best[row + 1][column] = if is_better { here } else { best[row + 1][column - 1] };
            choice[row][column] = if is_better { column } else { choice[row][column - 1] };
        }
    }
    let mut aligned = vec![None; rows];
    let mut column = columns - 1;
    for row in (0..rows).rev() {
        column = choice[row][column];
        aligned[row] = (!similarity[[row, column]].is_nan()).then_some(column);
    }
    aligned
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    #[test]
    fn the_order_is_preserved_and_ties_follow_depth() {
        let similarity = array![[0.9, 0.5, 0.1], [0.95, 0.3, 0.5], [0.1, 0.4, 0.9]];
        assert_eq!(align(similarity.view()), [Some(0), Some(0), Some(2)]);
        // A little more is not worth a third of the depth.
        let close = array![[0.9, 0.5, 0.1], [0.95, 0.85, 0.5], [0.1, 0.4, 0.9]];
        assert_eq!(align(close.view()), [Some(0), Some(1), Some(2)]);
        // The first layer is most like the last of the other, which would push all others there.
        let crossed = array![[0.5, 0.4, 0.6], [0.2, 0.8, 0.1], [0.1, 0.2, 0.9]];
        assert_eq!(align(crossed.view()), [Some(0), Some(1), Some(2)]);
        assert_eq!(align(Array2::from_elem((3, 3), 0.7).view()), [Some(0), Some(1), Some(2)]);
        assert_eq!(align(Array2::from_elem((2, 4), 0.7).view()).len(), 2);
    }

    #[test]
    fn unknown_layers_have_no_counterpart() {
        let similarity = array![[0.9, 0.1], [f64::NAN, f64::NAN], [0.1, 0.9]];
        assert_eq!(align(similarity.view()), [Some(0), None, Some(1)]);
        assert_eq!(align(Array2::zeros((2, 0)).view()), [None, None]);
        // A dead layer in the middle of the other network is passed over, however little the others are alike.
        let dead = array![[0.9, f64::NAN, 0.1], [0.1, f64::NAN, 0.1], [0.1, f64::NAN, 0.9]];
        assert_ne!(align(dead.view())[1], Some(1));
        assert!(align(dead.view())[1].is_some());
    }
}
