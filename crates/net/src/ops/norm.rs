//! The settings that cuda-convnet's three normalisations (`rnorm`, `cmrnorm`, `cnorm`) share.

use super::{ShapeError, WindowAxis};
use crate::device::cpu::norm::Factors;
use crate::error::Error;
use crate::table::Section;
use crate::table::write::{put, whole};
use toml::Table;

/// Window and coefficients of a normalisation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NormWindow {
    /// Window size N.
    pub size: usize,
    /// alpha, before it is divided by the window.
    pub scale: f64,
    /// beta
    pub power: f64,
}

impl NormWindow {
    /// alpha over the values of a window, and beta.
    pub(crate) fn factors(&self, values: usize) -> Factors {
        Factors { scale: self.scale as f32 / values as f32, power: self.power as f32 }
    }

    /// Windows around every pixel, along rows or columns.
    pub(crate) const fn axis(&self) -> WindowAxis {
        let (before, after) = (self.size / 2, self.size.saturating_sub(1 + self.size / 2));
        WindowAxis { before, after, ..WindowAxis::new(self.size) }
    }

    pub(crate) fn fits(&self, largest: usize, what: &str) -> Result<(), ShapeError> {
        ShapeError::ensure(
            (1..=largest).contains(&self.size),
            || format!("a window from 1 to the input's {largest} {what}"),
            || format!("size {}", self.size),
        )
    }

    pub(crate) fn read(section: &mut Section<'_>) -> Result<Self, Error> {
        Ok(Self {
            size: section.required("size")?,
            scale: section.required("scale")?,
            power: section.required("power")?,
        })
    }

    pub(crate) fn write(&self, table: &mut Table) {
        put(table, "size", whole(self.size));
        put(table, "scale", self.scale);
        put(table, "power", self.power);
    }
}
