//! Augmentation: the part of an image that a step sees, and how it is changed.

use deepviz_net::random::Stream;
use deepviz_net::recipe::{DataRecipe, Flip};
use deepviz_net::{Cutout, Shape, View};

// Keys of the random streams (sampler.rs has the others). Other numbers would change the random draws of a run that is
// resumed.
const VIEW: u64 = 3;
const NOISE: u64 = 4;
const FLIP: u64 = 5;

/// A step, and the epoch that it belongs to, both counted from 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StepOfEpoch {
    pub step: u64,
    pub epoch: u64,
}

/// Random crops, flips and changes of brightness and contrast.
#[derive(Clone, Debug)]
pub(crate) struct Augmentation {
    pub seed: u64,
    pub image: Shape,
    pub input: Shape,
    pub data: DataRecipe,
}

impl Augmentation {
    /// Draws the part of an image that a step sees, and how it is changed.
    pub fn draw(&self, at: StepOfEpoch, id: u32) -> View {
        let stream = Stream::new(self.seed, &[VIEW, at.step, u64::from(id)]);
        let pad = self.data.pad;
        let offset = |index, slack: usize| {
            let drawn = stream.below(index, (slack + 2 * pad) as u64 + 1);
            drawn as i16 - pad as i16
        };
        let factor = |index, max: f64| (1.0 + max * (2.0 * stream.unit(index) - 1.0)) as f32;
        View {
            y: offset(0, self.image.height - self.input.height),
            x: offset(1, self.image.width - self.input.width),
            flipped: match self.data.flip {
                Flip::None => false,
                Flip::Random => stream.bits(2) & 1 == 1,
                Flip::Alternating => {
                    let first = Stream::new(self.seed, &[FLIP, u64::from(id)]).bits(0);
                    (first ^ at.epoch) & 1 == 1
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

    fn at(step: u64, epoch: u64) -> StepOfEpoch {
        StepOfEpoch { step, epoch }
    }

    fn augmentation(input: usize, data: DataRecipe) -> Augmentation {
        Augmentation { seed: 9, image: Shape::new(3, 32, 32), input: Shape::new(3, input, input), data }
    }

    #[test]
    fn crops_reach_every_place_and_half_are_flipped() {
        let augmentation = augmentation(24, DataRecipe { flip: Flip::Random, ..DataRecipe::default() });
        let mut seen = [[0; 9]; 9];
        let mut flipped = 0;
        for id in 0..8100 {
            let view = augmentation.draw(at(3, 0), id);
            seen[view.y as usize][view.x as usize] += 1;
            flipped += u32::from(view.flipped);
        }
        assert!(seen.iter().flatten().all(|count| (50..200).contains(count)));
        assert!((3800..4300).contains(&flipped));
        assert_ne!(augmentation.draw(at(3, 0), 1), augmentation.draw(at(4, 0), 1));
        // Nothing else is changed.
        let view = augmentation.draw(at(3, 0), 5);
        assert_eq!(view, View { flipped: view.flipped, ..View::at(view.y, view.x) });
    }

    #[test]
    fn padded_crops_reach_as_far_on_every_side() {
        let augmentation = augmentation(32, DataRecipe { pad: 2, ..DataRecipe::default() });
        let mut seen = [[0; 5]; 5];
        for id in 0..2500 {
            let view = augmentation.draw(at(0, 0), id);
            seen[(view.y + 2) as usize][(view.x + 2) as usize] += 1;
        }
        assert!(seen.iter().flatten().all(|count| (50..160).contains(count)), "{seen:?}");
    }

    #[test]
    fn alternating_flips_turn_with_the_epoch() {
        let augmentation = augmentation(32, DataRecipe { flip: Flip::Alternating, ..DataRecipe::default() });
        let flips =
            |step, epoch| -> Vec<bool> { (0..1000).map(|id| augmentation.draw(at(step, epoch), id).flipped).collect() };
        let first = flips(7, 0);
        assert!((430..570).contains(&first.iter().filter(|f| **f).count()));
        assert_eq!(first, flips(8, 0));
        assert_eq!(first, flips(300, 2));
        assert_eq!(first, flips(99, 1).into_iter().map(|f| !f).collect::<Vec<_>>());
    }

    #[test]
    fn cutouts_and_colours_keep_their_bounds() {
        let data = DataRecipe { cutout: Some(6), brightness: 0.2, contrast: 0.1, ..DataRecipe::default() };
        let augmentation = augmentation(32, data);
        let (mut whole, mut covered, mut min, mut max) = (0, [false; 32], f32::MAX, f32::MIN);
        for id in 0..3000 {
            let view = augmentation.draw(at(1, 0), id);
            let patch = view.cutout.unwrap();
            for (from, to) in [patch.rows, patch.columns] {
                assert!(from < to && to <= 32 && to - from <= 6, "{patch:?}");
            }
            (patch.rows.0..patch.rows.1).for_each(|row| covered[usize::from(row)] = true);
            whole += u32::from(patch.rows.1 - patch.rows.0 == 6);
            (min, max) = (min.min(view.brightness), max.max(view.brightness));
            assert!((view.contrast - 1.0).abs() <= 0.1 + 1e-6);
        }
        assert!(covered.iter().all(|c| *c) && (2200..2800).contains(&whole), "{whole}");
        assert!((0.8..0.81).contains(&min) && (1.19..1.2001).contains(&max), "{min} {max}");
    }
}
