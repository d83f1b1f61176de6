//! Paired tests: do two classifiers differ on the same images by more than chance?

/// Counts of the images on which two classifiers disagree, e.g. those that only one of them classifies correctly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Discordant {
    /// Only the first.
    pub first: u64,
    /// Only the second.
    pub second: u64,
}

impl Discordant {
    /// `McNemar`'s exact test, two-sided: how often a fair coin would split the images that only one of the two has at least
    /// as unevenly ("Note on the sampling error of the difference between correlated proportions", 1947).
    #[must_use]
    pub fn p_value(self) -> f64 {
        let (few, all) = (self.first.min(self.second), self.first + self.second);
        if all == 0 {
            return 1.0;
        }
        // By logarithms: 2^-all alone is zero for a thousand images.
        let mut term = -(all as f64) * std::f64::consts::LN_2;
        let mut tail = term.exp();
        let mut terms = vec![term];
        for k in 1..=few {
            term += ((all - k + 1) as f64 / k as f64).ln();
            terms.push(term);
        }
        if few > 0 {
            let greatest = terms.iter().copied().fold(f64::MIN, f64::max);
            tail = greatest.exp() * terms.iter().map(|term| (term - greatest).exp()).sum::<f64>();
        }
        (2.0 * tail).min(1.0)
    }
}

/// Which of the tests hold when at most `rate` of those that are called so are to be false, on average (Benjamini and
/// Hochberg, "Controlling the false discovery rate", 1995). `tests` is the number of tests in all: those whose p-values
/// are not given count with a value of 1. A value that is not a number never holds.
#[must_use]
pub fn benjamini_hochberg(p_values: &[f64], rate: f64, tests: usize) -> Vec<bool> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let all = tests.max(p_values.len()) as f64;
    let holds = |(rank, &test): (usize, &usize)| p_values[test] <= (rank + 1) as f64 / all * rate;
    let last = order.iter().enumerate().rposition(holds);
    let mut found = vec![false; p_values.len()];
    for &test in order.iter().take(last.map_or(0, |last| last + 1)) {
        found[test] = true;
    }
    found
}

/// The 97.5th percentile of the standard normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// The interval of 95 % of the difference of two paired shares, first less second, of `images` images: Tango's score
/// interval ("Equivalence test and confidence interval for the difference in proportions for the paired-sample design",
/// 1998), which also holds where few images differ.
#[must_use]
pub fn difference_interval(discordant: Discordant, images: u64) -> [f64; 2] {
    if images == 0 {
        return [-1.0, 1.0];
    }
    let (b, c, n) = (discordant.first as f64, discordant.second as f64, images as f64);
    // The score at a difference, with the constrained estimate of the second share.
    let score = |difference: f64| {
        let (a, linear) = (2.0 * n, -b - c + (2.0 * n - b + c) * difference);
        let constant = -c * difference * (1.0 - difference);
        let share = ((linear * linear - 4.0 * a * constant).max(0.0).sqrt() - linear) / (2.0 * a);
        let variance = n * (2.0 * share + difference * (1.0 - difference));
        let distance = b - c - n * difference;
        if variance > 0.0 { distance / variance.sqrt() } else { distance.signum() * f64::INFINITY }
    };
    let middle = (b - c) / n;
    let border = |mut inside: f64, mut outside: f64| {
        for _ in 0..80 {
            let half = f64::midpoint(inside, outside);
            if score(half).abs() <= Z { inside = half } else { outside = half }
        }
        f64::midpoint(inside, outside)
    };
    [border(middle, -1.0), border(middle, 1.0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(first: u64, second: u64) -> f64 {
        Discordant { first, second }.p_value()
    }

    #[test]
    fn an_exact_test_by_hand() {
        assert!((p(0, 0) - 1.0).abs() < 1e-15);
        assert!((p(5, 5) - 1.0).abs() < 1e-15);
        // (1 + 10) / 2^10, twice.
        assert!((p(1, 9) - 22.0 / 1024.0).abs() < 1e-15);
        assert!((p(9, 1) - 22.0 / 1024.0).abs() < 1e-15);
        assert!((p(0, 6) - 2.0 / 64.0).abs() < 1e-15);
        // scipy.stats.binomtest(430, 1000).pvalue
        assert!((p(430, 570) / 1.070_973_766_495_951_2e-5 - 1.0).abs() < 1e-9, "{}", p(430, 570));
        assert!(p(0, 50_000) >= 0.0 && p(20_000, 30_000) < 1e-300);
    }

    #[test]
    fn discoveries_are_controlled_in_rank_order() {
        let p_values = [0.6, 0.001, 0.04, 0.012, 0.03];
        // Ranks: 0.001 <= 0.01, 0.012 <= 0.02, 0.03 <= 0.03, 0.04 <= 0.04, 0.6 > 0.05.
        assert_eq!(benjamini_hochberg(&p_values, 0.05, 5), [false, true, true, true, true]);
        assert_eq!(benjamini_hochberg(&[0.04, 0.045], 0.05, 2), [true, true]);
        assert_eq!(benjamini_hochberg(&[0.04, 0.2], 0.05, 2), [false, false]);
        assert_eq!(benjamini_hochberg(&[f64::NAN, 0.01], 0.05, 2), [false, true]);
        assert!(benjamini_hochberg(&[], 0.05, 100).is_empty());
        // Of a hundred tests the others are those with a value of 1.
        assert_eq!(benjamini_hochberg(&[0.0004, 0.001], 0.05, 100), [true, true]);
        assert_eq!(benjamini_hochberg(&[0.0006, 0.002], 0.05, 100), [false, false]);
    }

    #[test]
    fn the_interval_of_a_paired_difference_is_tangos() {
        // Tango 1998, table: b = 1, c = 7, n = 50 by hand of the score equation; the middle lies inside.
        let [from, to] = difference_interval(Discordant { first: 1, second: 7 }, 50);
        assert!(from < -0.12 && to > -0.12 && to < 0.0, "{from} {to}");
        let [from, to] = difference_interval(Discordant { first: 0, second: 0 }, 100);
        assert!((from + to).abs() < 1e-9 && to > 0.02 && to < 0.06, "{from} {to}");
        let [a, b] = difference_interval(Discordant { first: 7, second: 1 }, 50);
        let [c, d] = difference_interval(Discordant { first: 1, second: 7 }, 50);
        assert!((a + d).abs() < 1e-9 && (b + c).abs() < 1e-9);
    }
}
