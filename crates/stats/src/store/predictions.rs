//! The table `prediction`: what was predicted for every image, and by how much.

use std::ops::RangeInclusive;

use deepviz_corpus::{ImageId, Split};
use deepviz_net::Step;
use rusqlite::{Connection, Row, Transaction, params};

use super::database::Store;
use super::fault::{Fault, not_a_blob};
use super::table::Table;
use super::unit::{UNIT_COLUMNS, UNIT_WIDTH};
use crate::confusion::Outcome;
use crate::error::Error;
use crate::pack;

pub(super) const TABLE: Table = Table { name: "prediction", parent: "unit_id", columns: "data", sealed: &["data"] };

pub(super) fn insert(transaction: &Transaction<'_>, unit: i64, outcome: &Outcome) -> rusqlite::Result<()> {
    transaction.execute(&TABLE.insert_sql(), params![unit, prediction_blob(outcome)]).map(|_| ())
}

fn prediction_blob(outcome: &Outcome) -> Vec<u8> {
    let mut bytes = pack::bytes_from_indices(&outcome.predictions, outcome.confusion.classes.saturating_sub(1));
    for (&margin, &is_right) in outcome.margins.iter().zip(&outcome.is_right) {
        let code = (margin * f32::from(i16::MAX)).round() as i16;
        // Its sign says whether the prediction is right, however narrowly.
        bytes.extend((if is_right { code.max(1) } else { code.min(0) }).to_le_bytes());
    }
    pack::seal(bytes)
}

/// The predictions of one unit, image by image.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Predictions {
    pub step: Step,
    /// The first image.
    pub first: ImageId,
    pub classes: Vec<u16>,
    /// `p(true class)` less the greatest other, in units of 1/32767; above 0 where the prediction is right.
    pub margins: Vec<i16>,
}

impl Store {
    /// The predicted class of every image of a split at a checkpoint, in the order of their ids; `None` where they are
    /// missing.
    pub fn predicted_classes(&self, step: Step, split: Split) -> Result<Option<Vec<u16>>, Error> {
        Ok(self.predictions_at(step, split)?.map(|found| found.classes))
    }

    /// The predictions of one checkpoint.
    pub(crate) fn predictions_at(&self, step: Step, split: Split) -> Result<Option<Predictions>, Error> {
        self.with("read", |connection| {
            let mut found = None;
            self.each_prediction(connection, split, step..=step, |predictions| found = Some(predictions))?;
            Ok(found)
        })
    }

    /// The predictions of every checkpoint between two that has them, one after the other.
    pub(super) fn each_prediction(
        &self,
        connection: &Connection,
        split: Split,
        steps: RangeInclusive<Step>,
        mut take: impl FnMut(Predictions),
    ) -> Result<(), Fault> {
        let sql = format!(
            "SELECT {UNIT_COLUMNS}, data FROM unit JOIN prediction ON unit_id = unit.id
             WHERE state = 'ready' AND split = ?1 AND step BETWEEN ?2 AND ?3 ORDER BY step"
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params![split.as_str(), steps.start().0 as i64, steps.end().0 as i64])?;
        while let Some(row) = rows.next()? {
            if let Some(predictions) = self.predictions_from_row(row)? {
                take(predictions);
            }
        }
        Ok(())
    }

    fn predictions_from_row(&self, row: &Row<'_>) -> Result<Option<Predictions>, Fault> {
        let Some(unit) = self.unit_from_row(row)? else { return Ok(None) };
        let bytes = pack::unseal(row.get_ref(UNIT_WIDTH)?.as_blob().map_err(not_a_blob)?)?;
        let max = unit.classes.saturating_sub(1);
        let broken = || format!("{} bytes of predictions for {} images", bytes.len(), unit.images);
        let (classes, margins) = bytes.split_at_checked(unit.images * pack::index_bytes(max)).ok_or_else(broken)?;
        let margins: Vec<i16> = pack::numbers_from_bytes(margins)?;
        if margins.len() != unit.images {
            return Err(Fault::Content(broken()));
        }
        let classes = pack::indices_from_bytes(classes, max)?;
        Ok(Some(Predictions { step: unit.step, first: unit.first_image, classes, margins }))
    }
}
