//! Reading what filters and weights do.

use deepviz_corpus::{ImageId, Split};
use deepviz_net::Step;
use ndarray::{Array2, ArrayView3, Axis};
use rusqlite::{OptionalExtension, Row, params};

use super::read::{UNIT_COLUMNS, UNIT_WIDTH, count, not_a_blob};
use super::{Fault, Store};
use crate::activity::{ClassActivity, FilterActivity, LayerActivity, Top, TopImage};
use crate::error::Error;
use crate::pack;
use crate::weights::WeightMoment;

impl Store {
    /// The images that activate a filter most, the strongest first; `None` where the checkpoint has no
    /// statistics or the layer no such filter.
    pub fn top(
        &self,
        (step, split): (Step, Split),
        layer: &str,
        filter: usize,
    ) -> Result<Option<Vec<TopImage>>, Error> {
        let Some(unit) = self.unit(step, split)? else { return Ok(None) };
        self.with("read", |connection| {
            let sql = "SELECT places, width, top FROM activity WHERE unit_id = ?1 AND layer = ?2";
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query(params![unit.id, layer])?;
            let Some(row) = rows.next()? else { return Ok(None) };
            let (places, width) = (count(row, 0)?, row.get::<_, u32>(1)?.max(1));
            let all: Vec<Top> = pack::numbers_from_blob(row.get_ref(2)?.as_blob().map_err(not_a_blob)?)?;
            let list = filter.checked_mul(places).and_then(|start| all.get(start..start + places));
            Ok(list.map(|list| {
                let found = list.iter().filter(|top| top.image != Top::NONE.image);
                let image = |top: &Top| TopImage {
                    image: ImageId(top.image),
                    y: top.place / width,
                    x: top.place % width,
                    value: top.value,
                };
                found.map(image).collect()
            }))
        })
    }

    /// What a layer's filters do at one checkpoint, by class too; `None` where that is missing.
    pub fn activity(&self, step: Step, split: Split, layer: &str) -> Result<Option<LayerActivity>, Error> {
        let Some(unit) = self.unit(step, split)? else { return Ok(None) };
        self.with("read", |connection| {
            let sql = "SELECT filters, filter, class FROM activity WHERE unit_id = ?1 AND layer = ?2";
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query(params![unit.id, layer])?;
            let Some(row) = rows.next()? else { return Ok(None) };
            let filters = filters_of(row, 0)?;
            let classes = match row.get_ref(2)?.as_blob_or_null().map_err(not_a_blob)? {
                Some(blob) => Some(classes_of(&pack::numbers_from_blob(blob)?, filters.len(), unit.classes)?),
                None => None,
            };
            Ok(Some(LayerActivity { filters, classes }))
        })
    }

    /// What a layer's filters do at every checkpoint that has statistics, in order.
    pub fn activities(&self, split: Split, layer: &str) -> Result<Vec<(Step, Vec<FilterActivity>)>, Error> {
        let sql = format!(
            "SELECT {UNIT_COLUMNS}, filters, filter FROM unit JOIN activity ON unit_id = unit.id
             WHERE split = ?1 AND state = 'ready' AND layer = ?2 ORDER BY step"
        );
        self.with("read", |connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query(params![split.as_str(), layer])?;
            let mut moments = Vec::new();
            while let Some(row) = rows.next()? {
                if let Some(unit) = self.unit_from_row(row)? {
                    moments.push((unit.step, filters_of(row, UNIT_WIDTH)?));
                }
            }
            Ok(moments)
        })
    }

    /// The numbers of the weights at every checkpoint that has them, in order.
    pub fn weights(&self) -> Result<Vec<WeightMoment>, Error> {
        self.with("read", |connection| {
            let sql = "SELECT step, snapshot_hash, previous_hash, data FROM weight ORDER BY step";
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query([])?;
            let mut moments = Vec::new();
            while let Some(row) = rows.next()? {
                let step = Step(row.get::<_, i64>(0)? as u64);
                let (hash, previous): (String, String) = (row.get(1)?, row.get(2)?);
                if self.is_weight_stale(step, &hash, &previous) {
                    continue;
                }
                let arrays = pack::numbers_from_blob(row.get_ref(3)?.as_blob().map_err(not_a_blob)?)?;
                moments.push(WeightMoment { step, arrays });
            }
            Ok(moments)
        })
    }

    /// How many images each filter's list has at most, at the newest checkpoint with statistics.
    pub fn top_places(&self) -> Result<Option<usize>, Error> {
        let sql = "SELECT places FROM activity ORDER BY rowid DESC LIMIT 1";
        self.with("read", |connection| Ok(connection.query_row(sql, [], |row| count(row, 0)).optional()?))
    }
}

fn filters_of(row: &Row<'_>, first: usize) -> Result<Vec<FilterActivity>, Fault> {
    let filters: Vec<FilterActivity> = pack::numbers_from_blob(row.get_ref(first + 1)?.as_blob().map_err(not_a_blob)?)?;
    let expected = count(row, first)?;
    if filters.len() == expected {
        return Ok(filters);
    }
    Err(Fault::Content(format!("the activity of {} filters, expected {expected}", filters.len())))
}

fn classes_of(numbers: &[f32], filters: usize, classes: usize) -> Result<ClassActivity, Fault> {
    let shape = (3, filters, classes);
    let parts = ArrayView3::from_shape(shape, numbers)
        .map_err(|_| format!("{} numbers of {filters} filters by {classes} classes", numbers.len()))?;
    let part = |index: usize| -> Array2<f32> { parts.index_axis(Axis(0), index).to_owned() };
    Ok(ClassActivity { mean: part(0), spread: part(1), zeros: part(2) })
}
