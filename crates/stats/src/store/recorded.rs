//! The stored parts of a unit, of whatever files: what is missing follows from them.

use std::collections::HashSet;

use deepviz_corpus::Split;
use deepviz_net::Step;
use rusqlite::{OptionalExtension, params};

use super::ablation;
use super::activity::recorded_layers;
use super::clusters::recorded_sets;
use super::database::Store;
use crate::error::Error;
use crate::metric::Metric;

/// The stored parts of a unit, from which the missing ones follow.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub is_ready: bool,
    pub snapshot_hash: String,
    pub corpus_hash: String,
    /// Layer, metric, clusters, nearest.
    pub sets: Vec<(String, Metric, usize, usize)>,
    /// Layers whose activity is there.
    pub layers: HashSet<String>,
    /// Layers whose filters' ablation effects are there, and over how many images at most.
    pub ablations: HashSet<(String, usize)>,
}

impl Store {
    /// The stored parts of a unit; `None` where nothing is stored.
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
            let layers = recorded_layers(connection, id)?;
            let ablations = ablation::recorded_layers(connection, id)?;
            Ok(Some(Recorded { is_ready: state == "ready", snapshot_hash, corpus_hash, sets, layers, ablations }))
        })
    }
}
