//! A table of a unit's numbers, with its columns in one place: rows go in, are copied from another file, and checked.

use rusqlite::{Connection, Transaction};

use super::fault::{Fault, not_a_blob};
use crate::pack;

/// A table whose rows belong to rows of another table.
pub(super) struct Table {
    pub name: &'static str,
    /// The column with the id of the row that a row belongs to.
    pub parent: &'static str,
    /// The other columns, but for an id of its own.
    pub columns: &'static str,
    /// Those of them that hold packed numbers with a checksum.
    pub sealed: &'static [&'static str],
}

/// A row of the file that is merged, attached as `part`, and the row that was made from it.
#[derive(Clone, Copy)]
pub(super) struct CopiedRow {
    pub from: i64,
    pub to: i64,
}

impl Table {
    /// The statement that inserts a row: first the parent's id, then the values in the order of the columns.
    pub(super) fn insert_sql(&self) -> String {
        let Self { name, parent, columns, .. } = self;
        let values = "?, ".repeat(columns.split(',').count());
        format!("INSERT INTO {name} ({parent}, {columns}) VALUES ({values}?)")
    }

    /// Copies the rows of a parent from the attached file.
    pub(super) fn copy_from(&self, transaction: &Transaction<'_>, parent_row: CopiedRow) -> rusqlite::Result<()> {
        let Self { name, parent, columns, .. } = self;
        let copy = format!(
            "INSERT INTO main.{name} ({parent}, {columns}) SELECT ?2, {columns} FROM part.{name} WHERE {parent} = ?1"
        );
        transaction.execute(&copy, [parent_row.from, parent_row.to]).map(|_| ())
    }

    /// Reads every packed column; an error where one is damaged. An older version may have left one empty.
    pub(super) fn check(&self, connection: &Connection) -> Result<(), Fault> {
        for column in self.sealed {
            let mut statement = connection.prepare(&format!("SELECT {column} FROM {}", self.name))?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                if let Some(blob) = row.get_ref(0)?.as_blob_or_null().map_err(not_a_blob)? {
                    pack::unseal(blob)?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_has_a_value() {
        let table = Table { name: "t", parent: "unit_id", columns: "a, b, c", sealed: &[] };
        assert_eq!(table.insert_sql(), "INSERT INTO t (unit_id, a, b, c) VALUES (?, ?, ?, ?)");
    }
}
