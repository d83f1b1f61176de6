//! Reading what was predicted for every image.

use deepviz_corpus::{ImageId, Split};
use deepviz_net::Step;
use rusqlite::{Row, params};

use super::read::{UNIT_COLUMNS, UNIT_WIDTH, not_a_blob};
use super::{Fault, Store};
use crate::error::Error;
use crate::pack;

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
    /// The predictions of every checkpoint that has them, in order.
    pub(crate) fn predictions(&self, split: Split) -> Result<Vec<Predictions>, Error> {
        self.predictions_where("split = ?1 AND step >= ?2", (split, Step(0)))
    }

    /// The predictions of one checkpoint.
    pub(crate) fn predictions_at(&self, step: Step, split: Split) -> Result<Option<Predictions>, Error> {
        Ok(self.predictions_where("split = ?1 AND step = ?2", (split, step))?.pop())
    }

    fn predictions_where(&self, which: &str, (split, step): (Split, Step)) -> Result<Vec<Predictions>, Error> {
        let sql = format!(
            "SELECT {UNIT_COLUMNS}, data FROM unit JOIN prediction ON unit_id = unit.id
             WHERE state = 'ready' AND {which} ORDER BY step"
        );
        self.with("read", |connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query(params![split.as_str(), step.0 as i64])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.extend(self.predictions_from_row(row)?);
            }
            Ok(found)
        })
    }

    fn predictions_from_row(&self, row: &Row<'_>) -> Result<Option<Predictions>, Fault> {
        let Some(unit) = self.unit_from_row(row)? else { return Ok(None) };
        let bytes = pack::unseal(row.get_ref(UNIT_WIDTH)?.as_blob().map_err(not_a_blob)?)?;
        let most = unit.classes.saturating_sub(1);
        let broken = || format!("{} bytes of predictions for {} images", bytes.len(), unit.images);
        let (classes, margins) = bytes.split_at_checked(unit.images * pack::index_bytes(most)).ok_or_else(broken)?;
        let margins: Vec<i16> = pack::numbers_from_bytes(margins)?;
        if margins.len() != unit.images {
            return Err(Fault::Content(broken()));
        }
        let classes = pack::indices_from_bytes(classes, most)?;
        Ok(Some(Predictions { step: unit.step, first: unit.first, classes, margins }))
    }
}
