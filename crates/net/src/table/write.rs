//! Values of TOML tables.

use toml::{Table, Value};

pub(crate) fn put(table: &mut Table, key: &str, value: impl Into<Value>) {
    table.insert(key.to_owned(), value.into());
}

/// A number as TOML's integer.
pub(crate) fn whole(number: usize) -> i64 {
    number as i64
}

/// An f32 by its shortest decimal, so that 0.1 does not become 0.10000000149.
pub(crate) fn short(number: f32) -> f64 {
    number.to_string().parse().unwrap_or(f64::from(number))
}

/// The word that stands for a value.
pub(crate) fn word<T: PartialEq>(choices: &[(&'static str, T)], value: &T) -> &'static str {
    let found = choices.iter().find(|(_, choice)| choice == value);
    found.map_or("", |(name, _)| name)
}
