//! Writing units of statistics (all numbers of one checkpoint and split), each in one transaction, table by table.

use rusqlite::{Transaction, TransactionBehavior};

use super::database::Store;
use super::record::{UnitKey, UnitNumbers, UnitRecord};
use super::{ablation, activity, clusters, confusion, outputs, predictions, unit, weights};
use crate::error::Error;

impl Store {
    /// Writes a unit, or the cluster sets and layers that were missing in it. `false` where the latter found
    /// that another process had replaced the unit meanwhile.
    pub(crate) fn write(&self, record: &UnitRecord<'_>) -> Result<bool, Error> {
        // Packed before the database is locked.
        let outputs = record.numbers.as_ref().map(outputs::blobs).unwrap_or_default();
        self.with("write", |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let unit = match &record.numbers {
                Some(numbers) => Some(replace_unit(&transaction, record, numbers, &outputs)?),
                None => unit::same(&transaction, record.key)?,
            };
            let Some(unit) = unit else { return Ok(false) };
            for layer in &record.activity {
                activity::insert(&transaction, unit, layer, record.network)?;
            }
            for set in &record.sets {
                clusters::insert(&transaction, unit, set)?;
            }
            if let Some(ablation) = &record.ablation {
                ablation::insert(&transaction, unit, ablation, record.network)?;
            }
            if let Some(weights) = &record.weights {
                weights::insert(&transaction, record.key, weights)?;
            }
            transaction.commit()?;
            Ok(true)
        })
    }

    /// Records why a unit could not be computed; numbers made from the same files stay.
    pub(crate) fn write_failed(&self, key: UnitKey<'_>, problem: &str) -> Result<(), Error> {
        self.with("write", |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            if unit::same(&transaction, key)?.is_none() {
                unit::delete(&transaction, key)?;
                unit::insert_failed(&transaction, key, problem)?;
            }
            Ok(transaction.commit()?)
        })
    }
}

/// Puts a unit in place of what there was of it; its id.
fn replace_unit(
    transaction: &Transaction<'_>,
    record: &UnitRecord<'_>,
    numbers: &UnitNumbers<'_>,
    packed_outputs: &[Vec<u8>],
) -> rusqlite::Result<i64> {
    unit::delete(transaction, record.key)?;
    let id = unit::insert(transaction, record, numbers)?;
    outputs::insert(transaction, id, packed_outputs)?;
    confusion::insert(transaction, id, numbers)?;
    predictions::insert(transaction, id, &numbers.outcome)?;
    Ok(id)
}
