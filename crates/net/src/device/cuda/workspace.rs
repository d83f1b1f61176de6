//! Device memory that layers share while they compute.

use super::{Arg, Cuda, DeviceAddress, Grid, Memory};
use crate::device::cpu::norm::Factors;
use crate::error::Error;
use crate::shape::Shape;

/// Floats of windows laid out as a matrix (im2col) at a time at most: 256 MB.
const COLUMNS: usize = 1 << 26;

/// Parts into which rows are split for a sum at most, and rows of a part at least.
const MAX_PARTS: usize = 128;
const MIN_ROWS: usize = 256;

/// Memory in which layers compute.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// Windows laid out as a matrix (im2col).
    pub columns: DeviceAddress,
    /// How many floats of these there is memory for.
    pub columns_len: usize,
    /// Sums of parts, in double precision.
    pub partial: DeviceAddress,
    partial_len: usize,
    _memory: (Memory<f32>, Memory<f64>),
}

impl Workspace {
    /// For `images` images and layers, each given by its output's shape and the floats of an image's windows.
    pub fn new(on: &Cuda, images: usize, layers: impl Iterator<Item = (Shape, usize)>) -> Result<Self, Error> {
        let (mut columns_len, mut partial_len) = (1, 1);
        for (output, image) in layers {
            columns_len = columns_len.max((images * image).min(COLUMNS.max(image)));
            partial_len = partial_len.max(2 * MAX_PARTS * output.channels).max(output.len());
        }
        let memory = (Memory::zeros(on, columns_len)?, Memory::zeros(on, partial_len)?);
        Ok(Self { columns: memory.0.at(), columns_len, partial: memory.1.at(), partial_len, _memory: memory })
    }

    /// The number of parts into which `rows` rows are split for sums of `columns` columns.
    pub fn parts(&self, rows: usize, columns: usize) -> usize {
        (rows / MIN_ROWS).clamp(1, MAX_PARTS).min((self.partial_len / columns.max(1)).max(1))
    }
}

/// A normalisation over windows of a map, as its kernels take it.
#[derive(Debug)]
pub(crate) struct WindowNorm {
    pub input: Shape,
    pub size: usize,
    pub factors: Factors,
}

impl WindowNorm {
    pub fn args(&self, pointers: &[DeviceAddress], images: usize) -> Vec<Arg> {
        let Shape { channels, height, width } = self.input;
        let sides = [images, height, width, channels, self.size].map(Arg::from);
        let pointers = pointers.iter().map(|at| Arg::from(*at));
        pointers.chain(sides).chain([self.factors.scale.into(), self.factors.power.into()]).collect()
    }
}

/// Gradient times output over denominator: what cuda-convnet's three normalisations sum in their backward passes.
pub(crate) fn weigh(on: &Cuda, [dv, v, d, scratch]: [DeviceAddress; 4], total: usize) -> Result<(), Error> {
    let args = [dv.into(), v.into(), d.into(), scratch.into(), Arg::long(total)];
    on.launch("norm_weigh", Grid::ThreadPerElement(total), &args)
}
