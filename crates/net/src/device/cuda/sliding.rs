//! Windows laid out as rows of a matrix (im2col), and biases: what layers with filters compute by matrix products.

use super::{Arg, Cuda, DeviceAddress, Grid, Matrix, Workspace};
use crate::device::windows::Windows;
use crate::error::Error;

/// Windows that slide over images, laid out as a matrix (im2col): a row for every image and position.
pub(crate) struct Sliding {
    windows: Windows,
    /// Images that are taken at a time.
    together: usize,
}

/// Some images, and one group of channels and filters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WindowBatch {
    pub first: usize,
    pub images: usize,
    pub group: usize,
}

/// An input's gradient, which [`Sliding::put_back`] adds to or writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PutBack {
    pub dx: DeviceAddress,
    pub add: bool,
}

impl Sliding {
    pub fn new(windows: Windows, workspace: &Workspace) -> Self {
        let mut this = Self { windows, together: 1 };
        this.together = (workspace.columns_len / (this.positions() * this.window()).max(1)).max(1);
        this
    }

    /// Windows of an image.
    pub fn positions(&self) -> usize {
        self.windows.output.height * self.windows.output.width
    }

    /// Channels of a group.
    fn channels(&self) -> usize {
        self.windows.channels()
    }

    /// Filters of a group.
    pub fn filters(&self) -> usize {
        self.windows.filters()
    }

    /// Values of a window: channels of a group, last.
    pub fn window(&self) -> usize {
        self.windows.weights()
    }

    /// The first `images` images, as many at a time as the workspace holds, and all groups.
    pub fn parts(&self, images: usize) -> impl Iterator<Item = WindowBatch> + use<> {
        let (together, groups) = (self.together, self.windows.groups);
        (0..images).step_by(together).flat_map(move |first| {
            let images = together.min(images - first);
            (0..groups).map(move |group| WindowBatch { first, images, group })
        })
    }

    /// Lays the windows of a part of `x` out as a matrix (im2col).
    pub fn lay_out(&self, on: &Cuda, x: DeviceAddress, part: WindowBatch, workspace: &Workspace) -> Result<(), Error> {
        let args = self.args([x.plus(part.first * self.windows.input.len()), workspace.columns], part);
        on.launch("im2col", Grid::ThreadPerElement(part.images * self.positions() * self.window()), &args)
    }

    /// Sums for every pixel what the windows hold of it (col2im), and adds that to the gradient or writes it.
    pub fn put_back(&self, on: &Cuda, to: PutBack, part: WindowBatch, workspace: &Workspace) -> Result<(), Error> {
        let mut args = self.args([workspace.columns, to.dx.plus(part.first * self.windows.input.len())], part);
        args.push(to.add.into());
        let pixels = part.images * self.windows.input.height * self.windows.input.width;
        on.launch("col2im", Grid::ThreadPerElement(pixels * self.channels()), &args)
    }

    fn args(&self, arrays: [DeviceAddress; 2], part: WindowBatch) -> Vec<Arg> {
        let Windows { rows, columns, output, .. } = self.windows;
        let sides = [part.images, self.windows.input.height, self.windows.input.width, self.windows.input.channels];
        let group = [part.group * self.channels(), self.channels()];
        let windows = [output.height, output.width, rows.size, columns.size, rows.stride, columns.stride];
        let rest = [rows.before, columns.before, rows.dilation, columns.dilation];
        let numbers = sides.into_iter().chain(group).chain(windows).chain(rest).map(Arg::from);
        arrays.into_iter().map(Arg::from).chain(numbers).collect()
    }

    /// A part's outputs or their gradients: a row for every image and position.
    pub fn outputs(&self, y: DeviceAddress, part: WindowBatch) -> Matrix {
        let at = y.plus(part.first * self.windows.output.len() + part.group * self.filters());
        Matrix::new(at, self.windows.output.channels)
    }

    /// A group's filters, a row each.
    pub fn weights(&self, at: DeviceAddress, part: WindowBatch) -> Matrix {
        Matrix::new(at.plus(part.group * self.filters() * self.window()), self.window())
    }
}

/// Values as rows, one bias a column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows {
    pub at: DeviceAddress,
    pub count: usize,
    pub columns: usize,
}

impl Cuda {
    /// Adds biases to all values of `y`, a row of as many columns as there are biases after the other.
    pub(crate) fn add_bias(&self, y: Rows, bias: Option<DeviceAddress>) -> Result<(), Error> {
        let Some(bias) = bias else {
            return Ok(());
        };
        let total = y.count * y.columns;
        self.launch(
            "add_bias",
            Grid::ThreadPerElement(total),
            &[y.at.into(), bias.into(), Arg::long(total), y.columns.into()],
        )
    }

    /// Sums of columns, in an order that the sizes alone determine.
    pub(crate) fn bias_gradient(
        &self,
        dy: Rows,
        bias: Option<DeviceAddress>,
        workspace: &Workspace,
    ) -> Result<(), Error> {
        let Some(bias) = bias else {
            return Ok(());
        };
        let Rows { at: dy, count: rows, columns } = dy;
        let parts = workspace.parts(rows, columns);
        let args = [dy.into(), workspace.partial.into(), Arg::long(rows), columns.into()];
        self.launch("column_sums", Grid::Columns { columns, parts }, &args)?;
        let args = [workspace.partial.into(), bias.into(), columns.into(), parts.into()];
        self.launch("finish_column_sums", Grid::ThreadPerElement(columns), &args)
    }
}
