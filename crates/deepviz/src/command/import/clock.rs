//! Steps, epochs and images of checkpoints that say only one of them.

use anyhow::bail;
use deepviz_net::checkpoint::Stamp;
use deepviz_net::{CheckpointEntry, Step};

/// How far training was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainingPosition {
    /// Updates done.
    pub step: Step,
    /// Epochs done, in fractions; 0 where that is not known.
    pub epoch: f64,
    /// Training images seen; 0 where that is not known.
    pub images_seen: u64,
}

/// How long an epoch is, as far as that is known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    steps_per_epoch: Option<f64>,
    images_per_epoch: Option<f64>,
    /// Whether epochs stand for steps, because nothing says how many an epoch has.
    pub counts_epochs: bool,
    /// Whether checkpoints say the index, from 0, of the epoch that has just ended.
    epochs_are_indices: bool,
}

impl Clock {
    /// As the snapshots that exist have it, unless `steps_per_epoch` is given. Epochs are counts unless
    /// `epochs_are_indices`, or until [`Clock::settle_epochs`] finds that they are not.
    pub fn new(snapshots: &[CheckpointEntry], steps_per_epoch: Option<u64>, epochs_are_indices: bool) -> Self {
        let last = snapshots.iter().rev().find(|entry| entry.problem.is_none() && entry.epoch > 0.0);
        let per_epoch = |count: u64| last.filter(|_| count > 0).map(|entry| count as f64 / entry.epoch);
        Self {
            steps_per_epoch: steps_per_epoch
                .map(|steps| steps as f64)
                .or_else(|| per_epoch(last.map_or(0, |entry| entry.step.0))),
            images_per_epoch: per_epoch(last.map_or(0, |entry| entry.images_seen)),
            counts_epochs: false,
            epochs_are_indices,
        }
    }

    /// Decides whether epochs are indices or counts by a checkpoint of epoch 0, if there is one: trained weights are
    /// none after 0 epochs. Returns what is to be reported.
    pub fn settle_epochs<'a>(&mut self, stamps: impl Iterator<Item = (&'a str, Stamp)>) -> Option<String> {
        let all: Vec<_> = stamps.collect();
        let is_first = |stamp: &Stamp| stamp.epoch == Some(0.0) && (stamp.step.is_none() || stamp.has_updates);
        let first: Vec<_> = all.iter().filter(|(_, stamp)| is_first(stamp)).collect();
        if self.epochs_are_indices || first.is_empty() {
            return None;
        }
        if let Some((name, _)) = first.iter().find(|(_, stamp)| stamp.has_updates) {
            self.epochs_are_indices = true;
            return Some(format!(
                "{name} is of epoch 0, but its optimiser has made updates: epochs are counted from 1"
            ));
        }
        (all.len() > 1).then(|| {
            let (name, _) = first[0];
            format!(
                "{name} counts as the untrained network, because it is of epoch 0; if it is trained, give --epochs-from-0"
            )
        })
    }

    /// Decides whether epochs stand for steps: where some checkpoints say their epoch alone, and nothing else is known.
    pub fn settle<'a>(&mut self, stamps: impl Iterator<Item = (&'a str, Stamp)>) -> anyhow::Result<()> {
        if self.steps_per_epoch.is_some() || self.counts_epochs {
            return Ok(());
        }
        let (mut with_step, mut without) = (None, None);
        for (name, stamp) in stamps {
            let first = if stamp.step.is_some() { &mut with_step } else { &mut without };
            first.get_or_insert(name);
        }
        match (with_step, without) {
            (Some(with), Some(without)) => bail!(
                "{with} says its step and {without} its epoch alone, so they cannot be put in order; \
                 give --steps-per-epoch"
            ),
            (None, Some(_)) => {
                self.counts_epochs = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The position of a stamp that says anything.
    pub fn position(&self, stamp: Stamp) -> TrainingPosition {
        let steps_per_epoch = self.steps_per_epoch.or_else(|| self.counts_epochs.then_some(1.0));
        let recorded =
            stamp.epoch.map(|epoch| if self.epochs_are_indices && !stamp.is_count { epoch + 1.0 } else { epoch });
        let step =
            stamp.step.unwrap_or_else(|| (recorded.unwrap_or(0.0) * steps_per_epoch.unwrap_or(1.0)).round() as u64);
        let counted = steps_per_epoch.map(|steps| step as f64 / steps);
        let epoch = match (recorded, counted) {
            // Programs count whole epochs; the steps know what there is of the one that has begun.
            (Some(recorded), Some(counted)) if (recorded - counted).abs() >= 1.0 => recorded,
            (recorded, counted) => counted.or(recorded).unwrap_or(0.0),
        };
        let images_seen = self.images_per_epoch.map_or(0, |images| (epoch * images).round() as u64);
        TrainingPosition { step: Step(step), epoch, images_seen }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(step: Option<u64>, epoch: Option<f64>) -> Stamp {
        Stamp { step, epoch, ..Stamp::default() }
    }

    #[test]
    fn epochs_become_steps_by_the_length_of_an_epoch() {
        let snapshot = CheckpointEntry {
            step: Step(200),
            path: "200".into(),
            problem: None,
            epoch: 2.0,
            images_seen: 6_400,
            hash: String::new(),
        };
        let clock = Clock::new(std::slice::from_ref(&snapshot), None, false);
        let expected = TrainingPosition { step: Step(300), epoch: 3.0, images_seen: 9_600 };
        assert_eq!(clock.position(stamp(None, Some(3.0))), expected);
        // Within the fourth epoch, of which the program says that three are done.
        let epoch = |stamp| clock.position(stamp).epoch.to_string();
        assert_eq!(epoch(stamp(Some(350), Some(3.0))), "3.5");
        // A program that counts otherwise is believed.
        assert_eq!(epoch(stamp(Some(350), Some(7.0))), "7");
        assert_eq!(Clock::new(&[snapshot], Some(50), false).position(stamp(None, Some(3.0))).step, Step(150));
    }

    #[test]
    fn epochs_alone_count_as_steps_and_a_mixture_is_refused() {
        let mut clock = Clock::new(&[], None, false);
        clock.settle([("a", stamp(None, Some(3.0))), ("b", stamp(None, Some(4.0)))].into_iter()).unwrap();
        assert_eq!(
            clock.position(stamp(None, Some(3.0))),
            TrainingPosition { step: Step(3), epoch: 3.0, images_seen: 0 }
        );
        let mut clock = Clock::new(&[], None, false);
        let error = clock.settle([("a", stamp(Some(3), None)), ("b", stamp(None, Some(4.0)))].into_iter()).unwrap_err();
        assert!(error.to_string().contains("a says its step and b its epoch"), "{error}");
        assert_eq!(
            clock.position(stamp(Some(30), None)),
            TrainingPosition { step: Step(30), epoch: 0.0, images_seen: 0 }
        );
    }

    #[test]
    fn epochs_from_0_become_counts_where_an_optimiser_has_made_updates() {
        let untrained = [("a", stamp(None, Some(0.0))), ("b", stamp(None, Some(1.0)))];
        let mut clock = Clock { counts_epochs: true, ..Clock::default() };
        let said = clock.settle_epochs(untrained.into_iter()).unwrap();
        assert!(said.starts_with("a counts as the untrained network"), "{said}");
        assert_eq!(clock.position(untrained[1].1).step, Step(1));
        let trained = [("a", Stamp { has_updates: true, ..stamp(None, Some(0.0)) }), ("b", stamp(None, Some(1.0)))];
        let said = clock.settle_epochs(trained.into_iter()).unwrap();
        assert!(said.ends_with("epochs are counted from 1"), "{said}");
        assert_eq!(trained.map(|(_, stamp)| clock.position(stamp).step), [Step(1), Step(2)]);
        assert_eq!(clock.settle_epochs([("c", stamp(None, Some(2.0)))].into_iter()), None);
        assert_eq!(clock.position(stamp(None, Some(2.0))).step, Step(3));
        // Told by the caller, nothing is left to find out.
        let mut clock = Clock { counts_epochs: true, ..Clock::new(&[], None, true) };
        assert_eq!(clock.settle_epochs(untrained.into_iter()), None);
        assert_eq!(untrained.map(|(_, stamp)| clock.position(stamp).step), [Step(1), Step(2)]);
        // A program whose way of counting is known has been read as counting from 1 already.
        assert_eq!(clock.position(Stamp { is_count: true, ..stamp(None, Some(2.0)) }).step, Step(2));
    }
}
