//! The table `weight`: numbers of each snapshot's weights.

use deepviz_net::Step;
use rusqlite::{Transaction, params};

use super::database::Store;
use super::fault::not_a_blob;
use super::record::{UnitKey, WeightRecord};
use crate::error::Error;
use crate::pack;
use crate::weights::WeightsAtCheckpoint;

/// Puts the numbers of a snapshot in place of what there was.
pub(super) fn insert(transaction: &Transaction<'_>, key: UnitKey<'_>, weights: &WeightRecord) -> rusqlite::Result<()> {
    let insert = "INSERT OR REPLACE INTO weight (step, snapshot_hash, previous_hash, data) VALUES (?1, ?2, ?3, ?4)";
    let data = pack::blob_from_numbers(&weights.arrays);
    let values = params![key.step.0 as i64, key.snapshot_hash, weights.previous_hash, data];
    transaction.execute(insert, values).map(|_| ())
}

/// Copies the numbers of all snapshots from the attached file.
pub(super) fn copy_from(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute("INSERT OR REPLACE INTO main.weight SELECT * FROM part.weight", []).map(|_| ())
}

impl Store {
    /// The numbers of the weights at every checkpoint that has them, in order.
    pub fn weights(&self) -> Result<Vec<WeightsAtCheckpoint>, Error> {
        self.with("read", |connection| {
            let sql = "SELECT step, snapshot_hash, previous_hash, data FROM weight ORDER BY step";
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query([])?;
            let mut by_step = Vec::new();
            while let Some(row) = rows.next()? {
                let step = Step(row.get::<_, i64>(0)? as u64);
                let (hash, previous): (String, String) = (row.get(1)?, row.get(2)?);
                if self.is_weight_stale(step, &hash, &previous) {
                    continue;
                }
                let arrays = pack::numbers_from_blob(row.get_ref(3)?.as_blob().map_err(not_a_blob)?)?;
                by_step.push(WeightsAtCheckpoint { step, arrays });
            }
            Ok(by_step)
        })
    }

    /// True when the numbers of a snapshot's weights are stored, computed from these very files.
    pub(crate) fn has_weights(&self, step: Step, snapshot_hash: &str, previous_hash: &str) -> Result<bool, Error> {
        let sql = "SELECT 1 FROM weight WHERE step = ?1 AND snapshot_hash = ?2 AND previous_hash = ?3";
        self.with("read", |connection| {
            let mut statement = connection.prepare_cached(sql)?;
            Ok(statement.exists(params![step.0 as i64, snapshot_hash, previous_hash])?)
        })
    }
}
