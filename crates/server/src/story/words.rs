//! Numbers and names as sentences write them.

/// A share as a percentage: `23.4 %`, whole from 10 % on by default.
pub(crate) fn percent(share: f64) -> String {
    let value = 100.0 * share;
    if value.abs() < 9.95 { format!("{value:.1} %") } else { format!("{value:.0} %") }
}

/// The difference of two shares in percentage points.
pub(crate) fn points(difference: f64) -> String {
    let value = format!("{:.1}", 100.0 * difference);
    format!("{value} point{}", if value == "1.0" { "" } else { "s" })
}

/// A number of things: `1 image`, `4,012 images`.
pub(crate) fn plural(count: usize, one: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {one}{ending}", thousands(count))
}

/// A number with commas.
pub(crate) fn thousands(count: usize) -> String {
    let digits = count.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|group| str::from_utf8(group).ok()).collect();
    groups.join(",")
}

/// The same with a capital at its start.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Names in a row: `a`, `a and b`, `a, b and c`.
pub(crate) fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Several checkpoints: `checkpoint 4`, `checkpoints 3 to 7`.
pub(crate) fn checkpoints(of: &[usize]) -> String {
    match (of.first(), of.last()) {
        (Some(first), Some(last)) if first != last => format!("checkpoints {first} to {last}"),
        (Some(only), _) => format!("checkpoint {only}"),
        _ => "no checkpoint".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_in_print() {
        assert_eq!((percent(0.2345), percent(0.0234)), ("23 %".to_owned(), "2.3 %".to_owned()));
        assert_eq!((points(0.01), points(0.0234)), ("1.0 point".to_owned(), "2.3 points".to_owned()));
        assert_eq!((thousands(0), thousands(1_234_567)), ("0".to_owned(), "1,234,567".to_owned()));
        assert_eq!((plural(1, "image"), plural(1200, "image")), ("1 image".to_owned(), "1,200 images".to_owned()));
        assert_eq!((capital("égalité"), capital("")), ("Égalité".to_owned(), String::new()));
        let names = ["a", "b", "c"].map(str::to_owned);
        assert_eq!((listed(&names[..1]), listed(&names)), ("a".to_owned(), "a, b and c".to_owned()));
        assert_eq!((checkpoints(&[4]), checkpoints(&[3, 4, 7])), ("checkpoint 4".into(), "checkpoints 3 to 7".into()));
    }
}
