//! Launching kernels.

use super::Cuda;
use crate::error::Error;
use cudarc::driver::{LaunchConfig, PushKernelArg};

/// Threads of a block.
const THREADS: u32 = 256;

/// Blocks at most: kernels loop over further elements (grid-stride loops).
const MAX_BLOCKS: usize = 1 << 16;

/// An argument of a kernel.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Arg {
    Pointer(u64),
    Int(i32),
    Long(i64),
    /// An unsigned number that random bits are compared with.
    Bits(u64),
    Float(f32),
    Double(f64),
}

impl From<i32> for Arg {
    fn from(value: i32) -> Self {
        Self::Int(value)
    }
}

/// Counts and lengths of axes; a number of values, which may exceed 32 bits, is given as [`Arg::Long`].
impl From<usize> for Arg {
    fn from(value: usize) -> Self {
        Self::Int(i32::try_from(value).unwrap_or(i32::MAX))
    }
}

impl From<bool> for Arg {
    fn from(value: bool) -> Self {
        Self::Int(value.into())
    }
}

impl From<f32> for Arg {
    fn from(value: f32) -> Self {
        Self::Float(value)
    }
}

impl From<f64> for Arg {
    fn from(value: f64) -> Self {
        Self::Double(value)
    }
}

impl Arg {
    /// A number of values, which may exceed 32 bits.
    pub fn long(value: usize) -> Self {
        Self::Long(value as i64)
    }
}

/// How a kernel's threads are laid out.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Grid {
    /// One thread for each element, in blocks of [`THREADS`], at most [`MAX_BLOCKS`].
    ThreadPerElement(usize),
    /// One block for each item of work (a row, a channel: what the kernel's comment says), at most [`MAX_BLOCKS`].
    Blocks(usize),
    /// Blocks of 32 columns x 8 rows over `columns` columns, for each of the parts that the rows are split into.
    Columns { columns: usize, parts: usize },
}

impl Grid {
    fn config(self) -> LaunchConfig {
        let (grid_dim, block_dim) = match self {
            Self::ThreadPerElement(count) => {
                let blocks = count.div_ceil(THREADS as usize).clamp(1, MAX_BLOCKS);
                ((blocks as u32, 1, 1), (THREADS, 1, 1))
            }
            Self::Blocks(count) => ((count.clamp(1, MAX_BLOCKS) as u32, 1, 1), (THREADS, 1, 1)),
            Self::Columns { columns, parts } => ((columns.div_ceil(32) as u32, parts as u32, 1), (32, 8, 1)),
        };
        LaunchConfig { grid_dim, block_dim, shared_mem_bytes: 0 }
    }
}

impl Cuda {
    /// Launches a kernel of `kernels.ptx` on the stream.
    pub(crate) fn launch(&self, name: &'static str, grid: Grid, args: &[Arg]) -> Result<(), Error> {
        let function = self.shared.kernels.get(self, name)?;
        let mut builder = self.stream().launch_builder(&function);
        for arg in args {
            match arg {
                Arg::Pointer(value) | Arg::Bits(value) => builder.arg(value),
                Arg::Int(value) => builder.arg(value),
                Arg::Long(value) => builder.arg(value),
                Arg::Float(value) => builder.arg(value),
                Arg::Double(value) => builder.arg(value),
            };
        }
        // SAFETY: callers (`ops/*/cuda.rs`, the optimiser) pass arguments of the kernel's signature (a test compares
        // their types for every operation), and buffers that are allocated for the shapes that they launch over.
        unsafe { builder.launch(grid.config()) }.map_err(self.failed("launch a kernel"))?;
        Ok(())
    }
}
