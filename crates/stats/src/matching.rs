//! The assignment problem: pair rows and columns one to one at the least total cost.

use ndarray::ArrayView2;

/// For each row of a square cost matrix its column, so that the costs' sum is least.
///
/// The Hungarian method with potentials: rows are added one at a time, each along the shortest
/// augmenting path; cubic in the number of rows.
pub(crate) fn assign(cost: ArrayView2<'_, f64>) -> Vec<usize> {
    let n = cost.nrows();
    debug_assert_eq!(n, cost.ncols());
    // Index 0 is a virtual row and column; `row_of[j]` is the row paired with column j.
    let mut row_potential = vec![0.0; n + 1];
    let mut column_potential = vec![0.0; n + 1];
    let mut row_of = vec![0_usize; n + 1];
    for row in 1..=n {
        row_of[0] = row;
        let mut slack = vec![f64::INFINITY; n + 1];
        let mut before = vec![0_usize; n + 1];
        let mut visited = vec![false; n + 1];
        let mut column = 0;
        while row_of[column] != 0 {
            visited[column] = true;
            let r = row_of[column];
            let (mut min, mut next) = (f64::INFINITY, 0);
            for j in 1..=n {
                if visited[j] {
                    continue;
                }
                let reduced = cost[[r - 1, j - 1]] - row_potential[r] - column_potential[j];
                if reduced < slack[j] {
                    slack[j] = reduced;
                    before[j] = column;
                }
                if next == 0 || slack[j] < min {
                    min = slack[j];
                    next = j;
                }
            }
            for j in 0..=n {
                if visited[j] {
                    row_potential[row_of[j]] += min;
                    column_potential[j] -= min;
                } else {
                    slack[j] -= min;
                }
            }
            column = next;
        }
        while column != 0 {
            row_of[column] = row_of[before[column]];
            column = before[column];
        }
    }
    let mut column_of = vec![0; n];
    for (column, &row) in row_of.iter().enumerate().skip(1) {
        column_of[row - 1] = column - 1;
    }
    column_of
}

#[cfg(test)]
mod tests {
    use super::*;
    use deepviz_net::random::Stream;
    use ndarray::{Array2, array};

    fn total(cost: &Array2<f64>, columns: &[usize]) -> f64 {
        columns.iter().enumerate().map(|(r, &c)| cost[[r, c]]).sum()
    }

    fn min_cost_by_trying_all(cost: &Array2<f64>, row: usize, used: &mut Vec<bool>) -> f64 {
        if row == cost.nrows() {
            return 0.0;
        }
        let mut best = f64::INFINITY;
        for column in 0..cost.ncols() {
            if !used[column] {
                used[column] = true;
                best = best.min(cost[[row, column]] + min_cost_by_trying_all(cost, row + 1, used));
                used[column] = false;
            }
        }
        best
    }

    #[test]
    fn a_known_case() {
        let cost = array![[4.0, 1.0, 3.0], [2.0, 0.0, 5.0], [3.0, 2.0, 2.0]];
        assert_eq!(assign(cost.view()), [1, 0, 2]);
        assert!(assign(Array2::zeros((0, 0)).view()).is_empty());
    }

    #[test]
    fn equals_trying_every_permutation() {
        for n in 1..=6 {
            for round in 0..40 {
                let random = Stream::new(1, &[n as u64, round]);
                let cost = Array2::from_shape_fn((n, n), |(row, column)| {
                    random.below((row * n + column) as u64, 19) as f64 - 9.0
                });
                let columns = assign(cost.view());
                let mut sorted = columns.clone();
                sorted.sort_unstable();
                assert_eq!(sorted, (0..n).collect::<Vec<_>>(), "one to one");
                let min = min_cost_by_trying_all(&cost, 0, &mut vec![false; n]);
                assert!((total(&cost, &columns) - min).abs() < 1e-9, "{cost} gave {columns:?}");
            }
        }
    }
}
