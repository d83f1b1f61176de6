//! Pooling over windows that are clipped at the borders.

pub(crate) mod cpu;
pub(crate) mod cuda;

pub(crate) use cuda::KERNELS;

use super::cpu::{CpuContext, CpuLayer, MemoryNeeds, OutputUse};
use super::cuda::{CudaContext, CudaLayer};
use super::{Example, Field, FromTable, Operation, ShapeError};
use crate::error::Error;
use crate::shape::Shape;
use crate::table::Section;
use crate::table::write::{put, whole, word};
use toml::Table;

/// What is taken of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolKind {
    /// The largest value; [`Ties`] says which of several receives the gradient.
    Max,
    /// The mean over the pixels of the window that lie inside the input.
    Average,
}

/// Where the gradient of a maximum goes if several values of its window are equal to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ties {
    /// The whole gradient to each of them, as in cuda-convnet.
    All,
    /// To the first in row, then column order, as in `PyTorch`.
    First,
}

const KINDS: [(&str, PoolKind); 2] = [("max", PoolKind::Max), ("average", PoolKind::Average)];

const TIES: [(&str, Ties); 2] = [("all", Ties::All), ("first", Ties::First)];

/// Maximum or average over square windows.
///
/// The window of output `i` is `[start + i*stride, start + i*stride + size)` cut with the input;
/// averages divide by the number of pixels inside.
///
/// # Shapes
/// input `c x h x w`, output `c x oh x ow` with `oh = outputs`, or, where none are given,
/// `oh = 1 + ceil((h - start - size) / stride)`: as many windows as are needed to cover the input.
///
/// # Errors
/// A window larger than the input, a stride over the window size, a window wholly outside.
///
/// # Source
/// cuda-convnet's `pool`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Maximum or average.
    pub kind: PoolKind,
    /// Height and width of a window.
    pub size: usize,
    /// Distance between windows.
    pub stride: usize,
    /// Position of the first window; may be negative.
    pub start: isize,
    /// Windows along each side, if not as many as cover the input.
    pub outputs: Option<usize>,
    /// Which of equal maxima receives the gradient.
    pub ties: Ties,
}

impl Pool {
    /// The rows (or columns) `first..last` that window `index` covers of a side of `length` pixels.
    pub fn window(&self, index: usize, length: usize) -> (usize, usize) {
        let begin = self.start + (index * self.stride) as isize;
        let end = begin + self.size as isize;
        (begin.max(0) as usize, end.clamp(0, length as isize) as usize)
    }

    fn check_window(&self, input: Shape) -> Result<(), ShapeError> {
        let Shape { height, width, .. } = input;
        ShapeError::ensure(
            self.size > 0 && self.size <= height.min(width),
            || format!("a window from 1 to the input's {} pixels", height.min(width)),
            || format!("size {}", self.size),
        )?;
        ShapeError::ensure(
            self.stride > 0 && self.stride <= self.size,
            || format!("a stride from 1 to the window size {}", self.size),
            || format!("{}", self.stride),
        )?;
        ShapeError::ensure(
            self.start <= 0 && self.start.unsigned_abs() < self.size,
            || format!("a start from {} to 0", 1 - self.size as isize),
            || format!("{}", self.start),
        )
    }

    /// Windows along a side.
    fn count(&self, side: usize) -> Result<usize, ShapeError> {
        let rest = side as isize - self.start - self.size as isize;
        let windows = self.outputs.unwrap_or_else(|| 1 + (rest.max(0) as usize).div_ceil(self.stride));
        let is_inside = windows > 0 && {
            let (first, last) = self.window(windows - 1, side);
            first < last
        };
        ShapeError::ensure(
            is_inside,
            || format!("windows that touch the input's {side} pixels"),
            || format!("{windows} windows of {} every {}", self.size, self.stride),
        )?;
        Ok(windows)
    }
}

const EXAMPLES: &[Example] = &[
    (
        "a conv filters=32 size=3 padding=1\nr relu\nb conv filters=48 size=5 padding=2\nc pool pool=\"average\" size=3 stride=2\nd conv filters=32 size=3 padding=1",
        [3, 7, 8],
    ),
    ("a conv filters=9 size=3 padding=1\nb pool pool=\"max\" size=3 stride=2", [3, 8, 7]),
    ("a conv filters=9 size=3 padding=1\nb pool pool=\"average\" size=3 stride=2", [3, 8, 7]),
    ("a conv filters=8 size=3\nb pool pool=\"max\" size=3 stride=3 start=-1", [3, 9, 8]),
    ("a conv filters=8 size=3\nb pool pool=\"average\" size=4 stride=2 start=-1", [3, 9, 8]),
    ("a pool pool=\"max\" size=2 stride=2 outputs=2", [3, 6, 6]),
    ("a conv filters=9 size=3 padding=1\nb pool pool=\"max\" size=3 stride=2 ties=\"first\"", [3, 8, 7]),
    ("a pool pool=\"max\" size=2 stride=2 ties=\"first\"\nb logistic", [3, 6, 6]),
    ("a pool pool=\"average\" size=2 stride=1", [10, 4, 5]),
    (
        "a conv filters=8 size=3\nb pool pool=\"max\" size=3 stride=2\nr relu\nc conv filters=4 size=3 padding=1",
        [3, 9, 9],
    ),
    ("a pool pool=\"max\" size=2 stride=2\nb logistic", [3, 6, 6]),
    ("a pool pool=\"max\" size=2 stride=2\nb tanh", [3, 6, 6]),
    ("a pool pool=\"max\" size=2 stride=2\nb brelu limit=1.5", [3, 6, 6]),
    ("a pool pool=\"max\" size=2 stride=2\nb softrelu", [3, 6, 6]),
    ("a pool pool=\"max\" size=2 stride=2\nb linear a=2.0\nc identity", [3, 6, 6]),
    ("a pool pool=\"max\" size=2 stride=2\nb leaky_relu", [3, 6, 6]),
];

impl FromTable for Pool {
    const TYPES: &'static [&'static str] = &["pool"];

    const EXAMPLES: &'static [Example] = EXAMPLES;

    fn read(_: &str, section: &mut Section<'_>, _: usize) -> Result<Self, Error> {
        let kind = section.choice("pool", &KINDS)?;
        Ok(Self {
            kind: kind.ok_or_else(|| section.missing("pool"))?,
            size: section.required("size")?,
            stride: section.required("stride")?,
            start: section.or("start", 0)?,
            outputs: section.optional("outputs")?,
            ties: section.choice("ties", &TIES)?.unwrap_or(Ties::All),
        })
    }
}

impl Operation for Pool {
    fn kind(&self) -> &'static str {
        "pool"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let input = inputs[0];
        self.check_window(input)?;
        Ok(Shape::new(input.channels, self.count(input.height)?, self.count(input.width)?))
    }

    fn receptive_field(&self, field: Field, _: Shape) -> Field {
        field.through_windows(self.size, self.stride, self.start)
    }

    fn describe(&self, _: &[Shape]) -> String {
        format!("{} over {} x {}, stride {}", word(&KINDS, &self.kind), self.size, self.size, self.stride)
    }

    fn write(&self, table: &mut Table) {
        put(table, "pool", word(&KINDS, &self.kind));
        put(table, "size", whole(self.size));
        put(table, "stride", whole(self.stride));
        put(table, "start", self.start as i64);
        if let Some(outputs) = self.outputs {
            put(table, "outputs", whole(outputs));
        }
        put(table, "ties", word(&TIES, &self.ties));
    }

    /// The backward pass through a maximum compares it with the inputs; where a relu changes it (to its bound), no
    /// gradient comes back.
    fn memory_needs(&self, _: &[Shape], _: Shape) -> MemoryNeeds {
        MemoryNeeds::plain(match self.kind {
            PoolKind::Max => OutputUse::InsideBounds,
            PoolKind::Average => OutputUse::None,
        })
    }

    fn cpu(&self, _: &CpuContext<'_>) -> Box<dyn CpuLayer> {
        Box::new(*self)
    }

    fn cuda(&self, context: &CudaContext<'_>) -> Result<Box<dyn CudaLayer>, Error> {
        Ok(Box::new(cuda::PoolLayer { pool: *self, input: context.inputs[0], output: context.output }))
    }
}
