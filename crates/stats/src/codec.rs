//! Outputs of images in few bytes, from which probabilities come back within 1e-4.
//!
//! A row begins with its greatest output as f32. The others follow as codes of two bytes for how far
//! they lie below it: in steps of 1/4096 up to 8, and beyond that in steps that grow with the
//! distance, too small to change a probability. The first with code 0 is the prediction, exactly.
//! Rows whose greatest output is beyond [`LARGEST`] come back shifted, so that f32 can hold the
//! differences.
//!
//! With more than [`MAX_CLASSES`] classes a row keeps the true class's output, the [`KEPT`] greatest outputs,
//! and the sum of the rest, which is handed out again in equal parts.

use std::sync::LazyLock;

use ndarray::{ArrayView2, ArrayViewMut1};

use deepviz_corpus::ClassId;

use crate::confusion::predicted;

/// Most classes of which every output is kept.
pub(crate) const MAX_CLASSES: usize = 100;
/// Outputs kept of a row of more classes.
pub(crate) const KEPT: usize = 20;

/// Greatest output that comes back as it was.
const LARGEST: f64 = 1024.0;
/// Distances below this are coded in equal steps.
const LINEAR: f64 = 8.0;
/// Steps a unit there.
const STEPS: f64 = 4096.0;
/// The first code beyond.
const BEND: f64 = LINEAR * STEPS;
/// Codes for a factor of e beyond; the last one stands for 8 e^20 and everything above.
const PER_E: f64 = (u16::MAX as f64 - BEND) / 20.0;

fn code(distance: f64) -> u16 {
    // `as` takes NaN to 0 and what is too large to the greatest.
    if distance < LINEAR {
        (distance * STEPS).round() as u16
    } else {
        (BEND + (distance / LINEAR).ln() * PER_E).round() as u16
    }
}

/// Of every code from [`BEND`] on: a whole split has hundreds of thousands of them, each an exponential.
static BEYOND: LazyLock<Vec<f64>> =
    LazyLock::new(|| (BEND as u16..=u16::MAX).map(|code| LINEAR * ((f64::from(code) - BEND) / PER_E).exp()).collect());

fn distance(code: u16, beyond: &[f64]) -> f64 {
    code.checked_sub(BEND as u16).map_or(f64::from(code) / STEPS, |place| beyond[usize::from(place)])
}

/// Bytes of a row.
pub(crate) fn row_bytes(classes: usize) -> usize {
    if classes <= MAX_CLASSES { 4 + 2 * classes } else { 12 + 4 * KEPT }
}

/// Rows of outputs, one after the other.
pub(crate) fn bytes_from_rows(logits: ArrayView2<'_, f32>, labels: &[ClassId]) -> Vec<u8> {
    let classes = logits.ncols();
    let mut bytes = Vec::with_capacity(logits.nrows() * row_bytes(classes));
    let mut order = Vec::new();
    for (row, label) in logits.rows().into_iter().zip(labels) {
        let best = predicted(row);
        let greatest = f64::from(row[best]);
        let below = |class: usize| code(greatest - f64::from(row[class])).max(u16::from(class < best));
        bytes.extend((greatest as f32).to_le_bytes());
        if classes <= MAX_CLASSES {
            (0..classes).for_each(|class| bytes.extend(below(class).to_le_bytes()));
            continue;
        }
        let truth = usize::from(label.0);
        order.clear();
        order.extend(0..classes);
        order.sort_by(|&a, &b| row[b].total_cmp(&row[a]).then(a.cmp(&b)));
        let rest: f64 =
            order[KEPT..].iter().filter(|&&c| c != truth).map(|&c| (f64::from(row[c]) - greatest).exp()).sum();
        bytes.extend((rest.max(f64::MIN_POSITIVE).ln() as f32).to_le_bytes());
        bytes.extend((truth as u16).to_le_bytes());
        bytes.extend(below(truth).to_le_bytes());
        for &class in &order[..KEPT] {
            bytes.extend((class as u16).to_le_bytes());
            bytes.extend(below(class).to_le_bytes());
        }
    }
    bytes
}

/// Reads the outputs of one image from its row; `false` if the row has another number of classes.
pub(crate) fn read_row(bytes: &[u8], mut logits: ArrayViewMut1<'_, f32>) -> bool {
    let classes = logits.len();
    if bytes.len() != row_bytes(classes) {
        return false;
    }
    let float = |at: usize| f32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let short = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
    let greatest = f64::from(float(0)).clamp(-LARGEST, LARGEST);
    let beyond = BEYOND.as_slice();
    let value = |at: usize| (greatest - distance(short(at), beyond)) as f32;
    if classes <= MAX_CLASSES {
        logits.iter_mut().enumerate().for_each(|(class, logit)| *logit = value(4 + 2 * class));
        return true;
    }
    // The true class, then the greatest, among which it may be again.
    let named: Vec<usize> = (0..=KEPT).map(|place| usize::from(short(8 + 4 * place))).collect();
    let unknown = classes - KEPT - usize::from(!named[1..].contains(&named[0]));
    logits.fill((greatest + f64::from(float(4)) - (unknown.max(1) as f64).ln()) as f32);
    for (place, class) in named.into_iter().enumerate() {
        let Some(logit) = logits.get_mut(class) else { return false };
        *logit = value(10 + 4 * place);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::confusion::softmax;
    use deepviz_net::random::Stream;
    use ndarray::{Array1, Array2};

    /// Uniform in `[-max, max)`.
    fn uniform(rows: usize, columns: usize, max: f32) -> Array2<f32> {
        let random = Stream::new(1, &[rows as u64]);
        let value = |(row, column)| (2.0 * random.unit((row * columns + column) as u64) - 1.0) as f32;
        Array2::from_shape_fn((rows, columns), value) * max
    }

    fn back(logits: &Array2<f32>, labels: &[ClassId]) -> Array2<f32> {
        let bytes = bytes_from_rows(logits.view(), labels);
        let mut found = Array2::zeros(logits.dim());
        for (bytes, row) in bytes.chunks(row_bytes(logits.ncols())).zip(found.rows_mut()) {
            assert!(read_row(bytes, row));
        }
        found
    }

    #[test]
    fn probabilities_come_back_within_1e_4_and_predictions_exactly() {
        for scale in [0.0, 1e-5, 1e-3, 0.1, 1.0, 3.0, 10.0, 100.0, 1e4, 1e20] {
            let logits = uniform(400, 10, scale);
            let found = back(&logits, &vec![ClassId(0); 400]);
            for (a, b) in logits.rows().into_iter().zip(found.rows()) {
                assert_eq!(predicted(a), predicted(b), "scale {scale}");
                for (p, q) in softmax(a).into_iter().zip(softmax(b)) {
                    assert!((p - q).abs() <= 1e-4, "scale {scale}: {p} {q}");
                }
            }
        }
    }

    #[test]
    fn of_many_classes_the_greatest_the_true_one_and_the_sum_are_stored() {
        let logits = uniform(50, 300, 4.0);
        let labels: Vec<ClassId> = (0..50).map(|n| ClassId(n * 6)).collect();
        let found = back(&logits, &labels);
        for ((a, b), label) in logits.rows().into_iter().zip(found.rows()).zip(&labels) {
            assert_eq!(predicted(a), predicted(b));
            let (p, q) = (softmax(a), softmax(b));
            let mut order: Vec<usize> = (0..300).collect();
            order.sort_by(|&x, &y| p[y].total_cmp(&p[x]));
            for &class in order[..KEPT].iter().chain([&usize::from(label.0)]) {
                assert!((p[class] - q[class]).abs() <= 1e-4, "{} {}", p[class], q[class]);
            }
            let sum: f32 = q.iter().sum();
            assert!((sum - 1.0).abs() < 1e-5);
        }
    }

    #[test]
    fn codes_grow_with_the_distance_and_end_without_wrapping() {
        let codes: Vec<u16> = [0.0, 1e-4, 0.5, 7.99, 8.0, 8.1, 1e3, 1e9, 1e30, f64::INFINITY].map(code).to_vec();
        assert!(codes.is_sorted(), "{codes:?}");
        assert_eq!(codes.last(), Some(&u16::MAX));
        assert!((distance(code(100.0), &BEYOND) / 100.0 - 1.0).abs() < 1e-3);
        assert!(!read_row(&[0; 23], Array1::zeros(10).view_mut()), "a row of another length");
    }
}
