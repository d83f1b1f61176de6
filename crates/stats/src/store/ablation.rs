//! The table `ablation`: what each class loses without each filter.

use std::collections::HashSet;

use deepviz_attribution::ablation::{Atlas, ClassResult, LayerEffects};
use deepviz_corpus::Split;
use deepviz_net::{Network, Step};
use ndarray::{Array2, Array4, ArrayView2, ArrayView4, Axis};
use rusqlite::{Connection, Row, Transaction, params};

use super::database::Store;
use super::fault::{Fault, not_a_blob};
use super::record::AblationRecord;
use super::table::Table;
use super::unit::{UNIT_COLUMNS, UNIT_WIDTH, count};
use crate::error::Error;
use crate::pack;

pub(super) const TABLE: Table = Table {
    name: "ablation",
    parent: "unit_id",
    columns: "layer, measured_at, filters, sample, base, means, effect",
    sealed: &["base", "means", "effect"],
};

/// The columns that an [`Atlas`], the ablation effects of filters, is read from.
const COLUMNS: &str = "filters, base, means, effect, layer, measured_at";

/// Inserts the ablation effects of some layers' filters in place of what there was of them.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    unit: i64,
    record: &AblationRecord,
    network: &Network,
) -> rusqlite::Result<()> {
    let atlas = &record.atlas;
    let base: Vec<f32> = atlas
        .images
        .iter()
        .zip(&atlas.base)
        .flat_map(|(&images, base)| [images as f32, base.correct as f32, base.logit as f32])
        .collect();
    for layer in &atlas.layers {
        let numbers = |result: &ClassResult| [result.correct as f32, result.lost as f32, result.logit as f32];
        let effect: Vec<f32> = layer.zero.iter().chain(&layer.mean).flat_map(numbers).collect();
        let name = |index: usize| &network.layers()[index].name;
        let remove = "DELETE FROM ablation WHERE unit_id = ?1 AND layer = ?2";
        transaction.prepare_cached(remove)?.execute(params![unit, name(layer.layer)])?;
        transaction.prepare_cached(&TABLE.insert_sql())?.execute(params![
            unit,
            name(layer.layer),
            name(layer.measured_at),
            layer.means.len() as i64,
            record.sample as i64,
            pack::blob_from_numbers(&base),
            pack::blob_from_numbers(&layer.means),
            pack::blob_from_numbers(&effect),
        ])?;
    }
    Ok(())
}

/// The layers whose ablation effects a unit has, each with the limit of images that they were computed over.
pub(super) fn recorded_layers(connection: &Connection, unit: i64) -> rusqlite::Result<HashSet<(String, usize)>> {
    let mut statement = connection.prepare_cached("SELECT layer, sample FROM ablation WHERE unit_id = ?1")?;
    statement.query_map([unit], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as usize)))?.collect()
}

impl Store {
    /// What each class loses without each filter of a layer at a checkpoint; `None` where it was not computed.
    pub fn ablation(&self, step: Step, split: Split, network: &Network, layer: usize) -> Result<Option<Atlas>, Error> {
        let Some(unit) = self.unit(step, split)? else { return Ok(None) };
        self.with("read", |connection| {
            let sql = format!("SELECT {COLUMNS} FROM ablation WHERE unit_id = ?1 AND layer = ?2");
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query(params![unit.id, network.layers()[layer].name])?;
            let Some(row) = rows.next()? else { return Ok(None) };
            atlas_of(row, 0, network, unit.classes).map(Some)
        })
    }

    /// The same at every checkpoint that has it, in order.
    pub fn ablations(&self, split: Split, network: &Network, layer: usize) -> Result<Vec<(Step, Atlas)>, Error> {
        let sql = format!(
            "SELECT {UNIT_COLUMNS}, {COLUMNS} FROM unit JOIN ablation ON unit_id = unit.id
             WHERE split = ?1 AND state = 'ready' AND layer = ?2 ORDER BY step"
        );
        self.with("read", |connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query(params![split.as_str(), network.layers()[layer].name])?;
            let mut by_step = Vec::new();
            while let Some(row) = rows.next()? {
                if let Some(unit) = self.unit_from_row(row)? {
                    by_step.push((unit.step, atlas_of(row, UNIT_WIDTH, network, unit.classes)?));
                }
            }
            Ok(by_step)
        })
    }
}

/// One layer's ablation effects from a row.
fn atlas_of(row: &Row<'_>, first: usize, network: &Network, classes: usize) -> Result<Atlas, Fault> {
    let blob = |column: usize| -> Result<Vec<f32>, Fault> {
        Ok(pack::numbers_from_blob(row.get_ref(first + column)?.as_blob().map_err(not_a_blob)?)?)
    };
    let filters = count(row, first)?;
    let (base, means, effect) = (blob(1)?, blob(2)?, blob(3)?);
    let wrong = |what: &str| Fault::Content(format!("the {what} of an ablation of {filters} filters do not fit"));
    let base = ArrayView2::from_shape((classes, 3), &base).map_err(|_| wrong("base counts"))?;
    let effect: ArrayView4<'_, f32> =
        ArrayView4::from_shape((2, filters, classes, 3), &effect).map_err(|_| wrong("effects"))?;
    if means.len() != filters {
        return Err(wrong("means"));
    }
    let results = |way: usize| -> Array2<ClassResult> {
        let effect: Array4<f32> = effect.index_axis(Axis(0), way).to_owned().insert_axis(Axis(0));
        Array2::from_shape_fn((filters, classes), |(filter, class)| ClassResult {
            correct: effect[[0, filter, class, 0]] as u32,
            lost: effect[[0, filter, class, 1]] as u32,
            logit: f64::from(effect[[0, filter, class, 2]]),
        })
    };
    let index = |column: usize| -> Result<usize, Fault> {
        let name: String = row.get(first + column)?;
        network.index_of(&name).ok_or_else(|| Fault::Content(format!("an ablation of {name}, which is no layer")))
    };
    let layer = LayerEffects { layer: index(4)?, measured_at: index(5)?, means, zero: results(0), mean: results(1) };
    Ok(Atlas {
        images: base.column(0).iter().map(|&images| images as u32).collect(),
        base: base
            .rows()
            .into_iter()
            .map(|row| ClassResult { correct: row[1] as u32, lost: 0, logit: f64::from(row[2]) })
            .collect(),
        layers: vec![layer],
    })
}
