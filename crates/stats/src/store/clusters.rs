//! The tables `cluster_set`, one k-means over a layer's outputs, and `assignment`, the cluster of every image.

use deepviz_corpus::{ImageId, Split};
use deepviz_net::Step;
use ndarray::Array2;
use rusqlite::{Connection, Row, Transaction, params};

use super::database::Store;
use super::fault::{Fault, not_a_blob};
use super::record::SetRecord;
use super::table::{CopiedRow, Table};
use super::unit::{UNIT_COLUMNS, UNIT_WIDTH, count};
use crate::cluster::{self, ClusterSet, ClusterSetInfo, ClustersAtCheckpoint, Lineage, Neighbour};
use crate::error::Error;
use crate::kmeans::{Origin, Previous};
use crate::metric::{Metric, UnknownMetric};
use crate::pack;

pub(super) const TABLE: Table = Table {
    name: "cluster_set",
    parent: "unit_id",
    columns: "layer, metric, clusters, nearest, dimensions, inertia, iterations, origin, previous_step, seconds, \
              problem, mix, centres, neighbours",
    sealed: &[],
};
pub(super) const ASSIGNMENT: Table =
    Table { name: "assignment", parent: "cluster_set_id", columns: "data", sealed: &["data"] };

const INFO_COLUMNS: &str =
    "layer, metric, clusters, nearest, dimensions, inertia, iterations, origin, previous_step, problem";

/// Puts a cluster set in place of what there was of it.
pub(super) fn insert(transaction: &Transaction<'_>, unit: i64, set: &SetRecord) -> rusqlite::Result<()> {
    let SetRecord { info, clusters, seconds } = set;
    let delete = "DELETE FROM cluster_set WHERE unit_id = ?1 AND layer = ?2 AND metric = ?3";
    transaction.execute(delete, params![unit, info.layer, info.metric.name()])?;
    transaction.execute(
        &TABLE.insert_sql(),
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
        let data = pack::blob_from_indices(&clusters.assignments, info.clusters.saturating_sub(1));
        transaction.execute(&ASSIGNMENT.insert_sql(), params![id, data])?;
    }
    Ok(())
}

/// Copies the assignments of a unit whose cluster sets have been copied from the attached file.
pub(super) fn copy_assignments(transaction: &Transaction<'_>, unit: CopiedRow) -> rusqlite::Result<()> {
    let sets = "SELECT old.id, new.id FROM part.cluster_set AS old
                JOIN main.cluster_set AS new ON new.layer = old.layer AND new.metric = old.metric
                WHERE old.unit_id = ?1 AND new.unit_id = ?2";
    let mut statement = transaction.prepare(sets)?;
    let mut rows = statement.query([unit.from, unit.to])?;
    while let Some(row) = rows.next()? {
        ASSIGNMENT.copy_from(transaction, CopiedRow { from: row.get(0)?, to: row.get(1)? })?;
    }
    Ok(())
}

impl Store {
    /// The cluster sets of one checkpoint, failed ones too; empty where there are none.
    pub fn cluster_sets(&self, step: Step, split: Split) -> Result<Vec<ClusterSetInfo>, Error> {
        let Some(unit) = self.unit(step, split)? else { return Ok(Vec::new()) };
        self.with("read", |connection| {
            let sql = format!("SELECT {INFO_COLUMNS} FROM cluster_set WHERE unit_id = ?1 ORDER BY layer, metric");
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query([unit.id])?;
            let mut sets = Vec::new();
            while let Some(row) = rows.next()? {
                sets.push(info_from_row(row)?);
            }
            Ok(sets)
        })
    }

    /// One cluster set in full; `None` where it is missing or failed.
    pub fn clusters(&self, step: Step, split: Split, layer: &str, metric: Metric) -> Result<Option<ClusterSet>, Error> {
        let Some(unit) = self.unit(step, split)? else { return Ok(None) };
        self.with("read", |connection| {
            let sql = format!(
                "SELECT {INFO_COLUMNS}, mix, centres, neighbours FROM cluster_set
                 WHERE unit_id = ?1 AND layer = ?2 AND metric = ?3 AND problem IS NULL"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query(params![unit.id, layer, metric.name()])?;
            let Some(row) = rows.next()? else { return Ok(None) };
            let info = info_from_row(row)?;
            let blob = |column| row.get_ref(column)?.as_blob().map_err(not_a_blob);
            let mix = matrix(pack::numbers_from_blob(blob(10)?)?, info.clusters, unit.classes)?;
            let centres = matrix(pack::numbers_from_blob(blob(11)?)?, info.clusters, info.dimensions)?;
            let nearest = neighbours_from_blob(blob(12)?, info.clusters)?;
            let inertia = info.inertia.unwrap_or_default();
            Ok(Some(ClusterSet { info, inertia, centres, mix, nearest }))
        })
    }

    /// The cluster of every image of the split, in the order of their ids.
    pub fn cluster_assignments(
        &self,
        step: Step,
        split: Split,
        layer: &str,
        metric: Metric,
    ) -> Result<Option<Vec<u16>>, Error> {
        let Some(unit) = self.unit(step, split)? else { return Ok(None) };
        self.with("read", |connection| {
            let sql = "SELECT data, clusters FROM cluster_set JOIN assignment ON cluster_set_id = id
                       WHERE unit_id = ?1 AND layer = ?2 AND metric = ?3";
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query(params![unit.id, layer, metric.name()])?;
            let Some(row) = rows.next()? else { return Ok(None) };
            let assignments = assignments(row.get_ref(0)?.as_blob().map_err(not_a_blob)?, count(row, 1)?)?;
            Ok(Some(assignments))
        })
    }

    /// Sizes and mixes of the clusters at every checkpoint that has them, in order.
    pub fn cluster_history(
        &self,
        split: Split,
        layer: &str,
        metric: Metric,
    ) -> Result<Vec<ClustersAtCheckpoint>, Error> {
        let sql = format!(
            "SELECT {UNIT_COLUMNS}, clusters, mix
             FROM unit JOIN cluster_set ON unit_id = unit.id
             WHERE split = ?1 AND state = 'ready' AND layer = ?2 AND metric = ?3
             AND cluster_set.problem IS NULL ORDER BY step"
        );
        self.with("read", |connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query(params![split.as_str(), layer, metric.name()])?;
            let mut by_step = Vec::new();
            while let Some(row) = rows.next()? {
                let Some(unit) = self.unit_from_row(row)? else { continue };
                let numbers = pack::numbers_from_blob(row.get_ref(UNIT_WIDTH + 1)?.as_blob().map_err(not_a_blob)?)?;
                let mix = matrix(numbers, count(row, UNIT_WIDTH)?, unit.classes)?;
                by_step.push(ClustersAtCheckpoint { step: unit.step, sizes: cluster::sizes(&mix), mix });
            }
            Ok(by_step)
        })
    }

    /// The clusters of a checkpoint's members at the checkpoint before; `None` where one of the two is missing.
    pub fn cluster_lineage(
        &self,
        step: Step,
        split: Split,
        layer: &str,
        metric: Metric,
    ) -> Result<Option<Lineage>, Error> {
        let Some(now) = self.cluster_assignments(step, split, layer, metric)? else { return Ok(None) };
        let Some((previous_step, before)) = self.previous_clusters(step, split, layer, metric)? else {
            return Ok(None);
        };
        let greatest = now.iter().copied().max().unwrap_or_default();
        let mut images = Array2::zeros((usize::from(greatest) + 1, before.centres.nrows()));
        for (&now, &before) in now.iter().zip(&before.assignments) {
            if let Some(count) = images.get_mut([usize::from(now), usize::from(before)]) {
                *count += 1;
            }
        }
        Ok(Some(Lineage { previous_step, images }))
    }

    /// The clusters of the last checkpoint before this one, to continue.
    pub(crate) fn previous_clusters(
        &self,
        step: Step,
        split: Split,
        layer: &str,
        metric: Metric,
    ) -> Result<Option<(Step, Previous)>, Error> {
        let sql = format!(
            "SELECT {UNIT_COLUMNS}, clusters, dimensions, centres, data
             FROM unit JOIN cluster_set ON unit_id = unit.id JOIN assignment ON cluster_set_id = cluster_set.id
             WHERE split = ?1 AND step < ?2 AND state = 'ready' AND layer = ?3 AND metric = ?4
             AND cluster_set.problem IS NULL ORDER BY step DESC"
        );
        self.with("read", |connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query(params![split.as_str(), step.0 as i64, layer, metric.name()])?;
            while let Some(row) = rows.next()? {
                let Some(unit) = self.unit_from_row(row)? else { continue };
                let blob = |column| row.get_ref(column)?.as_blob().map_err(not_a_blob);
                let (clusters, dimensions) = (count(row, UNIT_WIDTH)?, count(row, UNIT_WIDTH + 1)?);
                let centres = matrix(pack::numbers_from_blob(blob(UNIT_WIDTH + 2)?)?, clusters, dimensions)?;
                let assignments = assignments(blob(UNIT_WIDTH + 3)?, clusters)?;
                return Ok(Some((unit.step, Previous { centres, assignments })));
            }
            Ok(None)
        })
    }
}

/// The clusters of images, each below `clusters`.
fn assignments(blob: &[u8], clusters: usize) -> Result<Vec<u16>, Fault> {
    Ok(pack::indices_from_bytes(pack::unseal(blob)?, clusters.saturating_sub(1))?)
}

/// Layer, metric, clusters and nearest images of the sets that a unit has.
pub(super) fn recorded_sets(connection: &Connection, unit: i64) -> Result<Vec<(String, Metric, usize, usize)>, Fault> {
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

fn info_from_row(row: &Row<'_>) -> Result<ClusterSetInfo, Fault> {
    let metric: String = row.get(1)?;
    let origin: Option<String> = row.get(7)?;
    Ok(ClusterSetInfo {
        layer: row.get(0)?,
        metric: metric.parse().map_err(|e: UnknownMetric| e.to_string())?,
        clusters: count(row, 2)?,
        nearest: count(row, 3)?,
        dimensions: count(row, 4)?,
        inertia: row.get(5)?,
        iterations: count(row, 6)?,
        origin: origin.as_deref().and_then(Origin::from_name),
        previous_step: row.get::<_, Option<i64>>(8)?.map(|step| Step(step as u64)),
        problem: row.get(9)?,
    })
}

fn matrix<T>(numbers: Vec<T>, rows: usize, columns: usize) -> Result<Array2<T>, Fault> {
    let found = numbers.len();
    Array2::from_shape_vec((rows, columns), numbers)
        .map_err(|_| Fault::Content(format!("{found} numbers in a matrix of {rows} x {columns}")))
}

fn neighbours_from_blob(blob: &[u8], clusters: usize) -> Result<Vec<Vec<Neighbour>>, Fault> {
    let words: Vec<u32> = pack::numbers_from_blob(blob)?;
    let broken = || format!("{} words of nearest images, expected others for {clusters} clusters", words.len());
    let (counts, pairs) = words.split_at_checked(clusters).ok_or_else(broken)?;
    let mut pairs = pairs.as_chunks::<2>().0.iter();
    let mut nearest = Vec::with_capacity(clusters);
    for &count in counts {
        let members = pairs.by_ref().take(count as usize);
        let cluster: Vec<_> =
            members.map(|&[image, bits]| Neighbour { image: ImageId(image), distance: f32::from_bits(bits) }).collect();
        if cluster.len() != count as usize {
            return Err(Fault::Content(broken()));
        }
        nearest.push(cluster);
    }
    Ok(nearest)
}

/// The inverse of [`neighbours_from_blob`].
pub(super) fn blob_from_neighbours(nearest: &[Vec<Neighbour>]) -> Vec<u8> {
    let counts = nearest.iter().map(|cluster| cluster.len() as u32);
    let pairs = nearest.iter().flatten().flat_map(|n| [n.image.0, n.distance.to_bits()]);
    pack::blob_from_numbers(&counts.chain(pairs).collect::<Vec<_>>())
}

pub(super) fn blob_from_matrix<T: pack::LittleEndian>(matrix: &Array2<T>) -> Vec<u8> {
    pack::blob_from_numbers(&matrix.iter().copied().collect::<Vec<_>>())
}
