//! A linear probe: ridge regression of the class on all units, judged on images that it was not fitted to.

use super::area::signed_area;
use ndarray::{Array1, Array2, ArrayView2, Axis, s};

/// The penalty for each training image: that of standardised columns, where a weight of 1 moves an image by one spread.
const PENALTY_PER_IMAGE: f64 = 0.1;
/// Standard errors on either side of an interval that holds the value in 95 of 100 cases.
const TWO_SIDED_95: f64 = 1.959_964;

/// How well all units of a layer separate two classes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Probe {
    /// Area under the curve on held-out images, mean of both halves; below 0.5 only by chance.
    pub area: f64,
    /// The interval of 95 % by Hanley and `McNeil`, "The meaning and use of the area under a receiver operating
    /// characteristic (ROC) curve", 1982.
    pub interval: [f64; 2],
}

/// Fits a probe to the even images and judges it on the odd ones, and the other way round, of each class in the order
/// given. None where a half has no image of a class, or a number is not finite.
pub fn probe(features: ArrayView2<'_, f32>, is_first: &[bool]) -> Option<Probe> {
    let halves = halves(is_first);
    let mut areas = [0.0; 2];
    for (area, (train, test)) in areas.iter_mut().zip([(&halves[0], &halves[1]), (&halves[1], &halves[0])]) {
        let labels = |of: &[usize]| -> Vec<bool> { of.iter().map(|&image| is_first[image]).collect() };
        let scores = scores(features, train, &labels(train), test)?;
        *area = signed_area(scores.iter().map(|score| *score as f32), &labels(test))?;
    }
    let area = f64::midpoint(areas[0], areas[1]);
    let firsts = is_first.iter().filter(|is_first| **is_first).count() as f64;
    let error = standard_error(area, firsts, is_first.len() as f64 - firsts);
    let interval = [(area - TWO_SIDED_95 * error).max(0.0), (area + TWO_SIDED_95 * error).min(1.0)];
    Some(Probe { area, interval })
}

/// Every second image of each class.
fn halves(is_first: &[bool]) -> [Vec<usize>; 2] {
    let mut halves = [Vec::new(), Vec::new()];
    let mut counts = [0_usize; 2];
    for (image, is_first) in is_first.iter().enumerate() {
        let count = &mut counts[usize::from(*is_first)];
        halves[*count % 2].push(image);
        *count += 1;
    }
    halves
}

fn standard_error(area: f64, firsts: f64, seconds: f64) -> f64 {
    let (above, square) = (area / (2.0 - area), area * area);
    let below = 2.0 * square / (1.0 + area);
    let variance = area * (1.0 - area) + (firsts - 1.0) * (above - square) + (seconds - 1.0) * (below - square);
    (variance / (firsts * seconds)).max(0.0).sqrt()
}

/// Scores of the test images by a probe of the training images.
fn scores(features: ArrayView2<'_, f32>, train: &[usize], is_first: &[bool], test: &[usize]) -> Option<Array1<f64>> {
    let pick = |images: &[usize]| features.select(Axis(0), images).mapv(f64::from);
    let (mut known, mut new) = (pick(train), pick(test));
    standardise(&mut known, &mut new)?;
    let target: Array1<f64> = is_first.iter().map(|is_first| if *is_first { 1.0 } else { -1.0 }).collect();
    let target = &target - target.mean()?;
    let penalty = PENALTY_PER_IMAGE * train.len() as f64;
    // The same weights by way of the smaller of two matrices.
    let weights = if known.ncols() <= known.nrows() { by_units } else { by_images };
    Some(new.dot(&weights(&known, &target, penalty)?))
}

/// The weights by the products of units with units.
fn by_units(known: &Array2<f64>, target: &Array1<f64>, penalty: f64) -> Option<Array1<f64>> {
    solve(known.t().dot(known), penalty, known.t().dot(target))
}

/// The weights by the products of images with images.
fn by_images(known: &Array2<f64>, target: &Array1<f64>, penalty: f64) -> Option<Array1<f64>> {
    Some(known.t().dot(&solve(known.dot(&known.t()), penalty, target.clone())?))
}

/// Mean 0 and spread 1 of every column of the first, the same shift and factor for the second; columns without spread
/// become zeros.
fn standardise(known: &mut Array2<f64>, new: &mut Array2<f64>) -> Option<()> {
    let mean = known.mean_axis(Axis(0))?;
    let spread = known.std_axis(Axis(0), 0.0);
    if mean.iter().chain(&spread).any(|value| !value.is_finite()) {
        return None;
    }
    let factor = spread.mapv(|spread| if spread > 0.0 { 1.0 / spread } else { 0.0 });
    for matrix in [known, new] {
        *matrix -= &mean;
        *matrix *= &factor;
    }
    Some(())
}

/// The solution of `(matrix + penalty I) x = right` for a symmetric matrix, by Cholesky's decomposition; none where it is
/// not positive definite.
fn solve(mut matrix: Array2<f64>, penalty: f64, mut right: Array1<f64>) -> Option<Array1<f64>> {
    let n = right.len();
    for row in 0..n {
        matrix[[row, row]] += penalty;
        for column in 0..=row {
            let (own, other) = (matrix.slice(s![row, ..column]), matrix.slice(s![column, ..column]));
            let rest = matrix[[row, column]] - own.dot(&other);
            if column < row {
                matrix[[row, column]] = rest / matrix[[column, column]];
            } else if rest > 0.0 {
                matrix[[row, row]] = rest.sqrt();
            } else {
                return None;
            }
        }
        right[row] = (right[row] - matrix.slice(s![row, ..row]).dot(&right.slice(s![..row]))) / matrix[[row, row]];
    }
    for row in (0..n).rev() {
        right[row] =
            (right[row] - matrix.slice(s![row + 1.., row]).dot(&right.slice(s![row + 1..]))) / matrix[[row, row]];
    }
    Some(right)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_system_is_solved() {
        let found = solve(array![[3.0, 1.0], [1.0, 2.0]], 1.0, array![5.0, 4.0]).unwrap();
        // (4 1; 1 3) x = (5, 4)
        assert!((&found - &array![1.0, 1.0]).iter().all(|difference| difference.abs() < 1e-12), "{found}");
        assert!(solve(array![[-3.0]], 1.0, array![1.0]).is_none());
    }

    #[test]
    fn both_ways_to_the_weights_give_the_same() {
        let known = Array2::from_shape_fn((9, 6), |(row, column)| ((row * 7 + column * 5) % 11) as f64 - 5.0);
        let target: Array1<f64> = (0..9).map(|row| if row % 3 == 0 { 1.0 } else { -1.0 }).collect();
        let (units, images) = (by_units(&known, &target, 0.9).unwrap(), by_images(&known, &target, 0.9).unwrap());
        assert!((&units - &images).iter().all(|difference| difference.abs() < 1e-9), "{units} {images}");
    }

    #[test]
    fn classes_that_a_sum_of_units_separates_are_separated() {
        // Neither column separates them, their difference does.
        let features = Array2::from_shape_fn((40, 2), |(row, column)| {
            (row / 2 % 10) as f32 + if column == row % 2 { 1.0 } else { 0.0 }
        });
        let is_first: Vec<bool> = (0..40).map(|row| row % 2 == 0).collect();
        let found = probe(features.view(), &is_first).unwrap();
        assert!(found.area > 0.99 && found.interval[1] <= 1.0, "{found:?}");
        assert!(probe(features.view(), &[true; 40]).is_none());
    }
}
