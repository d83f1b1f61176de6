//! Pooling on the device.

use super::axis::PoolAxis;
use super::{Pool, PoolKind, Ties};
use crate::device::cuda::{Arg, Cuda, DeviceAddress, Grid, Memory};
use crate::error::Error;
use crate::ops::cuda::{CudaBackward, CudaContext, CudaLayer, CudaRun};
use crate::shape::Shape;

/// The tables of an axis: [`PoolAxis::tables`].
#[derive(Debug)]
struct AxisTables {
    windows: Memory<i32>,
    starts: Memory<i32>,
    holders: Memory<i32>,
    step: usize,
}

impl AxisTables {
    fn new(on: &Cuda, axis: &PoolAxis) -> Result<Self, Error> {
        let [windows, starts, holders] = axis.tables();
        let memory = |table: &[i32]| Memory::of(on, table);
        Ok(Self { windows: memory(&windows)?, starts: memory(&starts)?, holders: memory(&holders)?, step: axis.step })
    }
}

#[derive(Debug)]
pub(crate) struct PoolLayer {
    kind: PoolKind,
    ties: Ties,
    input: Shape,
    output: Shape,
    rows: AxisTables,
    columns: AxisTables,
}

impl PoolLayer {
    pub fn new(pool: &Pool, context: &CudaContext<'_>) -> Result<Self, Error> {
        let (input, output) = (context.inputs[0], context.output);
        let [rows, columns] = pool.axes(input, output);
        Ok(Self {
            kind: pool.kind,
            ties: pool.ties,
            input,
            output,
            rows: AxisTables::new(context.on, &rows)?,
            columns: AxisTables::new(context.on, &columns)?,
        })
    }

    /// Arrays, sides, windows; for the backward pass also which windows hold a pixel.
    fn args(&self, pointers: &[DeviceAddress], images: usize, is_backward: bool) -> Vec<Arg> {
        let (Shape { channels, height, width }, output) = (self.input, self.output);
        let sides = [images, height, width, channels, output.height, output.width];
        let mut args: Vec<Arg> = pointers.iter().map(|at| Arg::from(*at)).collect();
        args.extend(sides.map(Arg::from));
        for axis in [&self.rows, &self.columns] {
            args.extend([Arg::from(axis.windows.at()), axis.step.into()]);
            if is_backward {
                args.extend([axis.starts.at(), axis.holders.at()].map(Arg::from));
            }
        }
        args
    }
}

impl CudaLayer for PoolLayer {
    fn forward(&self, run: &CudaRun<'_>, x: &[DeviceAddress], y: DeviceAddress) -> Result<(), Error> {
        let kernel = match self.kind {
            PoolKind::Max => "pool_max_forward",
            PoolKind::Average => "pool_average_forward",
        };
        let args = self.args(&[x[0], y], run.images, false);
        run.on.launch(kernel, Grid::ThreadPerElement(run.images * self.output.len()), &args)
    }

    fn input_gradient(&self, run: &CudaRun<'_>, known: &CudaBackward<'_>) -> Result<(), Error> {
        let CudaBackward { x, y, dy, dx, add, .. } = *known;
        let grid = Grid::ThreadPerElement(run.images * self.input.len());
        if self.kind == PoolKind::Average {
            let mut args = self.args(&[dy, dx], run.images, true);
            args.push(add.into());
            return run.on.launch("pool_average_backward", grid, &args);
        }
        let mut args = self.args(&[x[0], y, dy, dx], run.images, true);
        args.extend([Arg::from(self.ties == Ties::First), add.into()]);
        run.on.launch("pool_max_backward", grid, &args)
    }
}
