//! Pooling over windows that are clipped at the borders.

mod axis;
pub(crate) mod cpu;
pub(crate) mod cuda;

use super::cpu::{CpuContext, CpuLayer, MemoryNeeds, OutputUse};
use super::cuda::{CudaContext, CudaLayer};
use super::window::ROUNDINGS;
use super::{Example, Field, FromTable, Linear, Operation, Rounding, ShapeError, WindowAxis};
use crate::error::Error;
use crate::shape::Shape;
use crate::table::Section;
use crate::table::pair::{pair, pair_of, put_pair, put_sides, sides_of};
use crate::table::write::{put, whole, word};
use axis::{PoolAxis, PoolWindow};
use std::sync::Arc;
use toml::Table;

/// What is taken of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolKind {
    /// The largest value; [`Ties`] says which of several receives the gradient.
    Max,
    /// The mean over the pixels of the window.
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

/// Maximum or average over windows.
///
/// Windows are clipped to the input; averages divide by the number of pixels inside, or also count those of the
/// padding.
///
/// # Shapes
/// input `c x h x w`, output `c x oh x ow`: see [`PoolWindows`].
///
/// # Errors
/// A window larger than the padded input, a padding that a window does not reach over, a stride, dilation or number of
/// outputs of 0, a window wholly outside.
///
/// # Source
/// cuda-convnet's `pool`; `PyTorch`'s `MaxPool2d`, `AvgPool2d`, `AdaptiveAvgPool2d` and `AdaptiveMaxPool2d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Maximum or average.
    pub kind: PoolKind,
    /// Where its windows lie.
    pub windows: PoolWindows,
    /// Which of equal maxima receives the gradient.
    pub ties: Ties,
}

/// The windows of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolWindows {
    /// The window of output `i` begins at `i stride - before`. There are `outputs`, or, where none are given,
    /// `1 + (before + h + after - span) / stride`, rounded as [`Rounding`] says, of which those are left out that begin
    /// behind the input.
    Sliding {
        /// Rows of a window, and how windows slide from row to row.
        rows: WindowAxis,
        /// The same of columns.
        columns: WindowAxis,
        /// Where strides do not fit.
        rounding: Rounding,
        /// Windows along the rows and along the columns.
        outputs: Option<[usize; 2]>,
        /// Averages count the padding's zeros too.
        counts_padding: bool,
    },
    /// So many windows along the rows and along the columns, of about one size, which together cover the input.
    Adaptive {
        /// Along the rows, along the columns.
        outputs: [usize; 2],
    },
}

impl Pool {
    /// The windows along rows and columns.
    fn axes(&self, input: Shape, output: Shape) -> [PoolAxis; 2] {
        match self.windows {
            PoolWindows::Sliding { rows, columns, counts_padding, .. } => [
                PoolAxis::sliding(rows, input.height, output.height, counts_padding),
                PoolAxis::sliding(columns, input.width, output.width, counts_padding),
            ],
            PoolWindows::Adaptive { .. } => {
                [PoolAxis::adaptive(input.height, output.height), PoolAxis::adaptive(input.width, output.width)]
            }
        }
    }
}

/// Most pixels of all windows along a side: tables of them are kept.
const MAX_WINDOW_PIXELS: usize = 1 << 24;

/// The number of windows along a side; an error unless all of them touch the input.
fn count(axis: WindowAxis, side: usize, rounding: Rounding, outputs: Option<usize>) -> Result<usize, ShapeError> {
    let WindowAxis { size, stride, dilation, before, after } = axis;
    ShapeError::ensure(
        size > 0 && stride > 0 && dilation > 0,
        || "a size, stride and dilation of 1 or more".into(),
        || format!("size {size}, stride {stride}, dilation {dilation}"),
    )?;
    let (span, padded) = (axis.span(), side + before + after);
    ShapeError::ensure(
        before.max(after) < span,
        || format!("a padding (or start) that is less than a window's {span} pixels"),
        || format!("{}", before.max(after)),
    )?;
    ShapeError::ensure(
        span <= padded,
        || format!("a window no larger than the padded input's {padded} pixels"),
        || format!("{span}"),
    )?;
    // Further windows would begin behind the input and see nothing.
    let most = 1 + (before + side - 1) / stride;
    let windows = outputs.unwrap_or_else(|| (1 + rounding.divide(padded - span, stride)).min(most));
    let window = |index| PoolWindow::sliding(axis, side, index, false).count;
    ShapeError::ensure(
        (1..=most).contains(&windows) && (0..windows).all(|index| window(index) > 0),
        || format!("windows that touch the input's {side} pixels"),
        || format!("{windows} windows of {size} every {stride}"),
    )?;
    let pixels: usize = (0..windows).map(window).sum();
    ShapeError::ensure(
        pixels <= MAX_WINDOW_PIXELS,
        || format!("windows along a side of at most {MAX_WINDOW_PIXELS} pixels in all"),
        || format!("{windows} windows of {size}, {pixels} pixels"),
    )?;
    Ok(windows)
}

/// Most outputs of an adaptive pool along one side; there may be more than pixels.
const MAX_OUTPUTS: usize = 4096;

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
    (
        "a conv filters=9 size=3\nb pool pool=\"average\" size=[3,2] stride=[2,1] padding=[1,0] count_padding=true",
        [2, 9, 8],
    ),
    (
        "a conv filters=9 size=3\nb pool pool=\"max\" size=3 stride=2 padding=[1,1,0,2] rounding=\"down\" ties=\"first\"",
        [2, 8, 9],
    ),
    ("a pool pool=\"max\" size=2 stride=[1,3] dilation=[2,1]\nb tanh", [3, 6, 7]),
    ("a conv filters=9 size=3\nb adaptive_pool pool=\"average\" outputs=[3,2]", [2, 9, 7]),
    ("a conv filters=9 size=3\nb adaptive_pool pool=\"max\" outputs=1", [2, 6, 7]),
];

impl FromTable for Pool {
    const TYPES: &'static [&'static str] = &["pool", "adaptive_pool"];

    const EXAMPLES: &'static [Example] = EXAMPLES;

    fn read(kind: &str, section: &mut Section<'_>, _: usize) -> Result<Self, Error> {
        let of = section.choice("pool", &KINDS)?.ok_or_else(|| section.missing("pool"))?;
        let windows = if kind == "adaptive_pool" {
            let outputs = pair_of(section, "outputs")?.ok_or_else(|| section.missing("outputs"))?;
            PoolWindows::Adaptive { outputs }
        } else {
            read_sliding(section)?
        };
        let ties = section.choice("ties", &TIES)?.unwrap_or(Ties::All);
        Ok(Self { kind: of, windows, ties })
    }
}

fn read_sliding(section: &mut Section<'_>) -> Result<PoolWindows, Error> {
    let size = pair_of(section, "size")?.ok_or_else(|| section.missing("size"))?;
    let stride = pair_of(section, "stride")?.ok_or_else(|| section.missing("stride"))?;
    let dilation = pair_of(section, "dilation")?.unwrap_or([1; 2]);
    let start = section.checked("start", "0 or a negative number", |start: &isize| *start <= 0)?;
    let padding = sides_of(section, "padding")?;
    if let (Some(start), Some(_), Some(node)) = (start, padding, section.node("start")) {
        let found = format!("`start = {start}` and `padding`");
        return Err(section.scope.error(&node.location, "one of `start` and `padding`", found));
    }
    // A start is a padding above and left alone.
    let before = start.unwrap_or(0).unsigned_abs();
    let [top, bottom, left, right] = padding.unwrap_or([before, 0, before, 0]);
    let axis = |way: usize, before, after| WindowAxis {
        size: size[way],
        stride: stride[way],
        dilation: dilation[way],
        before,
        after,
    };
    Ok(PoolWindows::Sliding {
        rows: axis(0, top, bottom),
        columns: axis(1, left, right),
        rounding: section.choice("rounding", &ROUNDINGS)?.unwrap_or_default(),
        outputs: pair_of(section, "outputs")?,
        counts_padding: section.or("count_padding", false)?,
    })
}

impl Operation for Pool {
    fn kind(&self) -> &'static str {
        match self.windows {
            PoolWindows::Sliding { .. } => "pool",
            PoolWindows::Adaptive { .. } => "adaptive_pool",
        }
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let Shape { channels, height, width } = inputs[0];
        match self.windows {
            PoolWindows::Sliding { rows, columns, rounding, outputs, .. } => {
                let [of_rows, of_columns] = [outputs.map(|[y, _]| y), outputs.map(|[_, x]| x)];
                let height = count(rows, height, rounding, of_rows)?;
                Ok(Shape::new(channels, height, count(columns, width, rounding, of_columns)?))
            }
            PoolWindows::Adaptive { outputs: [rows, columns] } => {
                ShapeError::ensure(
                    (1..=MAX_OUTPUTS).contains(&rows) && (1..=MAX_OUTPUTS).contains(&columns),
                    || format!("1 to {MAX_OUTPUTS} outputs each way"),
                    || format!("{rows} x {columns}"),
                )?;
                Ok(Shape::new(channels, rows, columns))
            }
        }
    }

    fn receptive_field(&self, field: Field, input: Shape) -> Field {
        match self.windows {
            PoolWindows::Sliding { rows, columns, .. } => field.through_windows(rows, columns),
            PoolWindows::Adaptive { outputs } => {
                let side = |first: isize, last: isize, side: usize, outputs: usize| {
                    let [first, last] = [first, last].map(|index| index.clamp(0, outputs as isize - 1) as usize);
                    let windows = PoolAxis::adaptive(side, outputs).windows;
                    (windows[first].first as isize, (windows[last].first + windows[last].count) as isize - 1)
                };
                let (top, bottom) = side(field.top, field.bottom, input.height, outputs[0]);
                let (left, right) = side(field.left, field.right, input.width, outputs[1]);
                Field { top, bottom, left, right }
            }
        }
    }

    fn is_channelwise(&self) -> bool {
        true
    }

    fn linear(&self) -> Linear {
        match self.kind {
            PoolKind::Max => Linear::Average,
            PoolKind::Average => Linear::Itself,
        }
    }

    fn describe(&self, _: &[Shape]) -> String {
        let kind = word(&KINDS, &self.kind);
        match self.windows {
            PoolWindows::Sliding { rows, columns, .. } => {
                let stride = pair(rows.stride, columns.stride);
                format!("{kind} over {} x {}, stride {stride}", rows.size, columns.size)
            }
            PoolWindows::Adaptive { outputs: [rows, columns] } => format!("{kind} over {rows} x {columns} areas"),
        }
    }

    fn write(&self, table: &mut Table) {
        put(table, "pool", word(&KINDS, &self.kind));
        put(table, "ties", word(&TIES, &self.ties));
        match self.windows {
            PoolWindows::Sliding { rows, columns, rounding, outputs, counts_padding } => {
                put_pair(table, "size", [rows.size, columns.size]);
                put_pair(table, "stride", [rows.stride, columns.stride]);
                put_pair(table, "dilation", [rows.dilation, columns.dilation]);
                match [rows.before, rows.after, columns.before, columns.after] {
                    [top, 0, left, 0] if top == left => put(table, "start", -whole(top)),
                    sides => put_sides(table, "padding", sides),
                }
                put(table, "rounding", word(&ROUNDINGS, &rounding));
                put(table, "count_padding", counts_padding);
                if let Some(outputs) = outputs {
                    put_pair(table, "outputs", outputs);
                }
            }
            PoolWindows::Adaptive { outputs } => put_pair(table, "outputs", outputs),
        }
    }

    /// The backward pass through a maximum compares it with the inputs; where a relu changes it (to its bound), no
    /// gradient comes back.
    fn memory_needs(&self, _: &[Shape], _: Shape) -> MemoryNeeds {
        MemoryNeeds::plain(match self.kind {
            PoolKind::Max => OutputUse::InsideBounds,
            PoolKind::Average => OutputUse::None,
        })
    }

    fn cpu(&self, context: &CpuContext<'_>) -> Box<dyn CpuLayer> {
        let (input, output) = (context.inputs[0].activation.shape, context.output.activation.shape);
        let [rows, columns] = self.axes(input, output).map(Arc::new);
        Box::new(cpu::PoolLayer { kind: self.kind, ties: self.ties, rows, columns })
    }

    fn cuda(&self, context: &CudaContext<'_>) -> Result<Box<dyn CudaLayer>, Error> {
        Ok(Box::new(cuda::PoolLayer::new(self, context)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_a_hostile_recipe_cost_no_time_and_no_memory() {
        let pool = |size, padding, outputs| {
            let axis = WindowAxis { size, before: padding, after: padding, ..WindowAxis::new(size) };
            let outputs = Some([outputs; 2]);
            let windows = PoolWindows::Sliding {
                rows: axis,
                columns: axis,
                rounding: Rounding::Up,
                outputs,
                counts_padding: false,
            };
            Pool { kind: PoolKind::Max, windows, ties: Ties::All }
        };
        let refused = |pool: Pool, side| Operation::output(&pool, &[Shape::new(1, side, side)]).unwrap_err();
        // Few pixels each: refused by the network, for its activations.
        let many = Operation::output(&pool(999_999, 999_998, 999_999), &[Shape::new(1, 8, 8)]);
        assert_eq!(many, Ok(Shape::new(1, 999_999, 999_999)));
        assert!(refused(pool(3, 1, 999_999), 8).expected.contains("touch the input's 8 pixels"));
        let error = refused(pool(999_999, 999_998, 999_999), 8192);
        assert!(error.expected.contains("in all"), "{error:?}");
        assert_eq!(Operation::output(&pool(3, 1, 8), &[Shape::new(1, 8, 8)]), Ok(Shape::new(1, 8, 8)));
    }

    #[test]
    fn windows_are_those_counted_tap_by_tap() {
        for (size, stride, dilation, before, after, side) in
            [(3, 2, 1, 1, 0, 7), (2, 1, 3, 0, 2, 9), (4, 3, 2, 3, 5, 6), (1, 4, 1, 0, 0, 9), (5, 1, 2, 8, 8, 3)]
        {
            let axis = WindowAxis { size, stride, dilation, before, after };
            for index in 0..6 {
                let places: Vec<isize> = (0..size).map(|tap| axis.origin(index) + (tap * dilation) as isize).collect();
                let inside: Vec<_> = places.iter().filter(|place| (0..side as isize).contains(place)).collect();
                let padded = -(before as isize)..(side + after) as isize;
                let counted = places.iter().filter(|place| padded.contains(place)).count();
                let found = PoolWindow::sliding(axis, side, index, true);
                assert_eq!((found.count, found.divisor), (inside.len(), counted), "{axis:?} {index}");
                assert!(inside.first().is_none_or(|first| **first == found.first as isize), "{axis:?} {index}");
            }
        }
    }
}
