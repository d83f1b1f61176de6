//! Learnt tokens before the pixels of a map.

pub(crate) mod cpu;
pub(crate) mod cuda;

use super::cpu::{CpuContext, CpuLayer, MemoryNeeds, OutputUse};
use super::cuda::{CudaContext, CudaLayer};
use super::{Example, Field, FromTable, Grid, Learning, Operation, ParameterSpec, ShapeError};
use crate::error::Error;
use crate::init::{Fan, Init};
use crate::shape::Shape;
use crate::table::Section;
use crate::table::write::{put, whole};
use toml::Table;

/// The pixels of a map as tokens, one below the other, after `count` learnt ones: class tokens, registers.
///
/// `y[c,t] = weight[t,c]` for `t < count`, then `y[c,count + i w + j] = x[c,i,j]`.
///
/// # Shapes
/// input `c x h x w`, output `c x (count + h w) x 1`; weight `[count, c]`.
///
/// # Errors
/// No tokens, or more than 1,000.
///
/// # Source
/// Dosovitskiy and others, "An image is worth 16x16 words", 2021; Darcet and others, "Vision transformers need registers",
/// 2024.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassToken {
    /// How many are learnt.
    pub count: usize,
    /// Their initialisation and learning.
    pub learning: Learning,
}

/// The most learnt tokens.
const MAX_TOKENS: usize = 1000;

const EXAMPLES: &[Example] = &[
    ("a conv filters=9 size=3\nb class_token init={type=\"uniform\",limit=1.0}\nc conv filters=4 size=1", [2, 6, 5]),
    ("a class_token count=2\nb class_token\nc conv filters=8 size=[3,1] padding=[1,0]", [3, 3, 2]),
];

impl FromTable for ClassToken {
    const TYPES: &'static [&'static str] = &["class_token"];

    const EXAMPLES: &'static [Example] = EXAMPLES;

    fn read(_: &str, section: &mut Section<'_>, _: usize) -> Result<Self, Error> {
        Ok(Self {
            count: section.or("count", 1)?,
            learning: Learning::read_weight(section, Init::Normal { std: 0.02 })?,
        })
    }
}

impl Operation for ClassToken {
    fn kind(&self) -> &'static str {
        "class_token"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let Shape { channels, height, width } = inputs[0];
        ShapeError::ensure(
            (1..=MAX_TOKENS).contains(&self.count),
            || format!("1 to {MAX_TOKENS} tokens"),
            || format!("count {}", self.count),
        )?;
        Ok(Shape::new(channels, self.count + height * width, 1))
    }

    fn parameters(&self, _: &[Shape], output: Shape) -> Vec<ParameterSpec> {
        vec![self.learning.weight(vec![self.count, output.channels], Fan { inputs: 1, outputs: 1 })]
    }

    /// A token's pixel; all of the map for learnt ones and for several.
    fn receptive_field(&self, field: Field, input: Shape) -> Field {
        match usize::try_from(field.top - self.count as isize) {
            Ok(pixel) if field.top == field.bottom => Field::pixel(pixel / input.width, pixel % input.width),
            _ => Field::whole(input),
        }
    }

    /// The input's map comes after the learnt tokens.
    fn grid(&self, inputs: &[(Shape, Option<Grid>)], _: Shape) -> Option<Grid> {
        let grid = inputs[0].1?;
        Some(Grid { learnt: grid.learnt + self.count, ..grid })
    }

    fn describe(&self, inputs: &[Shape]) -> String {
        let (learnt, pixels) = (self.count, inputs[0].height * inputs[0].width);
        format!("{learnt} learnt {}, then {pixels} pixels", if learnt == 1 { "token" } else { "tokens" })
    }

    fn write(&self, table: &mut Table) {
        put(table, "count", whole(self.count));
        self.learning.write_weight(table);
    }

    fn memory_needs(&self, _: &[Shape], _: Shape) -> MemoryNeeds {
        MemoryNeeds::plain(OutputUse::None)
    }

    fn cpu(&self, context: &CpuContext<'_>) -> Box<dyn CpuLayer> {
        Box::new(cpu::ClassTokenLayer::new(self.count, context.output.activation.shape.channels))
    }

    fn cuda(&self, context: &CudaContext<'_>) -> Result<Box<dyn CudaLayer>, Error> {
        Ok(Box::new(cuda::ClassTokenLayer { count: self.count, input: context.inputs[0], output: context.output }))
    }
}
