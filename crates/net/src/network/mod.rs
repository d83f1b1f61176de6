//! The graph of layers with the shape of every output computed.

mod builder;
mod linear;
mod receptive_field;

pub(crate) use builder::MAX_ACTIVATIONS;
pub use builder::NetworkBuilder;
pub use receptive_field::Patch;

use crate::input::{ChannelOrder, InputSpec, InputTransform, MeanKind, Preprocess, Resize, StdKind, TestViews, View};
use crate::ops::{Grid, Op, ParameterSpec, Role};
use crate::shape::Shape;
use ndarray::{Array1, Array3};
use std::borrow::Cow;

/// Layers in an order in which every layer comes after its inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    layers: Vec<Layer>,
    image: Shape,
    features: usize,
    input: InputSpec,
}

/// A layer: an operation, where its input comes from, and what it learns.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Name, unique in the network.
    pub name: String,
    /// What it does.
    pub op: Op,
    /// Indices of the layers it takes its input from.
    pub inputs: Vec<usize>,
    /// Shape of its output.
    pub shape: Shape,
    /// Weight and bias, or nothing; then, for batch normalisation, the running statistics.
    pub parameters: Vec<ParameterSpec>,
    /// The weights as filters x channels x height x width, where they are maps: of a fully connected layer one filter
    /// per output in the shape of its input, of a locally connected one the filters of every position, by rows.
    pub kernel_dims: Option<[usize; 4]>,
    /// Which values of a channel correspond to positions of the image; none where none do.
    pub grid: Option<Grid>,
}

impl Layer {
    /// The weights' values, which come as files have them, in the order of [`Layer::kernel_dims`].
    pub fn kernel_values<'v>(&self, values: &'v [f32]) -> Cow<'v, [f32]> {
        match self.kernel_dims {
            Some(dims) => self.op.operation().kernel_values(dims, values),
            None => Cow::Borrowed(values),
        }
    }

    /// The values of each channel that the dashboard draws: those of positions of the image, or all where there are
    /// none.
    pub fn drawn_grid(&self) -> Grid {
        self.grid.unwrap_or(Grid::of(self.shape))
    }

    /// Whether every pixel of its output depends on all of an input: of attention.
    pub fn mixes_pixels(&self) -> bool {
        self.op.operation().mixes_pixels()
    }

    /// The array of that role, if the layer has one.
    pub fn parameter(&self, role: Role) -> Option<&ParameterSpec> {
        self.parameters.iter().find(|spec| spec.role == role)
    }
}

impl Network {
    /// A network for images of this shape, layer by layer; [`NetworkBuilder::input`] says how it sees them.
    ///
    /// # Examples
    /// ```
    /// use deepviz_net::ops::{Activation, Dense, Learning, Softmax};
    /// use deepviz_net::{Init, Network, Shape};
    ///
    /// let network = Network::builder(Shape::new(3, 8, 8))
    ///     .layer("hidden", Dense::new(16, Learning::from_init(Init::He)), &["data"])
    ///     .layer("relu", Activation::Relu, &["hidden"])
    ///     .layer("logits", Dense::new(4, Learning::from_init(Init::He)), &["relu"])
    ///     .layer("probabilities", Softmax, &["logits"])
    ///     .build()?;
    /// assert_eq!(network.classes(), 4);
    /// # Ok::<(), deepviz_net::Error>(())
    /// ```
    pub fn builder(image: Shape) -> NetworkBuilder {
        NetworkBuilder::new(image)
    }

    /// The layers; the first is the input, `data`, the last the softmax.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// What a layer does, in one line of the literature's terms.
    pub fn describe(&self, layer: &Layer) -> String {
        let inputs: Vec<Shape> = layer.inputs.iter().map(|&input| self.layers[input].shape).collect();
        let described = layer.op.describe(&inputs);
        match layer.grid {
            Some(grid) if grid.learnt > 0 => {
                let Grid { learnt, height, width } = grid;
                let tokens = if learnt == 1 { "token" } else { "tokens" };
                format!("{described}; {height} x {width} pixels after {learnt} learnt {tokens}, which are not drawn")
            }
            _ => described,
        }
    }

    /// Index of the layer of that name.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.layers.iter().position(|layer| layer.name == name)
    }

    /// Shape of what the first layer sees (after cropping).
    pub fn input(&self) -> Shape {
        self.layers[0].shape
    }

    /// Shape of the images, of whatever size those of the corpus are: see [`Network::transform`].
    pub const fn image(&self) -> Shape {
        self.image
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.layers[self.output()].shape.channels
    }

    /// The layer that feeds the softmax.
    pub fn logits(&self) -> usize {
        self.layers[self.output()].inputs[0]
    }

    /// Whether another program has to compute layers of it.
    pub fn is_external(&self) -> bool {
        self.layers.iter().any(|layer| matches!(layer.op, Op::External(_)))
    }

    /// The layer that feeds the last fully connected one.
    pub const fn features(&self) -> usize {
        self.features
    }

    /// The softmax.
    pub fn output(&self) -> usize {
        self.layers.len() - 1
    }

    /// What is subtracted from images.
    pub const fn mean(&self) -> &MeanKind {
        &self.input.mean
    }

    /// What is divided by then.
    pub const fn std(&self) -> &StdKind {
        &self.input.std
    }

    /// How the network sees its images.
    pub const fn input_spec(&self) -> &InputSpec {
        &self.input
    }

    /// The transform of images to the network's size and channels.
    pub const fn transform(&self) -> InputTransform {
        InputTransform::new(&self.input, self.image)
    }

    /// The centre crop of the image. Where the recipe resizes as torchvision does, it lies where torchvision's
    /// `CenterCrop` has it, to the pixel.
    pub fn centre_view(&self) -> View {
        match self.input.resize {
            Some(Resize::Stretch { .. } | Resize::ShorterSide(_)) => View::torch_centre(self.image, self.input()),
            Some(Resize::Cover { .. }) | None => View::centre(self.image, self.input()),
        }
    }

    /// The views that a test takes, each with its weight.
    pub fn test_views(&self, views: TestViews) -> Vec<(View, f32)> {
        View::of_test(views, self.centre_view(), self.image, self.input())
    }

    /// The order in which the network sees an image's colours.
    pub fn channel_order(&self) -> ChannelOrder {
        self.input.order
    }

    /// Everything between pixels and the first layer, for the mean image and the standard deviation of
    /// each channel that a snapshot holds.
    pub fn preprocess(&self, mean: Option<Array3<f32>>, std: Option<Array1<f32>>) -> Preprocess {
        let (image, input, spec) = (self.image, self.input(), &self.input);
        Preprocess {
            transform: Some(self.transform()),
            values: spec.values,
            order: spec.order,
            mean,
            std,
            scale: spec.scale as f32,
            crop: (input != image).then_some(input.height),
            padding: spec.padding,
        }
    }

    /// Whether all later layers depend on the image through this layer's output alone: no connection skips it.
    pub fn is_cut(&self, layer: usize) -> bool {
        (layer + 1..self.layers.len()).all(|index| self.layers[index].inputs.iter().all(|&input| input >= layer))
    }

    /// The layers up to `last` whose output depends on that of `layer`, in order.
    pub(crate) fn depending_on(&self, layer: usize, last: usize) -> Vec<usize> {
        let mut depends = vec![false; self.layers.len()];
        depends[layer] = true;
        let mut found = Vec::new();
        for index in layer + 1..=last {
            if self.layers[index].inputs.iter().any(|&input| depends[input]) {
                depends[index] = true;
                found.push(index);
            }
        }
        found
    }

    /// Every parameter in order, layer by layer.
    pub fn parameters(&self) -> impl Iterator<Item = &ParameterSpec> {
        self.layers.iter().flat_map(|layer| &layer.parameters)
    }

    /// Number of values learnt; those that a rate factor of 0 freezes are not.
    pub fn parameter_count(&self) -> usize {
        let is_free = |spec: &&ParameterSpec| spec.is_learnt() && spec.rate_factor > 0.0;
        self.parameters().filter(is_free).map(ParameterSpec::len).sum()
    }
}
