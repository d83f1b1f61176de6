//! The table `unit`: a snapshot over a split, the files that it was computed from, and its outcome.

use deepviz_corpus::{ImageId, Split};
use deepviz_net::Step;
use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::database::Store;
use super::fault::ImpossibleCounts;
use super::record::{UnitKey, UnitNumbers, UnitRecord};
use super::table::CopiedRow;
use crate::error::Error;
use crate::unit::{State, UnitState};

/// All columns but the id.
const COLUMNS: &str = "step, split, state, snapshot_hash, corpus_hash, classes, first_image, images, loss, error, seconds, \
                    problem, version, computed_at";

/// A ready unit that is not stale.
pub(super) struct ReadyUnit {
    pub id: i64,
    pub step: Step,
    pub classes: usize,
    pub first_image: ImageId,
    pub images: usize,
}

pub(super) const UNIT_COLUMNS: &str = "unit.id, step, snapshot_hash, corpus_hash, classes, first_image, images";
/// The number of these columns.
pub(super) const UNIT_WIDTH: usize = 7;

impl Store {
    /// All units that the store knows of, by step and split.
    pub fn units(&self) -> Result<Vec<UnitState>, Error> {
        let mut units = self.with("read", |connection| {
            let sql = "SELECT step, split, state, snapshot_hash, corpus_hash, problem, images, loss, error, seconds
                       FROM unit ORDER BY step, split";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([], unit_state_from_row)?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        })?;
        for unit in &mut units {
            if self.is_stale(unit.step, &unit.snapshot_hash, &unit.corpus_hash) {
                unit.state = State::Stale;
            }
        }
        Ok(units)
    }

    /// The unit, where it is ready and not stale.
    pub(super) fn unit(&self, step: Step, split: Split) -> Result<Option<ReadyUnit>, Error> {
        let sql = format!("SELECT {UNIT_COLUMNS} FROM unit WHERE step = ?1 AND split = ?2 AND state = 'ready'");
        self.with("read", |connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query(params![step.0 as i64, split.as_str()])?;
            match rows.next()? {
                Some(row) => Ok(self.unit_from_row(row)?),
                None => Ok(None),
            }
        })
    }

    /// From a row that begins with [`UNIT_COLUMNS`]; `None` where it is stale.
    pub(super) fn unit_from_row(&self, row: &Row<'_>) -> rusqlite::Result<Option<ReadyUnit>> {
        let step = Step(row.get::<_, i64>(1)? as u64);
        let (snapshot, corpus) = (row.get_ref(2)?.as_str()?, row.get_ref(3)?.as_str()?);
        if self.is_stale(step, snapshot, corpus) {
            return Ok(None);
        }
        let (classes, first_image, images) = (count(row, 4)?, ImageId(row.get(5)?), count(row, 6)?);
        self.check_counts(classes, first_image.0, images).map_err(|problem| {
            rusqlite::Error::FromSqlConversionFailure(6, Type::Integer, Box::new(ImpossibleCounts(problem)))
        })?;
        Ok(Some(ReadyUnit { id: row.get(0)?, step, classes, first_image, images }))
    }
}

/// Inserts a ready unit; its id.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    record: &UnitRecord<'_>,
    numbers: &UnitNumbers<'_>,
) -> rusqlite::Result<i64> {
    let UnitRecord { key, seconds, .. } = record;
    let outcome = &numbers.outcome;
    transaction.execute(
        "INSERT INTO unit (step, split, state, snapshot_hash, corpus_hash, classes, first_image, images, loss, error,
                           seconds, version)
         VALUES (?1, ?2, 'ready', ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            key.step.0 as i64,
            key.split.as_str(),
            key.snapshot_hash,
            key.corpus_hash,
            outcome.confusion.classes as i64,
            numbers.first_image.0,
            numbers.logits.nrows() as i64,
            outcome.loss,
            outcome.error,
            seconds,
            env!("CARGO_PKG_VERSION")
        ],
    )?;
    Ok(transaction.last_insert_rowid())
}

/// Inserts a unit that could not be computed.
pub(super) fn insert_failed(transaction: &Transaction<'_>, key: UnitKey<'_>, problem: &str) -> rusqlite::Result<()> {
    let sql = "INSERT INTO unit (step, split, state, snapshot_hash, corpus_hash, problem, version)
               VALUES (?1, ?2, 'failed', ?3, ?4, ?5, ?6)";
    let UnitKey { step, split, snapshot_hash, corpus_hash } = key;
    let version = env!("CARGO_PKG_VERSION");
    let values = params![step.0 as i64, split.as_str(), snapshot_hash, corpus_hash, problem, version];
    transaction.execute(sql, values).map(|_| ())
}

/// The id of the ready unit that was made from the same files.
pub(super) fn same(transaction: &Transaction<'_>, key: UnitKey<'_>) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT id FROM unit WHERE step = ?1 AND split = ?2 AND state = 'ready'
               AND snapshot_hash = ?3 AND corpus_hash = ?4";
    let values = params![key.step.0 as i64, key.split.as_str(), key.snapshot_hash, key.corpus_hash];
    transaction.query_row(sql, values, |row| row.get(0)).optional()
}

/// Deletes a unit with all its numbers.
pub(super) fn delete(transaction: &Transaction<'_>, key: UnitKey<'_>) -> rusqlite::Result<()> {
    let sql = "DELETE FROM unit WHERE step = ?1 AND split = ?2";
    transaction.execute(sql, params![key.step.0 as i64, key.split.as_str()]).map(|_| ())
}

/// Copies a unit from the attached file, without its numbers, in place of what there was.
pub(super) fn copy_from(transaction: &Transaction<'_>, from: i64) -> rusqlite::Result<CopiedRow> {
    let delete = "DELETE FROM main.unit WHERE (step, split) IN (SELECT step, split FROM part.unit WHERE id = ?1)";
    transaction.execute(delete, [from])?;
    let insert = format!("INSERT INTO main.unit ({COLUMNS}) SELECT {COLUMNS} FROM part.unit WHERE id = ?1");
    transaction.execute(&insert, [from])?;
    Ok(CopiedRow { from, to: transaction.last_insert_rowid() })
}

fn unit_state_from_row(row: &Row<'_>) -> rusqlite::Result<UnitState> {
    let state = match row.get_ref(2)?.as_str()? {
        "ready" => State::Ready,
        _ => State::Failed,
    };
    Ok(UnitState {
        step: Step(row.get::<_, i64>(0)? as u64),
        split: split_from_column(row, 1)?,
        state,
        snapshot_hash: row.get(3)?,
        corpus_hash: row.get(4)?,
        error: row.get(5)?,
        images: count(row, 6)?,
        loss: row.get(7)?,
        error_rate: row.get(8)?,
        seconds: row.get(9)?,
    })
}

/// A column that counts something.
pub(super) fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<usize> {
    Ok(row.get::<_, u32>(column)? as usize)
}

fn split_from_column(row: &Row<'_>, column: usize) -> rusqlite::Result<Split> {
    let name = row.get_ref(column)?.as_str()?;
    name.parse().map_err(|_| rusqlite::Error::InvalidColumnType(column, name.to_owned(), Type::Text))
}
