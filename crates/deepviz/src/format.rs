//! Numbers as people write them.

use std::time::Duration;

/// `1234567` as `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Stands in place of a number that is not finite.
pub const NOT_FINITE: &str = "not finite";
/// From here on a number takes an exponent: it would run over its neighbours.
const LARGE: f64 = 1e6;

/// `0.2603` as `26.03 %`.
pub fn percent(share: f64) -> String {
    if share.is_finite() { format!("{} %", number(share * 100.0, 2)) } else { NOT_FINITE.to_owned() }
}

/// A number with `digits` digits after the point: `2.3026`; very large and very small ones as `1.2e22`.
pub fn number(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return NOT_FINITE.to_owned();
    }
    let is_lost = value != 0.0 && value.abs() < 0.5 * 0.1_f64.powi(digits as i32);
    if value.abs() >= LARGE || is_lost { format!("{value:.1e}") } else { format!("{value:.digits$}") }
}

/// Bytes in the unit that leaves one to four digits.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// The same from seconds.
pub fn seconds(seconds: f64) -> String {
    duration(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

/// `83.4 s`, `4 min 07 s`.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 100.0 {
        format!("{seconds:.1} s")
    } else {
        let whole = time.as_secs();
        format!("{} min {:02} s", whole / 60, whole % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1000), "1,000");
        assert_eq!(count(145_578), "145,578");
        assert_eq!(count(1_234_567), "1,234,567");
    }

    #[test]
    fn numbers_are_short_and_nan_is_named() {
        assert_eq!(number(2.412_52, 4), "2.4125");
        assert_eq!(number(-0.25, 1), "-0.2");
        assert_eq!(number(0.0, 3), "0.000");
        assert_eq!(number(1e22, 3), "1.0e22");
        assert_eq!(number(-123_456_789.0, 3), "-1.2e8");
        assert_eq!(number(999_999.0, 1), "999999.0");
        assert_eq!(number(0.000_04, 4), "4.0e-5");
        assert_eq!(number(5e-324, 4), "4.9e-324");
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!((number(value, 2).as_str(), percent(value).as_str()), (NOT_FINITE, NOT_FINITE));
        }
        assert_eq!(percent(0.2603), "26.03 %");
        for value in [f64::MAX, f64::MIN, f64::MIN_POSITIVE, 1e-9, 123_456.789, 1e22] {
            assert!(number(value, 4).len() <= 12, "{}", number(value, 4));
        }
    }

    #[test]
    fn bytes_take_the_next_unit() {
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(3 << 30), "3.0 GiB");
    }

    #[test]
    fn durations_read_well() {
        assert_eq!(duration(Duration::from_millis(1250)), "1.2 s");
        assert_eq!(duration(Duration::from_secs(247)), "4 min 07 s");
    }
}
