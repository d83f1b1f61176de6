//! Units from a file of their own into the run's statistics.

use std::collections::BTreeSet;
use std::path::Path;
use std::str::FromStr;

use deepviz_corpus::Split;
use deepviz_net::Step;
use rusqlite::{Connection, TransactionBehavior, params};

use super::read::not_a_blob;
use super::write::blob_from_matrix;
use super::{Fault, Store};
use crate::error::Error;
use crate::kmeans;
use crate::metric::Metric;
use crate::pack;

/// What was taken over from a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// The units that are in the run's statistics now.
    pub units: BTreeSet<(Step, Split)>,
    /// Units that were made from another snapshot or corpus than the run has, and were left out.
    pub stale: BTreeSet<(Step, Split)>,
}

/// Every table of a unit's numbers, and its columns after the unit's id.
const PARTS: [(&str, &str); 5] = [
    ("output", "chunk, data"),
    ("confusion", "data"),
    ("prediction", "data"),
    ("cell_image", "chunk, data"),
    ("activity", "layer, filters, width, places, filter, class, top"),
];
const UNIT: &str = "step, split, state, snapshot_hash, corpus_hash, classes, first_image, images, loss, error, seconds, \
                    problem, version, computed_at";
const SET: &str = "layer, metric, clusters, nearest, dimensions, inertia, iterations, origin, previous_step, seconds, \
                   problem, mix, centres, neighbours";

impl Store {
    /// Takes over the ready units of a file that `compute` wrote with [`crate::Job::database`], each in
    /// place of what there was; their clusters get the numbers of those of the checkpoint before.
    pub fn merge(&self, file: &Path) -> Result<Merged, Error> {
        let Some(part) = Self::open_file_read_only(file.to_owned())? else {
            return Err(Error::NoUnits { path: file.to_owned() });
        };
        part.check()?;
        drop(part);
        let merged = self.with("write", |connection| {
            connection.execute("ATTACH ?1 AS part", [file.to_string_lossy()])?;
            let merged = self.take_over(connection);
            connection.execute("DETACH part", [])?;
            merged
        })?;
        for &(step, split) in &merged.units {
            self.renumber_from(step, split)?;
        }
        Ok(merged)
    }

    fn take_over(&self, connection: &mut Connection) -> Result<Merged, Fault> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut merged = Merged::default();
        let mut ids = Vec::new();
        {
            let sql = "SELECT id, step, split, snapshot_hash, corpus_hash FROM part.unit WHERE state = 'ready'";
            let mut statement = transaction.prepare(sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let step = Step(row.get::<_, i64>(1)? as u64);
                let split: String = row.get(2)?;
                let unit = (step, Split::from_str(&split).map_err(|e| Fault::Content(e.to_string()))?);
                let (snapshot, corpus): (String, String) = (row.get(3)?, row.get(4)?);
                if self.is_stale(step, &snapshot, &corpus) {
                    merged.stale.insert(unit);
                } else {
                    merged.units.insert(unit);
                    ids.push(row.get::<_, i64>(0)?);
                }
            }
        }
        for id in ids {
            let delete =
                "DELETE FROM main.unit WHERE (step, split) IN (SELECT step, split FROM part.unit WHERE id = ?1)";
            transaction.execute(delete, [id])?;
            let insert = format!("INSERT INTO main.unit ({UNIT}) SELECT {UNIT} FROM part.unit WHERE id = ?1");
            transaction.execute(&insert, [id])?;
            let unit = transaction.last_insert_rowid();
            for (table, columns) in PARTS {
                let copy = format!(
                    "INSERT INTO main.{table} (unit_id, {columns}) SELECT ?2, {columns} FROM part.{table} WHERE unit_id = ?1"
                );
                transaction.execute(&copy, [id, unit])?;
            }
            let copy = format!(
                "INSERT INTO main.cluster_set (unit_id, {SET}) SELECT ?2, {SET} FROM part.cluster_set WHERE unit_id = ?1"
            );
            transaction.execute(&copy, [id, unit])?;
            let copy = "INSERT INTO main.assignment (cluster_set_id, data)
                        SELECT new.id, data FROM part.assignment JOIN part.cluster_set AS old ON old.id = cluster_set_id
                        JOIN main.cluster_set AS new ON new.layer = old.layer AND new.metric = old.metric
                        WHERE old.unit_id = ?1 AND new.unit_id = ?2";
            transaction.execute(copy, [id, unit])?;
        }
        transaction.execute("INSERT OR REPLACE INTO main.weight SELECT * FROM part.weight", [])?;
        transaction.commit()?;
        Ok(merged)
    }

    /// Gives the clusters of a checkpoint the numbers of those before them, and so on as long as numbers
    /// change.
    fn renumber_from(&self, step: Step, split: Split) -> Result<(), Error> {
        let mut step = Some(step);
        let mut is_first = true;
        while let Some(at) = step {
            let mut has_changed = false;
            for set in self.cluster_sets(at, split)? {
                has_changed |= self.renumber((at, split), &set.layer, set.metric)?;
            }
            if !has_changed && !is_first {
                return Ok(());
            }
            is_first = false;
            step = self.with("read", |connection| {
                let sql = "SELECT min(step) FROM unit WHERE split = ?1 AND step > ?2 AND state = 'ready'";
                let values = params![split.as_str(), at.0 as i64];
                let next: Option<i64> = connection.query_row(sql, values, |row| row.get(0))?;
                Ok(next.map(|next| Step(next as u64)))
            })?;
        }
        Ok(())
    }

    /// Whether numbers have changed.
    fn renumber(&self, (step, split): (Step, Split), layer: &str, metric: Metric) -> Result<bool, Error> {
        let Some(set) = self.clusters(step, split, layer, metric)? else { return Ok(false) };
        let Some(assignments) = self.cluster_assignments(step, split, layer, metric)? else { return Ok(false) };
        let Some((previous_step, previous)) = self.previous_clusters(step, split, layer, metric)? else {
            return Ok(false);
        };
        if previous.centres.dim() != set.centres.dim() {
            return Ok(false);
        }
        let numbers = kmeans::numbers_like(&set.centres, &assignments, &previous);
        if numbers.iter().copied().eq(0..numbers.len()) && set.info.previous_step == Some(previous_step) {
            return Ok(false);
        }
        let (mut centres, mut mix, mut nearest) = (set.centres.clone(), set.mix.clone(), set.nearest.clone());
        for (old, &new) in numbers.iter().enumerate() {
            centres.row_mut(new).assign(&set.centres.row(old));
            mix.row_mut(new).assign(&set.mix.row(old));
            nearest[new].clone_from(&set.nearest[old]);
        }
        let number = |old: &u16| numbers.get(usize::from(*old)).map_or(*old, |&new| new as u16);
        let assignments: Vec<u16> = assignments.iter().map(number).collect();
        self.with("write", |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let find = "SELECT cluster_set.id FROM cluster_set JOIN unit ON unit_id = unit.id
                        WHERE step = ?1 AND split = ?2 AND layer = ?3 AND metric = ?4";
            let values = params![step.0 as i64, split.as_str(), layer, metric.name()];
            let id: i64 = transaction.query_row(find, values, |row| row.get(0))?;
            transaction.execute(
                "UPDATE cluster_set SET origin = 'matched', previous_step = ?2, mix = ?3, centres = ?4, neighbours = ?5
                 WHERE id = ?1",
                params![
                    id,
                    previous_step.0 as i64,
                    blob_from_matrix(&mix),
                    blob_from_matrix(&centres),
                    super::read_clusters::blob_from_neighbours(&nearest)
                ],
            )?;
            let data = pack::blob_from_indices(&assignments, set.info.clusters.saturating_sub(1));
            transaction.execute("UPDATE assignment SET data = ?2 WHERE cluster_set_id = ?1", params![id, data])?;
            transaction.commit()?;
            Ok(true)
        })
    }

    /// Looks at every packed column and at the database itself: an error where any of it is damaged.
    pub fn check(&self) -> Result<(), Error> {
        self.with("read", |connection| {
            let verdict: String = connection.pragma_query_value(None, "quick_check", |row| row.get(0))?;
            if verdict != "ok" {
                return Err(Fault::Content(verdict));
            }
            for column in [
                "data FROM output",
                "data FROM confusion",
                "data FROM prediction",
                "data FROM cell_image",
                "filter FROM activity",
                "top FROM activity",
                "data FROM assignment",
            ] {
                let mut statement = connection.prepare(&format!("SELECT {column}"))?;
                let mut rows = statement.query([])?;
                while let Some(row) = rows.next()? {
                    pack::unseal(row.get_ref(0)?.as_blob().map_err(not_a_blob)?)?;
                }
            }
            Ok(())
        })
    }

    /// Puts everything into the one file, so that it can be sent elsewhere.
    pub(crate) fn pack_up(&self) -> Result<(), Error> {
        self.with("write", |connection| Ok(connection.pragma_update(None, "journal_mode", "delete")?))
    }
}
