//! Comparisons in the form in which they are stored in the cache folder.

use deepviz_stats::compare::{Estimate, LayerMap, Matching, Nearest, Pair, UnitMatch};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::http::problem::ApiError;

/// A stored similarity map of two networks' layers, row by row.
#[derive(Deserialize, Serialize)]
pub(crate) struct StoredMap {
    /// Value, and the ends of its interval; `None` where it is not defined.
    cka: Vec<Option<[f64; 3]>>,
    procrustes: Vec<Option<f64>>,
    opposite: Vec<Option<usize>>,
    procrustes_interval: Option<[f64; 2]>,
}

impl StoredMap {
    pub(crate) fn of(map: &LayerMap, procrustes_interval: Option<[f64; 2]>) -> Self {
        let numbers = |estimate: Estimate| [estimate.value, estimate.interval[0], estimate.interval[1]];
        Self {
            cka: map.cka.iter().map(|found| found.map(numbers)).collect(),
            procrustes: map.procrustes.iter().copied().collect(),
            opposite: map.opposite.clone(),
            procrustes_interval,
        }
    }

    /// The map of `size` layers of A and B, and the interval of the Procrustes similarity of a single pair of layers.
    pub(crate) fn into_map(self, size: (usize, usize)) -> Result<(LayerMap, Option<[f64; 2]>), ApiError> {
        let estimate = |[value, from, to]: [f64; 3]| Estimate { value, interval: [from, to] };
        let cka = self.cka.into_iter().map(|found| found.map(estimate)).collect();
        let wrong = |error: ndarray::ShapeError| ApiError::internal(format!("a stored comparison: {error}"));
        let map = LayerMap {
            cka: Array2::from_shape_vec(size, cka).map_err(wrong)?,
            procrustes: Array2::from_shape_vec(size, self.procrustes).map_err(wrong)?,
            opposite: self.opposite,
        };
        Ok((map, self.procrustes_interval))
    }
}

/// Stored matched units.
#[derive(Deserialize, Serialize)]
pub(crate) struct StoredUnits {
    chance: f64,
    silent: [Vec<usize>; 2],
    /// First, second, correlation, whether each is the other's best.
    pairs: Vec<(usize, usize, f32, bool)>,
    /// Of either layer: unit, the nearest of the other, correlation.
    alone: [Vec<(usize, Option<usize>, f32)>; 2],
}

impl StoredUnits {
    pub(crate) fn of(found: &UnitMatch) -> Self {
        let alone = |units: &[Nearest]| units.iter().map(|one| (one.unit, one.nearest, one.correlation)).collect();
        let Matching { pairs, first_alone, second_alone } = &found.matching;
        Self {
            chance: found.chance,
            silent: found.silent.clone(),
            pairs: pairs.iter().map(|pair| (pair.first, pair.second, pair.correlation, pair.is_mutual)).collect(),
            alone: [alone(first_alone), alone(second_alone)],
        }
    }

    pub(crate) fn into_match(self) -> UnitMatch {
        let [first_alone, second_alone] = self.alone.map(|units| {
            units.into_iter().map(|(unit, nearest, correlation)| Nearest { unit, nearest, correlation }).collect()
        });
        let pair = |(first, second, correlation, is_mutual)| Pair { first, second, correlation, is_mutual };
        let pairs = self.pairs.into_iter().map(pair).collect();
        let matching = Matching { pairs, first_alone, second_alone };
        UnitMatch { matching, chance: self.chance, silent: self.silent }
    }
}
