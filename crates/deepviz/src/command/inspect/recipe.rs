//! `deepviz inspect RECIPE`, and the list of built-in ones.

use std::path::Path;

use anyhow::Context as _;
use deepviz_corpus::Reading;
use deepviz_net::Op;
use deepviz_net::{Error, Network, Recipe, Shape};
use serde_json::json;

use super::layers;
use crate::cli::ImageCacheArgs;
use crate::command::corpus;
use crate::console::{Console, print_json, print_line};
use crate::format;
use crate::recipe as recipes;
use crate::table::Table;

/// Image size for a recipe that is inspected without a corpus.
const USUAL_IMAGE: Shape = Shape::new(3, 32, 32);

/// Prints the built-in recipes.
pub fn list(as_json: bool) {
    if as_json {
        let names: Vec<&str> = recipes::BUILT_IN.iter().map(|(name, _)| *name).collect();
        print_json(&json!({ "kind": "recipes", "recipes": names }));
        return;
    }
    let mut table = Table::new(&["recipe", "about"]);
    for (name, text) in recipes::BUILT_IN {
        let about = recipes::head(text).find(|line| !line.is_empty());
        table.row([name.to_owned(), about.unwrap_or_default().to_owned()]);
    }
    table.print();
}

/// Prints a recipe and its network.
pub fn print(target: &str, corpus_path: Option<&Path>, as_json: bool) -> anyhow::Result<()> {
    let recipe = recipes::load(target, &[])?;
    let (image, classes) = match corpus_path {
        Some(path) => {
            let options = ImageCacheArgs::default().options(Reading::default(), recipe.data.resize.is_some());
            let corpus = corpus::open(path, &options, Console::silent())?;
            let size = corpus.common_shape().map(|shape| [shape.height, shape.width]);
            let image = recipe.data.input().image_shape(corpus.channels(), size)?;
            (image, corpus.classes().len())
        }
        None => (image_of(&recipe)?, classes_of(&recipe)),
    };
    let network = Network::new(&recipe, image, classes)
        .with_context(|| format!("the network of {} does not fit", recipe.name))?;
    let rows = layers::rows(&network);
    if as_json {
        print_json(&json!({
            "kind": "recipe",
            "name": recipe.name,
            "image_shape": image.dims(),
            "classes": classes,
            "parameters": network.parameter_count(),
            "layers": rows,
            "recipe": recipe,
        }));
        return Ok(());
    }
    let [channels, height, width] = image.dims();
    print_line(&format!("recipe      {}", recipe.name));
    print_line(&format!("images      {channels} x {height} x {width}, {classes} classes"));
    print_line(&format!("parameters  {}", format::count(network.parameter_count() as u64)));
    let training = recipe.training()?;
    print_line(&format!("batch       {}", training.batch));
    print_line(&format!("epochs      {}", training.schedule.epochs()));
    print_line(&format!("snapshots   {}", recipe.snapshots.every));
    print_line("");
    layers::print(&rows);
    print_line("");
    let mut stages = Table::new(&["stage", "epochs", "rate", "bias rate"]);
    for (index, stage) in training.schedule.stages.iter().enumerate() {
        let way = |from: f64, to: f64| if stage.is_constant() { from.to_string() } else { format!("{from} to {to}") };
        stages.row([
            index.to_string(),
            stage.epochs.to_string(),
            way(stage.rate.weight, stage.end_rate.weight),
            way(stage.rate.bias, stage.end_rate.bias),
        ]);
    }
    stages.print();
    Ok(())
}

/// The usual image's shape after the recipe's input transform.
fn image_of(recipe: &Recipe) -> Result<Shape, Error> {
    recipe.data.input().image_shape(USUAL_IMAGE.channels, Some([USUAL_IMAGE.height, USUAL_IMAGE.width]))
}

/// The outputs of the last fully connected layer, or 10.
fn classes_of(recipe: &Recipe) -> usize {
    let outputs = recipe.layers.iter().rev().find_map(|layer| match &layer.op {
        Op::Dense(dense) => Some(dense.outputs),
        _ => None,
    });
    outputs.unwrap_or(10)
}
