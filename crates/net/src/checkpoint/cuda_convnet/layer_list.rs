//! The layers of a checkpoint in an order in which each follows its inputs, from the image to the softmax.

use super::document::{Document, Fields, text, whole};
use crate::error::Error;
use deepviz_pickle::Value;
use std::collections::HashMap;

/// Layers of a network, and inputs of each: a list that is in the file once can be that of every layer.
const MAX_LAYERS: usize = 1_024;
pub(super) const MAX_INPUTS: usize = 64;

const LAYERS: &str = "the places or names of up to 64 layers of the file";

/// One layer of the file.
pub(super) struct FileLayer<'p> {
    pub fields: Fields<'p>,
    pub name: String,
    /// `conv`, `pool`, `cost.logreg` ...
    pub kind: String,
    /// Places of its inputs in the list.
    pub inputs: Vec<usize>,
}

impl FileLayer<'_> {
    fn is_cost(&self) -> bool {
        self.kind.starts_with("cost")
    }
}

/// Which program wrote the checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// cuda-convnet, and Nouri's version of it: layers are a list.
    First,
    /// cuda-convnet2: layers have names.
    Second,
}

/// All layers of a file.
pub(super) struct LayerList<'p> {
    pub generation: Generation,
    pub layers: Vec<FileLayer<'p>>,
}

impl<'p> LayerList<'p> {
    pub fn read(document: Document<'p>) -> Result<Self, Error> {
        let (generation, values) = match document.state("layers") {
            Some(Value::List(positions)) => (Generation::First, positions.clone()),
            Some(Value::Dict(items)) => (Generation::Second, items.iter().map(|(_, value)| *value).collect()),
            other => {
                let found = other.map_or("nothing", Value::kind);
                let reason = format!(
                    "`layers` in `model_state` is {found}, expected the list or dictionary of layers that \
                     cuda-convnet's checkpoints have"
                );
                return Err(document.unusable(reason));
            }
        };
        if values.len() > MAX_LAYERS {
            return Err(document.unusable(format!("it has {} layers, expected {MAX_LAYERS} at most", values.len())));
        }
        let fields = values.iter().map(|id| Fields { document, value: document.pickle.get(*id) });
        let layers: Vec<_> = fields.map(read_layer).collect::<Result<_, _>>()?;
        let mut list = Self { generation, layers };
        list.connect()?;
        Ok(list)
    }

    /// Finds the inputs of all layers: by place, or by name.
    fn connect(&mut self) -> Result<(), Error> {
        let mut names = HashMap::new();
        for (index, layer) in self.layers.iter().enumerate() {
            if names.insert(layer.name.clone(), index).is_some() {
                return Err(layer.fields.wrong("the name of another layer", "a name of its own"));
            }
        }
        let count = self.layers.len();
        for layer in &mut self.layers {
            let Some(value) = layer.fields.get("inputs") else { continue };
            let items = layer.fields.document.items(value).filter(|items| items.len() <= MAX_INPUTS);
            let position = |value: &Value<'_>| match text(value) {
                Some(name) => names.get(&name).copied(),
                None => whole(value)
                    .and_then(|position| usize::try_from(position).ok())
                    .filter(|position| *position < count),
            };
            let positions = items.and_then(|items| items.map(position).collect::<Option<Vec<_>>>());
            layer.inputs = positions.ok_or_else(|| layer.fields.wrong("`inputs` that are no layers", LAYERS))?;
        }
        Ok(())
    }

    /// The softmax, whose layers are those that are shown.
    fn softmax(&self, document: Document<'p>) -> Result<usize, Error> {
        let found: Vec<usize> =
            (0..self.layers.len()).filter(|&position| self.layers[position].kind == "softmax").collect();
        match found.as_slice() {
            [position] => Ok(*position),
            [] => Err(document.unusable(
                "it has no layer of the type `softmax`, expected one at the end: deepViz shows networks that classify",
            )),
            several => {
                let names: Vec<_> =
                    several.iter().map(|&position| format!("`{}`", self.layers[position].name)).collect();
                let reason =
                    format!("it has the softmax layers {}, expected one: remove the others", names.join(" and "));
                Err(document.unusable(reason))
            }
        }
    }

    /// Places of the layers that lead to the softmax, itself the last, each after its inputs.
    ///
    /// cuda-convnet2 numbers the neurons that it splits off after all other layers.
    pub fn in_order(&self, document: Document<'p>) -> Result<Vec<usize>, Error> {
        let last = self.softmax(document)?;
        let mut needed = vec![false; self.layers.len()];
        let mut next = vec![last];
        while let Some(position) = next.pop() {
            if !std::mem::replace(&mut needed[position], true) {
                next.extend(&self.layers[position].inputs);
            }
        }
        if let Some(cost) = (0..needed.len()).find(|&position| needed[position] && self.layers[position].is_cost()) {
            return Err(self.layers[cost].fields.wrong("a layer that takes it as input", "none, as a cost"));
        }
        let mut order = Vec::new();
        let mut is_done = vec![false; self.layers.len()];
        while !is_done[last] {
            let is_next = |&position: &usize| {
                let is_open = needed[position] && !is_done[position];
                is_open && self.layers[position].inputs.iter().all(|&input| is_done[input])
            };
            let Some(position) = (0..self.layers.len()).find(is_next) else {
                return Err(document.unusable("its layers take each other as inputs in a circle"));
            };
            is_done[position] = true;
            order.push(position);
        }
        Ok(order)
    }
}

fn read_layer(fields: Fields<'_>) -> Result<FileLayer<'_>, Error> {
    match (fields.text("name"), fields.text("type")) {
        (Some(name), Some(kind)) => Ok(FileLayer { fields, name, kind, inputs: Vec::new() }),
        (name, kind) => {
            let found = format!("a layer of the name {name:?} and the type {kind:?}");
            Err(fields.document.unusable(format!("`layers` has {found}, expected both in every layer")))
        }
    }
}
