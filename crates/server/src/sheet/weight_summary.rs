//! Numbers about the weights of a snapshot: ranges, norms, percentiles, and how far they moved since the one before.

use deepviz_net::{Layer, Network, Role, Snapshot};
use deepviz_render::Range;

use crate::http::cache::CacheSize;
use crate::http::problem::ApiError;
use crate::sheet::sheet_shape::{SheetShape, weights};

/// The percentiles that a history shows.
pub(crate) const PERCENTILES: [f64; 5] = [1.0, 25.0, 50.0, 75.0, 99.0];

/// Every layer of one snapshot; `None` for those without weights.
pub(crate) struct WeightSummary(pub(crate) Vec<Option<LayerWeightSummary>>);

/// The weights of one layer at one moment.
pub(crate) struct LayerWeightSummary {
    pub(crate) range: Range,
    pub(crate) norm: f32,
    pub(crate) percentiles: [f32; 5],
    pub(crate) filter_norms: Vec<f32>,
    pub(crate) biases: Vec<f32>,
}

/// The change of each layer's weights from one snapshot to the next, relative to the earlier norm.
pub(crate) struct WeightChange(pub(crate) Vec<Option<f32>>);

impl CacheSize for WeightSummary {
    fn bytes(&self) -> usize {
        self.0.iter().flatten().map(|layer| 4 * (layer.filter_norms.len() + layer.biases.len()) + 64).sum()
    }
}

impl CacheSize for WeightChange {
    fn bytes(&self) -> usize {
        self.0.len() * 8
    }
}

impl WeightSummary {
    /// Looks at every layer.
    pub(crate) fn of(network: &Network, snapshot: &Snapshot) -> Result<Self, ApiError> {
        network.layers().iter().map(|layer| layer_summary(layer, snapshot)).collect::<Result<_, _>>().map(Self)
    }
}

fn layer_summary(layer: &Layer, snapshot: &Snapshot) -> Result<Option<LayerWeightSummary>, ApiError> {
    let Some(sheet_shape) = SheetShape::of_weights(layer) else { return Ok(None) };
    let values = &*weights(layer, &snapshot.parameters)?;
    let filter = (sheet_shape.channels * sheet_shape.height * sheet_shape.width).max(1);
    let biases = layer.parameter(Role::Bias).and_then(|spec| snapshot.parameters.get(&spec.name));
    Ok(Some(LayerWeightSummary {
        range: Range::of(values),
        norm: norm(values),
        percentiles: percentiles(values),
        filter_norms: values.chunks(filter).map(norm).collect(),
        biases: biases.map(|array| array.iter().copied().collect()).unwrap_or_default(),
    }))
}

impl WeightChange {
    /// From one snapshot to another of the same network.
    pub(crate) fn between(network: &Network, before: &Snapshot, now: &Snapshot) -> Result<Self, ApiError> {
        let changes = network.layers().iter().map(|layer| {
            if SheetShape::of_weights(layer).is_none() {
                return Ok(None);
            }
            let (old, new) = (weights(layer, &before.parameters)?, weights(layer, &now.parameters)?);
            let difference: f64 =
                old.iter().zip(new.iter()).map(|(a, b)| (f64::from(*b) - f64::from(*a)).powi(2)).sum();
            let start = f64::from(norm(&old));
            Ok((start > 0.0).then(|| (difference.sqrt() / start) as f32))
        });
        changes.collect::<Result<_, _>>().map(Self)
    }
}

fn norm(values: &[f32]) -> f32 {
    values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt() as f32
}

/// Nearest-rank percentiles of the values that are finite.
fn percentiles(values: &[f32]) -> [f32; 5] {
    let mut finite: Vec<f32> = values.iter().copied().filter(|v| v.is_finite()).collect();
    let last = finite.len().saturating_sub(1);
    // Everything before this position is no greater than what follows: large layers are not sorted as a whole.
    let mut from = 0;
    PERCENTILES.map(|percent| {
        let rank = (percent / 100.0 * last as f64).round() as usize;
        if finite.is_empty() {
            return f32::NAN;
        }
        let (_, &mut value, _) = finite[from..].select_nth_unstable_by(rank - from, f32::total_cmp);
        from = rank;
        value
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_a_ramp() {
        let values: Vec<f32> = (0..=100).rev().map(|v| v as f32).collect();
        assert_eq!(percentiles(&values).map(f32::to_bits), [1.0_f32, 25.0, 50.0, 75.0, 99.0].map(f32::to_bits));
        assert!(percentiles(&[f32::NAN, f32::INFINITY])[0].is_nan());
        let limits = percentiles(&[1.0, 2.0, f32::INFINITY, f32::NEG_INFINITY]);
        assert_eq!([limits[0], limits[4]].map(f32::to_bits), [1.0_f32, 2.0].map(f32::to_bits));
        assert!((norm(&[3.0, 4.0]) - 5.0).abs() < 1e-6);
    }
}
