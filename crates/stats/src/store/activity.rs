//! The table `activity`: what every layer's filters do over the split.

use std::collections::HashSet;

use deepviz_corpus::{ImageId, Split};
use deepviz_net::{Network, Step};
use ndarray::{Array2, ArrayView3, Axis};
use rusqlite::{Connection, Row, Transaction, params};

use super::database::Store;
use super::fault::{Fault, not_a_blob};
use super::table::Table;
use super::unit::{UNIT_COLUMNS, UNIT_WIDTH, count};
use crate::activity::{ClassActivity, FilterActivity, LayerActivity, LayerRecord, Top, TopImage};
use crate::error::Error;
use crate::pack;

pub(super) const TABLE: Table = Table {
    name: "activity",
    parent: "unit_id",
    columns: "layer, filters, width, places, filter, class, top, image_spread",
    sealed: &["filter", "top", "image_spread"],
};

/// Inserts the numbers of one layer. Where an earlier version left them incomplete only what it lacks is added: its list
/// of images may be longer than the one of this computation.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    unit: i64,
    record: &LayerRecord,
    network: &Network,
) -> rusqlite::Result<()> {
    let layer = &network.layers()[record.layer];
    let classes = record.activity.classes.as_ref().map(|classes| {
        let parts = [&classes.mean, &classes.spread, &classes.zeros];
        pack::blob_from_numbers(&parts.into_iter().flatten().copied().collect::<Vec<f32>>())
    });
    let top_count = record.top.iter().map(Vec::len).max().unwrap_or(0);
    // A filter that puts out no numbers has a shorter list.
    let filled = record.top.iter().flat_map(|list| {
        let gaps = std::iter::repeat_n(Top::NONE, top_count - list.len());
        list.iter().copied().chain(gaps)
    });
    let image_spread = record.activity.image_spread.as_deref().map(pack::blob_from_numbers);
    let complete = "UPDATE activity SET image_spread = ?3 WHERE unit_id = ?1 AND layer = ?2";
    if transaction.prepare_cached(complete)?.execute(params![unit, layer.name, image_spread])? > 0 {
        return Ok(());
    }
    transaction.prepare_cached(&TABLE.insert_sql())?.execute(params![
        unit,
        layer.name,
        record.activity.filters.len() as i64,
        layer.shape.width as i64,
        top_count as i64,
        pack::blob_from_numbers(&record.activity.filters),
        classes,
        pack::blob_from_numbers(&filled.collect::<Vec<_>>()),
        image_spread,
    ])?;
    Ok(())
}

/// The layers whose numbers a unit has, all of them.
pub(super) fn recorded_layers(connection: &Connection, unit: i64) -> rusqlite::Result<HashSet<String>> {
    let mut statement =
        connection.prepare_cached("SELECT layer FROM activity WHERE unit_id = ?1 AND image_spread IS NOT NULL")?;
    statement.query_map([unit], |row| row.get(0))?.collect()
}

impl Store {
    /// The images that activate a filter most, the strongest first; `None` where the checkpoint has no
    /// statistics or the layer no such filter.
    pub fn top(&self, step: Step, split: Split, layer: &str, filter: usize) -> Result<Option<Vec<TopImage>>, Error> {
        let Some(unit) = self.unit(step, split)? else { return Ok(None) };
        self.with("read", |connection| {
            let sql = "SELECT places, width, top FROM activity WHERE unit_id = ?1 AND layer = ?2";
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query(params![unit.id, layer])?;
            let Some(row) = rows.next()? else { return Ok(None) };
            let (top_count, width) = (count(row, 0)?, row.get::<_, u32>(1)?.max(1));
            let all: Vec<Top> = pack::numbers_from_blob(row.get_ref(2)?.as_blob().map_err(not_a_blob)?)?;
            let list = filter.checked_mul(top_count).and_then(|start| all.get(start..start + top_count));
            Ok(list.map(|list| {
                let found = list.iter().filter(|top| top.image != Top::NONE.image);
                let image = |top: &Top| TopImage {
                    image: ImageId(top.image),
                    y: top.position / width,
                    x: top.position % width,
                    value: top.value,
                };
                found.map(image).collect()
            }))
        })
    }

    /// The activity of a layer's filters at one checkpoint, by class too; `None` where it is missing.
    pub fn activity(&self, step: Step, split: Split, layer: &str) -> Result<Option<LayerActivity>, Error> {
        let Some(unit) = self.unit(step, split)? else { return Ok(None) };
        self.with("read", |connection| {
            let sql = "SELECT filters, filter, class, image_spread FROM activity WHERE unit_id = ?1 AND layer = ?2";
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query(params![unit.id, layer])?;
            let Some(row) = rows.next()? else { return Ok(None) };
            let filters = filters_of(row, 0)?;
            let classes = match row.get_ref(2)?.as_blob_or_null().map_err(not_a_blob)? {
                Some(blob) => Some(classes_of(&pack::numbers_from_blob(blob)?, filters.len(), unit.classes)?),
                None => None,
            };
            let image_spread = match row.get_ref(3)?.as_blob_or_null().map_err(not_a_blob)? {
                Some(blob) => Some(spreads_of(blob, filters.len())?),
                None => None,
            };
            Ok(Some(LayerActivity { filters, image_spread, classes }))
        })
    }

    /// The activity of a layer's filters at every checkpoint that has statistics, in order.
    pub fn activities(&self, split: Split, layer: &str) -> Result<Vec<(Step, Vec<FilterActivity>)>, Error> {
        let sql = format!(
            "SELECT {UNIT_COLUMNS}, filters, filter FROM unit JOIN activity ON unit_id = unit.id
             WHERE split = ?1 AND state = 'ready' AND layer = ?2 ORDER BY step"
        );
        self.with("read", |connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query(params![split.as_str(), layer])?;
            let mut by_step = Vec::new();
            while let Some(row) = rows.next()? {
                if let Some(unit) = self.unit_from_row(row)? {
                    by_step.push((unit.step, filters_of(row, UNIT_WIDTH)?));
                }
            }
            Ok(by_step)
        })
    }

    /// Whether a checkpoint has statistics, but none of this layer's activity: it was not among the chosen ones.
    pub fn is_layer_left_out(&self, step: Step, split: Split, layer: &str) -> Result<bool, Error> {
        let Some(unit) = self.unit(step, split)? else { return Ok(false) };
        self.with("read", |connection| Ok(!recorded_layers(connection, unit.id)?.contains(layer)))
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

fn spreads_of(blob: &[u8], filters: usize) -> Result<Vec<f32>, Fault> {
    let spreads: Vec<f32> = pack::numbers_from_blob(blob)?;
    if spreads.len() == filters {
        return Ok(spreads);
    }
    Err(Fault::Content(format!("the spreads of {} filters, expected {filters}", spreads.len())))
}

fn classes_of(numbers: &[f32], filters: usize, classes: usize) -> Result<ClassActivity, Fault> {
    let shape = (3, filters, classes);
    let parts = ArrayView3::from_shape(shape, numbers)
        .map_err(|_| format!("{} numbers of {filters} filters by {classes} classes", numbers.len()))?;
    let part = |index: usize| -> Array2<f32> { parts.index_axis(Axis(0), index).to_owned() };
    Ok(ClassActivity { mean: part(0), spread: part(1), zeros: part(2) })
}
