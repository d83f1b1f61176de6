//! The `[[layer]]` tables of a checkpoint's layers, and which arrays of the file they take.

use super::document::{Document, Fields};
use super::layer_list::{FileLayer, Generation, LayerList};
use super::settings;
use crate::error::Error;
use crate::table::write::put;
use std::collections::HashMap;
use toml::{Table, Value};

/// The image's name in recipes.
const IMAGE: &str = "data";

/// A network of the file in the words of recipes.
#[derive(Default)]
pub(super) struct Translation<'p> {
    pub tables: Vec<Table>,
    pub arrays: Vec<PlannedArray<'p>>,
    pub expectations: Vec<Expectation<'p>>,
    /// Values of an image, as the data layer says.
    pub image_values: usize,
    /// Channels of the image, as the first layer that says it has it.
    pub image_channels: Option<usize>,
}

/// An array of the snapshots, and where it is in the file.
pub(super) struct PlannedArray<'p> {
    pub name: String,
    pub fields: Fields<'p>,
    /// Which of the layer's weights; none for its biases.
    pub input: Option<usize>,
}

/// What the file says of a layer, to be checked against what deepViz makes of its settings.
pub(super) struct Expectation<'p> {
    pub layer: String,
    pub fields: Fields<'p>,
    pub outputs: Option<i64>,
    /// Channels of its input.
    pub channels: Option<i64>,
}

/// Translates the layers from the image to the softmax.
pub(super) fn translate<'p>(document: Document<'p>, list: &LayerList<'p>) -> Result<Translation<'p>, Error> {
    let mut translator = Translator { list, outputs: HashMap::new(), made: Translation::default() };
    for position in list.in_order(document)? {
        translator.layer(position)?;
    }
    if translator.made.image_values == 0 {
        return Err(document.unusable("its softmax does not depend on images, expected a layer of the type `data`"));
    }
    Ok(translator.made)
}

struct Translator<'l, 'p> {
    list: &'l LayerList<'p>,
    /// The layer of the recipe that has a file's layer's output.
    outputs: HashMap<usize, String>,
    made: Translation<'p>,
}

impl<'p> Translator<'_, 'p> {
    fn layer(&mut self, position: usize) -> Result<(), Error> {
        let layer = &self.list.layers[position];
        let name = name_of(layer);
        if layer.kind == "data" {
            self.made.image_values = image_values(layer)?;
            let last = self.behind(layer, IMAGE.to_owned())?;
            self.outputs.insert(position, last);
            return Ok(());
        }
        let inputs: Vec<String> = layer.inputs.iter().filter_map(|input| self.outputs.get(input).cloned()).collect();
        if inputs.is_empty() {
            return Err(layer.fields.wrong("no `inputs`", "one or more"));
        }
        let channels = layer.fields.optional_whole_at("channels", 0);
        if inputs[0] == IMAGE && self.made.image_channels.is_none() {
            self.made.image_channels = channels.and_then(|count| usize::try_from(count).ok());
        }
        match layer.kind.as_str() {
            "conv" | "local" | "fc" => self.weighted(position, &name, &inputs)?,
            kind => {
                let settings = settings::of_plain(&layer.fields, kind, inputs.len())?;
                self.push(&name, &inputs, settings);
            }
        }
        let outputs = layer.fields.optional_whole_at("outputs", 0);
        self.made.expectations.push(Expectation { layer: name.clone(), fields: layer.fields, outputs, channels });
        let last = self.behind(layer, name)?;
        self.outputs.insert(position, last);
        Ok(())
    }

    /// Adds what a layer does to its own output: the neuron of versions of 2011, the dropout of Nouri's.
    fn behind(&mut self, layer: &FileLayer<'p>, mut name: String) -> Result<String, Error> {
        let base = name.clone();
        let has_neuron = matches!(layer.fields.get("neuron"), Some(deepviz_pickle::Value::Dict(_)));
        if has_neuron && layer.kind != "neuron" {
            let settings = settings::neuron(&layer.fields)?;
            if settings.get("type").and_then(Value::as_str) != Some("identity") {
                name = self.push(&format!("{base}_neuron"), &[name], settings);
            }
        }
        let rate = layer.fields.number_or("dropout", 0.0)?;
        if rate > 0.0 && !layer.kind.starts_with("dropout") {
            name = self.push(&format!("{base}_dropout"), &[name], settings::dropout(&layer.fields, rate)?);
        }
        Ok(name)
    }

    fn push(&mut self, name: &str, inputs: &[String], settings: Table) -> String {
        let mut table = Table::new();
        put(&mut table, "name", name);
        put(&mut table, "inputs", inputs.to_vec());
        table.extend(settings);
        self.made.tables.push(table);
        name.to_owned()
    }

    /// Weights for every input, whose results are added; the bias is added once.
    fn weighted(&mut self, position: usize, name: &str, inputs: &[String]) -> Result<(), Error> {
        let layer = &self.list.layers[position];
        let mut parts = Vec::new();
        for (number, input) in inputs.iter().enumerate() {
            let mut settings = settings::of_weighted(&layer.fields, &layer.kind, number)?;
            if number > 0 {
                put(&mut settings, "bias", false);
            }
            let part = part_name(layer, number);
            let (array, is_own) = self.weights_of(position, number)?;
            if is_own {
                let weights = PlannedArray { name: array, fields: layer.fields, input: Some(number) };
                self.made.arrays.push(weights);
            } else {
                put(&mut settings, "arrays", settings::inner([("weight", array.into())]));
            }
            parts.push(self.push(&part, std::slice::from_ref(input), settings));
        }
        let bias = format!("{}.bias", part_name(layer, 0));
        self.made.arrays.push(PlannedArray { name: bias, fields: layer.fields, input: None });
        if parts.len() > 1 {
            let mut sum = Table::new();
            put(&mut sum, "type", "add");
            self.push(name, &parts, sum);
        }
        Ok(())
    }

    /// The array that holds the weights of an input, and whether it is the layer's own: others share that of a layer, or
    /// one of their own of an earlier input.
    fn weights_of(&self, position: usize, number: usize) -> Result<(String, bool), Error> {
        let layer = &self.list.layers[position];
        let (mut owner, mut matrix) = (position, number);
        // A chain of sources ends at once in files of cuda-convnet; longer ones are of no use.
        if let Some(source) = self.source(layer, number)? {
            owner = source;
            let index = layer.fields.optional_whole_at("weightSourceMatrixIndices", number).unwrap_or(0);
            matrix = usize::try_from(index).unwrap_or(usize::MAX);
        }
        let owning = &self.list.layers[owner];
        if matrix >= owning.inputs.len() || !matches!(owning.kind.as_str(), "conv" | "local" | "fc") {
            let found = format!("weights of the layer `{}`, number {matrix}", owning.name);
            return Err(layer.fields.wrong(&found, "weights that are there"));
        }
        let array = format!("{}.weight", part_name(owning, matrix));
        let is_known = self.made.arrays.iter().any(|known| known.name == array);
        let is_own = (owner, matrix) == (position, number);
        if !is_own && !is_known {
            let found = format!("weights of the layer `{}`, which comes later", owning.name);
            return Err(layer.fields.wrong(&found, "those of a layer before it"));
        }
        Ok((array, is_own))
    }

    /// The layer whose weights an input shares; none where they are its own.
    fn source(&self, layer: &FileLayer<'p>, number: usize) -> Result<Option<usize>, Error> {
        let position = match self.list.generation {
            Generation::First => match layer.fields.optional_whole_at("weightSourceLayerIndices", number) {
                None | Some(-1) => return Ok(None),
                Some(position) => usize::try_from(position).ok().filter(|position| *position < self.list.layers.len()),
            },
            Generation::Second => match layer.fields.optional_text_at("weightSourceLayers", number) {
                Some(name) if !name.is_empty() => self.list.layers.iter().position(|layer| layer.name == name),
                _ => return Ok(None),
            },
        };
        position.map(Some).ok_or_else(|| layer.fields.wrong("weights of a layer that is not there", "those of a layer"))
    }
}

/// The layer of one input of a layer with weights: the layer itself where it has only one.
fn part_name(layer: &FileLayer<'_>, number: usize) -> String {
    let name = name_of(layer);
    if layer.inputs.len() > 1 { format!("{name}.{number}") } else { name }
}

/// A name that recipes take: letters, digits, `_`, `-` and single dots.
fn name_of(layer: &FileLayer<'_>) -> String {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.');
    layer.name.chars().map(|letter| if allowed(letter) { letter } else { '_' }).collect()
}

fn image_values(layer: &FileLayer<'_>) -> Result<usize, Error> {
    let index = layer.fields.whole("dataIdx")?;
    if index != 0 {
        let found = format!("the data of number {index} as input of other layers");
        return Err(layer
            .fields
            .wrong(&found, "the images, which are number 0: deepViz shows networks of images alone"));
    }
    let values = usize::try_from(layer.fields.whole("outputs")?).ok().filter(|values| *values > 0);
    values.ok_or_else(|| layer.fields.wrong("no `outputs`", "the values of an image"))
}
