//! Response normalisation across maps.

pub(crate) mod cpu;
pub(crate) mod cuda;

use super::Misfit;
use crate::shape::Shape;

/// Response normalisation across maps.
///
/// `v[f] = u[f] * (1 + (alpha / N) * sum over f' in W(f) of u[f']^2)^(-beta)`, W(f) being the N maps
/// from `f - floor(N/2)` on, clipped; or, blocked, the N maps from `floor(f/N) N` on.
///
/// # Shapes
/// Output as input.
///
/// # Errors
/// A window larger than the number of channels.
///
/// # Source
/// cuda-convnet's `cmrnorm`.
#[derive(Clone, Debug, PartialEq)]
pub struct CrossMapNormGeometry {
    /// Input shape.
    pub input: Shape,
    /// Window size N.
    pub size: usize,
    /// alpha
    pub scale: f32,
    /// beta
    pub power: f32,
    /// Windows that are fixed blocks of maps, not centred on the map.
    pub blocked: bool,
}

impl CrossMapNormGeometry {
    /// Shape of the output.
    pub fn output(&self) -> Result<Shape, Misfit> {
        let channels = self.input.channels;
        Misfit::unless(
            (1..=channels).contains(&self.size),
            || format!("a window from 1 to the input's {channels} channels"),
            || format!("size {}", self.size),
        )?;
        Ok(self.input)
    }
}
