//! Writing units, each in one transaction.

use deepviz_corpus::{ClassId, ImageId, Split};
use deepviz_net::{Network, Step};
use ndarray::{Array2, Axis};
use rusqlite::{OptionalExtension, Transaction, TransactionBehavior, params};

use super::read_clusters::blob_from_neighbours;
use super::{OUTPUT_CHUNK, RANKING_CHUNK, Store, write_activity};
use crate::activity::LayerRecord;
use crate::cluster::{ClusterSetInfo, Neighbour};
use crate::codec;
use crate::confusion::Outcome;
use crate::error::Error;
use crate::kmeans::Origin;
use crate::pack::{self, Ranked};
use crate::weights::WeightNumbers;

/// Which unit, and which files it was computed from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UnitKey<'a> {
    pub step: Step,
    pub split: Split,
    pub snapshot_hash: &'a str,
    pub corpus_hash: &'a str,
}

/// The numbers of a whole unit.
pub(crate) struct UnitNumbers<'a> {
    pub logits: Array2<f32>,
    pub outcome: Outcome,
    pub labels: &'a [ClassId],
    pub first: ImageId,
    pub activity: Vec<LayerRecord>,
    pub network: &'a Network,
}

/// The numbers of a snapshot's weights.
pub(crate) struct WeightRecord {
    /// Hash of the snapshot before, empty for the first.
    pub previous_hash: String,
    pub arrays: Vec<WeightNumbers>,
}

/// What was computed of a unit.
pub(crate) struct UnitRecord<'a> {
    pub key: UnitKey<'a>,
    /// `None` where these stood in the store already and cluster sets are added.
    pub numbers: Option<UnitNumbers<'a>>,
    pub sets: Vec<SetRecord>,
    /// `None` where they stand in the store already.
    pub weights: Option<WeightRecord>,
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

impl Store {
    /// Writes a unit, or the cluster sets that were missing in it. `false` where the latter found
    /// that another process had replaced the unit meanwhile.
    pub(crate) fn write(&self, record: &UnitRecord<'_>) -> Result<bool, Error> {
        // Packed before the database is locked.
        let outputs = record.numbers.as_ref().map(output_blobs).unwrap_or_default();
        self.with("write", |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let unit = match &record.numbers {
                Some(numbers) => Some(replace_unit(&transaction, record, numbers, &outputs)?),
                None => same_unit(&transaction, record.key)?,
            };
            let Some(unit) = unit else { return Ok(false) };
            for set in &record.sets {
                write_set(&transaction, unit, set)?;
            }
            if let Some(weights) = &record.weights {
                let insert = "INSERT OR REPLACE INTO weight (step, snapshot_hash, previous_hash, data)
                              VALUES (?1, ?2, ?3, ?4)";
                let data = pack::blob_from_numbers(&weights.arrays);
                let key = record.key;
                let values = params![key.step.0 as i64, key.snapshot_hash, weights.previous_hash, data];
                transaction.execute(insert, values)?;
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

fn output_blobs(numbers: &UnitNumbers<'_>) -> Vec<Vec<u8>> {
    let chunks = numbers.logits.axis_chunks_iter(Axis(0), OUTPUT_CHUNK).zip(numbers.labels.chunks(OUTPUT_CHUNK));
    chunks.map(|(rows, labels)| pack::seal(codec::bytes_from_rows(rows, labels))).collect()
}

fn replace_unit(
    transaction: &Transaction<'_>,
    record: &UnitRecord<'_>,
    numbers: &UnitNumbers<'_>,
    outputs: &[Vec<u8>],
) -> rusqlite::Result<i64> {
    let UnitRecord { key, seconds, .. } = record;
    let outcome = &numbers.outcome;
    let images = numbers.logits.nrows();
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
            images as i64,
            outcome.loss,
            outcome.error,
            seconds,
            env!("CARGO_PKG_VERSION")
        ],
    )?;
    let unit = transaction.last_insert_rowid();
    let mut insert = transaction.prepare_cached("INSERT INTO output (unit_id, chunk, data) VALUES (?1, ?2, ?3)")?;
    for (chunk, blob) in outputs.iter().enumerate() {
        insert.execute(params![unit, chunk as i64, blob])?;
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
    let insert = "INSERT INTO prediction (unit_id, data) VALUES (?1, ?2)";
    transaction.execute(insert, params![unit, prediction_blob(outcome)])?;
    let mut insert = transaction.prepare_cached("INSERT INTO cell_image (unit_id, chunk, data) VALUES (?1, ?2, ?3)")?;
    for (chunk, places) in outcome.ranking.chunks(RANKING_CHUNK).enumerate() {
        insert.execute(params![unit, chunk as i64, ranking_blob(places, numbers.first, images)])?;
    }
    for layer in &numbers.activity {
        write_activity::write(transaction, unit, layer, numbers.network)?;
    }
    Ok(unit)
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

/// Bytes of an image in a ranking over so many.
pub(super) fn place_bytes(images: usize) -> usize {
    if images <= 1 << 16 { 2 } else { 4 }
}

fn ranking_blob(places: &[Ranked], first: ImageId, images: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(places.len() * (place_bytes(images) + 2));
    for place in places {
        bytes.extend(&(place.image - first.0).to_le_bytes()[..place_bytes(images)]);
        bytes.extend(((place.value * f32::from(u16::MAX)).round() as u16).to_le_bytes());
    }
    pack::seal(bytes)
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
        let data = pack::blob_from_indices(&clusters.assignments, info.clusters.saturating_sub(1));
        transaction.execute(insert, params![id, data])?;
    }
    Ok(())
}

pub(super) fn blob_from_matrix<T: pack::Number>(matrix: &Array2<T>) -> Vec<u8> {
    pack::blob_from_numbers(&matrix.iter().copied().collect::<Vec<_>>())
}
