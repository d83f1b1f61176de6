//! A network from its recipe.

use super::{LayerRecipe, Recipe};
use crate::error::Error;
use crate::input::{MeanKind, StdKind};
use crate::network::{MAX_ACTIVATIONS, Network, NetworkBuilder};
use crate::shape::Shape;

impl Network {
    /// Builds the recipe's network for images of the given shape and number of classes.
    ///
    /// # Errors
    /// [`Error::Recipe`] with file, line and layer.
    pub fn new(recipe: &Recipe, image: Shape, classes: usize) -> Result<Self, Error> {
        let image = recipe.data.input().image_shape(image.channels, Some([image.height, image.width]))?;
        check_channels(recipe, image)?;
        let input = input_shape(recipe, image)?;
        check_image(recipe, image)?;
        let builder = Self::builder(image).input(recipe.data.input()).cropped_to(input).classes(classes);
        let add = |builder: NetworkBuilder, entry: &LayerRecipe| {
            builder.layer(&entry.name, entry.op.clone(), &entry.inputs).arrays(&entry.arrays)
        };
        let built = recipe.layers.iter().fold(builder, add).build();
        built.map_err(|error| with_location(recipe, error))
    }
}

/// The error with the location of its layer in the recipe.
fn with_location(recipe: &Recipe, error: Error) -> Error {
    let Error::Network { layer, expected, found, hint } = error else {
        return error;
    };
    let entry = recipe.layers.iter().find(|entry| Some(&entry.name) == layer.as_ref());
    let origin = entry.map_or(&recipe.origin, |entry| &entry.origin);
    Error::Recipe { location: origin.0.clone(), layer, expected, found, hint }
}

fn check_image(recipe: &Recipe, image: Shape) -> Result<(), Error> {
    let values = image.dims().into_iter().try_fold(1_usize, usize::checked_mul);
    if values.is_some_and(|values| values <= MAX_ACTIVATIONS) {
        return Ok(());
    }
    Err(Error::Recipe {
        location: recipe.origin.0.clone(),
        layer: None,
        expected: "images of at most 2^28 values".into(),
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
        location: recipe.origin.0.clone(),
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
            location: recipe.origin.0.clone(),
            layer: None,
            expected: format!("a `pad` in [data] below the side of images of {image}"),
            found: pad.to_string(),
            hint: None,
        });
    }
    match recipe.data.crop {
        Some(crop) if crop > image.height.min(image.width) => Err(Error::Recipe {
            location: recipe.origin.0.clone(),
            layer: None,
            expected: format!("a `crop` in [data] that fits images of {image}"),
            found: crop.to_string(),
            hint: None,
        }),
        Some(crop) => Ok(Shape::new(image.channels, crop, crop)),
        None => Ok(image),
    }
}
