//! What two checkpoints do with the same images.

use std::collections::BTreeMap;

use deepviz_corpus::{ImageId, Split};
use deepviz_net::Step;
use deepviz_similarity::paired::{Discordant, benjamini_hochberg, difference_interval};
use ndarray::Array2;

use crate::error::Error;
use crate::store::Store;

/// False discoveries among the cells that are called more than noise, on average at most.
const RATE: f64 = 0.05;

/// A checkpoint with its statistics.
#[derive(Clone, Copy)]
pub struct Checkpoint<'a> {
    /// The statistics of its run.
    pub store: &'a Store,
    /// Its step.
    pub step: Step,
}

/// The classes of a second network by the numbers that they have in the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassMap(Vec<u16>);

/// Names that only one of two networks knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DifferentClasses {
    /// Classes of the first alone.
    pub first: Vec<String>,
    /// Classes of the second alone.
    pub second: Vec<String>,
}

impl ClassMap {
    /// By name, in any order.
    ///
    /// # Errors
    /// Names that only one of the two knows.
    pub fn by_name(first: &[String], second: &[String]) -> Result<Self, DifferentClasses> {
        let numbers: BTreeMap<&str, u16> =
            first.iter().enumerate().map(|(k, name)| (name.as_str(), k as u16)).collect();
        let found: Vec<Option<u16>> = second.iter().map(|name| numbers.get(name.as_str()).copied()).collect();
        let only =
            |of: &[String], others: &[String]| of.iter().filter(|name| !others.contains(name)).cloned().collect();
        let different = DifferentClasses { first: only(first, second), second: only(second, first) };
        if !different.first.is_empty() || !different.second.is_empty() {
            return Err(different);
        }
        Ok(Self(found.into_iter().flatten().collect()))
    }
}

/// Images by who is right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Right {
    /// Both.
    pub both: u64,
    /// The first alone.
    pub only_first: u64,
    /// The second alone.
    pub only_second: u64,
    /// Neither.
    pub neither: u64,
}

/// What a checkpoint says of an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// The predicted class, by the first network's numbers.
    pub predicted: u16,
    /// The probability of the true class less the greatest other.
    pub margin: f32,
}

/// An image and what both say of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ImageOutcome {
    /// The image.
    pub image: ImageId,
    /// Its class.
    pub class: u16,
    /// What the first says.
    pub first: Outcome,
    /// What the second says.
    pub second: Outcome,
}

impl ImageOutcome {
    /// Whether the first and the second are right.
    pub fn is_right(&self) -> [bool; 2] {
        [self.first, self.second].map(|outcome| outcome.predicted == self.class)
    }
}

/// A cell of the confusion matrix in which two checkpoints differ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// The class of its images.
    pub class: u16,
    /// The class that they are taken for.
    pub predicted: u16,
    /// Images that only one of the two puts there.
    pub images: Discordant,
    /// `McNemar`'s exact test.
    pub p: f64,
    /// More than noise: it holds at 5 % false discoveries over all cells (Benjamini and Hochberg).
    pub is_significant: bool,
}

/// Two checkpoints over the images of a split.
#[derive(Clone, Debug)]
pub struct Compared {
    /// Every image.
    pub images: Vec<ImageOutcome>,
    /// Counts of the first, true classes in rows.
    pub first: Array2<u32>,
    /// Counts of the second.
    pub second: Array2<u32>,
    /// Who is right.
    pub right: Right,
    /// `McNemar`'s exact test of whether one is right more often.
    pub p: f64,
    /// The interval of 95 % of the first's error less the second's.
    pub difference: [f64; 2],
    /// The cells in which they differ, row by row.
    pub cells: Vec<Difference>,
}

/// Compares two checkpoints over a split whose images have these classes; none where one of them has no statistics.
///
/// # Errors
/// A database that cannot be read, or statistics of other images.
pub fn compare_outcomes(
    (first, second): (Checkpoint<'_>, Checkpoint<'_>),
    split: Split,
    labels: &[u16],
    classes: (usize, &ClassMap),
) -> Result<Option<Compared>, Error> {
    let (count, ClassMap(map)) = classes;
    let Some(a) = first.store.predictions_at(first.step, split)? else { return Ok(None) };
    let Some(b) = second.store.predictions_at(second.step, split)? else { return Ok(None) };
    if a.classes.len() != labels.len() || b.classes.len() != labels.len() || a.first != b.first {
        return Err(Error::OtherImages { first: a.classes.len(), second: b.classes.len(), expected: labels.len() });
    }
    let margin = |margin: i16| f32::from(margin) / f32::from(i16::MAX);
    let outcomes = labels.iter().enumerate().map(|(index, &class)| ImageOutcome {
        image: ImageId(a.first.0 + index as u32),
        class,
        first: Outcome { predicted: a.classes[index], margin: margin(a.margins[index]) },
        // A class that does not exist is never right.
        second: Outcome {
            predicted: map.get(usize::from(b.classes[index])).copied().unwrap_or(u16::MAX),
            margin: margin(b.margins[index]),
        },
    });
    Ok(Some(Compared::of(outcomes.collect(), count)))
}

impl Compared {
    fn of(images: Vec<ImageOutcome>, classes: usize) -> Self {
        let mut counts = [Array2::zeros((classes, classes)), Array2::zeros((classes, classes))];
        let mut cells: BTreeMap<(u16, u16), Discordant> = BTreeMap::new();
        let mut right = Right::default();
        for image in &images {
            for (counts, outcome) in counts.iter_mut().zip([image.first, image.second]) {
                if let Some(count) = counts.get_mut([usize::from(image.class), usize::from(outcome.predicted)]) {
                    *count += 1;
                }
            }
            if image.first.predicted != image.second.predicted {
                cells.entry((image.class, image.first.predicted)).or_default().first += 1;
                cells.entry((image.class, image.second.predicted)).or_default().second += 1;
            }
            match image.is_right() {
                [true, true] => right.both += 1,
                [true, false] => right.only_first += 1,
                [false, true] => right.only_second += 1,
                [false, false] => right.neither += 1,
            }
        }
        let p_values: Vec<f64> = cells.values().map(|images| images.p_value()).collect();
        // Cells in which nothing differs are tests as well.
        let significant = benjamini_hochberg(&p_values, RATE, classes * classes);
        let cells = cells.into_iter().zip(p_values).zip(significant);
        let cells = cells.map(|((((class, predicted), images), p), is_significant)| Difference {
            class,
            predicted,
            images,
            p,
            is_significant,
        });
        let alone = Discordant { first: right.only_first, second: right.only_second };
        let [wrong_low, wrong_high] = difference_interval(alone, images.len() as u64);
        let [first, second] = counts;
        Self {
            first,
            second,
            right,
            p: alone.p_value(),
            // Of the errors: the other way round than that of the shares that are right.
            difference: [-wrong_high, -wrong_low],
            cells: cells.collect(),
            images,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(class: u16, first: u16, second: u16) -> ImageOutcome {
        let outcome = |predicted| Outcome { predicted, margin: 0.5 };
        ImageOutcome { image: ImageId(0), class, first: outcome(first), second: outcome(second) }
    }

    #[test]
    fn cells_hold_the_images_that_only_one_has() {
        let mut images = vec![image(0, 0, 0); 50];
        images.extend(vec![image(0, 0, 1); 12]);
        images.extend(vec![image(1, 0, 1); 2]);
        images.extend(vec![image(1, 0, 0); 3]);
        let found = Compared::of(images, 2);
        assert_eq!(found.right, Right { both: 50, only_first: 12, only_second: 2, neither: 3 });
        assert_eq!(found.first, ndarray::array![[62, 0], [5, 0]]);
        assert_eq!(found.second, ndarray::array![[50, 12], [3, 2]]);
        let cells: Vec<_> = found
            .cells
            .iter()
            .map(|cell| (cell.class, cell.predicted, cell.images.first, cell.images.second))
            .collect();
        assert_eq!(cells, [(0, 0, 12, 0), (0, 1, 0, 12), (1, 0, 2, 0), (1, 1, 0, 2)]);
        let significant: Vec<bool> = found.cells.iter().map(|cell| cell.is_significant).collect();
        assert_eq!(significant, [true, true, false, false]);
        // 12 against 2: the first is right more often, and its error is less.
        assert!(found.p < 0.02 && found.difference[1] < 0.0);
    }

    #[test]
    fn classes_meet_by_name() {
        let names = |names: &[&str]| -> Vec<String> { names.iter().map(|&name| name.to_owned()).collect() };
        let first = names(&["cat", "dog", "frog"]);
        assert_eq!(ClassMap::by_name(&first, &names(&["frog", "cat", "dog"])), Ok(ClassMap(vec![2, 0, 1])));
        let different = ClassMap::by_name(&first, &names(&["frog", "cat", "cow"])).unwrap_err();
        assert_eq!((different.first, different.second), (names(&["dog"]), names(&["cow"])));
    }
}
