//! Lifelines: each unit of a layer compared, checkpoint by checkpoint, with itself at the last one.

use ndarray::ArrayView2;

use crate::units::{Nearest, StandardisedUnits};

/// From this correlation on a unit is called like its final self: each then accounts for a quarter of the other's variance.
pub const ALIKE: f32 = 0.5;

/// The units of a layer at one checkpoint, compared with the same layer at the last one (the end).
#[derive(Clone, Debug, PartialEq)]
pub struct UnitsAtCheckpoint {
    /// The correlation of each unit with itself at the end; none where one of the two does the same everywhere.
    pub own: Vec<Option<f32>>,
    /// Whether each unit does the same everywhere at this time.
    pub silent: Vec<bool>,
    /// For each unit of the end the unit of this time that it is most like.
    pub origin: Vec<Nearest>,
}

impl UnitsAtCheckpoint {
    /// Compares a layer with itself at the end, over the same images and positions.
    #[must_use]
    pub fn of(now: &StandardisedUnits, end: &StandardisedUnits) -> Self {
        let correlation = now.correlation(end);
        let silent = now.is_silent().to_vec();
        let either = silent.iter().zip(end.is_silent()).enumerate();
        let own = either.map(|(unit, (now, end))| (!now && !end).then(|| correlation[[unit, unit]]));
        Self { own: own.collect(), silent, origin: origins(correlation.view()) }
    }
}

/// For each column the row with the greatest value above 0, the first of equals.
fn origins(correlation: ArrayView2<'_, f32>) -> Vec<Nearest> {
    let columns = correlation.columns().into_iter().enumerate();
    let origin = |(unit, column): (usize, ndarray::ArrayView1<'_, f32>)| {
        let none = Nearest { unit, nearest: None, correlation: 0.0 };
        column.iter().enumerate().fold(none, |best, (row, &value)| {
            if value > best.correlation { Nearest { unit, nearest: Some(row), correlation: value } } else { best }
        })
    };
    columns.map(origin).collect()
}

/// Since when a unit has been like its final self, and since when it has been silent; times are indices of checkpoints.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Life {
    /// The first time from which on it stays like its final self ([`ALIKE`]); none for one that is silent at the end.
    pub born: Option<usize>,
    /// The first time from which on it is silent, to the end.
    pub died: Option<usize>,
    /// The unit that its final self was most like one time before it was born: another one, that it took over from. None for
    /// units that were there from the beginning, that came from nothing alike, or that are silent at the end.
    pub origin: Option<Nearest>,
}

/// The lives of all units over the times from the first to the end, which is the last of them.
#[must_use]
pub fn lives(checkpoints: &[UnitsAtCheckpoint]) -> Vec<Life> {
    let units = checkpoints.last().map_or(0, |end| end.own.len());
    let life = |unit: usize| {
        let own = |checkpoint: &UnitsAtCheckpoint| checkpoint.own.get(unit).copied().flatten();
        let since = |holds: &dyn Fn(&UnitsAtCheckpoint) -> bool| {
            let count = checkpoints.iter().rev().take_while(|checkpoint| holds(checkpoint)).count();
            (count > 0).then(|| checkpoints.len() - count)
        };
        let born = since(&|checkpoint| own(checkpoint).is_some_and(|value| value >= ALIKE));
        let died = since(&|checkpoint| checkpoint.silent.get(unit).is_some_and(|&is_silent| is_silent));
        let before = born.and_then(|born| born.checked_sub(1)).map(|before| &checkpoints[before]);
        let origin = before.and_then(|before| before.origin.get(unit).copied());
        let origin = origin.filter(|origin| origin.nearest.is_some() && origin.correlation >= ALIKE);
        Life { born, died, origin }
    };
    (0..units).map(life).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    fn checkpoint(own: &[Option<f32>], origin: &[(usize, f32)]) -> UnitsAtCheckpoint {
        let origin = origin.iter().enumerate();
        let origin = origin.map(|(unit, &(row, correlation))| Nearest { unit, nearest: Some(row), correlation });
        UnitsAtCheckpoint {
            own: own.to_vec(),
            silent: own.iter().map(Option::is_none).collect(),
            origin: origin.collect(),
        }
    }

    #[test]
    fn a_unit_is_born_when_it_stays_like_its_end() {
        let checkpoints = [
            checkpoint(&[Some(0.1), Some(0.9), Some(0.8)], &[(1, 0.7), (1, 0.9), (2, 0.8)]),
            checkpoint(&[Some(0.6), Some(0.9), Some(0.2)], &[(0, 0.6), (1, 0.9), (2, 0.2)]),
            checkpoint(&[Some(0.4), Some(0.9), None], &[(1, 0.65), (1, 0.9), (2, 0.0)]),
            checkpoint(&[Some(1.0), Some(1.0), None], &[(0, 1.0), (1, 1.0), (2, 0.0)]),
        ];
        let found = lives(&checkpoints);
        // Not at the second time: it left again. Before the last it was most like another.
        assert_eq!(found[0].born, Some(3));
        assert_eq!(found[0].origin.map(|origin| (origin.nearest, origin.correlation)), Some((Some(1), 0.65)));
        assert_eq!((found[1].born, found[1].origin), (Some(0), None));
        assert_eq!((found[2].born, found[2].died, found[2].origin), (None, Some(2), None));
        assert!(lives(&[]).is_empty());
    }

    #[test]
    fn a_unit_dies_when_it_falls_silent_and_not_before() {
        let at = |second: [f32; 4]| {
            Array2::from_shape_fn((4, 2), |(row, unit)| if unit == 0 { row as f32 } else { second[row] })
        };
        let times = [at([1.0, 0.0, 2.0, 1.0]), at([1.0, 0.0, 0.0, 1.0]), at([0.0; 4]), at([0.0; 4])];
        let times = times.map(|values| StandardisedUnits::of(values.view()));
        let checkpoints: Vec<UnitsAtCheckpoint> =
            times.iter().map(|now| UnitsAtCheckpoint::of(now, &times[3])).collect();
        let found = lives(&checkpoints);
        assert_eq!((found[1].died, found[1].born), (Some(2), None));
        assert_eq!((found[0].died, found[0].born), (None, Some(0)));
    }

    #[test]
    fn a_checkpoint_compares_each_unit_with_itself_and_with_all() {
        let end = array![[1.0_f32, 0.0, 3.0], [0.0, 1.0, 3.0], [1.0, 1.0, 3.0], [0.0, 0.0, 3.0]];
        // The first two have changed places.
        let now = Array2::from_shape_fn((4, 3), |(row, unit)| end[[row, [1, 0, 2][unit]]]);
        let found = UnitsAtCheckpoint::of(&StandardisedUnits::of(now.view()), &StandardisedUnits::of(end.view()));
        assert!(found.own[0].unwrap().abs() < 1e-6 && found.own[2].is_none());
        assert_eq!((found.origin[0].nearest, found.origin[1].nearest), (Some(1), Some(0)));
        assert!((found.origin[0].correlation - 1.0).abs() < 1e-6);
        assert_eq!(found.origin[2].nearest, None);
    }
}
