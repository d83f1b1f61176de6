//! The tables of a unit's numbers, all of them: what is to be done for each is a loop over these.

use super::database::Store;
use super::fault::Fault;
use super::table::Table;
use super::{ablation, activity, clusters, confusion, outputs, predictions};
use crate::error::Error;

/// The tables whose rows belong to units, each in a module of its own.
pub(super) const UNIT_TABLES: [&Table; 7] = [
    &outputs::TABLE,
    &confusion::TABLE,
    &predictions::TABLE,
    &confusion::RANKING,
    &activity::TABLE,
    &ablation::TABLE,
    &clusters::TABLE,
];

impl Store {
    /// Looks at every packed column and at the database itself: an error where any of it is damaged.
    pub fn check(&self) -> Result<(), Error> {
        self.with("read", |connection| {
            let verdict: String = connection.pragma_query_value(None, "quick_check", |row| row.get(0))?;
            if verdict != "ok" {
                return Err(Fault::Content(verdict));
            }
            UNIT_TABLES.iter().try_for_each(|table| table.check(connection))?;
            clusters::ASSIGNMENT.check(connection)
        })
    }
}
