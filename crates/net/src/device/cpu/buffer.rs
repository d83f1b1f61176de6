//! Memory for vectors: floats that begin at a cache line.

use std::ops::{Deref, DerefMut};

/// Floats of a cache line.
const LINE: usize = 16;

#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

/// Floats whose first lies at the begin of a cache line, so that whole vectors never straddle two.
#[derive(Clone, Debug, Default)]
pub(crate) struct Buffer {
    lines: Vec<Line>,
    length: usize,
}

impl Buffer {
    /// That many zeros.
    pub fn zeros(length: usize) -> Self {
        let mut this = Self::default();
        this.grow(length);
        this
    }

    /// Makes the buffer at least that long; what is new is zero.
    pub fn grow(&mut self, length: usize) {
        if length > self.length {
            let lines = length.div_ceil(LINE);
            if self.lines.is_empty() {
                // From the system large pieces come as zeros: nothing is written.
                self.lines = bytemuck::zeroed_vec(lines);
            }
            self.lines.resize(lines, Line([0.0; LINE]));
            self.length = length;
        }
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &bytemuck::cast_slice(&self.lines)[..self.length]
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut bytemuck::cast_slice_mut(&mut self.lines)[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_begin_at_cache_lines_and_grow_with_zeros() {
        let mut buffer = Buffer::zeros(5);
        buffer.fill(1.0);
        buffer.grow(40);
        assert_eq!(buffer.as_ptr() as usize % 64, 0);
        assert_eq!(buffer.len(), 40);
        assert!((buffer.iter().sum::<f32>() - 5.0).abs() < 1e-6);
    }
}

/// What a forward pass keeps for the backward pass, and memory to compute in; each in the layout of the gradient of the
/// layer's output unless the layer says otherwise.
#[derive(Debug, Default)]
pub(crate) struct SavedForBackward {
    /// Of a normalisation over windows, the sum that the power is taken of.
    pub denominators: Buffer,
    /// Of a contrast normalisation, the distances from the local mean; of a response normalisation across maps, one
    /// pixel's channels.
    pub distances: Buffer,
    /// Memory to compute in; of a dropout, the mask.
    pub scratch: Buffer,
}
