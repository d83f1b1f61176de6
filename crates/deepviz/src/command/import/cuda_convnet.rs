//! Checkpoints of cuda-convnet, which hold their network: into a new run, or into the one that was made of earlier ones.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use deepviz_corpus::{Corpus, ImageId, Split};
use deepviz_net::checkpoint::cuda_convnet::{
    CudaConvnet, Generation, Images, SubtractedMean, checkpoints_in, data_mean,
};
use deepviz_net::run::{Forward, RUN_FORMAT, SNAPSHOT_FOLDER, Source};
use deepviz_net::{CorpusInfo, InputStatistics, Network, Recipe, Run, RunInfo, RunLock, Shape};
use ndarray::Array3;

use super::clock::TrainingPosition;
use super::importer::{Importer, import_all};
use super::snapshots::{Checkpoint, Snapshots};
use crate::cli::ImportArgs;
use crate::command::corpus;
use crate::console::{Console, note};
use crate::exit_status::ExitStatus;
use crate::stop::Stop;

/// `deepviz import --from cuda-convnet`
pub fn import(args: &ImportArgs) -> anyhow::Result<ExitStatus> {
    let console = Console::for_report(args.report);
    let target = match Run::open(&args.run) {
        Ok(run) => Target::of_run(run, args)?,
        Err(deepviz_net::Error::NotARun { .. }) => Target::New(Box::new(NewRun::prepare(args, console)?)),
        Err(error) => return Err(error).context("cannot open the run"),
    };
    import_all(&mut CudaConvnetImporter { args, console, target }, args)
}

struct CudaConvnetImporter<'a> {
    args: &'a ImportArgs,
    console: Console,
    target: Target,
}

/// Where snapshots go.
enum Target {
    /// A run that is there once the first checkpoints are known to fit each other.
    New(Box<NewRun>),
    Run(Box<OpenRun>),
}

/// The images of a run that is to be made.
struct NewRun {
    corpus: Corpus,
    images: Images,
}

/// A run of cuda-convnet's.
struct OpenRun {
    snapshots: Snapshots,
    images: Images,
    /// Subtracted from images; what cuda-convnet2 adds to it is in it.
    mean: Array3<f32>,
    _lock: RunLock,
}

impl Importer for CudaConvnetImporter<'_> {
    fn kinds(&self) -> &'static str {
        "named EPOCH.BATCH, as 10.5"
    }

    fn checkpoints_in(&self, path: &Path) -> Result<Vec<PathBuf>, deepviz_net::Error> {
        checkpoints_in(path)
    }

    fn take(&mut self, files: &[PathBuf], stop: &Stop) -> anyhow::Result<()> {
        let mut planned = Vec::with_capacity(files.len());
        let mut known = self.target.recipe();
        let mut mean: Option<(SubtractedMean, String)> = None;
        for file in files {
            // Before anything is written.
            if stop.is_asked() {
                return Ok(());
            }
            let checkpoint = CudaConvnet::open(file, self.target.images())?;
            // Of several differences the network is the one to know of.
            match &known {
                Some((recipe, name)) => check_same(recipe, name, &checkpoint.recipe, file)?,
                None => known = Some((checkpoint.recipe.clone(), file.display().to_string())),
            }
            match &mean {
                Some((known, name)) => check_mean(*known, name, checkpoint.mean, file)?,
                None => mean = Some((checkpoint.mean, file.display().to_string())),
            }
            planned.push((checkpoint.progress.step, file));
        }
        let Some((_, first)) = planned.first() else { return Ok(()) };
        if let Target::New(new) = &self.target {
            let run = new.create(first, self.args, self.console)?;
            self.target = Target::Run(Box::new(run));
        }
        let Target::Run(run) = &mut self.target else { return Ok(()) };
        if let Some((SubtractedMean::Scalar(value), name)) = &mean
            && run.mean.iter().any(|of_run| of_run.to_bits() != value.to_bits())
        {
            bail!(
                "{name} has {value} subtracted from its images, the run another mean; import it into a run of its own"
            );
        }
        planned.sort_by_key(|(step, _)| *step);
        for (step, file) in planned {
            if stop.is_asked() {
                break;
            }
            if run.snapshots.wants(step) {
                run.take_one(file)?;
            }
        }
        run.snapshots.end_of_files();
        Ok(())
    }

    fn has_taken(&self, file: &Path) -> bool {
        matches!(&self.target, Target::Run(run) if run.snapshots.has_taken(file))
    }

    fn finish(&self) {
        if let Target::Run(run) = &self.target {
            run.snapshots.finish();
        }
    }
}

/// Refuses a checkpoint whose images had another mean subtracted.
fn check_mean(known: SubtractedMean, name: &str, found: SubtractedMean, file: &Path) -> anyhow::Result<()> {
    if known == found {
        return Ok(());
    }
    let words = |mean| match mean {
        SubtractedMean::Pixel { offset } if offset.abs() > 0.0 => format!("the mean image and {offset}"),
        SubtractedMean::Pixel { .. } => "the mean image".to_owned(),
        SubtractedMean::Scalar(value) => value.to_string(),
    };
    bail!(
        "{} has {} subtracted from its images, {name} {}; import it into a run of its own",
        file.display(),
        words(found),
        words(known)
    )
}

/// Refuses a checkpoint of another network, with the first difference.
fn check_same(known: &Recipe, name: &str, found: &Recipe, file: &Path) -> anyhow::Result<()> {
    let pairs = known.layers.iter().zip(&found.layers);
    let different = pairs.filter(|(a, b)| a != b).map(|(a, b)| (a.name.as_str(), b.name.as_str())).next();
    let (expected, is) = match different {
        Some((expected, is)) if expected != is => (format!("the layer `{expected}`"), format!("`{is}`")),
        Some((same, _)) => (format!("the layer `{same}` with the same settings"), "other ones".to_owned()),
        None if known.layers.len() != found.layers.len() => {
            (format!("{} layers", known.layers.len()), found.layers.len().to_string())
        }
        None if known.data != found.data => ("the same part of the images".to_owned(), "another one".to_owned()),
        None => return Ok(()),
    };
    bail!(
        "{} holds another network than {name}: expected {expected}, found {is}; import it into a run of its own",
        file.display()
    )
}

impl Target {
    fn of_run(run: Run, args: &ImportArgs) -> anyhow::Result<Self> {
        run.check_takes_snapshots().context("cannot import")?;
        let kind = run.info().source.as_ref().map_or("another program", |source| source.kind.as_str());
        if kind != KIND {
            bail!("{} is a run of {kind}, expected a new folder or one of {KIND}", args.run.display());
        }
        if let Some(corpus) = &args.corpus {
            check_corpus(&run, corpus)?;
        }
        let lock = RunLock::acquire(&args.run).context("cannot import")?;
        let images = Images { shape: run.info().image, classes: run.info().classes.len() };
        let snapshots = Snapshots::new(run, args)?;
        let entries = snapshots.entries();
        let good = entries.iter().find(|entry| entry.problem.is_none());
        let Some(mean) = good.and_then(|entry| snapshots.run().weights(entry.step).ok()?.mean) else {
            bail!("{} has no snapshot whose mean image can be taken; import into a new folder", args.run.display());
        };
        if args.mean.is_some() {
            note("the mean image stays that of the run's snapshots: --mean is of no effect");
        }
        Ok(Self::Run(Box::new(OpenRun { snapshots, images, mean, _lock: lock })))
    }

    fn images(&self) -> Images {
        match self {
            Self::New(new) => new.images,
            Self::Run(run) => run.images,
        }
    }

    /// The network that checkpoints must have, and where it stands.
    fn recipe(&self) -> Option<(Recipe, String)> {
        match self {
            Self::New(_) => None,
            Self::Run(run) => Some((run.snapshots.run().info().recipe.clone(), "the run".to_owned())),
        }
    }
}

/// Refuses other images than those of the run.
fn check_corpus(run: &Run, given: &Path) -> anyhow::Result<()> {
    let recorded = &run.info().corpus.path;
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if real(given) == real(recorded) {
        return Ok(());
    }
    bail!(
        "the run's images are {}, found {}; leave out --corpus, or import into a new folder",
        recorded.display(),
        given.display()
    )
}

/// `kind` in `[source]`.
const KIND: &str = "cuda-convnet";

impl NewRun {
    fn prepare(args: &ImportArgs, console: Console) -> anyhow::Result<Self> {
        let Some(path) = &args.corpus else {
            bail!(
                "{} is no run yet; --corpus has to name the images that the network was trained on (deepviz corpus \
                 fetch cifar10)",
                args.run.display()
            );
        };
        let is_used = std::fs::read_dir(&args.run).is_ok_and(|mut folder| folder.next().is_some());
        if is_used {
            bail!("{} is no run and not empty; name a new folder", args.run.display());
        }
        let corpus = corpus::open(path, &args.image_cache.options(args.reading.reading(), false), console)?;
        corpus::warn_of_left_out(&corpus);
        let Some(shape) = corpus.common_shape() else {
            bail!("the images of {} have several sizes, expected one for all", corpus.name());
        };
        let shape = Shape::new(shape.channels, shape.height, shape.width);
        let images = Images { shape, classes: corpus.classes().len() };
        Ok(Self { corpus, images })
    }

    /// Makes the run of a checkpoint's network.
    fn create(&self, file: &Path, args: &ImportArgs, console: Console) -> anyhow::Result<OpenRun> {
        let checkpoint = CudaConvnet::open(file, self.images)?;
        let network = Network::new(&checkpoint.recipe, self.images.shape, self.images.classes)?;
        let mean = self.mean(&checkpoint, &network, args.mean.as_deref())?;
        let info = self.info(&checkpoint, args);
        let folder = args.run.join(SNAPSHOT_FOLDER);
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let lock = RunLock::acquire(&args.run)?;
        info.write(&args.run)?;
        let (image, input) = (network.image(), network.layers()[0].shape);
        let part = if input == image { String::new() } else { format!(", of which it sees the middle {input}") };
        console.say(&format!(
            "{}: a network of {} layers for images of {image}{part}",
            args.run.display(),
            network.layers().len()
        ));
        let snapshots = Snapshots::new(Run::open(&args.run)?, args)?;
        Ok(OpenRun { snapshots, images: self.images, mean, _lock: lock })
    }

    /// The mean image that was subtracted: that of `batches.meta` where it is given, else that of the training images.
    fn mean(&self, checkpoint: &CudaConvnet, network: &Network, file: Option<&Path>) -> anyhow::Result<Array3<f32>> {
        let [channels, height, width] = self.images.shape.dims();
        let offset = match checkpoint.mean {
            SubtractedMean::Scalar(value) => return Ok(Array3::from_elem((channels, height, width), value)),
            SubtractedMean::Pixel { offset } => offset,
        };
        if let Some(file) = file {
            return Ok(data_mean(file, self.images.shape)? + offset);
        }
        let training = self.corpus.range(Split::Train);
        let images: Vec<_> = training.filter_map(|id| self.corpus.pixels(ImageId(id))).collect();
        if images.is_empty() {
            bail!("{} has no training images to take the mean of; give --mean", self.corpus.name());
        }
        let statistics = InputStatistics::new(network, &images)?;
        let mean = statistics.mean.unwrap_or_else(|| Array3::zeros((channels, height, width)));
        Ok(mean + offset)
    }

    fn info(&self, checkpoint: &CudaConvnet, args: &ImportArgs) -> RunInfo {
        let corpus = &self.corpus;
        let count = |split| corpus.range(split).len() as u64;
        let name = std::path::absolute(&args.run).unwrap_or_else(|_| args.run.clone());
        let name = name.file_name().map_or_else(|| KIND.to_owned(), |name| name.to_string_lossy().into_owned());
        RunInfo {
            format: RUN_FORMAT,
            name,
            version: concat!("deepviz ", env!("CARGO_PKG_VERSION")).to_owned(),
            recipe: checkpoint.recipe.clone(),
            classes: corpus.classes().to_vec(),
            image: self.images.shape,
            corpus: CorpusInfo {
                name: corpus.name().into(),
                path: std::path::absolute(corpus.path()).unwrap_or_else(|_| corpus.path().into()),
                identity: corpus.identity().into(),
                train: count(Split::Train),
                test: count(Split::Test),
                first_images: corpus.first_images(),
                reading: corpus.reading().to_pairs(),
            },
            training: None,
            source: Some(Source {
                kind: KIND.to_owned(),
                version: match checkpoint.generation {
                    Generation::First => "1".to_owned(),
                    Generation::Second => "2".to_owned(),
                },
                model: checkpoint.model.clone().unwrap_or_else(|| "ConvNet".to_owned()),
                forward: Forward::Own,
                optimiser: None,
            }),
            check: None,
        }
    }
}

impl OpenRun {
    fn take_one(&mut self, file: &Path) -> anyhow::Result<()> {
        let mut checkpoint = CudaConvnet::open(file, self.images)?;
        let progress = checkpoint.progress;
        let metrics = std::mem::take(&mut checkpoint.metrics);
        let position =
            TrainingPosition { step: progress.step, epoch: progress.epoch, images_seen: progress.images_seen };
        let arrays = checkpoint.into_arrays(&self.mean)?;
        self.snapshots.add(Checkpoint { file, weights: "model_state", position, arrays })?;
        self.snapshots.run().add_metrics(&metrics)?;
        Ok(())
    }
}
