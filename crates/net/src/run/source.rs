//! Where a run's network was trained, if not here, and what its outputs were there.

use crate::error::Error;
use crate::shape::Step;
use crate::table::Section;
use crate::table::write::put;
use serde::Serialize;
use toml::Table;

/// `[source]`: the program that trained the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Source {
    /// `pytorch`, `onnx`, `cuda-convnet` or another word.
    pub kind: String,
    /// Its version.
    pub version: String,
    /// What it calls the network: the class of a module, for one.
    pub model: String,
    /// The optimiser and its settings, as they are to be shown; none where they are not known.
    pub optimiser: Option<String>,
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

/// Images that a check can have.
const MOST_IMAGES: usize = 1024;

impl Source {
    pub(super) fn read(mut section: Section<'_>) -> Result<Self, Error> {
        let source = Self {
            kind: section.required("kind")?,
            version: section.required("version")?,
            model: section.required("model")?,
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
            |ids: &Vec<u64>| (1..=MOST_IMAGES).contains(&ids.len()) && ids.iter().all(|id| u32::try_from(*id).is_ok());
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
