//! The order of images in an epoch.

use deepviz_corpus::{Corpus, Split};
use deepviz_net::random::Stream;
use deepviz_net::recipe::Shuffle;

// Purposes of random streams (augmentation.rs has the others): fixed numbers, for a run is replayed by them.
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
    pub fn epoch(&self, epoch: u64) -> Vec<u32> {
        let mut ids = self.ids.clone();
        match self.shuffle {
            Shuffle::Epoch => Stream::new(self.seed, &[ORDER, epoch]).shuffle(&mut ids),
            Shuffle::Once => Stream::new(self.seed, &[ORDER, 0]).shuffle(&mut ids),
            Shuffle::None => {}
        }
        ids
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
        let (first, second) = (sampler.epoch(0), sampler.epoch(1));
        assert_ne!(first, second);
        assert_eq!(first, sampler.epoch(0));
        for mut ids in [first, second] {
            ids.sort_unstable();
            assert_eq!(ids, sampler.ids);
        }
    }

    #[test]
    fn once_is_one_random_order_and_none_is_the_corpus_own() {
        let once = sampler(Shuffle::Once);
        assert_eq!(once.epoch(0), once.epoch(7));
        assert_ne!(once.epoch(0), once.ids);
        assert_eq!(sampler(Shuffle::None).epoch(3), once.ids);
    }
}
