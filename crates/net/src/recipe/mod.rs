//! The recipe language: one TOML file that says what is trained, on what, and how.

mod data;
mod layer;
mod network;
mod resize;
mod short;
mod snapshots;
mod train;
mod write;

pub use crate::input::{ChannelOrder, MeanKind, Padding, Resize, StdKind, TestViews, ValueRange};
pub use crate::optimiser::{Optimiser, OptimiserSettings, Rates};
pub use crate::training_spec::{Curve, Precision, Schedule, Shuffle, Stage, TrainingSpec};
pub use data::{DataRecipe, Flip};
pub use layer::{LayerRecipe, Origin};
pub use short::short;
pub use snapshots::{Every, SnapshotRecipe};

use crate::ops::Op;
use crate::table::write::put;
use crate::table::{Scope, Section, tree};
use toml::Table;

use crate::bounded;
use crate::error::Error;
use std::collections::HashSet;
use std::path::Path;
use tree::{Node, SourceLocation, Value};

/// A whole recipe, defaults filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// Its name: the file's, without `.toml`, unless the recipe gives one.
    pub name: String,
    /// `[data]`
    pub data: DataRecipe,
    /// `[[layer]]`, in order.
    pub layers: Vec<LayerRecipe>,
    /// `[train]`; only the recipe of a run that another program trained has none.
    pub train: Option<TrainingSpec>,
    /// `[snapshots]`
    pub snapshots: SnapshotRecipe,
    /// The file it was read from.
    pub origin: Origin,
}

/// Bytes of a recipe at most.
const MAX_BYTES: u64 = 1 << 20;

impl Recipe {
    /// Reads a recipe file and applies overrides (`train.batch` = `64`).
    pub fn load(path: &Path, overrides: &[(String, String)]) -> Result<Self, Error> {
        let text = bounded::read_text(path, MAX_BYTES).map_err(Error::io("read the recipe", path))?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let root = tree_of(&text, &path.display().to_string(), overrides)?;
        with_training(read(&root, &path.display().to_string(), &stem)?)
    }

    /// Reads a recipe from text; `name` stands for the file's.
    pub fn parse(text: &str, name: &str, overrides: &[(String, String)]) -> Result<Self, Error> {
        let root = tree_of(text, name, overrides)?;
        with_training(read(&root, name, name.strip_suffix(".toml").unwrap_or(name))?)
    }

    /// How the network learns.
    ///
    /// # Errors
    /// [`Error::Recipe`] where it has no `[train]`.
    pub fn training(&self) -> Result<&TrainingSpec, Error> {
        self.train.as_ref().ok_or_else(|| {
            let scope = Scope { file: &self.origin.0, layer: None };
            scope.error(&SourceLocation::Whole, "the key `train` in the recipe", "none".into())
        })
    }

    /// The recipe as TOML that reads back to the same recipe, every default written out.
    pub fn to_toml(&self) -> String {
        self.table().to_string()
    }

    /// Trains for `epochs` in all, as [`Schedule::with_epochs`] says.
    #[must_use]
    pub fn with_epochs(mut self, epochs: u64) -> Self {
        if let Some(train) = &mut self.train {
            train.schedule = train.schedule.clone().with_epochs(epochs);
        }
        self
    }

    pub(crate) fn from_node(root: &Node, file: &str) -> Result<Self, Error> {
        read(root, file, "")
    }

    pub(crate) fn table(&self) -> Table {
        let layers = self.layers.iter().map(|layer| toml::Value::Table(layer.to_table()));
        let mut table = Table::new();
        put(&mut table, "name", self.name.as_str());
        put(&mut table, "data", write::data(&self.data));
        put(&mut table, "layer", layers.collect::<Vec<_>>());
        if let Some(spec) = &self.train {
            put(&mut table, "train", write::train(spec));
            let mut snapshots = Table::new();
            put(&mut snapshots, "every", self.snapshots.every.to_string().as_str());
            put(&mut table, "snapshots", snapshots);
        }
        table
    }
}

impl serde::Serialize for Recipe {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.table().serialize(serializer)
    }
}

fn tree_of(text: &str, file: &str, overrides: &[(String, String)]) -> Result<Node, Error> {
    let mut root = tree::parse(text, file)?;
    for (path, value) in overrides {
        tree::apply_override(&mut root, path, value)?;
    }
    Ok(root)
}

/// Refuses a recipe without `[train]`.
fn with_training(recipe: Recipe) -> Result<Recipe, Error> {
    recipe.training()?;
    Ok(recipe)
}

fn read(root: &Node, file: &str, default_name: &str) -> Result<Recipe, Error> {
    let scope = Scope { file, layer: None };
    let mut section = Section::open(scope, "the recipe", root)?;
    let name = section.or("name", default_name.to_owned())?;
    let data = section.node("data");
    let layers = section.node("layer");
    let train = section.node("train");
    let snapshots = section.node("snapshots");
    section.finish()?;
    let data = match data {
        Some(node) => DataRecipe::read(Section::open(scope, "[data]", node)?)?,
        None => DataRecipe::default(),
    };
    let snapshots = match snapshots {
        Some(node) => SnapshotRecipe::read(Section::open(scope, "[snapshots]", node)?)?,
        None => SnapshotRecipe::default(),
    };
    Ok(Recipe {
        name,
        data,
        layers: read_layers(scope, layers, train.is_some())?,
        train: train.map(|node| TrainingSpec::read(Section::open(scope, "[train]", node)?)).transpose()?,
        snapshots,
        origin: Origin(file.to_owned()),
    })
}

/// Reads the layers; `is_trained_here` says that deepViz trains the network, not another program.
fn read_layers(scope: Scope<'_>, node: Option<&Node>, is_trained_here: bool) -> Result<Vec<LayerRecipe>, Error> {
    let Some(Node { value: Value::List(items), .. }) = node else {
        let location = node.map_or(&SourceLocation::Whole, |node| &node.location);
        let found = node.map_or_else(|| "none".to_owned(), |node| node.value.describe());
        return Err(scope.error(location, "layers, each under [[layer]]", found));
    };
    let mut layers: Vec<LayerRecipe> = Vec::new();
    let mut names = HashSet::new();
    for item in items {
        let name: String = Section::open(scope, "[[layer]]", item)?.required("name")?;
        let scope = Scope { layer: Some(&name), ..scope };
        check_name(scope, &item.location, &name, is_trained_here)?;
        if !names.insert(name.clone()) || name == "data" || name == "optimizer" {
            let expected = "a name of its own for every layer (`data` is the image's)";
            return Err(scope.error(&item.location, expected, format!("\"{name}\" a second time")));
        }
        let section = Section::open(scope, "[[layer]]", item)?;
        let before = layers.last().map(|layer| layer.name.as_str());
        let layer = LayerRecipe::read(section, name.clone(), before)?;
        if is_trained_here && !layer.arrays.is_empty() {
            let expected = "no `arrays` where the network is trained here: its snapshots name them after the layers";
            return Err(scope.error(&item.location, expected, "them".into()));
        }
        if is_trained_here && matches!(layer.op, Op::External(_)) {
            let expected = "layers that deepViz computes itself where the network is trained here";
            return Err(scope.error(&item.location, expected, format!("`type = \"{}\"`", layer.op.kind())));
        }
        layers.push(layer);
    }
    Ok(layers)
}

fn check_name(scope: Scope<'_>, location: &SourceLocation, name: &str, is_trained_here: bool) -> Result<(), Error> {
    // Names are in URLs and queries, where a bare number is an index. In names of other programs dots separate modules;
    // in deepViz's own snapshots a dot separates a layer from its array.
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-' || (c == '.' && !is_trained_here);
    let good = !name.is_empty() && name.chars().all(allowed) && !name.split('.').any(str::is_empty);
    if good && !name.chars().all(|c| c.is_ascii_digit()) {
        return Ok(());
    }
    let expected = if is_trained_here {
        "a name of letters, digits, _ and -, not digits alone"
    } else {
        "a name of letters, digits, _, - and single dots in between, not digits alone"
    };
    Err(scope.error(location, expected, format!("\"{name}\"")))
}

#[cfg(test)]
mod tests;
