//! `deepviz stats`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::{Context as _, bail};
use deepviz_corpus::{Corpus, Reading, Split};
use deepviz_net::Run;
use deepviz_stats::{
    Blocker, Event, Job, Metric, Observer, State, Store, Summary, compute, follow, layers_named, patiently,
};
use serde_json::json;

use super::corpus;
use crate::cli::{
    CheckpointChoice, DecodedArgs, MetricChoice, SplitChoice, StatsArgs, StatsMergeArgs, StatsPart, StatsPlanArgs,
    StatsUnitArgs, StatsWhat,
};
use crate::console::{Console, Task};
use crate::exit_status::ExitStatus;
use crate::stop::Stop;
use crate::{device, format};

/// `deepviz stats`
pub fn stats(args: &StatsArgs) -> anyhow::Result<ExitStatus> {
    match (&args.part, &args.run) {
        (Some(StatsPart::Unit(args)), _) => unit(args),
        (Some(StatsPart::Merge(args)), _) => merge(args),
        (Some(StatsPart::Plan(args)), _) => plan(args),
        (None, Some(run)) => {
            let work = if args.watch { follow as Compute } else { compute };
            work_on(run, &args.what, work, |job| {
                job.force = args.force;
                job.wait = args.wait.limit();
            })
        }
        (None, None) => bail!("which run? give its folder"),
    }
}

/// `follow` or `compute`.
type Compute = fn(&Job<'_>, &mut dyn Observer, &AtomicBool) -> Result<Summary, deepviz_stats::Error>;

fn work_on(
    path: &Path,
    what: &StatsWhat,
    work: Compute,
    change: impl FnOnce(&mut Job<'_>),
) -> anyhow::Result<ExitStatus> {
    let run = Run::open(path).context("cannot open the run")?;
    let device = device::for_run(&run, &what.compute, &what.worker)?;
    let corpus = corpus_of(&run, what.corpus.as_deref(), &what.decoded, Console::for_report(what.report))?;
    corpus::warn_of_left_out(&corpus);
    let mut job = Job::new(&run, &corpus, device);
    job.splits = splits(what.split);
    job.clusters = what.clusters;
    job.nearest = what.nearest;
    job.top = what.top;
    if let Some(names) = &what.layers {
        job.activity_layers = layers_named(run.network(), names).context("cannot compute the statistics")?;
    }
    job.ablation = what.ablation.map(|images| images as usize);
    job.kmeans = what.kmeans;
    if !what.cluster_layer.is_empty() {
        let metric = match what.metric {
            MetricChoice::Euclidean => Metric::Euclidean,
            MetricChoice::Cosine => Metric::Cosine,
            MetricChoice::Standardised => Metric::Standardised,
        };
        job.cluster_layers = what.cluster_layer.iter().map(|layer| (layer.clone(), metric)).collect();
    }
    change(&mut job);
    let stop = Stop::install("stopping; what is computed is kept (Ctrl-C again to stop at once)")?;
    let mut report = StatsReport::new(Console::for_report(what.report));
    let summary = work(&job, &mut report, stop.flag()).context("cannot compute the statistics")?;
    report.finish(&summary);
    if summary.stopped {
        return Ok(ExitStatus::Interrupted);
    }
    if summary.failed > 0 {
        bail!("{} of the snapshots' statistics could not be computed; the others are in place", summary.failed);
    }
    Ok(ExitStatus::Success)
}

/// `deepviz stats unit`: written under another name until it is whole.
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
    let part = PathBuf::from(name);
    if part.exists() {
        std::fs::remove_file(&part).with_context(|| format!("cannot write {}", part.display()))?;
    }
    let status = work_on(&args.run, &args.what, compute, |job| {
        job.steps = Some(BTreeSet::from([step]));
        job.database = Some(part.clone());
    })?;
    if let ExitStatus::Success = status {
        std::fs::rename(&part, &args.out).with_context(|| format!("cannot write {}", args.out.display()))?;
    }
    Ok(status)
}

/// `deepviz stats plan`: only the numbers go to stdout.
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
    let mut wait = Patience { report: &mut report, stop: &stop, limit: args.wait.limit() };
    let Some(store) = wait.until_done(|| Store::open(&args.run))? else { return Ok(ExitStatus::Interrupted) };
    let mut stale = 0;
    for file in &args.files {
        let Some(merged) = wait.until_done(|| store.merge(file))? else { return Ok(ExitStatus::Interrupted) };
        stale += merged.stale.len();
        let (units, stale) = (merged.units.len(), merged.stale.len());
        console.tell(
            &format!("{}: {units} units taken over, {stale} made from other files", file.display()),
            &json!({ "event": "merged", "file": file, "units": units, "stale": stale }),
        );
    }
    if wait.until_done(|| store.write_example_stats())?.is_none() {
        return Ok(ExitStatus::Interrupted);
    }
    if stale > 0 {
        bail!("{stale} units were made from other snapshots or another corpus than the run has, and were left out");
    }
    Ok(ExitStatus::Success)
}

/// The wait for other processes while files are merged.
struct Patience<'a> {
    report: &'a mut StatsReport,
    stop: &'a Stop,
    limit: Option<Duration>,
}

impl Patience<'_> {
    /// Does something with the statistics when no other process is writing them; `None` when told to stop meanwhile.
    fn until_done<T>(&mut self, query: impl FnMut() -> Result<T, deepviz_stats::Error>) -> anyhow::Result<Option<T>> {
        match patiently(self.report, self.stop.flag(), self.limit, query) {
            Err(deepviz_stats::Error::Stopped) => Ok(None),
            result => result.map(Some).context("cannot merge"),
        }
    }
}

/// The corpus that a run was trained on, at the path that the run recorded unless one is chosen.
pub fn corpus_of(run: &Run, chosen: Option<&Path>, decoded: &DecodedArgs, console: Console) -> anyhow::Result<Corpus> {
    let recorded = &run.info().corpus.path;
    let path = chosen.unwrap_or(recorded);
    let reading = Reading::from_pairs(&run.info().corpus.reading).context("cannot open the corpus")?;
    let options = decoded.options(reading, run.info().recipe.data.resize.is_some());
    let opened = corpus::open(path, &options, console);
    if chosen.is_none() && !recorded.exists() {
        return opened.context("the run's corpus is no longer where it was; give its place with --corpus");
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

/// Says how far the statistics are.
struct StatsReport {
    console: Console,
    task: Option<Task>,
    /// Images of the units that are done.
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
                "{} computed, {} already there, {} failed ({} images in {}, clusters in {})",
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
            Event::Started { step, split, images } => {
                self.console.event(&json!({ "event": "started", "step": step, "split": split, "images": images }));
                self.set(0, &format!("step {step}, {split}"));
            }
            Event::Images { done, images_per_s, .. } => {
                self.set(*done as u64, &format!("{} images/s", format::count(*images_per_s as u64)));
            }
            Event::Clustering { layer, metric } => {
                self.set(0, &format!("clusters of {layer}, {}", metric.name()));
            }
            Event::Finished { step, split, images, seconds, forward_seconds, cluster_seconds } => {
                self.images += *images as u64;
                self.console.event(&json!({
                    "event": "unit", "step": step, "split": split, "images": images, "seconds": seconds,
                    "forward_seconds": forward_seconds, "cluster_seconds": cluster_seconds,
                }));
                self.set(0, &format!("step {step}, {split} done"));
            }
            Event::Failed { step, split, problem } => {
                self.console.tell(
                    &format!("step {step}, {split}: {problem}"),
                    &json!({ "event": "failed", "step": step, "split": split, "problem": problem }),
                );
            }
            Event::Waiting => {
                self.task = None;
                self.console.event(&json!({ "event": "waiting" }));
            }
            Event::Blocked { blocker, waited } => self.blocked(blocker, *waited),
        }
    }
}
