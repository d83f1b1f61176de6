//! The order of images in an epoch.

use deepviz_corpus::{Corpus, Split};
use deepviz_net::random::Stream;
use deepviz_net::recipe::Shuffle;
use deepviz_net::{RunTraining, Step};

// Keys of the random streams (augmentation.rs has the others). Other numbers would change the random draws of a run
// that is resumed.
const LIMIT: u64 = 1;
const ORDER: u64 = 2;

/// Puts the training images of every epoch into order.
#[derive(Clone, Debug)]
pub(crate) struct Sampler {
    seed: u64,
    shuffle: Shuffle,
    ids: Vec<u32>,
}

impl Sampler {
    /// All training images, or `limit` of them drawn at random (corpora are often sorted by class).
    pub fn new(corpus: &Corpus, limit: Option<u64>, seed: u64, shuffle: Shuffle) -> Self {
        let mut ids: Vec<u32> = corpus.range(Split::Train).collect();
        if let Some(limit) = limit.filter(|limit| *limit < ids.len() as u64) {
            Stream::new(seed, &[LIMIT]).shuffle(&mut ids);
            ids.truncate(limit as usize);
            ids.sort_unstable();
        }
        Self { seed, shuffle, ids }
    }

    /// Number of images an epoch.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// The images of an epoch in order.
    pub fn epoch(&self, number: u64) -> EpochOrder {
        let mut ids = self.ids.clone();
        match self.shuffle {
            Shuffle::Epoch => Stream::new(self.seed, &[ORDER, number]).shuffle(&mut ids),
            Shuffle::Once => Stream::new(self.seed, &[ORDER, 0]).shuffle(&mut ids),
            Shuffle::None => {}
        }
        EpochOrder { number, ids }
    }
}

/// The images of an epoch in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EpochOrder {
    /// The epoch's number, from 0.
    pub number: u64,
    pub ids: Vec<u32>,
}

impl EpochOrder {
    /// The images of the step that follows `step` updates, one of this epoch.
    pub fn minibatch(&self, training: &RunTraining, step: Step) -> &[u32] {
        let batch = training.spec.batch;
        let first = ((step.0 % training.steps_per_epoch) as usize * batch).min(self.ids.len());
        &self.ids[first..self.ids.len().min(first + batch)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampler(shuffle: Shuffle) -> Sampler {
        Sampler { seed: 5, shuffle, ids: (0..500).collect() }
    }

    #[test]
    fn epochs_are_new_orders_of_the_same_images() {
        let sampler = sampler(Shuffle::Epoch);
        let (first, second) = (sampler.epoch(0).ids, sampler.epoch(1).ids);
        assert_ne!(first, second);
        assert_eq!(first, sampler.epoch(0).ids);
        for mut ids in [first, second] {
            ids.sort_unstable();
            assert_eq!(ids, sampler.ids);
        }
    }

    #[test]
    fn once_is_one_random_order_and_none_is_the_corpus_own() {
        let once = sampler(Shuffle::Once);
        assert_eq!(once.epoch(0).ids, once.epoch(7).ids);
        assert_ne!(once.epoch(0).ids, once.ids);
        assert_eq!(sampler(Shuffle::None).epoch(3).ids, once.ids);
    }
}
