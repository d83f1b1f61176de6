//! Activity of every layer's filters over a split: how strong, how often, and for which images most.

use deepviz_corpus::ImageId;
use ndarray::Array2;

/// The activity of a filter over the images of a split.
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct FilterActivity {
    /// Mean over images and positions.
    pub mean: f32,
    /// Standard deviation over images and positions.
    pub spread: f32,
    /// Share of images and positions at which the output is exactly zero.
    pub zeros: f32,
    /// Share of images with an output above zero anywhere.
    pub active: f32,
    /// Greatest output.
    pub max: f32,
}

/// The activity of a layer at a checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerActivity {
    /// By filter.
    pub filters: Vec<FilterActivity>,
    /// By filter: standard deviation between images of the mean over an image's positions; `None` in statistics of a
    /// version that did not compute it.
    pub image_spread: Option<Vec<f32>>,
    /// By class of the image too, where there are at most 100 classes.
    pub classes: Option<ClassActivity>,
}

/// The activity of a layer's filters by the true class of the images, `[filters, classes]` each.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassActivity {
    /// Mean over the class's images and positions.
    pub mean: Array2<f32>,
    /// Standard deviation over the class's images and positions.
    pub spread: Array2<f32>,
    /// Share of zeros.
    pub zeros: Array2<f32>,
}

/// An image that activates a filter, and where.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TopImage {
    /// The image.
    pub image: ImageId,
    /// Row of the layer's output.
    pub y: u32,
    /// Column of the layer's output.
    pub x: u32,
    /// The output there: the greatest of the image, the first of equals.
    pub value: f32,
}

/// One entry of a filter's list of top images, as it is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(crate) struct Top {
    pub image: u32,
    /// `y * width + x`.
    pub position: u32,
    pub value: f32,
}

impl Top {
    /// Fills up a list that is too short.
    pub const NONE: Self = Self { image: u32::MAX, position: 0, value: 0.0 };
}

/// One layer's activity and its filters' top images.
pub(crate) struct LayerRecord {
    pub layer: usize,
    pub activity: LayerActivity,
    /// Entries of each filter, the strongest first.
    pub top: Vec<Vec<Top>>,
}
