//! A map over an image.

use ndarray::{Array2, Array3};

/// The part of an image that a map lies over, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// First row.
    pub top: usize,
    /// First column.
    pub left: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// What a map's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapKind {
    /// Below zero speaks against, above zero for.
    Signed,
    /// Zero or more.
    Unsigned,
}

/// What the cells of an image contribute to a value.
#[derive(Clone, Debug)]
pub struct Map {
    /// Rows and columns of cells, evenly laid over [`Map::area`].
    pub values: Array2<f32>,
    /// What they are.
    pub kind: MapKind,
    /// Where they lie.
    pub area: Area,
    /// The value that is explained: a logit or a difference of two.
    pub explained: f32,
    /// The logits of the image as it is.
    pub logits: Vec<f32>,
    /// Of integrated gradients: `|sum of the map - (y(x) - y(b))| / |y(x) - y(b)|`.
    pub completeness_error: Option<f32>,
    /// The layer whose outputs the map is taken at, by index.
    pub layer: Option<usize>,
    /// Of a reconstruction: the picture, `[c, h, w]` of the image, signed, zero outside of what the network sees.
    pub picture: Option<Array3<f32>>,
}
