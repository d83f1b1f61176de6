//! Clusters of merged checkpoints get the numbers of those of the checkpoint before.

use deepviz_corpus::Split;
use deepviz_net::Step;
use rusqlite::{TransactionBehavior, params};

use super::clusters::{blob_from_matrix, blob_from_neighbours};
use super::database::Store;
use crate::error::Error;
use crate::kmeans;
use crate::metric::Metric;
use crate::pack;

impl Store {
    /// Gives the clusters of a checkpoint the numbers of those before them, and so on as long as numbers
    /// change.
    pub(super) fn renumber_from(&self, step: Step, split: Split) -> Result<(), Error> {
        let mut step = Some(step);
        let mut is_first = true;
        while let Some(at) = step {
            let mut has_changed = false;
            for set in self.cluster_sets(at, split)? {
                has_changed |= self.renumber(at, split, &set.layer, set.metric)?;
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

    /// Gives the clusters of one set the numbers of those before them; true when numbers have changed.
    fn renumber(&self, step: Step, split: Split, layer: &str, metric: Metric) -> Result<bool, Error> {
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
                    blob_from_neighbours(&nearest)
                ],
            )?;
            let data = pack::blob_from_indices(&assignments, set.info.clusters.saturating_sub(1));
            transaction.execute("UPDATE assignment SET data = ?2 WHERE cluster_set_id = ?1", params![id, data])?;
            transaction.commit()?;
            Ok(true)
        })
    }
}
