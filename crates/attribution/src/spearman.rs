//! Spearman's rank correlation.

/// Spearman's rank correlation of two lists of one length, equal values sharing their mean rank; NaN where one of them is
/// the same everywhere.
pub fn spearman(a: &[f32], b: &[f32]) -> f64 {
    let (a, b) = (ranks(a), ranks(b));
    let mean = f64::midpoint(a.len() as f64, 1.0);
    let product = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| (x - mean) * (y - mean)).sum::<f64>();
    product(&a, &b) / (product(&a, &a) * product(&b, &b)).sqrt()
}

fn ranks(values: &[f32]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut from = 0;
    while from < order.len() {
        // In this order none is less; what cannot be compared stands alone.
        let same = order[from..].iter().take_while(|&&index| values[index] <= values[order[from]]).count().max(1);
        for &index in &order[from..from + same] {
            ranks[index] = from as f64 + f64::midpoint(same as f64, 1.0);
        }
        from += same;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::spearman;

    #[test]
    fn monotone_lists_agree_and_ties_share_their_rank() {
        assert!((spearman(&[1.0, 2.0, 3.0, 9.0], &[0.1, 0.4, 0.5, 0.6]) - 1.0).abs() < 1e-12);
        assert!((spearman(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]) + 1.0).abs() < 1e-12);
        // scipy.stats.spearmanr([1, 1, 2, 3], [1, 2, 2, 4])
        assert!((spearman(&[1.0, 1.0, 2.0, 3.0], &[1.0, 2.0, 2.0, 4.0]) - 0.833_333_333).abs() < 1e-8);
        assert!(spearman(&[1.0, 1.0], &[1.0, 2.0]).is_nan());
    }
}
