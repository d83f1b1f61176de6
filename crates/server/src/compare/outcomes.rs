//! The outcomes of two checkpoints on the same images, cached.

use std::sync::Arc;

use deepviz_corpus::Split;
use deepviz_stats::compare::{self, Checkpoint, Compared, ImageOutcome};

use crate::app::App;
use crate::compare::sides::{Side, Sides};
use crate::http::cache::CacheSize;
use crate::http::problem::ApiError;
use crate::http::work_pool::WorkKind;
use crate::runs::listing::CheckpointRef;
use crate::runs::statistics;

/// Classes at most: two matrices of them are held and sent.
const MAX_CLASSES: usize = 1_024;

/// The comparison over a split.
pub(crate) struct Outcomes(pub(crate) Compared);

impl CacheSize for Outcomes {
    fn bytes(&self) -> usize {
        let Compared { images, first, cells, .. } = &self.0;
        images.len() * size_of::<ImageOutcome>() + first.len() * 8 + cells.len() * size_of::<compare::Difference>()
    }
}

impl Sides {
    /// What both say of every image of a split.
    pub(crate) async fn outcomes(&self, app: &App, split: Split) -> Result<Arc<Outcomes>, ApiError> {
        self.same_images()?;
        let map = self.classes()?;
        let info = self.a.run.info();
        if info.classes.len() > MAX_CLASSES {
            return Err(ApiError::bad(format!(
                "confusions of {} classes are too many to compare; at most {MAX_CLASSES}",
                info.classes.len()
            ))
            .hint("curves and layers can still be compared"));
        }
        // Statistics that were computed again are of other snapshots or images, and these are in the key; so are
        // the names of the classes, which a user may correct.
        let corpus = &info.corpus.identity;
        let names = [&self.a, &self.b].map(|side| side.run.info().classes.join("\0"));
        let names = blake3::hash(names.join("\0\0").as_bytes()).to_hex();
        let key = format!("outcomes/{}/{}/{corpus}/{split}/{names}", self.a.key(), self.b.key());
        let sides = self.clone();
        app.cache
            .get(key, async {
                let labels = self.labels(app, split).await?;
                let compare = move || {
                    let classes = sides.a.run.info().classes.len();
                    let [a, b] = [&sides.a, &sides.b].map(|side| statistics::required(&side.run, split));
                    let (a, b) = (a?, b?);
                    let first = Checkpoint { store: &a, step: sides.a.entry.step };
                    let second = Checkpoint { store: &b, step: sides.b.entry.step };
                    if let Some(found) = compare::compare_outcomes((first, second), split, &labels, (classes, &map))? {
                        return Ok(Outcomes(found));
                    }
                    let missing = |side: &Side, store| {
                        let checkpoint = CheckpointRef { index: side.checkpoint, step: side.entry.step };
                        statistics::missing_at(&side.run, store, checkpoint, split)
                    };
                    let is_first = a.predicted_classes(sides.a.entry.step, split)?.is_none();
                    Err(if is_first { missing(&sides.a, &a)? } else { missing(&sides.b, &b)? })
                };
                app.work.run(WorkKind::RenderLarge, compare).await
            })
            .await
    }
}
