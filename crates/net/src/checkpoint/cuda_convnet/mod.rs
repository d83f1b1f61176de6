//! cuda-convnet's checkpoints: the network that is in them, its weights, how far training was, what was measured.
//!
//! Read are those of cuda-convnet (2011 and 2012), of Nouri's version with dropout, and of cuda-convnet2, as pickles,
//! in the zip archives of `--zip-save`, or compressed by gzip. Layers become the `[[layer]]` tables of recipes; costs,
//! labels and what else does not lead to the softmax are left out. What deepViz cannot compute exactly is refused by
//! name. Maps lie as in deepViz: channels, rows, columns.

mod arrays;
mod container;
mod document;
mod history;
mod layer_list;
mod settings;
mod translate;

pub use history::Progress;
pub use layer_list::Generation;

use crate::checkpoint::Checkpoint;
use crate::error::Error;
use crate::metrics::Metric;
use crate::network::Network;
use crate::recipe::Recipe;
use crate::shape::Shape;
use crate::snapshot::{MEAN, RawArray};
use crate::table::tree;
use crate::table::write::put;
use deepviz_pickle::{Objects, Pickle, Rules, Value};
use document::{Document, number, text};
use layer_list::LayerList;
use ndarray::Array3;
use std::path::{Path, PathBuf};
use toml::Table;
use translate::Translation;

const RULES: Rules = Rules { what: "a checkpoint of cuda-convnet", objects: Objects::Recorded };

/// The images of a corpus and the number of its classes, which a network has to fit.
#[derive(Clone, Copy, Debug)]
pub struct Images {
    /// Shape of the images.
    pub shape: Shape,
    /// Number of classes.
    pub classes: usize,
}

/// What is subtracted from images.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SubtractedMean {
    /// The mean image of the training split, and this number.
    Pixel {
        /// What is added to every value of the mean image.
        offset: f32,
    },
    /// One number.
    Scalar(f32),
}

/// A checkpoint of cuda-convnet.
#[derive(Debug)]
pub struct CudaConvnet {
    /// Which program wrote it.
    pub generation: Generation,
    /// The name of its layer definition, if it says it.
    pub model: Option<String>,
    /// Its network, without `[train]`; the mean is one image that snapshots hold.
    pub recipe: Recipe,
    /// How far training was.
    pub progress: Progress,
    /// What was measured until then, in order.
    pub metrics: Vec<Metric>,
    /// What was subtracted from images.
    pub mean: SubtractedMean,
    arrays: Vec<RawArray>,
}

impl CudaConvnet {
    /// Reads a checkpoint for images of a corpus.
    ///
    /// # Errors
    /// [`Error::Damaged`]: it is no such checkpoint, is cut short, does not fit the images, or holds a layer that deepViz
    /// cannot compute; with the layer, what was found and what was expected. [`Error::Io`].
    pub fn open(path: &Path, images: Images) -> Result<Self, Error> {
        let bytes = container::read(path)?;
        let pickle = parse(&bytes, path)?;
        let document = Document { pickle: &pickle, path };
        let list = LayerList::read(document)?;
        let translation = translate::translate(document, &list)?;
        let recipe = recipe_of(document, &translation, images)?;
        let network = Network::new(&recipe, images.shape, images.classes).map_err(|error| named(path, error))?;
        check(&translation, &network)?;
        let (progress, metrics) = history::read(document, &list);
        Ok(Self {
            generation: list.generation,
            model: model_of(document),
            arrays: arrays::read(&translation.arrays, &network)?,
            mean: mean_of(document, list.generation),
            recipe,
            progress,
            metrics,
        })
    }

    /// The arrays of a snapshot: weights and biases by the recipe's names, and the mean image (channels x height x
    /// width) that is subtracted from images.
    ///
    /// # Errors
    /// [`Error::Tensor`]: the mean's values do not lie in their order.
    pub fn into_arrays(self, mean: &Array3<f32>) -> Result<Vec<RawArray>, Error> {
        let values: Vec<f32> = mean.iter().copied().collect();
        let mut arrays = vec![RawArray::of_floats(MEAN, mean.shape(), &values)?];
        arrays.extend(self.arrays);
        Ok(arrays)
    }
}

/// The mean image of a data folder's `batches.meta`: channels x height x width, before anything is added to it.
///
/// # Errors
/// [`Error::Damaged`]: the file is no such pickle, or its mean is of images of another size. [`Error::Io`].
pub fn data_mean(path: &Path, shape: Shape) -> Result<Array3<f32>, Error> {
    let bytes = container::read(path)?;
    let pickle = parse(&bytes, path)?;
    let array = match pickle.key("data_mean") {
        Some(Value::Array(array)) => array,
        other => {
            let found = other.map_or("nothing", Value::kind);
            let reason = format!("`data_mean` is {found}, expected an array, as cuda-convnet's batches.meta has it");
            return Err(Checkpoint::unusable(path, reason));
        }
    };
    let [channels, height, width] = shape.dims();
    let mean = array.floats().and_then(|floats| Array3::from_shape_vec((channels, height, width), floats).ok());
    mean.ok_or_else(|| {
        let reason =
            format!("`data_mean` has the shape {:?}, expected floating numbers for images of {shape}", array.shape);
        Checkpoint::unusable(path, reason)
    })
}

/// The checkpoints that a path names: the file itself, or all `EPOCH.BATCH` in the folder, in the order of training; none
/// where it has none.
///
/// # Errors
/// [`Error::Io`].
pub fn checkpoints_in(path: &Path) -> Result<Vec<PathBuf>, Error> {
    if !path.is_dir() {
        std::fs::metadata(path).map_err(Error::io("read the checkpoint", path))?;
        return Ok(vec![path.to_owned()]);
    }
    let folder = std::fs::read_dir(path).map_err(Error::io("list the checkpoints", path))?;
    let numbers = |file: &Path| -> Option<(u64, u64)> {
        let (epoch, batch) = file.file_name()?.to_str()?.split_once('.')?;
        Some((epoch.parse().ok()?, batch.parse().ok()?))
    };
    let files = folder.flatten().map(|entry| entry.path()).filter(|file| file.is_file());
    let mut found: Vec<_> = files.filter_map(|file| Some((numbers(&file)?, file))).collect();
    found.sort();
    Ok(found.into_iter().map(|(_, file)| file).collect())
}

fn parse<'a>(bytes: &'a [u8], path: &Path) -> Result<Pickle<'a>, Error> {
    deepviz_pickle::parse(bytes, RULES)
        .map_err(|fault| Checkpoint::unusable(path, format!("as a pickle it has {fault}")))
}

/// The recipe of the tables, with the part of the images that the network sees.
fn recipe_of(document: Document<'_>, translation: &Translation<'_>, images: Images) -> Result<Recipe, Error> {
    let mut data = Table::new();
    put(&mut data, "mean", "pixel");
    if let Some(side) = crop_of(document, translation, images.shape)? {
        put(&mut data, "crop", side as i64);
    }
    let mut table = Table::new();
    let model = model_of(document);
    let name = model.as_deref().and_then(|file| file.split('.').next()).filter(|name| !name.is_empty());
    put(&mut table, "name", name.unwrap_or("cuda-convnet"));
    put(&mut table, "data", data);
    put(&mut table, "layer", translation.tables.clone());
    let origin = document.path.display().to_string();
    let tree = tree::parse(&table.to_string(), &origin)?;
    Recipe::from_node(&tree, &origin).map_err(|error| named(document.path, error))
}

/// The side of the square in the middle of an image that the network sees; none where it sees all of it.
fn crop_of(document: Document<'_>, translation: &Translation<'_>, image: Shape) -> Result<Option<usize>, Error> {
    let (values, channels) = (translation.image_values, translation.image_channels.unwrap_or(image.channels));
    let side = (values / channels.max(1)).isqrt();
    let fits = channels == image.channels && side * side * channels == values;
    if fits && side == image.height && side == image.width {
        return Ok(None);
    }
    if fits && side <= image.height.min(image.width) {
        return Ok(Some(side));
    }
    let reason = format!(
        "its images have {values} values in {channels} channels, expected those of the corpus ({image}) or of a square \
         in their middle; --corpus has to name the images that it was trained on"
    );
    Err(document.unusable(reason))
}

/// A mistake in a recipe or a network, as one of the checkpoint: its lines are of no file.
fn named(path: &Path, error: Error) -> Error {
    let (layer, expected, found, hint) = match error {
        Error::Recipe { layer, expected, found, hint, .. } | Error::Network { layer, expected, found, hint } => {
            (layer, expected, found, hint)
        }
        other => return other,
    };
    let layer = layer.map_or_else(String::new, |layer| format!("layer `{layer}`: "));
    let hint = hint.map_or_else(String::new, |hint| format!(" ({hint})"));
    Checkpoint::unusable(path, format!("{layer}expected {expected}, found {found}{hint}"))
}

/// Holds what the file says of its layers against the network: a layer of another size is computed otherwise here.
fn check(translation: &Translation<'_>, network: &Network) -> Result<(), Error> {
    for expectation in &translation.expectations {
        let Some(layer) = network.layers().iter().find(|layer| layer.name == expectation.layer) else { continue };
        let outputs = layer.shape.len() as i64;
        if let Some(found) = expectation.outputs.filter(|found| *found != outputs) {
            let expected = format!("{outputs} ({}), as its settings say", layer.shape);
            return Err(expectation.fields.wrong(&format!("{found} outputs"), &expected));
        }
        let mut channels = layer.inputs.iter().map(|&input| network.layers()[input].shape.channels as i64);
        if let (Some(found), Some(expected)) = (expectation.channels, channels.next())
            && found != expected
            && layer.inputs.len() == 1
        {
            let found = format!("{found} channels of input");
            return Err(expectation.fields.wrong(&found, &format!("{expected}, those of the layer before it")));
        }
    }
    Ok(())
}

/// cuda-convnet2's provider of CIFAR subtracts the option `scalar_mean`, -1 where it is not given, beside the mean image;
/// that of JPEGs subtracts it instead, unless it is negative.
fn mean_of(document: Document<'_>, generation: Generation) -> SubtractedMean {
    let scalar = document.option("scalar_mean").and_then(number).unwrap_or(-1.0) as f32;
    let provider = document.option("dp_type").and_then(text).unwrap_or_default();
    match generation {
        Generation::Second if provider == "cifar" => SubtractedMean::Pixel { offset: scalar },
        Generation::Second if scalar >= 0.0 => SubtractedMean::Scalar(scalar),
        Generation::First | Generation::Second => SubtractedMean::Pixel { offset: 0.0 },
    }
}

/// The name of the file that defined the layers.
fn model_of(document: Document<'_>) -> Option<String> {
    let path = document.option("layer_def").and_then(text)?;
    path.rsplit(['/', '\\']).next().map(str::to_owned)
}
