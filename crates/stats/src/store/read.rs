//! Reading units and outputs.

use std::ops::RangeInclusive;

use deepviz_corpus::{ImageId, Split};
use deepviz_net::Step;
use ndarray::{Array1, Array2};
use rusqlite::types::Type;
use rusqlite::{Row, params};

use super::{Fault, ImpossibleCounts, OUTPUT_CHUNK, Store};
use crate::codec;
use crate::error::Error;
use crate::pack;
use crate::unit::{State, UnitState};

/// Outputs of a unit that are held in memory: 2 GiB of them.
const MOST_OUTPUTS: usize = 1 << 29;

/// A ready unit that is not stale.
pub(super) struct Unit {
    pub id: i64,
    pub step: Step,
    pub classes: usize,
    pub first: ImageId,
    pub images: usize,
}

pub(super) const UNIT_COLUMNS: &str = "unit.id, step, snapshot_hash, corpus_hash, classes, first_image, images";
/// How many columns these are.
pub(super) const UNIT_WIDTH: usize = 7;

fn broken_outputs(unit: &Unit) -> Fault {
    Fault::Content(format!("outputs of step {} that are not those of {} images", unit.step.0, unit.images))
}

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

    /// The outputs of every image of the split, `[images, classes]`; `None` where they are missing.
    ///
    /// Probabilities made from them are right within 1e-4. With more than 100 classes the outputs of
    /// the true class and of the 20 greatest are known; the others share the rest equally.
    pub fn logits(&self, step: Step, split: Split) -> Result<Option<Array2<f32>>, Error> {
        Ok(self.outputs(step, split)?.map(|(_, logits)| logits))
    }

    /// The same, and the first image.
    pub(crate) fn outputs(&self, step: Step, split: Split) -> Result<Option<(ImageId, Array2<f32>)>, Error> {
        let Some(unit) = self.unit(step, split)? else { return Ok(None) };
        self.with("read", |connection| {
            let mut statement =
                connection.prepare_cached("SELECT data FROM output WHERE unit_id = ?1 ORDER BY chunk")?;
            let mut rows = statement.query([unit.id])?;
            if unit.images.saturating_mul(unit.classes) > MOST_OUTPUTS {
                let found = format!("{} images of {} classes", unit.images, unit.classes);
                return Err(Fault::Content(format!("outputs of {found}: more than are held in memory")));
            }
            // Grows with what is there, not by the numbers that the unit states.
            let mut logits = Array2::zeros((0, unit.classes));
            let mut logit_row = Array1::zeros(unit.classes);
            while let Some(row) = rows.next()? {
                let bytes = pack::unseal(row.get_ref(0)?.as_blob().map_err(not_a_blob)?)?;
                for bytes in bytes.chunks(codec::row_bytes(unit.classes)) {
                    let read = logits.nrows() < unit.images && codec::read_row(bytes, logit_row.view_mut());
                    let pushed = read && logits.push_row(logit_row.view()).is_ok();
                    pushed.then_some(()).ok_or_else(|| broken_outputs(&unit))?;
                }
            }
            let whole = logits.nrows() == unit.images;
            whole.then_some(()).ok_or_else(|| broken_outputs(&unit))?;
            Ok(Some((unit.first, logits)))
        })
    }

    /// The outputs of one image at every checkpoint that has them, as [`Store::logits`] gives them.
    pub fn history(&self, image: ImageId) -> Result<Vec<(Step, Vec<f32>)>, Error> {
        self.outputs_of(image, Step(0)..=Step(i64::MAX as u64))
    }

    /// The outputs of one image at every checkpoint between two that has them.
    pub(crate) fn outputs_of(
        &self,
        image: ImageId,
        steps: RangeInclusive<Step>,
    ) -> Result<Vec<(Step, Vec<f32>)>, Error> {
        let sql = format!(
            "SELECT {UNIT_COLUMNS}, data FROM unit JOIN output
             ON unit_id = id AND chunk = (?1 - first_image) / {OUTPUT_CHUNK}
             WHERE state = 'ready' AND ?1 >= first_image AND ?1 < first_image + images AND step BETWEEN ?2 AND ?3
             ORDER BY step"
        );
        self.with("read", |connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query(params![image.0, steps.start().0 as i64, steps.end().0 as i64])?;
            let mut history = Vec::new();
            while let Some(row) = rows.next()? {
                let Some(unit) = self.unit_from_row(row)? else { continue };
                let chunk = pack::unseal(row.get_ref(UNIT_WIDTH)?.as_blob().map_err(not_a_blob)?)?;
                let bytes = codec::row_bytes(unit.classes);
                let start = (image.0 - unit.first.0) as usize % OUTPUT_CHUNK * bytes;
                let mut logits = Array1::zeros(unit.classes);
                let found = chunk.get(start..start + bytes).is_some_and(|b| codec::read_row(b, logits.view_mut()));
                found.then_some(()).ok_or_else(|| broken_outputs(&unit))?;
                history.push((unit.step, logits.to_vec()));
            }
            Ok(history)
        })
    }

    /// The unit, where it is ready and not stale.
    pub(super) fn unit(&self, step: Step, split: Split) -> Result<Option<Unit>, Error> {
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
    pub(super) fn unit_from_row(&self, row: &Row<'_>) -> rusqlite::Result<Option<Unit>> {
        let step = Step(row.get::<_, i64>(1)? as u64);
        let (snapshot, corpus) = (row.get_ref(2)?.as_str()?, row.get_ref(3)?.as_str()?);
        if self.is_stale(step, snapshot, corpus) {
            return Ok(None);
        }
        let (classes, first, images) = (count(row, 4)?, ImageId(row.get(5)?), count(row, 6)?);
        self.check_counts(classes, first.0, images).map_err(|problem| {
            rusqlite::Error::FromSqlConversionFailure(6, Type::Integer, Box::new(ImpossibleCounts(problem)))
        })?;
        Ok(Some(Unit { id: row.get(0)?, step, classes, first, images }))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err hands it over")]
pub(super) fn not_a_blob(error: rusqlite::types::FromSqlError) -> Fault {
    Fault::Content(format!("a packed column of another type: {error}"))
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
