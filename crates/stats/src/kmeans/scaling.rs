//! Rows brought to mean zero and spread one, and back.

use ndarray::{Array1, Array2, ArrayView2, Axis};
use rayon::prelude::*;

use super::fit::Fit;

/// The shift and scale under which rows have mean zero and mean variance one.
pub(super) struct Scaling {
    mean: Array1<f32>,
    spread: f32,
}

impl Scaling {
    pub(super) fn of(rows: ArrayView2<'_, f32>) -> Self {
        let (n, d) = rows.dim();
        let mut mean = Array1::<f64>::zeros(d);
        for row in rows.rows() {
            mean.zip_mut_with(&row, |sum, &x| *sum += f64::from(x));
        }
        mean /= n.max(1) as f64;
        let mut squares = 0.0;
        for row in rows.rows() {
            squares += row.iter().zip(&mean).map(|(&x, m)| (f64::from(x) - m).powi(2)).sum::<f64>();
        }
        let spread = (squares / (n * d).max(1) as f64).sqrt() as f32;
        // All rows equal: nothing to scale.
        let spread = if spread.is_normal() { spread } else { 1.0 };
        Self { mean: mean.mapv(|m| m as f32), spread }
    }

    pub(super) fn apply(&self, rows: &mut Array2<f32>) {
        let factor = self.spread.recip();
        rows.axis_iter_mut(Axis(0)).into_par_iter().with_min_len(256).for_each(|mut row| {
            row.zip_mut_with(&self.mean, |x, m| *x = (*x - m) * factor);
        });
    }

    /// The fit in the coordinates the rows came in.
    pub(super) fn undo(&self, mut fit: Fit) -> Fit {
        for mut row in fit.centres.axis_iter_mut(Axis(0)) {
            row.zip_mut_with(&self.mean, |x, m| *x = *x * self.spread + m);
        }
        let square = self.spread * self.spread;
        fit.squared_distances.iter_mut().for_each(|d| *d *= square);
        fit.inertia *= f64::from(self.spread).powi(2);
        fit
    }
}
