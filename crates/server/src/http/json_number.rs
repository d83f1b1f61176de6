//! Numbers in answers: JSON has none that are not finite, so these are absent (`null`), and the type says so.

/// The number, where it is finite.
pub(crate) fn finite(value: f32) -> Option<f32> {
    value.is_finite().then_some(value)
}

/// The same of each.
pub(crate) fn all_finite(values: &[f32]) -> Vec<Option<f32>> {
    values.iter().copied().map(finite).collect()
}
