//! The columns of a table with images and labels, and the names of classes in Hugging Face's description.

use std::{collections::BTreeMap, path::Path};

use parquet::{file::metadata::FileMetaData, schema::types::SchemaDescriptor};
use serde::Deserialize;

use super::fault::malformed;
use crate::{Error, LabelLevel};

/// The names that columns of images have where no description says which they are.
const IMAGES: [&str; 7] = ["image", "img", "jpg", "png", "picture", "photo", "pixels"];
/// The names that columns of labels have, the likeliest first.
const LABELS: [&str; 9] = ["label", "fine_label", "labels", "class", "cls", "category", "target", "digit", "character"];
const COARSE: &str = "coarse_label";
/// Key of the description in the table's metadata.
const DESCRIPTION: &str = "huggingface";

/// The leaf columns that are read, by index.
pub(super) struct Columns {
    /// The bytes of the image files.
    pub(super) image: usize,
    /// The names of the image files.
    pub(super) name: Option<usize>,
    pub(super) label: usize,
    /// The names of the classes; empty where the table does not have them.
    pub(super) names: Vec<String>,
}

#[derive(Deserialize)]
struct FeatureDescription {
    info: Info,
}

#[derive(Deserialize)]
struct Info {
    features: BTreeMap<String, serde_json::Value>,
}

/// A column as the description has it.
#[derive(Deserialize)]
struct Feature {
    #[serde(rename = "_type")]
    kind: String,
    #[serde(default)]
    names: Vec<String>,
}

impl Columns {
    pub(super) fn find(metadata: &FileMetaData, level: LabelLevel, path: &Path) -> Result<Self, Error> {
        let schema = metadata.schema_descr();
        let features = features(metadata, path)?;
        let of_kind = |kind: &'static str| {
            features.iter().filter(move |(_, feature)| feature.kind == kind).map(|(name, _)| name.as_str())
        };
        let columns = || {
            let columns = schema.columns().iter().map(|column| column.path().string());
            format!("the columns {}", columns.collect::<Vec<_>>().join(", "))
        };
        let described: Vec<&str> = of_kind("Image").collect();
        let image = described.into_iter().chain(IMAGES).find(|name| bytes_of(schema, name).is_some());
        let Some((image, bytes)) = image.and_then(|name| Some((name, bytes_of(schema, name)?))) else {
            return Err(malformed(columns(), "a column `image` with the bytes of image files", path));
        };
        let wanted = if level == LabelLevel::Coarse { vec![COARSE] } else { Vec::new() };
        let usual = wanted.into_iter().chain(LABELS).find(|name| leaf(schema, name).is_some());
        let labels: Vec<&str> = of_kind("ClassLabel").collect();
        let label = match (usual, labels.as_slice()) {
            (Some(usual), _) => Some(usual),
            (None, [only]) => Some(*only),
            (None, _) => None,
        };
        let Some((label, leaf_of_label)) = label.and_then(|name| Some((name, leaf(schema, name)?))) else {
            return Err(malformed(columns(), "one column `label`, `fine_label` or `coarse_label`", path));
        };
        let names = features.get(label).map(|feature| feature.names.clone()).unwrap_or_default();
        let name = leaf(schema, &format!("{image}.path"));
        Ok(Self { image: bytes, name, label: leaf_of_label, names })
    }
}

/// The leaf with the bytes of a column of images: the column itself, or `bytes` in it.
fn bytes_of(schema: &SchemaDescriptor, name: &str) -> Option<usize> {
    leaf(schema, &format!("{name}.bytes")).or_else(|| leaf(schema, name))
}

/// The index of a leaf column that each row has once at most.
fn leaf(schema: &SchemaDescriptor, name: &str) -> Option<usize> {
    schema.columns().iter().position(|column| column.path().string() == name && column.max_rep_level() == 0)
}

fn features(metadata: &FileMetaData, path: &Path) -> Result<BTreeMap<String, Feature>, Error> {
    let pairs = metadata.key_value_metadata().map_or(&[][..], |pairs| pairs.as_slice());
    let Some(text) = pairs.iter().find(|pair| pair.key == DESCRIPTION).and_then(|pair| pair.value.as_ref()) else {
        return Ok(BTreeMap::new());
    };
    let description: FeatureDescription = serde_json::from_str(text)
        .map_err(|error| malformed(format!("a description of its columns with {error}"), "features in JSON", path))?;
    // Columns of other kinds are described in other ways.
    let features = description.info.features.into_iter();
    Ok(features.filter_map(|(name, value)| Some((name, serde_json::from_value(value).ok()?))).collect())
}
