//! Exponential, logistic and error function in plain arithmetic, so that loops over them become
//! vectors. Every vector level gives the same bits.

/// Added and taken away again, it leaves a float rounded to the nearest whole number.
const ROUNDER: f32 = 12_582_912.0;

/// e^x within a few units in the last place; 0 and infinity where a float cannot hold it.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // ln 2 in two parts, the first of few bits, so that whole multiples of it are exact.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    // NaN passes: comparisons with it do not hold.
    let x = if x > 89.0 { 89.0 } else { x };
    let x = if x < -87.0 { -87.0 } else { x };
    let power = (x * std::f32::consts::LOG2_E + ROUNDER) - ROUNDER;
    let rest = (x - power * LN_2[0]) - power * LN_2[1];
    // The exponential's own series: |rest| is at most half of ln 2.
    let mut sum = 1.0 / 720.0;
    for factor in [1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        sum = sum * rest + factor;
    }
    // 2^128 is no float: in two factors.
    let half = (power * 0.5 + ROUNDER) - ROUNDER;
    sum * power_of_two(half) * power_of_two(power - half)
}

/// 2^power for a whole number from -126 to 127.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
#[inline(always)]
fn power_of_two(power: f32) -> f32 {
    // The last bits of a float this large count whole numbers.
    let bits = (power + (ROUNDER + 127.0)).to_bits();
    f32::from_bits(bits << 23)
}

/// 1 / (1 + e^-x).
#[expect(clippy::inline_always, reason = "must be compiled with the caller's target features")]
#[inline(always)]
pub(crate) fn logistic(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// The error function, within 4e-7: an odd rational function, fitted by least squares to the
/// relative error at Chebyshev nodes; beyond 3.95 it is 1 to a float's last bit.
#[inline(always)]
pub(crate) fn erf(x: f32) -> f32 {
    const OVER: [f32; 6] =
        [2.042_476e-6, 2.832_939e-4, 3.734_284e-3, 5.264_605_6e-2, 0.189_791_95, std::f32::consts::FRAC_2_SQRT_PI];
    const UNDER: [f32; 6] = [3.793_160_4e-5, 1.153_363_8e-3, 1.490_608_3e-2, 0.113_835_83, 0.501_531_7, 1.0];
    let x = if x > 3.95 { 3.95 } else { x };
    let x = if x < -3.95 { -3.95 } else { x };
    let square = x * x;
    let (mut over, mut under) = (0.0, 0.0);
    for (a, b) in OVER.into_iter().zip(UNDER) {
        over = over * square + a;
        under = under * square + b;
    }
    x * over / under
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_the_exponential() {
        for index in -8700..=8800_i16 {
            let x = f32::from(index) / 100.0;
            let expected = f64::from(x).exp();
            let error = (f64::from(exp(x)) / expected - 1.0).abs();
            assert!(error < 4e-7, "{x}: {error}");
        }
        assert!(exp(f32::NAN).is_nan());
        assert!(exp(1000.0).is_infinite() && exp(-1000.0) < 2e-38);
        assert!((exp(0.0) - 1.0).abs() < f32::EPSILON);
    }

    #[test]
    fn erf_is_the_error_function() {
        // From Abramowitz and Stegun, table 7.1.
        let known =
            [(0.0, 0.0), (0.1, 0.112_462_916), (0.5, 0.520_499_878), (1.0, 0.842_700_793), (2.0, 0.995_322_265)];
        for (x, expected) in known {
            assert!((f64::from(erf(x)) - expected).abs() < 4e-7, "{x}");
            assert!((f64::from(erf(-x)) + expected).abs() < 4e-7, "-{x}");
        }
        // Its derivative is 2 / sqrt(pi) e^-x^2: summed up, it must lead to the same values.
        let (steps, mut sum) = (8000, 0.0);
        for index in 0..steps {
            let middle = (f64::from(index) + 0.5) / 2000.0;
            sum += std::f64::consts::FRAC_2_SQRT_PI * (-middle * middle).exp() / 2000.0;
            let x = f64::from(index + 1) / 2000.0;
            assert!((f64::from(erf(x as f32)) - sum).abs() < 5e-7, "{x}");
        }
        assert!(erf(f32::NAN).is_nan());
        assert!((erf(f32::INFINITY) - 1.0).abs() < 4e-7);
    }

    #[test]
    fn logistic_has_its_ends_and_middle() {
        assert!((logistic(0.0) - 0.5).abs() < 1e-7);
        assert!((logistic(200.0) - 1.0).abs() < 1e-7 && logistic(-200.0) < 1e-30);
        assert!((f64::from(logistic(1.0)) - 1.0 / (1.0 + (-1.0_f64).exp())).abs() < 1e-7);
    }
}
