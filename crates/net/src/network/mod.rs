//! The graph of layers with every shape worked out.

mod build;
mod receptive_field;

pub use receptive_field::Patch;

use crate::error::Error;
use crate::init::{Fan, Init};
use crate::input::InputTransform;
use crate::input::{Preprocess, View};
use crate::ops::Op;
use crate::recipe::{ChannelOrder, DataRecipe, MeanKind, Optimiser, Recipe, Resize, StdKind, TestViews};
use crate::shape::Shape;
use ndarray::{Array1, Array3};

/// Layers in an order in which every layer comes after its inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    layers: Vec<Layer>,
    image: Shape,
    classes: usize,
    features: usize,
    data: DataRecipe,
    label_smoothing: f32,
    optimiser: Optimiser,
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
}

/// One array that is learnt, or followed: a running statistic.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterSpec {
    /// `conv1.weight`, `conv1.bias`, `bn1.running_mean` or `bn1.running_var`.
    pub name: String,
    /// Shape as the files have it: conv `[k, c, r, s]`, local `[oh, ow, k, c, r, s]`, full
    /// `[outputs, inputs]` with inputs in channel, row, column order; bias `[k]` or `[k, oh, ow]`;
    /// all of a batch normalisation's `[c]`.
    pub shape: Vec<usize>,
    /// Weight or bias: which of the stage's learning rates it follows; or a statistic.
    pub role: Role,
    /// How it starts.
    pub init: Init,
    /// What feeds it, for starts that depend on that.
    pub fan: Fan,
    /// Factor on the stage's learning rate; of a statistic, how far a step moves it towards the
    /// minibatch's.
    pub rate_factor: f64,
    /// Momentum.
    pub momentum: f64,
    /// Decay.
    pub decay: f64,
    /// Epochs after which it is learnt no more, if there are any.
    pub epochs: Option<f64>,
}

/// Kind of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Weights.
    Weight,
    /// Biases.
    Bias,
    /// Running mean of a channel.
    RunningMean,
    /// Running variance of a channel.
    RunningVariance,
}

impl ParameterSpec {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it is learnt by gradients; running statistics are not.
    pub const fn is_learnt(&self) -> bool {
        matches!(self.role, Role::Weight | Role::Bias)
    }
}

impl Layer {
    /// The array of that role, if the layer has one.
    pub fn parameter(&self, role: Role) -> Option<&ParameterSpec> {
        self.parameters.iter().find(|spec| spec.role == role)
    }
}

impl Network {
    /// Works out the recipe's network for images of the given shape and number of classes.
    pub fn new(recipe: &Recipe, image: Shape, classes: usize) -> Result<Self, Error> {
        let image = InputTransform::image_shape(&recipe.data, image.channels, Some([image.height, image.width]))?;
        check_channels(recipe, image)?;
        let input = input_shape(recipe, image)?;
        check_image(recipe, image)?;
        let mut layers = vec![Layer {
            name: "data".into(),
            op: Op::Input(input),
            inputs: Vec::new(),
            shape: input,
            parameters: Vec::new(),
        }];
        for entry in &recipe.layers {
            let context = build::Context { recipe, entry };
            let layer = context.layer(&layers, classes)?;
            layers.push(layer);
        }
        check_uses(recipe, &layers)?;
        check_size(recipe, &layers)?;
        let features = layers
            .iter()
            .rfind(|layer| matches!(layer.op, Op::Full(_)))
            .or(layers.last())
            .and_then(|layer| layer.inputs.first().copied())
            .unwrap_or(0);
        Ok(Self {
            layers,
            image,
            classes,
            features,
            data: recipe.data.clone(),
            label_smoothing: recipe.train.label_smoothing as f32,
            optimiser: recipe.train.optimiser,
        })
    }

    /// The layers; the first is the input, `data`, the last the softmax.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
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
    pub const fn classes(&self) -> usize {
        self.classes
    }

    /// The layer that feeds the softmax.
    pub fn logits(&self) -> usize {
        self.layers[self.output()].inputs[0]
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
        &self.data.mean
    }

    /// What is divided by then.
    pub const fn std(&self) -> &StdKind {
        &self.data.std
    }

    /// How the recipe brings images to the network's input.
    pub const fn data(&self) -> &DataRecipe {
        &self.data
    }

    /// What brings images to the network's size and channels.
    pub const fn transform(&self) -> InputTransform {
        InputTransform::new(&self.data, self.image)
    }

    /// The centre of the image. Where the recipe resizes as torchvision does, it lies where torchvision's
    /// `CenterCrop` has it, to the pixel.
    pub fn centre_view(&self) -> View {
        match self.data.resize {
            Some(Resize::Stretch { .. } | Resize::ShorterSide(_)) => View::torch_centre(self.image, self.input()),
            Some(Resize::Cover { .. }) | None => View::centre(self.image, self.input()),
        }
    }

    /// The views that a test takes, each with its weight.
    pub fn test_views(&self, views: TestViews) -> Vec<(View, f32)> {
        View::of_test(views, self.centre_view(), self.image, self.input())
    }

    /// Share of the training loss that wants every class alike.
    pub const fn label_smoothing(&self) -> f32 {
        self.label_smoothing
    }

    /// The order in which the network sees an image's colours.
    pub fn channel_order(&self) -> ChannelOrder {
        self.data.order
    }

    /// Everything between pixels and the first layer, for the mean image and the standard deviation of
    /// each channel that a snapshot holds.
    pub fn preprocess(&self, mean: Option<Array3<f32>>, std: Option<Array1<f32>>) -> Preprocess {
        let (image, input, data) = (self.image, self.input(), &self.data);
        Preprocess {
            transform: Some(self.transform()),
            values: data.values,
            order: data.order,
            mean,
            std,
            scale: data.scale as f32,
            crop: (input != image).then_some(input.height),
            padding: (data.pad > 0 || data.views == TestViews::Six).then_some(data.padding),
        }
    }

    /// Every parameter in order, layer by layer.
    pub fn parameters(&self) -> impl Iterator<Item = &ParameterSpec> {
        self.layers.iter().flat_map(|layer| &layer.parameters)
    }

    /// Name and shape of every array that the optimiser keeps from step to step, in order.
    pub fn optimiser_state(&self) -> impl Iterator<Item = (String, &[usize])> {
        self.parameters().filter(|spec| spec.is_learnt()).flat_map(|spec| {
            let named = |suffix| (format!("{}{suffix}", spec.name), spec.shape.as_slice());
            self.optimiser.state().iter().map(named)
        })
    }

    /// Number of values learnt; those that a rate factor of 0 freezes are not.
    pub fn parameter_count(&self) -> usize {
        let is_free = |spec: &&ParameterSpec| spec.is_learnt() && spec.rate_factor > 0.0;
        self.parameters().filter(is_free).map(ParameterSpec::len).sum()
    }
}

/// Values of one image's activations, of all layers together, and of all parameters: what memory is taken by follows from
/// an untrusted recipe.
const MOST_ACTIVATIONS: usize = 1 << 27;
const MOST_PARAMETERS: usize = 1 << 30;

fn check_size(recipe: &Recipe, layers: &[Layer]) -> Result<(), Error> {
    let activations: usize = layers.iter().map(|layer| layer.shape.len()).sum();
    let parameters: usize = layers.iter().flat_map(|layer| &layer.parameters).map(ParameterSpec::len).sum();
    if activations <= MOST_ACTIVATIONS && parameters <= MOST_PARAMETERS {
        return Ok(());
    }
    Err(Error::Recipe {
        place: recipe.origin.0.clone(),
        layer: None,
        expected: "a network of at most 2^27 activations an image and 2^30 parameters".into(),
        found: format!("{activations} activations and {parameters} parameters"),
        hint: Some("`resize` in [data] makes images smaller".into()),
    })
}

fn check_image(recipe: &Recipe, image: Shape) -> Result<(), Error> {
    let values = image.dims().into_iter().try_fold(1_usize, usize::checked_mul);
    if values.is_some_and(|values| values <= MOST_ACTIVATIONS) {
        return Ok(());
    }
    Err(Error::Recipe {
        place: recipe.origin.0.clone(),
        layer: None,
        expected: "images of at most 2^27 values".into(),
        found: format!("images of {image}"),
        hint: Some("`resize` in [data] makes images smaller".into()),
    })
}

/// Refuses given means and deviations of another number of channels.
fn check_channels(recipe: &Recipe, image: Shape) -> Result<(), Error> {
    let mean = match &recipe.data.mean {
        MeanKind::Values(mean) => Some(mean.len()),
        _ => None,
    };
    let std = match &recipe.data.std {
        StdKind::Values(std) => Some(std.len()),
        _ => None,
    };
    let wrong =
        [("mean", mean), ("std", std)].into_iter().find(|(_, found)| found.is_some_and(|n| n != image.channels));
    let Some((key, found)) = wrong else {
        return Ok(());
    };
    Err(Error::Recipe {
        place: recipe.origin.0.clone(),
        layer: None,
        expected: format!("a `{key}` in [data] with a number for each channel of images of {image}"),
        found: found.unwrap_or_default().to_string(),
        hint: Some("`channels` in [data] makes grey images colour, and the other way round".into()),
    })
}

fn input_shape(recipe: &Recipe, image: Shape) -> Result<Shape, Error> {
    let pad = recipe.data.pad;
    if pad >= image.height.min(image.width) {
        return Err(Error::Recipe {
            place: recipe.origin.0.clone(),
            layer: None,
            expected: format!("a `pad` in [data] below the side of images of {image}"),
            found: pad.to_string(),
            hint: None,
        });
    }
    match recipe.data.crop {
        Some(crop) if crop > image.height.min(image.width) => Err(Error::Recipe {
            place: recipe.origin.0.clone(),
            layer: None,
            expected: format!("a `crop` in [data] that fits images of {image}"),
            found: crop.to_string(),
            hint: None,
        }),
        Some(crop) => Ok(Shape::new(image.channels, crop, crop)),
        None => Ok(image),
    }
}

/// The last layer is the softmax, and every other feeds one.
fn check_uses(recipe: &Recipe, layers: &[Layer]) -> Result<(), Error> {
    let error = |layer: Option<(usize, &Layer)>, expected: &str, found: &str| {
        let entry = layer.and_then(|(index, _)| recipe.layers.get(index.checked_sub(1)?));
        let origin = entry.map_or(&recipe.origin, |entry| &entry.origin);
        Error::Recipe {
            place: origin.0.clone(),
            layer: layer.map(|(_, layer)| layer.name.clone()),
            expected: expected.into(),
            found: found.into(),
            hint: None,
        }
    };
    let last = layers.len() - 1;
    if !matches!(layers[last].op, Op::Softmax(_)) {
        let expected = "a softmax as the last layer";
        return Err(error(Some((last, &layers[last])), expected, layers[last].op.kind()));
    }
    for (index, layer) in layers.iter().enumerate().take(last) {
        if matches!(layer.op, Op::Softmax(_)) {
            let expected = "one softmax, as the last layer";
            return Err(error(Some((index, layer)), expected, "another before it"));
        }
        if !layers.iter().any(|other| other.inputs.contains(&index)) {
            let expected = "a later layer that takes it as input";
            return Err(error(Some((index, layer)), expected, "none"));
        }
    }
    Ok(())
}
