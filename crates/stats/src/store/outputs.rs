//! The table `output`: what goes into the softmax, of every image.

use std::ops::RangeInclusive;

use deepviz_corpus::{ImageId, Split};
use deepviz_net::Step;
use ndarray::{Array1, Array2, Axis};
use rusqlite::{Transaction, params};

use super::database::Store;
use super::fault::{Fault, not_a_blob};
use super::record::UnitNumbers;
use super::table::Table;
use super::unit::{ReadyUnit, UNIT_COLUMNS, UNIT_WIDTH};
use crate::codec;
use crate::error::Error;
use crate::pack;

pub(super) const TABLE: Table = Table { name: "output", parent: "unit_id", columns: "chunk, data", sealed: &["data"] };

/// Images whose outputs are in one row.
const OUTPUT_CHUNK: usize = 512;
/// Outputs of a unit that are held in memory: 2 GiB of them.
const MAX_OUTPUTS: usize = 1 << 29;

/// The rows of a unit, packed.
pub(super) fn blobs(numbers: &UnitNumbers<'_>) -> Vec<Vec<u8>> {
    let chunks = numbers.logits.axis_chunks_iter(Axis(0), OUTPUT_CHUNK).zip(numbers.labels.chunks(OUTPUT_CHUNK));
    chunks.map(|(rows, labels)| pack::seal(codec::bytes_from_rows(rows, labels))).collect()
}

pub(super) fn insert(transaction: &Transaction<'_>, unit: i64, blobs: &[Vec<u8>]) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare_cached(&TABLE.insert_sql())?;
    for (chunk, blob) in blobs.iter().enumerate() {
        insert.execute(params![unit, chunk as i64, blob])?;
    }
    Ok(())
}

impl Store {
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
            if unit.images.saturating_mul(unit.classes) > MAX_OUTPUTS {
                let found = format!("{} images of {} classes", unit.images, unit.classes);
                return Err(Fault::Content(format!("outputs of {found}: more than are held in memory")));
            }
            // Grows with what exists, not by the numbers that the unit states.
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
            Ok(Some((unit.first_image, logits)))
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
                let start = (image.0 - unit.first_image.0) as usize % OUTPUT_CHUNK * bytes;
                let mut logits = Array1::zeros(unit.classes);
                let found = chunk.get(start..start + bytes).is_some_and(|b| codec::read_row(b, logits.view_mut()));
                found.then_some(()).ok_or_else(|| broken_outputs(&unit))?;
                history.push((unit.step, logits.to_vec()));
            }
            Ok(history)
        })
    }
}

fn broken_outputs(unit: &ReadyUnit) -> Fault {
    Fault::Content(format!("outputs of step {} that are not those of {} images", unit.step.0, unit.images))
}
