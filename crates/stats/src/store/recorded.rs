//! What the store has already.

use deepviz_corpus::Split;
use deepviz_net::Step;
use rusqlite::{Connection, OptionalExtension, params};

use super::read::count;
use super::{Fault, Store};
use crate::error::Error;
use crate::metric::Metric;

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

    /// Whether the numbers of a snapshot's weights are there, made from these very files.
    pub(crate) fn has_weights(&self, step: Step, snapshot_hash: &str, previous_hash: &str) -> Result<bool, Error> {
        let sql = "SELECT 1 FROM weight WHERE step = ?1 AND snapshot_hash = ?2 AND previous_hash = ?3";
        self.with("read", |connection| {
            let mut statement = connection.prepare_cached(sql)?;
            Ok(statement.exists(params![step.0 as i64, snapshot_hash, previous_hash])?)
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
