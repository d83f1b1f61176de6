//! Stacking on the CPU.

use crate::device::cpu::layout::{Maps, MapsMut};

/// Copies one input's channels to where they stand in the output, from channel `first` on.
pub(crate) fn forward(images: usize, first: usize, x: Maps<'_>, y: &mut MapsMut<'_>) {
    for image in 0..images {
        for row in 0..y.layout.shape.height {
            for column in 0..y.layout.shape.width {
                let from = &x.values[x.layout.pixel(image, row, column)];
                let at = y.layout.pixel(image, row, column).start + first;
                y.values[at..at + from.len()].copy_from_slice(from);
            }
        }
    }
}

/// Adds the output's gradient, from channel `first` on, to one input's.
pub(crate) fn backward(images: usize, first: usize, dy: Maps<'_>, dx: &mut MapsMut<'_>) {
    for image in 0..images {
        for row in 0..dx.layout.shape.height {
            for column in 0..dx.layout.shape.width {
                let from = &dy.values[dy.layout.pixel(image, row, column)][first..];
                let to = &mut dx.values[dx.layout.pixel(image, row, column)];
                for (to, from) in to.iter_mut().zip(from) {
                    *to += from;
                }
            }
        }
    }
}
