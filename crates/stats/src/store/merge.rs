//! Merges the units of a separate file into the run's statistics.

use std::collections::BTreeSet;
use std::path::Path;
use std::str::FromStr;

use deepviz_corpus::Split;
use deepviz_net::Step;
use rusqlite::{Connection, TransactionBehavior};

use super::database::Store;
use super::fault::Fault;
use super::tables::UNIT_TABLES;
use super::{clusters, unit, weights};
use crate::error::Error;

/// The result of merging a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// The merged units.
    pub units: BTreeSet<(Step, Split)>,
    /// Units that are out of date (computed from another snapshot or corpus than the run's), and were left out.
    pub stale: BTreeSet<(Step, Split)>,
}

impl Store {
    /// Merges the ready units of a file that `compute` wrote with [`crate::Job::database`]; each replaces the run's.
    /// Their clusters are renumbered like those of the checkpoint before.
    pub fn merge(&self, file: &Path) -> Result<Merged, Error> {
        let Some(part) = Self::open_file_read_only(file.to_owned())? else {
            return Err(Error::NoUnits { path: file.to_owned() });
        };
        part.check()?;
        drop(part);
        let merged = self.with("write", |connection| {
            connection.execute("ATTACH ?1 AS part", [file.to_string_lossy()])?;
            let merged = self.merge_units(connection);
            connection.execute("DETACH part", [])?;
            merged
        })?;
        for &(step, split) in &merged.units {
            self.renumber_from(step, split)?;
        }
        Ok(merged)
    }

    fn merge_units(&self, connection: &mut Connection) -> Result<Merged, Fault> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut merged = Merged::default();
        let mut ids = Vec::new();
        {
            let sql = "SELECT id, step, split, snapshot_hash, corpus_hash FROM part.unit WHERE state = 'ready'";
            let mut statement = transaction.prepare(sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let step = Step(row.get::<_, i64>(1)? as u64);
                let split: String = row.get(2)?;
                let unit = (step, Split::from_str(&split).map_err(|e| Fault::Content(e.to_string()))?);
                let (snapshot, corpus): (String, String) = (row.get(3)?, row.get(4)?);
                if self.is_stale(step, &snapshot, &corpus) {
                    merged.stale.insert(unit);
                } else {
                    merged.units.insert(unit);
                    ids.push(row.get::<_, i64>(0)?);
                }
            }
        }
        for id in ids {
            let unit = unit::copy_from(&transaction, id)?;
            UNIT_TABLES.iter().try_for_each(|table| table.copy_from(&transaction, unit))?;
            clusters::copy_assignments(&transaction, unit)?;
        }
        weights::copy_from(&transaction)?;
        transaction.commit()?;
        Ok(merged)
    }

    /// Ends the write-ahead log, so that the whole database is one file that can be copied.
    pub(crate) fn pack_up(&self) -> Result<(), Error> {
        self.with("write", |connection| Ok(connection.pragma_update(None, "journal_mode", "delete")?))
    }
}
