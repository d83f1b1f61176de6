//! The orders in which a map's values become a list.

use crate::shape::Shape;
use std::borrow::Cow;

/// The order in which a map's values become a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flatten {
    /// Channel, row, column, as `PyTorch`'s `flatten` of its maps.
    #[default]
    ChannelsFirst,
    /// Row, column, channel, as Keras' `Flatten` of its maps.
    ChannelsLast,
}

pub(crate) const FLATTENS: [(&str, Flatten); 2] =
    [("channels_first", Flatten::ChannelsFirst), ("channels_last", Flatten::ChannelsLast)];

impl Flatten {
    /// Lists of a map's values, one after another, each in channel, row, column order.
    pub(crate) fn to_channels_first(self, map: Shape, values: &[f32]) -> Cow<'_, [f32]> {
        let area = map.height * map.width;
        match self {
            Self::ChannelsLast if area > 1 && map.channels > 1 => Cow::Owned(transposed(values, area, map.channels)),
            _ => Cow::Borrowed(values),
        }
    }

    /// Brings lists in channel, row, column order into this one.
    pub(crate) fn reorder(self, map: Shape, values: &mut [f32]) {
        if self == Self::ChannelsLast {
            let area = map.height * map.width;
            values.copy_from_slice(&transposed(values, map.channels, area));
        }
    }
}

/// Matrices of that size, one after another, each transposed.
fn transposed(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let matrices = values.chunks_exact((rows * columns).max(1));
    matrices
        .flat_map(|matrix| {
            (0..columns).flat_map(move |column| (0..rows).map(move |row| matrix[row * columns + column]))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_inverse_to_each_other() {
        // Two maps of 2 channels and 1 x 3 pixels: channel, row, column.
        let map = Shape::new(2, 1, 3);
        let first = [0.0, 1.0, 2.0, 10.0, 11.0, 12.0, 20.0, 21.0, 22.0, 30.0, 31.0, 32.0];
        let mut values = first;
        Flatten::ChannelsLast.reorder(map, &mut values);
        assert_eq!(values.map(f32::to_bits)[..6], [0.0, 10.0, 1.0, 11.0, 2.0, 12.0].map(f32::to_bits));
        assert_eq!(Flatten::ChannelsLast.to_channels_first(map, &values)[..], first[..]);
        assert_eq!(Flatten::ChannelsFirst.to_channels_first(map, &first)[..], first[..]);
    }
}
