//! Device memory that layers share while they compute.

use super::{Arg, At, Cuda, Memory};
use crate::error::Error;
use crate::network::{Network, Role};
use crate::ops::{Op, conv, local};
use crate::shape::Shape;

/// Floats of windows laid out at a time at most: 256 MB.
const COLUMNS: usize = 1 << 26;

/// Parts into which rows are split for a sum at most, and rows of a part at least.
const MOST_PARTS: usize = 128;
const LEAST_ROWS: usize = 256;

/// Room in which layers compute.
#[derive(Debug)]
pub(crate) struct Room {
    /// Windows laid out.
    pub columns: At,
    /// How many floats of these there is room for.
    pub columns_len: usize,
    /// Sums of parts, in double precision.
    pub partial: At,
    partial_len: usize,
    _memory: (Memory<f32>, Memory<f64>),
}

impl Room {
    pub fn new(on: &Cuda, network: &Network, images: usize) -> Result<Self, Error> {
        let (mut columns_len, mut partial_len) = (1, 1);
        for layer in network.layers() {
            let positions = layer.shape.height * layer.shape.width;
            let window = match &layer.op {
                Op::Conv(conv::ConvGeometry { size, .. }) | Op::Local(local::LocalGeometry { size, .. }) => {
                    let channels = layer.parameter(Role::Weight).map_or(0, |spec| spec.shape[spec.shape.len() - 3]);
                    size * size * channels
                }
                _ => 0,
            };
            let image = positions * window;
            columns_len = columns_len.max((images * image).min(COLUMNS.max(image)));
            partial_len = partial_len.max(2 * MOST_PARTS * layer.shape.channels).max(layer.shape.len());
        }
        let memory = (Memory::zeros(on, columns_len)?, Memory::zeros(on, partial_len)?);
        Ok(Self { columns: memory.0.at(), columns_len, partial: memory.1.at(), partial_len, _memory: memory })
    }

    /// Into how many parts so many rows are split, for sums of so many columns.
    pub fn parts(&self, rows: usize, columns: usize) -> usize {
        (rows / LEAST_ROWS).clamp(1, MOST_PARTS).min((self.partial_len / columns.max(1)).max(1))
    }
}

/// A normalisation over windows of a map, as its kernels take it.
pub(crate) struct WindowNorm {
    pub input: Shape,
    pub size: usize,
    /// Already over the window.
    pub scale: f32,
    pub power: f32,
}

impl WindowNorm {
    pub fn args(&self, pointers: &[At], images: usize) -> Vec<Arg> {
        let Shape { channels, height, width } = self.input;
        let sides = [images, height, width, channels, self.size].map(Arg::from);
        let pointers = pointers.iter().map(|at| Arg::from(*at));
        pointers.chain(sides).chain([self.scale.into(), self.power.into()]).collect()
    }
}
