//! What the rules need of the confusion matrices: shares of every class at every checkpoint, and the pairs that matter.

use std::ops::Range;

use ndarray::Array2;

use super::windows::{Change, Ends, ends};

/// Numbers from the confusion matrices of a split, by checkpoint.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// The checkpoints whose confusion matrix is stored; other fields go by their positions here.
    pub(crate) checkpoints: Vec<usize>,
    /// Images by true class.
    pub(crate) images: Vec<u64>,
    /// Share of the images of each class that are right: by checkpoint, then by class; NaN of a class without images.
    pub(crate) recall: Vec<Vec<f64>>,
    /// Share of all images that are wrong, by checkpoint.
    pub(crate) error: Vec<f64>,
    /// Pairs that the rules are about.
    pub(crate) pairs: Vec<Pair>,
}

/// Images of two classes that are predicted as the other, by checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pair {
    pub(crate) classes: [usize; 2],
    /// Images of the first that are predicted as the second, and the other way round.
    pub(crate) directions: [Vec<f64>; 2],
}

impl Pair {
    /// Sum of both directions.
    pub(crate) fn sums(&self) -> Vec<f64> {
        self.directions[0].iter().zip(&self.directions[1]).map(|(a, b)| a + b).collect()
    }
}

/// The matrices of a window.
type Window = Vec<Array2<u32>>;

fn sums_of(window: &[Array2<u32>], a: usize, b: usize) -> Vec<f64> {
    window.iter().map(|matrix| f64::from(matrix[[a, b]]) + f64::from(matrix[[b, a]])).collect()
}

impl Counts {
    /// Reads the matrix of every position of `checkpoints` in order, then once more of those that have one, for the
    /// pairs: of many classes not all matrices fit into memory.
    pub(crate) fn read<E>(
        checkpoints: &[usize],
        mut matrix: impl FnMut(usize) -> Result<Option<Array2<u32>>, E>,
    ) -> Result<Self, E> {
        let mut counts = Self::default();
        let mut positions = Vec::new();
        for (position, &checkpoint) in checkpoints.iter().enumerate() {
            let Some(found) = matrix(position)? else { continue };
            positions.push(position);
            counts.add(checkpoint, &found);
        }
        let Ok(Ends { first, last }) = ends(&counts.checkpoints) else { return Ok(counts) };
        let mut window = |range: Range<usize>| -> Result<Window, E> {
            positions[range].iter().filter_map(|&position| matrix(position).transpose()).collect()
        };
        let (first, last) = (window(first)?, window(last)?);
        let subjects = subjects(&first, &last);
        counts.pairs = subjects.iter().map(|&classes| Pair { classes, directions: [vec![], vec![]] }).collect();
        for position in positions {
            let Some(found) = matrix(position)? else { continue };
            for Pair { classes: [a, b], directions } in &mut counts.pairs {
                directions[0].push(f64::from(found[[*a, *b]]));
                directions[1].push(f64::from(found[[*b, *a]]));
            }
        }
        // A database that was replaced meanwhile has other checkpoints.
        counts.pairs.retain(|pair| pair.directions[0].len() == counts.checkpoints.len());
        Ok(counts)
    }

    fn add(&mut self, checkpoint: usize, matrix: &Array2<u32>) {
        self.checkpoints.push(checkpoint);
        let images: Vec<u64> = matrix.rows().into_iter().map(|row| row.iter().map(|&n| u64::from(n)).sum()).collect();
        let right: Vec<f64> = matrix.diag().iter().map(|&count| f64::from(count)).collect();
        self.recall.push(right.iter().zip(&images).map(|(right, &of)| right / of as f64).collect());
        self.error.push(1.0 - right.iter().sum::<f64>() / images.iter().sum::<u64>() as f64);
        self.images = images;
    }

    /// Images of two classes.
    pub(crate) fn images_of(&self, [a, b]: [usize; 2]) -> f64 {
        (self.images[a] + self.images[b]) as f64
    }

    /// All images of the split.
    pub(crate) fn all_images(&self) -> u64 {
        self.images.iter().sum()
    }

    /// The recall of a class, by checkpoint.
    pub(crate) fn recall_of(&self, class: usize) -> Vec<f64> {
        self.recall.iter().map(|shares| shares[class]).collect()
    }

    /// The checkpoints in a window.
    pub(crate) fn checkpoints_in(&self, window: &Range<usize>) -> &[usize] {
        &self.checkpoints[window.clone()]
    }
}

/// Two classes, and what they are ranked by.
type Ranked = ([usize; 2], f64);

/// The pair that is mixed up most over the last checkpoints, and the one whose sum fell furthest since the first.
fn subjects(first: &[Array2<u32>], last: &[Array2<u32>]) -> Vec<[usize; 2]> {
    let classes = last.first().map_or(0, Array2::nrows);
    let (mut confused, mut parted): (Option<Ranked>, Option<Ranked>) = (None, None);
    for a in 0..classes {
        for b in a + 1..classes {
            let change = Change::of_counts(&sums_of(first, a, b), &sums_of(last, a, b));
            if change.to > confused.map_or(0.0, |(_, sum)| sum) {
                confused = Some(([a, b], change.to));
            }
            if change.fall() > parted.map_or(0.0, |(_, fall)| fall) {
                parted = Some(([a, b], change.fall()));
            }
        }
    }
    let mut found: Vec<[usize; 2]> = [confused, parted].into_iter().flatten().map(|(pair, _)| pair).collect();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_pairs_come_from_the_matrices() {
        // Classes 0 and 1 stay mixed up, 1 and 2 come apart; one checkpoint has no statistics.
        let matrix = |n: u32| ndarray::array![[6, 4, 0], [3, 7 - n.min(5), n.min(5)], [0, n.min(5), 10 - n.min(5)]];
        let read = |position: usize| Ok::<_, ()>((position != 2).then(|| matrix(9 - position as u32)));
        let counts = Counts::read(&(0..10).collect::<Vec<_>>(), read).unwrap();
        assert_eq!(counts.checkpoints, [0, 1, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!((counts.images.as_slice(), counts.all_images()), ([10, 10, 10].as_slice(), 30));
        assert!((counts.recall_of(0)[3] - 0.6).abs() < 1e-12);
        assert!((counts.error[8] - 7.0 / 30.0).abs() < 1e-12);
        let pairs: Vec<_> = counts.pairs.iter().map(|pair| pair.classes).collect();
        assert_eq!(pairs, [[0, 1], [1, 2]]);
        assert_eq!(counts.pairs[1].sums(), [10.0, 10.0, 10.0, 10.0, 8.0, 6.0, 4.0, 2.0, 0.0]);
        assert_eq!(counts.pairs[0].directions, [vec![4.0; 9], vec![3.0; 9]]);
    }

    #[test]
    fn too_few_checkpoints_have_no_pairs() {
        let counts = Counts::read(&[0, 1], |_| Ok::<_, ()>(Some(ndarray::array![[1, 1], [0, 2]]))).unwrap();
        assert_eq!((counts.checkpoints.len(), counts.pairs.len()), (2, 0));
        let none = Counts::read(&[0, 1], |_| Ok::<_, ()>(None)).unwrap();
        assert_eq!((none.checkpoints.len(), none.all_images()), (0, 0));
    }
}
