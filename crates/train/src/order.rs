//! Which images make up a minibatch, and which part of each is seen.

use deepviz_corpus::{Corpus, Split};
use deepviz_net::random::Stream;
use deepviz_net::recipe::Shuffle;
use deepviz_net::{Shape, View};

// Purposes of random streams: fixed numbers, for a run is replayed by them.
const LIMIT: u64 = 1;
const ORDER: u64 = 2;
const VIEW: u64 = 3;
const NOISE: u64 = 4;

/// The order of images over all epochs.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    seed: u64,
    shuffle: Shuffle,
    ids: Vec<u32>,
}

impl Order {
    /// All training images, or `limit` of them drawn at random (corpora are often sorted by class).
    pub fn new(corpus: &Corpus, limit: Option<u64>, (seed, shuffle): (u64, Shuffle)) -> Self {
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

/// Random crops and flips.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Augment {
    pub seed: u64,
    pub image: Shape,
    pub input: Shape,
    pub flip: bool,
}

impl Augment {
    /// The part of an image that a step sees.
    pub fn view(&self, step: u64, id: u32) -> View {
        let stream = Stream::new(self.seed, &[VIEW, step, u64::from(id)]);
        let place = |index, room: usize| stream.below(index, room as u64 + 1) as u16;
        View {
            y: place(0, self.image.height - self.input.height),
            x: place(1, self.image.width - self.input.width),
            flipped: self.flip && stream.bits(2) & 1 == 1,
        }
    }

    /// Seed of a step's dropout.
    pub fn noise(&self, step: u64) -> u64 {
        Stream::new(self.seed, &[NOISE, step]).key()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(shuffle: Shuffle) -> Order {
        Order { seed: 5, shuffle, ids: (0..500).collect() }
    }

    #[test]
    fn epochs_are_new_orders_of_the_same_images() {
        let order = order(Shuffle::Epoch);
        let (first, second) = (order.epoch(0), order.epoch(1));
        assert_ne!(first, second);
        assert_eq!(first, order.epoch(0));
        for mut ids in [first, second] {
            ids.sort_unstable();
            assert_eq!(ids, order.ids);
        }
    }

    #[test]
    fn once_is_one_random_order_and_none_is_the_corpus_own() {
        let once = order(Shuffle::Once);
        assert_eq!(once.epoch(0), once.epoch(7));
        assert_ne!(once.epoch(0), once.ids);
        assert_eq!(order(Shuffle::None).epoch(3), once.ids);
    }

    #[test]
    fn crops_reach_every_place_and_half_are_flipped() {
        let augment = Augment { seed: 9, image: Shape::new(3, 32, 32), input: Shape::new(3, 24, 24), flip: true };
        let mut seen = [[0; 9]; 9];
        let mut flipped = 0;
        for id in 0..8100 {
            let view = augment.view(3, id);
            seen[usize::from(view.y)][usize::from(view.x)] += 1;
            flipped += u32::from(view.flipped);
        }
        assert!(seen.iter().flatten().all(|count| (50..200).contains(count)));
        assert!((3800..4300).contains(&flipped));
        assert_ne!(augment.view(3, 1), augment.view(4, 1));
    }
}
