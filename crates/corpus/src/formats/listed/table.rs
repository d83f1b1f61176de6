//! CSV tables of labels with a header line: `Filename;...;ClassId`, with commas, semicolons or tabs.

use std::path::Path;

use super::{super::text::read_lines, malformed};
use crate::Error;

/// The columns that were requested, of every line; `None` where the header line lacks one.
pub(super) fn columns(path: &Path, wanted: &[&[&str]]) -> Result<Option<Vec<Vec<String>>>, Error> {
    let lines = read_lines(path)?;
    let Some(head) = lines.first() else { return Ok(None) };
    let separator = [';', '\t', ','].into_iter().find(|separator| head.contains(*separator)).unwrap_or(',');
    let split = |line: &str| -> Vec<String> {
        line.split(separator).map(|word| word.trim().trim_matches('"').to_owned()).collect()
    };
    let head = split(head);
    let index =
        |names: &&[&str]| head.iter().position(|column| names.iter().any(|name| column.eq_ignore_ascii_case(name)));
    let Some(indices) = wanted.iter().map(index).collect::<Option<Vec<_>>>() else { return Ok(None) };
    let row = |(number, line): (usize, &String)| {
        let words = split(line);
        let row: Option<Vec<String>> = indices.iter().map(|&index| words.get(index).cloned()).collect();
        row.ok_or_else(|| {
            let found = format!("{} columns in line {}", words.len(), number + 1);
            malformed("the table of labels", found, &format!("{}, as in the head", head.len()), path)
        })
    };
    lines.iter().enumerate().skip(1).map(row).collect::<Result<_, _>>().map(Some)
}
