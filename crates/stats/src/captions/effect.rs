//! How large a difference between two groups is, and how certain it is.

/// Images that each group needs.
pub const MIN_IMAGES: usize = 5;

/// The numbers of one group.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moments {
    /// How many there are.
    pub count: usize,
    /// Their sum, less a shift that both groups have.
    pub sum: f64,
    /// The sum of the squares of the same.
    pub squares: f64,
}

impl Moments {
    /// Counts one number.
    pub fn add(&mut self, value: f64) {
        self.count += 1;
        self.sum += value;
        self.squares += value * value;
    }

    /// Their mean.
    pub fn mean(&self) -> f64 {
        self.sum / self.count.max(1) as f64
    }

    /// Sum of the squared distances from the mean.
    fn scatter(&self) -> f64 {
        (self.squares - self.sum * self.sum / self.count.max(1) as f64).max(0.0)
    }
}

/// The size of a difference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effect {
    /// Hedges' g of means, Cohen's h of shares: 0.2 is small, 0.5 medium, 0.8 large.
    pub size: f64,
    /// Of means: that of the size. Of shares: that of the difference of the shares.
    pub interval: [f64; 2],
}

impl Effect {
    /// True where the interval holds no 0.
    pub fn is_beyond_noise(&self) -> bool {
        self.interval[0] > 0.0 || self.interval[1] < 0.0
    }
}

/// The difference of two means in units of the pooled spread, corrected for small groups (Hedges' g), with the interval
/// of `deviations` standard errors. None where a group is too small or nothing varies.
///
/// Hedges and Olkin, "Statistical methods for meta-analysis", 1985.
pub fn of_means(inside: &Moments, outside: &Moments, deviations: f64) -> Option<Effect> {
    let [n1, n0] = [inside, outside].map(|group| group.count as f64);
    if inside.count < MIN_IMAGES || outside.count < MIN_IMAGES {
        return None;
    }
    let freedom = n1 + n0 - 2.0;
    let scatter = inside.scatter() + outside.scatter();
    let spread = (scatter / freedom).sqrt();
    let scale = inside.squares + outside.squares;
    // What rounding leaves of numbers that are all equal is no spread.
    if spread.partial_cmp(&0.0) != Some(std::cmp::Ordering::Greater) || scatter <= 1e-12 * scale {
        return None;
    }
    let size = (inside.mean() - outside.mean()) / spread * (1.0 - 3.0 / (4.0 * freedom - 1.0));
    let error = ((n1 + n0) / (n1 * n0) + size * size / (2.0 * (n1 + n0))).sqrt();
    Some(Effect { size, interval: [size - deviations * error, size + deviations * error] })
}

/// A number of images, and how many of them have something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Images that have it.
    pub count: usize,
    /// All images.
    pub of: usize,
}

impl Share {
    /// As a number from 0 to 1.
    pub fn value(self) -> f64 {
        self.count as f64 / self.of.max(1) as f64
    }

    /// Wilson's score interval of `deviations` standard errors ("Probable inference, the law of succession, and
    /// statistical inference", 1927); from 0 to 1 without images.
    pub fn interval(self, deviations: f64) -> [f64; 2] {
        if self.of == 0 {
            return [0.0, 1.0];
        }
        let (n, p, squared) = (self.of as f64, self.value(), deviations * deviations);
        let centre = p + squared / (2.0 * n);
        let half = deviations * (p * (1.0 - p) / n + squared / (4.0 * n * n)).sqrt();
        let below = 1.0 + squared / n;
        [((centre - half) / below).max(0.0), ((centre + half) / below).min(1.0)]
    }
}

/// The interval of the difference of two shares, the first less the second: Newcombe's hybrid score ("Interval
/// estimation for the difference between independent proportions", 1998, method 10).
pub fn difference_interval(inside: Share, outside: Share, deviations: f64) -> [f64; 2] {
    let (p1, p0) = (inside.value(), outside.value());
    let ([l1, u1], [l0, u0]) = (inside.interval(deviations), outside.interval(deviations));
    let difference = p1 - p0;
    [difference - (p1 - l1).hypot(u0 - p0), difference + (u1 - p1).hypot(p0 - l0)]
}

/// The difference of two shares: Cohen's h ("Statistical power analysis for the behavioral sciences", 1988) with the
/// interval of the difference itself. None where a group is too small.
pub fn of_shares(inside: Share, outside: Share, deviations: f64) -> Option<Effect> {
    if inside.of < MIN_IMAGES || outside.of < MIN_IMAGES {
        return None;
    }
    let angle = |share: Share| 2.0 * share.value().sqrt().asin();
    let size = angle(inside) - angle(outside);
    Some(Effect { size, interval: difference_interval(inside, outside, deviations) })
}

/// The standard errors on either side of an interval that misses with a probability of 0.05 for all of `comparisons`
/// together (Bonferroni).
pub fn deviations(comparisons: usize) -> f64 {
    normal_quantile(1.0 - 0.025 / comparisons.max(1) as f64)
}

/// The quantile of the normal distribution above one half: Acklam's rational approximation (2003), within 1.2e-9.
#[expect(clippy::excessive_precision, clippy::unreadable_literal, reason = "the published coefficients")]
fn normal_quantile(probability: f64) -> f64 {
    const CENTRE: [f64; 6] = [
        -3.969683028665376e+01,
        2.209460984245205e+02,
        -2.759285104469687e+02,
        1.383577518672690e+02,
        -3.066479806614716e+01,
        2.506628277459239e+00,
    ];
    const BELOW_CENTRE: [f64; 6] = [
        -5.447609879822406e+01,
        1.615858368580409e+02,
        -1.556989798598866e+02,
        6.680131188771972e+01,
        -1.328068155288572e+01,
        1.0,
    ];
    const TAIL: [f64; 6] = [
        -7.784894002430293e-03,
        -3.223964580411365e-01,
        -2.400758277161838e+00,
        -2.549732539343734e+00,
        4.374664141464968e+00,
        2.938163982698783e+00,
    ];
    const BELOW_TAIL: [f64; 5] =
        [7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00, 3.754408661907416e+00, 1.0];
    let polynomial = |coefficients: &[f64], x: f64| coefficients.iter().fold(0.0, |sum, c| sum * x + c);
    if probability > 0.97575 {
        let q = (-2.0 * (1.0 - probability).max(f64::MIN_POSITIVE).ln()).sqrt();
        return -polynomial(&TAIL, q) / polynomial(&BELOW_TAIL, q);
    }
    let q = probability - 0.5;
    q * polynomial(&CENTRE, q * q) / polynomial(&BELOW_CENTRE, q * q)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(values: &[f64]) -> Moments {
        let mut moments = Moments::default();
        for &value in values {
            moments.add(value);
        }
        moments
    }

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-6, "{found}, expected {expected}");
    }

    #[test]
    fn means_apart_by_their_spread() {
        // Means 3 and 1; both have a variance of 2.5, so that Cohen's d is 2 / sqrt(2.5).
        let inside = moments(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        let outside = moments(&[-1.0, 0.0, 1.0, 2.0, 3.0]);
        let effect = of_means(&inside, &outside, 2.0).unwrap();
        let size = 2.0 / 2.5_f64.sqrt() * (1.0 - 3.0 / 31.0);
        near(effect.size, size);
        let error = (0.4 + size * size / 20.0).sqrt();
        near(effect.interval[0], size - 2.0 * error);
        near(effect.interval[1], size + 2.0 * error);
        near(of_means(&outside, &inside, 2.0).unwrap().size, -size);
        assert!(of_means(&moments(&[1.0; 4]), &outside, 2.0).is_none());
        assert!(of_means(&moments(&[0.1; 9]), &moments(&[0.1; 9]), 2.0).is_none());
    }

    #[test]
    fn shares_of_published_examples() {
        // Newcombe 1998, table II, (a): 56 of 70 against 48 of 80, method 10: 0.0524 to 0.3339.
        let (inside, outside) = (Share { count: 56, of: 70 }, Share { count: 48, of: 80 });
        let [low, high] = difference_interval(inside, outside, 1.959_964);
        assert!((low - 0.0524).abs() < 5e-5 && (high - 0.3339).abs() < 5e-5, "{low} {high}");
        // (c): 6 of 7 against 2 of 7: 0.0582 to 0.8062.
        let [low, high] = difference_interval(Share { count: 6, of: 7 }, Share { count: 2, of: 7 }, 1.959_964);
        assert!((low - 0.0582).abs() < 5e-5 && (high - 0.8062).abs() < 5e-5, "{low} {high}");
        let effect = of_shares(inside, outside, 1.959_964).unwrap();
        near(effect.size, 2.0 * (0.8_f64.sqrt().asin() - 0.6_f64.sqrt().asin()));
        assert!(effect.is_beyond_noise());
        assert_eq!(Share::default().interval(2.0).map(f64::to_bits), [0.0, 1.0].map(f64::to_bits));
        let none = Share { count: 0, of: 10 };
        assert_eq!(none.interval(1.959_964)[0].to_bits(), 0);
        assert!(!of_shares(none, Share { count: 1, of: 10 }, 1.96).unwrap().is_beyond_noise());
    }

    #[test]
    fn many_comparisons_widen_the_interval() {
        // By scipy.stats.norm.ppf.
        near(deviations(1), 1.959_963_985);
        near(deviations(10), 2.807_033_768);
        near(deviations(1000), 4.055_626_981);
        near(normal_quantile(0.9), 1.281_551_566);
    }
}
