//! run.toml: what was trained, on what, from which seed.

use super::source::{CheckInfo, Source};
use crate::bounded;
use crate::error::Error;
use crate::input::{MeanKind, StdKind};
use crate::recipe::{Recipe, TrainingSpec};
use crate::shape::{Shape, Step};
use crate::snapshot::file::write_whole;
use crate::table::{Scope, Section, tree};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// Newest format this version reads: docs/run-format.md describes it.
pub const RUN_FORMAT: u32 = 2;

/// The format of runs that deepViz trains; those trained by another program have a newer one.
pub const OWN_FORMAT: u32 = 1;

const RUN_FILE: &str = "run.toml";

/// What run.toml says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunInfo {
    /// Format of the run folder.
    pub format: u32,
    /// Name of the run.
    pub name: String,
    /// Version of deepViz that started it.
    pub version: String,
    /// The recipe, every default written out.
    pub recipe: Recipe,
    /// Class names in order.
    pub classes: Vec<String>,
    /// Shape of the corpus' images.
    pub image: Shape,
    /// The corpus.
    pub corpus: CorpusInfo,
    /// How deepViz trains it; none where another program trained it.
    #[serde(flatten)]
    pub training: Option<RunTraining>,
    /// The program that trained it, if that is known; format 2 only.
    pub source: Option<Source>,
    /// Outputs that the program that trained it gave for some images, to compare deepViz's with; format 2 only.
    pub check: Option<CheckInfo>,
}

/// How deepViz trains a run: `[train]` of its recipe, and what follows from that and the corpus.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunTraining {
    /// `[train]` of the recipe.
    #[serde(skip)]
    pub spec: TrainingSpec,
    /// Seed of everything random.
    pub seed: u64,
    /// Vector instructions of the CPU compute; other ones round differently.
    pub vector_level: String,
    /// Images trained on (fewer than the corpus has where that was limited).
    pub train_images: u64,
    /// Updates an epoch.
    pub steps_per_epoch: u64,
    /// Updates in all.
    pub total_steps: u64,
    /// Steps of the snapshots the recipe plans.
    pub snapshot_steps: Vec<u64>,
}

impl RunTraining {
    /// Reads the keys beside the recipe; nothing where that has no `[train]`, and then those keys are refused as
    /// unknown.
    fn read(section: &mut Section<'_>, recipe: &Recipe) -> Result<Option<Self>, Error> {
        let Some(spec) = recipe.train.clone() else {
            return Ok(None);
        };
        Ok(Some(Self {
            spec,
            seed: section.required("seed")?,
            vector_level: section.required("vector_level")?,
            train_images: section.required("train_images")?,
            steps_per_epoch: section.required("steps_per_epoch")?,
            total_steps: section.required("total_steps")?,
            snapshot_steps: section.required("snapshot_steps")?,
        }))
    }

    fn write(&self, table: &mut Table) {
        let mut put = |key: &str, value: Value| table.insert(key.to_owned(), value);
        put("seed", whole(self.seed));
        put("vector_level", Value::from(self.vector_level.as_str()));
        put("train_images", whole(self.train_images));
        put("steps_per_epoch", whole(self.steps_per_epoch));
        put("total_steps", whole(self.total_steps));
        let steps = self.snapshot_steps.iter().copied().map(whole);
        put("snapshot_steps", Value::Array(steps.collect()));
    }

    fn epoch_of(&self, step: Step) -> f64 {
        step.0 as f64 / self.steps_per_epoch.max(1) as f64
    }

    fn images_seen(&self, step: Step) -> u64 {
        let steps = self.steps_per_epoch.max(1);
        let in_epoch = (step.0 % steps).saturating_mul(self.spec.batch as u64);
        (step.0 / steps).saturating_mul(self.train_images).saturating_add(in_epoch.min(self.train_images))
    }
}

impl RunInfo {
    /// How the classes of a corpus differ from those that the run was trained on, in words; `None` where they do not.
    pub fn class_difference(&self, found: &[String]) -> Option<String> {
        let quoted = |names: &[&String]| {
            let more = names.len().saturating_sub(NAMED_CLASSES);
            let names: Vec<String> = names.iter().take(NAMED_CLASSES).map(|name| format!("`{name}`")).collect();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{}{more}", names.join(", "))
        };
        let without = |all: &'_ [String], known: &[String]| -> Vec<usize> {
            (0..all.len()).filter(|&index| !known.contains(&all[index])).collect()
        };
        let names = |all: &[String], locations: &[usize]| {
            quoted(&locations.iter().map(|&location| &all[location]).collect::<Vec<_>>())
        };
        let (added, missing) = (without(found, &self.classes), without(&self.classes, found));
        let parts: Vec<String> =
            [(&added, found, "it has the class"), (&missing, &self.classes[..], "it lacks the class")]
                .into_iter()
                .filter(|(locations, ..)| !locations.is_empty())
                .map(|(locations, all, what)| format!("{what} {}", names(all, locations)))
                .collect();
        if !parts.is_empty() {
            let (had, has) = (self.classes.len(), found.len());
            return Some(format!("{} ({has} classes, expected {had})", parts.join(" and ")));
        }
        let (index, (expected, found)) = self.classes.iter().zip(found).enumerate().find(|(_, (a, b))| a != b)?;
        Some(format!("its class {index} is `{found}`, expected `{expected}`: the order of the classes differs"))
    }
}

impl RunInfo {
    /// Which classes hold the images of another one, by the first image of each ([`CorpusInfo::first_images`]), in
    /// words: where class folders were swapped, names and counts are the same. `None` where that does not show.
    pub fn swapped_classes(&self, found: &[String]) -> Option<String> {
        let expected = &self.corpus.first_images;
        if expected.len() != found.len() || expected.len() != self.classes.len() {
            return None;
        }
        let swapped: Vec<(&String, &String)> = (0..found.len())
            .filter(|&class| found[class] != expected[class] && !found[class].is_empty())
            .filter_map(|class| {
                let origin = expected.iter().position(|image| *image == found[class])?;
                Some((&self.classes[class], &self.classes[origin]))
            })
            .collect();
        let more = swapped.len().saturating_sub(NAMED_CLASSES);
        let named = swapped.iter().take(NAMED_CLASSES);
        let named: Vec<String> = named.map(|(class, origin)| format!("`{class}` holds what `{origin}` held")).collect();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        (!named.is_empty()).then(|| {
            let named = named.join(", ");
            format!("classes are swapped: now {named}{more}")
        })
    }
}

/// Classes that are named where corpora differ.
const NAMED_CLASSES: usize = 5;

/// The corpus of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CorpusInfo {
    /// Name.
    pub name: String,
    /// Where it was when the run was started.
    pub path: PathBuf,
    /// Hash of its labels and pixels.
    pub identity: String,
    /// Training images.
    pub train: u64,
    /// Test images.
    pub test: u64,
    /// A hash of the first image of every class, in the order of the classes: tells which were swapped. Empty in runs
    /// of earlier versions.
    #[serde(skip_serializing)]
    pub first_images: Vec<String>,
    /// The options with which its folder was read, where they are not the defaults: `labels`, `test_from` and
    /// `orientation`, with their values.
    #[serde(flatten)]
    pub reading: BTreeMap<String, String>,
}

/// Bytes of a run.toml at most: the names of a hundred thousand classes fit.
const MAX_BYTES: u64 = 4 << 20;

/// Classes at most: labels are `u16`.
const MAX_CLASSES: usize = 1 << 16;

/// Updates of a run at most: the dashboard and scripts read them as doubles.
const MAX_STEPS: u64 = (1 << 53) - 1;

/// The keys of `[corpus]` with the options that the corpus's folder is to be read with ([`CorpusInfo::reading`]).
pub const READING_KEYS: [&str; 3] = ["labels", "test_from", "orientation"];

impl RunInfo {
    /// How deepViz trains the run.
    ///
    /// # Errors
    /// [`Error::TrainedElsewhere`] where another program trained it.
    pub fn training(&self) -> Result<&RunTraining, Error> {
        self.training.as_ref().ok_or_else(|| Error::TrainedElsewhere { name: self.name.clone() })
    }

    /// Epochs done after a step, in fractions; 0 where that is not known because another program trained the run: its
    /// snapshots say.
    pub fn epoch_of(&self, step: Step) -> f64 {
        self.training.as_ref().map_or(0.0, |training| training.epoch_of(step))
    }

    /// Training images seen after a step: the last minibatch of an epoch may be smaller. A step that no run reaches (in
    /// the header of a damaged snapshot) gives the greatest number there is. 0 where another program trained the run.
    pub fn images_seen(&self, step: Step) -> u64 {
        self.training.as_ref().map_or(0, |training| training.images_seen(step))
    }

    /// Reads a run folder's run.toml.
    pub fn read(run: &Path) -> Result<Self, Error> {
        let path = run.join(RUN_FILE);
        let text = match bounded::read_text(&path, MAX_BYTES) {
            Ok(text) => text,
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::NotARun { path: run.into() });
            }
            Err(source) => return Err(Error::io("read the run", path)(source)),
        };
        let file = path.display().to_string();
        let root = tree::parse(&text, &file)?;
        let scope = Scope { file: &file, layer: None };
        let mut section = Section::open(scope, "run.toml", &root)?;
        // Before anything else: a newer format may hold keys that are unknown here.
        let format = section.required::<u64>("format")?;
        if format > u64::from(RUN_FORMAT) {
            return Err(Error::NewerFormat {
                what: "the run",
                found: u32::try_from(format).unwrap_or(u32::MAX),
                supported: RUN_FORMAT,
                path: run.into(),
            });
        }
        let mut info = Self::from_section(section, u32::try_from(format).unwrap_or(u32::MAX))?;
        if info.format > OWN_FORMAT {
            // So that a run that lies beside its images can be moved with them.
            info.corpus.path = run.join(&info.corpus.path);
        }
        Ok(info)
    }

    fn from_section(mut section: Section<'_>, format: u32) -> Result<Self, Error> {
        // Unknown keys of format 1, and refused there as such.
        let mut newer = |key| if format > OWN_FORMAT { section.node(key) } else { None };
        let (source, check) = (newer("source"), newer("check"));
        let recipe = section.node("recipe");
        let recipe = recipe.ok_or_else(|| section.missing("recipe"))?;
        let image = section.node("image");
        let image = image.ok_or_else(|| section.missing("image"))?;
        let corpus = section.node("corpus");
        let corpus = corpus.ok_or_else(|| section.missing("corpus"))?;
        let scope = section.scope;
        let recipe = Recipe::from_node(recipe, scope.file)?;
        let info = Self {
            format,
            name: section.required("name")?,
            version: section.required("version")?,
            classes: section.required("classes")?,
            image: read_image(Section::open(scope, "[image]", image)?)?,
            corpus: CorpusInfo::read(Section::open(scope, "[corpus]", corpus)?)?,
            training: RunTraining::read(&mut section, &recipe)?,
            source: source.map(|node| Source::read(Section::open(scope, "[source]", node)?)).transpose()?,
            check: check.map(|node| CheckInfo::read(Section::open(scope, "[check]", node)?)).transpose()?,
            recipe,
        };
        section.finish()?;
        info.check_sizes(scope)?;
        info.check_mean(scope)?;
        Ok(info)
    }

    /// Refuses numbers that no run can have: other files are checked against them, and they decide how much memory is
    /// allocated.
    fn check_sizes(&self, scope: Scope<'_>) -> Result<(), Error> {
        let CorpusInfo { train, test, .. } = self.corpus;
        let training = self.training.as_ref();
        let (train_images, total_steps) = training.map_or((0, 0), |found| (found.train_images, found.total_steps));
        let refuse = |expected: &str, found: String| Err(scope.error(&tree::SourceLocation::Whole, expected, found));
        match () {
            () if self.classes.len() > MAX_CLASSES => {
                refuse("at most 65,536 classes", format!("{} of them", self.classes.len()))
            }
            () if train.saturating_add(test) > u64::from(u32::MAX) => {
                refuse("a corpus of fewer than 2^32 images", format!("{train} for training and {test} for testing"))
            }
            () if train_images > u64::from(u32::MAX) => refuse("`train_images` below 2^32", train_images.to_string()),
            () if total_steps > MAX_STEPS => refuse("`total_steps` below 2^53", total_steps.to_string()),
            () => Ok(()),
        }
    }

    /// Snapshots of another program hold a mean image where `mean` is "pixel", and nothing else that is computed from the
    /// training images.
    fn check_mean(&self, scope: Scope<'_>) -> Result<(), Error> {
        let data = &self.recipe.data;
        if self.format == OWN_FORMAT || (data.mean != MeanKind::Channel && data.std != StdKind::Channel) {
            return Ok(());
        }
        let expected =
            "`mean` in [recipe.data] that is \"none\", \"pixel\" or numbers, and `std` that is \"none\" or numbers";
        Err(scope.error(&tree::SourceLocation::Whole, expected, "what is computed from the training images".into()))
    }

    /// Writes the run folder's run.toml.
    pub fn write(&self, run: &Path) -> Result<(), Error> {
        let text = format!(
            "# Written by deepViz: what this run is. Its snapshots and metrics lie beside it.\n{}",
            self.table()
        );
        write_whole(&run.join(RUN_FILE), "write the run", |file| file.write_all(text.as_bytes()))
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        let mut put = |key: &str, value: Value| table.insert(key.to_owned(), value);
        put("format", Value::from(self.format));
        put("name", Value::from(self.name.as_str()));
        put("version", Value::from(self.version.as_str()));
        if let Some(training) = &self.training {
            training.write(&mut table);
        }
        let mut put = |key: &str, value: Value| table.insert(key.to_owned(), value);
        put("classes", Value::from(self.classes.clone()));
        let mut image = Table::new();
        let sides = ["channels", "height", "width"];
        for (key, side) in sides.into_iter().zip(self.image.dims()) {
            image.insert(key.into(), whole(side as u64));
        }
        put("image", Value::Table(image));
        put("corpus", Value::Table(self.corpus.table()));
        if let Some(source) = &self.source {
            put("source", Value::Table(source.table()));
        }
        if let Some(check) = &self.check {
            put("check", Value::Table(check.table()));
        }
        put("recipe", Value::Table(self.recipe.table()));
        table
    }
}

/// A number as TOML's integer.
fn whole(number: u64) -> Value {
    Value::Integer(number as i64)
}

fn read_image(mut section: Section<'_>) -> Result<Shape, Error> {
    let shape = Shape {
        channels: section.required("channels")?,
        height: section.required("height")?,
        width: section.required("width")?,
    };
    section.finish()?;
    Ok(shape)
}

impl CorpusInfo {
    fn read(mut section: Section<'_>) -> Result<Self, Error> {
        let mut reading = BTreeMap::new();
        for key in READING_KEYS {
            if let Some(value) = section.optional::<String>(key)? {
                reading.insert(key.to_owned(), value);
            }
        }
        let info = Self {
            reading,
            name: section.required("name")?,
            path: section.required::<String>("path")?.into(),
            identity: section.required("identity")?,
            train: section.required("train")?,
            test: section.required("test")?,
            first_images: section.optional("first_images")?.unwrap_or_default(),
        };
        section.finish()?;
        Ok(info)
    }

    fn table(&self) -> Table {
        let path = self.path.to_string_lossy();
        let mut table = Table::new();
        let mut put = |key: &str, value: Value| table.insert(key.to_owned(), value);
        put("name", Value::from(self.name.as_str()));
        put("path", Value::from(path.as_ref()));
        put("identity", Value::from(self.identity.as_str()));
        put("train", whole(self.train));
        put("test", whole(self.test));
        if !self.first_images.is_empty() {
            put("first_images", Value::from(self.first_images.clone()));
        }
        for (key, value) in &self.reading {
            put(key, Value::from(value.as_str()));
        }
        table
    }
}
