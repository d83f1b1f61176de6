//! Changes of predictions from one checkpoint to another: images that move between cells of the confusion matrix.

use std::collections::BTreeMap;

use deepviz_corpus::{ImageId, Split};
use deepviz_net::Step;

use crate::error::Error;
use crate::store::{Predictions, Store};

/// Images that moved from one cell of the confusion matrix to another.
#[derive(Clone, Debug, PartialEq)]
pub struct PredictionChange {
    /// The class predicted at the first checkpoint.
    pub from: u16,
    /// The class predicted at the second.
    pub to: u16,
    /// The images, in the order of their ids, and whether the second prediction is right.
    pub images: Vec<(ImageId, Verdict)>,
}

/// Right and wrong before and after a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The second only.
    Learned,
    /// The first only.
    Forgotten,
    /// Neither.
    Wrong,
}

impl Store {
    /// The images of a split that are predicted differently at two checkpoints; `None` where one of them
    /// has no statistics.
    pub fn prediction_changes(
        &self,
        split: Split,
        from: Step,
        to: Step,
    ) -> Result<Option<Vec<PredictionChange>>, Error> {
        let (Some(from), Some(to)) = (self.predictions_at(from, split)?, self.predictions_at(to, split)?) else {
            return Ok(None);
        };
        Ok(Some(changes_between(&from, &to)))
    }
}

fn changes_between(from: &Predictions, to: &Predictions) -> Vec<PredictionChange> {
    let mut changes: BTreeMap<(u16, u16), Vec<(ImageId, Verdict)>> = BTreeMap::new();
    let pairs = from.classes.iter().zip(&from.margins).zip(to.classes.iter().zip(&to.margins));
    for (image, ((&before, &old), (&after, &new))) in (from.first.0..).zip(pairs) {
        if before != after {
            let verdict = match (old > 0, new > 0) {
                (_, true) => Verdict::Learned,
                (true, _) => Verdict::Forgotten,
                _ => Verdict::Wrong,
            };
            changes.entry((before, after)).or_default().push((ImageId(image), verdict));
        }
    }
    let mut changes: Vec<PredictionChange> =
        changes.into_iter().map(|((from, to), images)| PredictionChange { from, to, images }).collect();
    changes.sort_by(|a, b| b.images.len().cmp(&a.images.len()).then((a.from, a.to).cmp(&(b.from, b.to))));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn predictions(step: u64, classes: [u16; 3], margins: [i16; 3]) -> Predictions {
        Predictions { step: Step(step), first: ImageId(10), classes: classes.into(), margins: margins.into() }
    }

    #[test]
    fn changes_count_learned_and_forgotten_images() {
        let whole = i16::MAX;
        let from = predictions(0, [1, 2, 0], [-whole, -whole, whole]);
        let to = predictions(15, [0, 2, 1], [whole, -whole, 0]);
        let changes = changes_between(&from, &to);
        let found: Vec<_> = changes.iter().map(|m| (m.from, m.to, &m.images[..])).collect();
        assert_eq!(
            found,
            [(0, 1, &[(ImageId(12), Verdict::Forgotten)][..]), (1, 0, &[(ImageId(10), Verdict::Learned)][..])]
        );
        assert!(changes_between(&from, &from).is_empty());
    }
}
