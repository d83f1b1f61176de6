//! Writing units, each in one transaction.

use deepviz_corpus::{ImageId, Split};
use deepviz_net::Step;
use ndarray::Array2;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::read::{chunks_of, count};
use super::read_clusters::blob_from_neighbours;
use super::{Fault, RANKING_CHUNK, Store};
use crate::cluster::{ClusterSetInfo, Metric, Neighbour};
use crate::confusion::Outcome;
use crate::error::Error;
use crate::kmeans::Origin;
use crate::pack;

/// Which unit, and which files it was computed from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UnitKey<'a> {
    pub step: Step,
    pub split: Split,
    pub snapshot_hash: &'a str,
    pub corpus_hash: &'a str,
}

/// The numbers of a whole unit.
pub(crate) struct UnitNumbers {
    pub logits: Array2<f32>,
    pub outcome: Outcome,
    pub first: ImageId,
}

/// What was computed of a unit.
pub(crate) struct UnitRecord<'a> {
    pub key: UnitKey<'a>,
    /// `None` where these stood in the store already and cluster sets are added.
    pub numbers: Option<UnitNumbers>,
    pub sets: Vec<SetRecord>,
    pub seconds: f64,
}

/// A cluster set: its clusters, or the reason why there are none (`info.problem`).
pub(crate) struct SetRecord {
    pub info: ClusterSetInfo,
    pub clusters: Option<SetClusters>,
    pub seconds: f64,
}

/// The clusters of a set.
pub(crate) struct SetClusters {
    pub centres: Array2<f32>,
    pub mix: Array2<u32>,
    pub nearest: Vec<Vec<Neighbour>>,
    pub assignments: Vec<u16>,
}

/// What the store has of a unit, to see what is missing.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub is_ready: bool,
    pub snapshot_hash: String,
    pub corpus_hash: String,
    /// Layer, metric, clusters, nearest.
    pub sets: Vec<(String, Metric, usize, usize)>,
}

impl Store {
    /// Writes a unit, or the cluster sets that were missing in it. `false` where the latter found
    /// that another process had replaced the unit meanwhile.
    pub(crate) fn write(&self, record: &UnitRecord<'_>) -> Result<bool, Error> {
        self.with("write", |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let unit = match &record.numbers {
                Some(numbers) => Some(replace_unit(&transaction, record, numbers)?),
                None => same_unit(&transaction, record.key)?,
            };
            let Some(unit) = unit else { return Ok(false) };
            for set in &record.sets {
                write_set(&transaction, unit, set)?;
            }
            transaction.commit()?;
            Ok(true)
        })
    }

    /// Records why a unit could not be computed; numbers made from the same files stay.
    pub(crate) fn write_failed(&self, key: UnitKey<'_>, problem: &str) -> Result<(), Error> {
        self.with("write", |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            if same_unit(&transaction, key)?.is_none() {
                delete_unit(&transaction, key)?;
                transaction.execute(
                    "INSERT INTO unit (step, split, state, snapshot_hash, corpus_hash, problem, version)
                     VALUES (?1, ?2, 'failed', ?3, ?4, ?5, ?6)",
                    params![
                        key.step.0 as i64,
                        key.split.as_str(),
                        key.snapshot_hash,
                        key.corpus_hash,
                        problem,
                        env!("CARGO_PKG_VERSION")
                    ],
                )?;
            }
            Ok(transaction.commit()?)
        })
    }

    /// What there is of a unit.
    pub(crate) fn recorded(&self, step: Step, split: Split) -> Result<Option<Recorded>, Error> {
        self.with("read", |connection| {
            let sql = "SELECT id, state, snapshot_hash, corpus_hash FROM unit WHERE step = ?1 AND split = ?2";
            let mut statement = connection.prepare_cached(sql)?;
            let found = statement
                .query_row(params![step.0 as i64, split.as_str()], |row| {
                    Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get(2)?, row.get(3)?))
                })
                .optional()?;
            let Some((id, state, snapshot_hash, corpus_hash)) = found else { return Ok(None) };
            let sets = recorded_sets(connection, id)?;
            Ok(Some(Recorded { is_ready: state == "ready", snapshot_hash, corpus_hash, sets }))
        })
    }
}

fn recorded_sets(connection: &Connection, unit: i64) -> Result<Vec<(String, Metric, usize, usize)>, Fault> {
    let sql = "SELECT layer, metric, clusters, nearest FROM cluster_set WHERE unit_id = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([unit])?;
    let mut sets = Vec::new();
    while let Some(row) = rows.next()? {
        let metric: String = row.get(1)?;
        // A metric of a version to come is nothing that this one could miss.
        if let Ok(metric) = metric.parse() {
            sets.push((row.get(0)?, metric, count(row, 2)?, count(row, 3)?));
        }
    }
    Ok(sets)
}

/// The id of the ready unit that was made from the same files.
fn same_unit(transaction: &Transaction<'_>, key: UnitKey<'_>) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT id FROM unit WHERE step = ?1 AND split = ?2 AND state = 'ready'
               AND snapshot_hash = ?3 AND corpus_hash = ?4";
    let values = params![key.step.0 as i64, key.split.as_str(), key.snapshot_hash, key.corpus_hash];
    transaction.query_row(sql, values, |row| row.get(0)).optional()
}

fn delete_unit(transaction: &Transaction<'_>, key: UnitKey<'_>) -> rusqlite::Result<()> {
    let sql = "DELETE FROM unit WHERE step = ?1 AND split = ?2";
    transaction.execute(sql, params![key.step.0 as i64, key.split.as_str()]).map(|_| ())
}

fn replace_unit(
    transaction: &Transaction<'_>,
    record: &UnitRecord<'_>,
    numbers: &UnitNumbers,
) -> rusqlite::Result<i64> {
    let UnitRecord { key, seconds, .. } = record;
    let outcome = &numbers.outcome;
    delete_unit(transaction, *key)?;
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
            numbers.first.0,
            numbers.logits.nrows() as i64,
            outcome.loss,
            outcome.error,
            seconds,
            env!("CARGO_PKG_VERSION")
        ],
    )?;
    let unit = transaction.last_insert_rowid();
    let mut insert = transaction.prepare_cached("INSERT INTO logits (unit_id, chunk, data) VALUES (?1, ?2, ?3)")?;
    for (chunk, values) in chunks_of(&numbers.logits).enumerate() {
        insert.execute(params![unit, chunk as i64, pack::blob_from_numbers(&values)])?;
    }
    let cells: Vec<u32> = outcome
        .confusion
        .counts
        .indexed_iter()
        .filter(|&(_, &count)| count > 0)
        .flat_map(|((truth, predicted), &count)| [truth as u32, predicted as u32, count])
        .collect();
    let insert = "INSERT INTO confusion (unit_id, data) VALUES (?1, ?2)";
    transaction.execute(insert, params![unit, pack::blob_from_numbers(&cells)])?;
    let mut insert = transaction.prepare_cached("INSERT INTO cell_image (unit_id, chunk, data) VALUES (?1, ?2, ?3)")?;
    for (chunk, places) in outcome.ranking.chunks(RANKING_CHUNK).enumerate() {
        insert.execute(params![unit, chunk as i64, pack::blob_from_numbers(places)])?;
    }
    Ok(unit)
}

fn write_set(transaction: &Transaction<'_>, unit: i64, set: &SetRecord) -> rusqlite::Result<()> {
    let SetRecord { info, clusters, seconds } = set;
    let delete = "DELETE FROM cluster_set WHERE unit_id = ?1 AND layer = ?2 AND metric = ?3";
    transaction.execute(delete, params![unit, info.layer, info.metric.name()])?;
    transaction.execute(
        "INSERT INTO cluster_set (unit_id, layer, metric, clusters, nearest, dimensions, inertia, iterations, origin,
                                  previous_step, seconds, problem, mix, centres, neighbours)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        params![
            unit,
            info.layer,
            info.metric.name(),
            info.clusters as i64,
            info.nearest as i64,
            info.dimensions as i64,
            info.inertia,
            info.iterations as i64,
            info.origin.map(Origin::name),
            info.previous_step.map(|step| step.0 as i64),
            seconds,
            info.problem,
            clusters.as_ref().map(|c| blob_from_matrix(&c.mix)),
            clusters.as_ref().map(|c| blob_from_matrix(&c.centres)),
            clusters.as_ref().map(|c| blob_from_neighbours(&c.nearest)),
        ],
    )?;
    if let Some(clusters) = clusters {
        let id = transaction.last_insert_rowid();
        let insert = "INSERT INTO assignment (cluster_set_id, data) VALUES (?1, ?2)";
        transaction.execute(insert, params![id, pack::blob_from_numbers(&clusters.assignments)])?;
    }
    Ok(())
}

fn blob_from_matrix<T: pack::Number>(matrix: &Array2<T>) -> Vec<u8> {
    pack::blob_from_numbers(&matrix.iter().copied().collect::<Vec<_>>())
}
