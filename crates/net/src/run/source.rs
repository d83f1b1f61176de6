//! The program that trained a run's network, where deepViz did not, and the outputs that it gave.

use crate::bounded;
use crate::error::Error;
use crate::shape::Step;
use crate::table::Section;
use crate::table::write::{put, word};
use ndarray::Array2;
use serde::Serialize;
use std::path::Path;
use toml::Table;

/// `[source]`: the program that trained the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Source {
    /// The program: `pytorch`, `onnx`, `cuda-convnet` or another word.
    pub kind: String,
    /// Its version.
    pub version: String,
    /// What it calls the network, e.g. the class of the `PyTorch` module.
    pub model: String,
    /// Who computes the network's outputs.
    pub forward: Forward,
    /// The optimiser and its settings, as they are to be shown; none where they are not known.
    pub optimiser: Option<String>,
}

/// Who computes a network's outputs for images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Forward {
    /// deepViz, by its own operations.
    #[default]
    Own,
    /// A Python process that has the network's graph beside the run.
    Worker,
}

impl Forward {
    const WORDS: [(&'static str, Self); 2] = [("own", Self::Own), ("worker", Self::Worker)];
}

/// `[check]`: images whose outputs were computed by the program that trained the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckInfo {
    /// The snapshot that was used.
    pub step: Step,
    /// Ids of the images in the run's corpus.
    pub images: Vec<u32>,
    /// File in the run folder with the array `outputs`: images x classes, what goes into the softmax.
    pub file: String,
}

/// The array of a check's file.
const OUTPUTS: &str = "outputs";

/// Bytes of a check's file beside the outputs, at most.
const MAX_HEADER_BYTES: u64 = 1 << 20;

/// Images that a check can have.
const MAX_IMAGES: usize = 1024;

impl Source {
    pub(super) fn read(mut section: Section<'_>) -> Result<Self, Error> {
        let source = Self {
            kind: section.required("kind")?,
            version: section.required("version")?,
            model: section.required("model")?,
            forward: section.choice("forward", &Forward::WORDS)?.unwrap_or_default(),
            optimiser: section.optional("optimiser")?,
        };
        section.finish()?;
        Ok(source)
    }

    pub(super) fn table(&self) -> Table {
        let mut table = Table::new();
        put(&mut table, "kind", self.kind.as_str());
        put(&mut table, "version", self.version.as_str());
        put(&mut table, "model", self.model.as_str());
        if self.forward != Forward::Own {
            put(&mut table, "forward", word(&Forward::WORDS, &self.forward));
        }
        if let Some(optimiser) = &self.optimiser {
            put(&mut table, "optimiser", optimiser.as_str());
        }
        table
    }
}

impl CheckInfo {
    pub(super) fn read(mut section: Section<'_>) -> Result<Self, Error> {
        let step = section.required::<u64>("step")?;
        let ids = "a list of 1 to 1,024 ids of images";
        let holds =
            |ids: &Vec<u64>| (1..=MAX_IMAGES).contains(&ids.len()) && ids.iter().all(|id| u32::try_from(*id).is_ok());
        let images = section.checked::<Vec<u64>>("images", ids, holds)?.ok_or_else(|| section.missing("images"))?;
        let is_name = |name: &String| !name.contains(['/', '\\']) && !name.starts_with('.') && !name.is_empty();
        let file = section.checked("file", "the name of a file in the run folder", is_name)?;
        let check = Self {
            step: Step(step),
            images: images.into_iter().map(|id| id as u32).collect(),
            file: file.ok_or_else(|| section.missing("file"))?,
        };
        section.finish()?;
        Ok(check)
    }

    pub(super) fn table(&self) -> Table {
        let mut table = Table::new();
        put(&mut table, "step", self.step.0 as i64);
        put(&mut table, "images", self.images.iter().map(|id| i64::from(*id)).collect::<Vec<_>>());
        put(&mut table, "file", self.file.as_str());
        table
    }
}

/// Reads the outputs of a check: images x classes.
pub(super) fn read_outputs(path: &Path, shape: [usize; 2]) -> Result<Array2<f32>, Error> {
    let damaged = |reason: String| Error::Damaged { what: "the recorded outputs", reason, path: path.to_owned() };
    let max = MAX_HEADER_BYTES + 4 * shape.iter().map(|side| *side as u64).product::<u64>();
    let bytes = bounded::read(path, max).map_err(Error::io("read the recorded outputs", path))?;
    let file = safetensors::SafeTensors::deserialize(&bytes).map_err(|error| damaged(error.to_string()))?;
    let outputs = file.tensor(OUTPUTS).map_err(|error| damaged(error.to_string()))?;
    if outputs.dtype() != safetensors::Dtype::F32 || outputs.shape() != shape {
        let (dtype, found) = (outputs.dtype(), outputs.shape());
        return Err(damaged(format!("`{OUTPUTS}` is {dtype:?} {found:?}, expected F32 {shape:?}")));
    }
    let values = outputs.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    Array2::from_shape_vec(shape, values.collect()).map_err(|error| damaged(error.to_string()))
}
