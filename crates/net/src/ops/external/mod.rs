//! A layer that another program computes.

use super::cpu::{
    BackwardInputs, Chunk, CpuContext, CpuLayer, GradientMut, Inputs, MemoryNeeds, OutputUse, SavedForBackward,
};
use super::cuda::{CudaBackward, CudaContext, CudaLayer, CudaRun};
use super::{Field, Operation, ParameterSpec, ShapeError};
use crate::device::cpu::layout::FeatureMapsMut;
use crate::device::cuda::DeviceAddress;
use crate::error::Error;
use crate::init::Fan;
use crate::shape::Shape;
use crate::table::Section;
use crate::table::write::{put, whole};
use toml::{Table, Value};

/// A layer that deepViz has no operation for: the program that recorded the network computes it
/// ([`crate::Device::Worker`]).
///
/// # Shapes
/// Any inputs; output as stated.
///
/// # Errors
/// An output without values; no gradients.
///
/// # Source
/// A node of a graph of `torch.export`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    /// Shape of the output.
    pub output: Shape,
    /// What the other program calls the operation.
    pub module: String,
    /// A remark on the output, for the layer's description.
    pub remark: Option<String>,
    /// Shape of the array that is shown as the layer's filters: filters x channels x height x width, or filters x
    /// inputs.
    pub weight: Option<Vec<usize>>,
}

/// Values of an output or an array; the network as a whole is bounded too.
const MAX_VALUES: usize = 1 << 30;

impl External {
    /// The `type` in recipes.
    pub(crate) const TYPE: &'static str = "external";

    pub(crate) fn read(section: &mut Section<'_>) -> Result<Self, Error> {
        let values = |sides: &[usize]| sides.iter().try_fold(1_usize, |product, side| product.checked_mul(*side));
        let is_bounded = |sides: &[usize]| values(sides).is_some_and(|values| (1..=MAX_VALUES).contains(&values));
        let is_shape = |sides: &Vec<usize>| sides.len() == 3 && is_bounded(sides);
        let shape = "[channels, height, width] of 1 to 2^30 values";
        let output = section.checked("output", shape, is_shape)?.ok_or_else(|| section.missing("output"))?;
        let is_weight = |sides: &Vec<usize>| matches!(sides.len(), 2 | 4) && is_bounded(sides);
        let weight = "[filters, channels, height, width] or [filters, inputs] of 1 to 2^30 values";
        Ok(Self {
            output: Shape::new(output[0], output[1], output[2]),
            module: section.required("module")?,
            remark: section.optional("remark")?,
            weight: section.checked("weight", weight, is_weight)?,
        })
    }
}

fn list(sides: &[usize]) -> Value {
    Value::Array(sides.iter().map(|side| Value::from(whole(*side))).collect())
}

impl Operation for External {
    fn kind(&self) -> &'static str {
        Self::TYPE
    }

    fn output(&self, _: &[Shape]) -> Result<Shape, ShapeError> {
        Ok(self.output)
    }

    fn parameters(&self, _: &[Shape], _: Shape) -> Vec<ParameterSpec> {
        let Some(shape) = &self.weight else { return Vec::new() };
        let inputs = shape[1..].iter().product();
        vec![ParameterSpec::computed_elsewhere(shape, Fan { inputs, outputs: shape[0] })]
    }

    /// Which pixels it looks at is not known.
    fn receptive_field(&self, _: Field, input: Shape) -> Field {
        Field::whole(input)
    }

    fn source_channel(&self, _: &[Shape], _: usize) -> Option<(usize, usize)> {
        None
    }

    fn is_opaque(&self) -> bool {
        true
    }

    fn describe(&self, _: &[Shape]) -> String {
        let remark = self.remark.as_ref().map(|remark| format!(", {remark}")).unwrap_or_default();
        format!("{}, computed by Python{remark}", self.module)
    }

    fn write(&self, table: &mut Table) {
        put(table, "output", list(&self.output.dims()));
        put(table, "module", self.module.as_str());
        if let Some(remark) = &self.remark {
            put(table, "remark", remark.as_str());
        }
        if let Some(weight) = &self.weight {
            put(table, "weight", list(weight));
        }
    }

    fn memory_needs(&self, _: &[Shape], _: Shape) -> MemoryNeeds {
        MemoryNeeds::plain(OutputUse::Values)
    }

    fn cpu(&self, _: &CpuContext<'_>) -> Box<dyn CpuLayer> {
        Box::new(self.clone())
    }

    fn cuda(&self, _: &CudaContext<'_>) -> Result<Box<dyn CudaLayer>, Error> {
        Ok(Box::new(self.clone()))
    }

    fn kernel_dims(&self, _: &[Shape], weight: &ParameterSpec) -> Option<[usize; 4]> {
        match *weight.shape.as_slice() {
            [k, c, r, s] => Some([k, c, r, s]),
            [k, c] => Some([k, c, 1, 1]),
            _ => None,
        }
    }
}

/// There is nothing to compute: [`crate::CompiledNetwork`] hands networks with such layers to no device but the worker.
impl CpuLayer for External {
    fn without_weights(&self) -> Box<dyn CpuLayer> {
        Box::new(self.clone())
    }

    fn forward(&self, _: Chunk, _: Inputs<'_>, _: &mut SavedForBackward, _: FeatureMapsMut<'_>) {}

    fn backward(
        &self,
        _: Chunk,
        _: BackwardInputs<'_>,
        _: &mut SavedForBackward,
        _: GradientMut<'_>,
    ) -> Result<(), Error> {
        Err(Error::internal("an external layer has no gradient".into()))
    }
}

impl CudaLayer for External {
    fn forward(&self, _: &CudaRun<'_>, _: &[DeviceAddress], _: DeviceAddress) -> Result<(), Error> {
        Err(Error::internal("an external layer is not computed on a GPU".into()))
    }

    fn input_gradient(&self, _: &CudaRun<'_>, _: &CudaBackward<'_>) -> Result<(), Error> {
        Err(Error::internal("an external layer has no gradient".into()))
    }
}
