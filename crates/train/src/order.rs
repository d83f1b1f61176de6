//! Which images make up a minibatch, and which part of each is seen.

use deepviz_corpus::{Corpus, Split};
use deepviz_net::random::Stream;
use deepviz_net::recipe::{DataRecipe, Flip, Shuffle};
use deepviz_net::{Cutout, Shape, View};

// Purposes of random streams: fixed numbers, for a run is replayed by them.
const LIMIT: u64 = 1;
const ORDER: u64 = 2;
const VIEW: u64 = 3;
const NOISE: u64 = 4;
const FLIP: u64 = 5;

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

/// Random crops, flips and changes.
#[derive(Clone, Debug)]
pub(crate) struct Augment {
    pub seed: u64,
    pub image: Shape,
    pub input: Shape,
    pub data: DataRecipe,
}

impl Augment {
    /// The part of an image that a step of an epoch sees, and how changed.
    pub fn view(&self, (step, epoch): (u64, u64), id: u32) -> View {
        let stream = Stream::new(self.seed, &[VIEW, step, u64::from(id)]);
        let pad = self.data.pad;
        let place = |index, room: usize| {
            let drawn = stream.below(index, (room + 2 * pad) as u64 + 1);
            drawn as i16 - pad as i16
        };
        let factor = |index, most: f64| (1.0 + most * (2.0 * stream.unit(index) - 1.0)) as f32;
        View {
            y: place(0, self.image.height - self.input.height),
            x: place(1, self.image.width - self.input.width),
            flipped: match self.data.flip {
                Flip::None => false,
                Flip::Random => stream.bits(2) & 1 == 1,
                Flip::Alternating => {
                    let first = Stream::new(self.seed, &[FLIP, u64::from(id)]).bits(0);
                    (first ^ epoch) & 1 == 1
                }
            },
            cutout: self.data.cutout.map(|side| {
                // Its centre lies anywhere; what hangs over the border is lost.
                let cut = |index, length: usize| {
                    let centre = stream.below(index, length as u64) as usize + 1;
                    let end = centre + side / 2;
                    (end.saturating_sub(side) as u16, end.min(length) as u16)
                };
                Cutout { rows: cut(3, self.input.height), columns: cut(4, self.input.width) }
            }),
            brightness: factor(5, self.data.brightness),
            contrast: factor(6, self.data.contrast),
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

    fn augment(input: usize, data: DataRecipe) -> Augment {
        Augment { seed: 9, image: Shape::new(3, 32, 32), input: Shape::new(3, input, input), data }
    }

    #[test]
    fn crops_reach_every_place_and_half_are_flipped() {
        let augment = augment(24, DataRecipe { flip: Flip::Random, ..DataRecipe::default() });
        let mut seen = [[0; 9]; 9];
        let mut flipped = 0;
        for id in 0..8100 {
            let view = augment.view((3, 0), id);
            seen[view.y as usize][view.x as usize] += 1;
            flipped += u32::from(view.flipped);
        }
        assert!(seen.iter().flatten().all(|count| (50..200).contains(count)));
        assert!((3800..4300).contains(&flipped));
        assert_ne!(augment.view((3, 0), 1), augment.view((4, 0), 1));
        // Nothing else is changed.
        let view = augment.view((3, 0), 5);
        assert_eq!(view, View { flipped: view.flipped, ..View::at(view.y, view.x) });
    }

    #[test]
    fn padded_crops_reach_as_far_on_every_side() {
        let augment = augment(32, DataRecipe { pad: 2, ..DataRecipe::default() });
        let mut seen = [[0; 5]; 5];
        for id in 0..2500 {
            let view = augment.view((0, 0), id);
            seen[(view.y + 2) as usize][(view.x + 2) as usize] += 1;
        }
        assert!(seen.iter().flatten().all(|count| (50..160).contains(count)), "{seen:?}");
    }

    #[test]
    fn alternating_flips_turn_with_the_epoch() {
        let augment = augment(32, DataRecipe { flip: Flip::Alternating, ..DataRecipe::default() });
        let flips =
            |step, epoch| -> Vec<bool> { (0..1000).map(|id| augment.view((step, epoch), id).flipped).collect() };
        let first = flips(7, 0);
        assert!((430..570).contains(&first.iter().filter(|f| **f).count()));
        assert_eq!(first, flips(8, 0));
        assert_eq!(first, flips(300, 2));
        assert_eq!(first, flips(99, 1).into_iter().map(|f| !f).collect::<Vec<_>>());
    }

    #[test]
    fn cutouts_and_colours_keep_their_bounds() {
        let data = DataRecipe { cutout: Some(6), brightness: 0.2, contrast: 0.1, ..DataRecipe::default() };
        let augment = augment(32, data);
        let (mut whole, mut covered, mut least, mut most) = (0, [false; 32], f32::MAX, f32::MIN);
        for id in 0..3000 {
            let view = augment.view((1, 0), id);
            let patch = view.cutout.unwrap();
            for (from, to) in [patch.rows, patch.columns] {
                assert!(from < to && to <= 32 && to - from <= 6, "{patch:?}");
            }
            (patch.rows.0..patch.rows.1).for_each(|row| covered[usize::from(row)] = true);
            whole += u32::from(patch.rows.1 - patch.rows.0 == 6);
            (least, most) = (least.min(view.brightness), most.max(view.brightness));
            assert!((view.contrast - 1.0).abs() <= 0.1 + 1e-6);
        }
        assert!(covered.iter().all(|c| *c) && (2200..2800).contains(&whole), "{whole}");
        assert!((0.8..0.81).contains(&least) && (1.19..1.2001).contains(&most), "{least} {most}");
    }
}
