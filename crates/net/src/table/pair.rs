//! Numbers that may differ from rows to columns, or from side to side: one number where they do not.

use super::section::Section;
use super::write::{put, whole};
use crate::error::Error;
use crate::table::tree::Value;
use toml::{Table, Value as Toml};

/// One number for both axes, or `[rows, columns]`.
pub(crate) fn pair_of(section: &mut Section<'_>, key: &'static str) -> Result<Option<[usize; 2]>, Error> {
    let numbers = numbers_of(section, key, "a whole number, or [rows, columns]", &[2])?;
    Ok(numbers.map(|numbers| match numbers[..] {
        [rows, columns] => [rows, columns],
        _ => [numbers[0]; 2],
    }))
}

/// One number for all sides, `[rows, columns]`, or `[top, bottom, left, right]`; the last is what is given.
pub(crate) fn sides_of(section: &mut Section<'_>, key: &'static str) -> Result<Option<[usize; 4]>, Error> {
    let expected = "a whole number, [rows, columns], or [top, bottom, left, right]";
    let numbers = numbers_of(section, key, expected, &[2, 4])?;
    Ok(numbers.map(|numbers| match numbers[..] {
        [rows, columns] => [rows, rows, columns, columns],
        [top, bottom, left, right] => [top, bottom, left, right],
        _ => [numbers[0]; 4],
    }))
}

/// One number, or a list of one of these lengths; at least one number.
fn numbers_of(
    section: &mut Section<'_>,
    key: &'static str,
    expected: &str,
    lengths: &[usize],
) -> Result<Option<Vec<usize>>, Error> {
    let Some(node) = section.node(key) else {
        return Ok(None);
    };
    if !matches!(node.value, Value::List(_)) {
        return section.optional::<usize>(key).map(|number| number.map(|number| vec![number]));
    }
    let numbers = section.optional::<Vec<usize>>(key)?.unwrap_or_default();
    if lengths.contains(&numbers.len()) {
        return Ok(Some(numbers));
    }
    Err(section.scope.error(&node.location, format!("{expected} for `{key}`"), node.value.describe()))
}

pub(crate) fn put_pair(table: &mut Table, key: &str, [rows, columns]: [usize; 2]) {
    let numbers = [rows, columns];
    put_numbers(table, key, if rows == columns { &numbers[..1] } else { &numbers });
}

/// `[top, bottom, left, right]`, in its shortest form.
pub(crate) fn put_sides(table: &mut Table, key: &str, [top, bottom, left, right]: [usize; 4]) {
    if top != bottom || left != right {
        return put_numbers(table, key, &[top, bottom, left, right]);
    }
    put_pair(table, key, [top, left]);
}

fn put_numbers(table: &mut Table, key: &str, numbers: &[usize]) {
    match numbers {
        [number] => put(table, key, whole(*number)),
        numbers => put(table, key, Toml::Array(numbers.iter().map(|number| whole(*number).into()).collect())),
    }
}

/// Two numbers in words, or one.
pub(crate) fn pair(rows: usize, columns: usize) -> String {
    if rows == columns { format!("{rows}") } else { format!("{rows} x {columns}") }
}
