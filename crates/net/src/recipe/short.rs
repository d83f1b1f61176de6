//! A short notation for layers, one a line: `name type key=value ...`.

use std::fmt::Write as _;

/// The `[[layer]]` tables of layers in short notation; a value must not contain spaces.
pub fn short(layers: &str) -> String {
    let mut text = String::new();
    for line in layers.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut words = line.split_whitespace();
        let (name, kind) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        // Writing to text never fails.
        write!(text, "[[layer]]\nname = \"{name}\"\ntype = \"{kind}\"\n").ok();
        for setting in words {
            writeln!(text, "{}", setting.replacen('=', " = ", 1)).ok();
        }
    }
    text
}
