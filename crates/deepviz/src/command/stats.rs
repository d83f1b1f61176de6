//! `deepviz stats`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::{Context as _, bail};
use deepviz_corpus::{Corpus, Reading, Split};
use deepviz_net::Run;
use deepviz_stats::{
    Blocker, Event, Job, Metric, Observer, State, Store, Summary, compute, follow, layers_named, retry_while_busy,
};
use serde_json::json;

use super::corpus;
use crate::cli::{
    CheckpointChoice, ImageCacheArgs, MetricChoice, SplitChoice, StatsArgs, StatsCommand, StatsMergeArgs, StatsOptions,
    StatsPlanArgs, StatsUnitArgs,
};
use crate::console::{Console, Task};
use crate::exit_status::ExitStatus;
use crate::stop::Stop;
use crate::{device, format};

/// `deepviz stats`
pub fn stats(args: &StatsArgs) -> anyhow::Result<ExitStatus> {
    match (&args.command, &args.run) {
        (Some(StatsCommand::Unit(args)), _) => unit(args),
        (Some(StatsCommand::Merge(args)), _) => merge(args),
        (Some(StatsCommand::Plan(args)), _) => plan(args),
        (None, Some(run)) => {
            let work = if args.watch { follow as Compute } else { compute };
            run_job(run, &args.options, work, |job| {
                job.force = args.force;
                job.wait = args.wait.limit();
            })
        }
        (None, None) => bail!("which run? give its folder"),
    }
}

/// The signature of [`follow`] and [`compute`].
type Compute = fn(&Job<'_>, &mut dyn Observer, &AtomicBool) -> Result<Summary, deepviz_stats::Error>;

fn run_job(
    path: &Path,
    options: &StatsOptions,
    work: Compute,
    change: impl FnOnce(&mut Job<'_>),
) -> anyhow::Result<ExitStatus> {
    let run = Run::open(path).context("cannot open the run")?;
    let device = device::for_run(&run, &options.compute, &options.worker)?;
    let corpus = corpus_of(&run, options.corpus.as_deref(), &options.image_cache, Console::for_report(options.report))?;
    corpus::warn_of_left_out(&corpus);
    let mut job = Job::new(&run, &corpus, device);
    job.splits = splits(options.split);
    job.clusters = options.clusters;
    job.nearest = options.nearest;
    job.top = options.top;
    if let Some(names) = &options.layers {
        job.activity_layers = layers_named(run.network(), names).context("cannot compute the statistics")?;
    }
    job.ablation = options.ablation.map(|images| images as usize);
    job.kmeans = options.kmeans;
    if !options.cluster_layer.is_empty() {
        let metric = match options.metric {
            MetricChoice::Euclidean => Metric::Euclidean,
            MetricChoice::Cosine => Metric::Cosine,
            MetricChoice::Standardised => Metric::Standardised,
        };
        job.cluster_layers = options.cluster_layer.iter().map(|layer| (layer.clone(), metric)).collect();
    }
    change(&mut job);
    let stop = Stop::install("stopping; what is computed is kept (Ctrl-C again to stop at once)")?;
    let mut report = StatsReport::new(Console::for_report(options.report));
    let summary = work(&job, &mut report, stop.flag()).context("cannot compute the statistics")?;
    report.finish(&summary);
    if summary.stopped {
        return Ok(ExitStatus::Interrupted);
    }
    if summary.failed > 0 {
        bail!("{} units (checkpoint and split) could not be computed; the others are stored", summary.failed);
    }
    Ok(ExitStatus::Success)
}

/// `deepviz stats unit`: computes the statistics of one checkpoint (all chosen splits) into a file, which is written
/// under a temporary name and renamed when it is complete.
fn unit(args: &StatsUnitArgs) -> anyhow::Result<ExitStatus> {
    let run = Run::open(&args.run).context("cannot open the run")?;
    let checkpoints = run.checkpoints();
    let found = match args.checkpoint {
        CheckpointChoice::Last => checkpoints.last(),
        CheckpointChoice::Index(index) => checkpoints.get(index),
    };
    let step = match found {
        Some(entry) => entry.step,
        None => bail!("there is no such checkpoint; the run has {}, counted from 0", checkpoints.len()),
    };
    let mut name = args.out.clone().into_os_string();
    name.push(".part");
    let temporary = PathBuf::from(name);
    if temporary.exists() {
        std::fs::remove_file(&temporary).with_context(|| format!("cannot write {}", temporary.display()))?;
    }
    let status = run_job(&args.run, &args.options, compute, |job| {
        job.steps = Some(BTreeSet::from([step]));
        job.database = Some(temporary.clone());
    })?;
    if let ExitStatus::Success = status {
        std::fs::rename(&temporary, &args.out).with_context(|| format!("cannot write {}", args.out.display()))?;
    }
    Ok(status)
}

/// `deepviz stats plan`: prints the indices of the checkpoints whose statistics are missing to stdout; notes about
/// unreadable checkpoints go to stderr.
fn plan(args: &StatsPlanArgs) -> anyhow::Result<ExitStatus> {
    let run = Run::open(&args.run).context("cannot open the run")?;
    let units = match Store::open_read_only(&args.run).context("cannot read the statistics")? {
        Some(store) => store.units().context("cannot read the statistics")?,
        None => Vec::new(),
    };
    let count = |split| match split {
        Split::Train => run.info().corpus.train,
        Split::Test => run.info().corpus.test,
    };
    let splits: Vec<Split> = splits(args.split).into_iter().filter(|split| count(*split) > 0).collect();
    for (index, entry) in run.checkpoints().iter().enumerate() {
        if let Some(problem) = &entry.problem {
            crate::console::note(&format!("checkpoint {index} is left out: {problem}"));
            continue;
        }
        let is_ready = |split: &Split| {
            units.iter().any(|unit| {
                let is_same = unit.step == entry.step && unit.split == *split && unit.snapshot_hash == entry.hash;
                is_same && unit.state == State::Ready && unit.corpus_hash == run.info().corpus.identity
            })
        };
        if !splits.iter().all(is_ready) {
            crate::console::print_line(&index.to_string());
        }
    }
    Ok(ExitStatus::Success)
}

/// `deepviz stats merge`
fn merge(args: &StatsMergeArgs) -> anyhow::Result<ExitStatus> {
    let console = Console::for_report(args.report);
    Run::open(&args.run).context("cannot open the run")?;
    let stop = Stop::install("stopping; what is merged is kept (Ctrl-C again to stop at once)")?;
    let mut report = StatsReport::new(console);
    let mut wait = DatabaseWait { report: &mut report, stop: &stop, limit: args.wait.limit() };
    let Some(store) = wait.retry(|| Store::open(&args.run))? else { return Ok(ExitStatus::Interrupted) };
    let mut stale = 0;
    for file in &args.files {
        let Some(merged) = wait.retry(|| store.merge(file))? else { return Ok(ExitStatus::Interrupted) };
        stale += merged.stale.len();
        let (units, stale) = (merged.units.len(), merged.stale.len());
        console.tell(
            &format!(
                "{}: {units} units merged, {stale} out of date (other snapshots or another corpus)",
                file.display()
            ),
            &json!({ "event": "merged", "file": file, "units": units, "stale": stale }),
        );
    }
    if wait.retry(|| store.write_example_stats())?.is_none() {
        return Ok(ExitStatus::Interrupted);
    }
    if stale > 0 {
        bail!("{stale} units are out of date (computed from other snapshots or another corpus) and were left out");
    }
    Ok(ExitStatus::Success)
}

/// How `merge` waits while another process writes the statistics database.
struct DatabaseWait<'a> {
    report: &'a mut StatsReport,
    stop: &'a Stop,
    limit: Option<Duration>,
}

impl DatabaseWait<'_> {
    /// Runs a query, and repeats it while another process is writing the database; `None` if the user stopped it.
    fn retry<T>(&mut self, query: impl FnMut() -> Result<T, deepviz_stats::Error>) -> anyhow::Result<Option<T>> {
        match retry_while_busy(self.report, self.stop.flag(), self.limit, query) {
            Err(deepviz_stats::Error::Stopped) => Ok(None),
            result => result.map(Some).context("cannot merge"),
        }
    }
}

/// Opens the corpus that a run was trained on: at `chosen`, or at the path that the run recorded.
pub fn corpus_of(
    run: &Run,
    chosen: Option<&Path>,
    image_cache: &ImageCacheArgs,
    console: Console,
) -> anyhow::Result<Corpus> {
    let recorded = &run.info().corpus.path;
    let path = chosen.unwrap_or(recorded);
    let reading = Reading::from_pairs(&run.info().corpus.reading).context("cannot open the corpus")?;
    let options = image_cache.options(reading, run.info().recipe.data.resize.is_some());
    let opened = corpus::open(path, &options, console);
    if chosen.is_none() && !recorded.exists() {
        return opened.context("the run's corpus is no longer where it was; give its path with --corpus");
    }
    opened
}

fn splits(choice: SplitChoice) -> Vec<Split> {
    match choice {
        SplitChoice::Train => vec![Split::Train],
        SplitChoice::Test => vec![Split::Test],
        SplitChoice::All => Split::ALL.to_vec(),
    }
}

/// Reports the progress of the computation.
struct StatsReport {
    console: Console,
    task: Option<Task>,
    /// Images of the finished units.
    images: u64,
}

impl StatsReport {
    fn new(console: Console) -> Self {
        Self { console, task: None, images: 0 }
    }

    fn finish(mut self, summary: &Summary) {
        self.task = None;
        self.console.tell(
            &format!(
                "{} units computed, {} up to date, {} failed ({} images in {}, clusters in {})",
                summary.computed,
                summary.up_to_date,
                summary.failed,
                format::count(summary.images),
                format::seconds(summary.forward_seconds),
                format::seconds(summary.cluster_seconds),
            ),
            &json!({
                "event": if summary.stopped { "stopped" } else { "finished" },
                "computed": summary.computed,
                "up_to_date": summary.up_to_date,
                "failed": summary.failed,
                "images": summary.images,
                "forward_seconds": summary.forward_seconds,
                "cluster_seconds": summary.cluster_seconds,
                "seconds": summary.seconds,
            }),
        );
    }

    fn blocked(&self, blocker: &Blocker, waited: Duration) {
        let so_far = match waited.as_secs() {
            0 => String::new(),
            _ => format!(" ({} so far)", format::duration(waited)),
        };
        let mut event = json!({ "event": "blocked", "waited_seconds": waited.as_secs_f64() });
        match blocker {
            Blocker::Units { units, step, split, holder, held_for } => {
                event["by"] = json!("units");
                event["units"] = json!(units);
                event["step"] = json!(step);
                event["split"] = json!(split);
                event["holder"] = json!(holder);
                event["held_seconds"] = json!(held_for.map(|time| time.as_secs_f64()));
            }
            Blocker::Database { path } => {
                event["by"] = json!("database");
                event["path"] = json!(path);
            }
        }
        self.console.tell(&format!("waiting for {blocker}{so_far}"), &event);
    }

    fn set(&mut self, images: u64, detail: &str) {
        if let Some(task) = &mut self.task {
            task.set(self.images + images, detail);
        }
    }
}

impl Observer for StatsReport {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Planned { units, images } => {
                self.console.event(&json!({ "event": "planned", "units": units, "images": images }));
                self.images = 0;
                self.task = (*units > 0).then(|| self.console.task("statistics", *images));
            }
            Event::UnitStarted { step, split, images } => {
                self.console.event(&json!({ "event": "started", "step": step, "split": split, "images": images }));
                self.set(0, &format!("step {step}, {split}"));
            }
            Event::Progress { done, images_per_s, .. } => {
                self.set(*done as u64, &format!("{} images/s", format::count(*images_per_s as u64)));
            }
            Event::Clustering { layer, metric } => {
                self.set(0, &format!("clusters of {layer}, {}", metric.name()));
            }
            Event::UnitFinished { step, split, images, seconds, forward_seconds, cluster_seconds } => {
                self.images += *images as u64;
                self.console.event(&json!({
                    "event": "unit", "step": step, "split": split, "images": images, "seconds": seconds,
                    "forward_seconds": forward_seconds, "cluster_seconds": cluster_seconds,
                }));
                self.set(0, &format!("step {step}, {split} done"));
            }
            Event::UnitFailed { step, split, problem } => {
                self.console.tell(
                    &format!("step {step}, {split}: {problem}"),
                    &json!({ "event": "failed", "step": step, "split": split, "problem": problem }),
                );
            }
            Event::AwaitingCheckpoint => {
                self.task = None;
                self.console.event(&json!({ "event": "waiting" }));
            }
            Event::Blocked { blocker, waited } => self.blocked(blocker, *waited),
        }
    }
}
