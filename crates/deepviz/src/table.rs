//! Aligned columns on stdout.

use crate::printable::printable;
use crate::{console, format};

/// Rows of cells; columns are as wide as their widest cell, columns of numbers are right-aligned.
#[derive(Debug, Default)]
pub struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with column heads.
    pub fn new(head: &[&str]) -> Self {
        Self { head: head.iter().map(|&text| text.to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        // Escaped before columns are measured.
        self.rows.push(cells.into_iter().map(|cell| printable(&cell).into_owned()).collect());
    }

    /// Prints the table to stdout.
    pub fn print(&self) {
        for line in self.lines() {
            console::print_line(&line);
        }
    }

    fn lines(&self) -> Vec<String> {
        let columns = self.rows.iter().map(Vec::len).fold(self.head.len(), usize::max);
        let width = |column: usize| {
            self.rows
                .iter()
                .chain([&self.head])
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let is_numeric = |column: usize| {
            let mut cells =
                self.rows.iter().filter_map(|row| row.get(column)).filter(|cell| !cell.is_empty()).peekable();
            cells.peek().is_some()
                && cells.all(|cell| {
                    cell.as_str() == format::NOT_FINITE
                        || cell.starts_with(|c: char| c.is_ascii_digit() || c == '-')
                            && cell.ends_with(|c: char| c.is_ascii_digit() || c == '%')
                            // Not sizes such as `3x32x32`.
                            && !cell.contains('x')
                })
        };
        let column_formats: Vec<(usize, bool)> =
            (0..columns).map(|column| (width(column), is_numeric(column))).collect();
        self.rows
            .iter()
            .rev()
            .chain((!self.head.is_empty()).then_some(&self.head))
            .rev()
            .map(|row| line(row, &column_formats))
            .collect()
    }
}

fn line(row: &[String], column_formats: &[(usize, bool)]) -> String {
    let cells: Vec<String> = column_formats
        .iter()
        .enumerate()
        .map(|(column, &(width, is_numeric))| {
            let cell = row.get(column).map_or("", String::as_str);
            if is_numeric { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        })
        .collect();
    cells.join("  ").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_right_aligned() {
        let mut table = Table::new(&["layer", "weights"]);
        table.row(["conv1".to_owned(), "2,432".to_owned()]);
        table.row(["fc".to_owned(), "10".to_owned()]);
        assert_eq!(table.lines(), ["layer  weights", "conv1    2,432", "fc          10"]);
    }
}
