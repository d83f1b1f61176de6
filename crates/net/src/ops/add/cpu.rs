//! Weighted sums on the CPU.

use crate::device::cpu::lanes::vectorised;
use crate::device::cpu::layout::{Maps, MapsMut};

vectorised! {
    /// `to += factor * from` over the real values of the first `images` images.
    pub(crate) fn add_scaled(images: usize, factor: f32, from: Maps<'_>, to: MapsMut<'_>) {
        for image in 0..images {
            for y in 0..to.layout.shape.height {
                for x in 0..to.layout.shape.width {
                    let from = &from.values[from.layout.pixel(image, y, x)];
                    let to = &mut to.values[to.layout.pixel(image, y, x)];
                    for (to, from) in to.iter_mut().zip(from) {
                        *to += factor * from;
                    }
                }
            }
        }
    }
}
