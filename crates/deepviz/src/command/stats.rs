//! `deepviz stats`.

use std::path::Path;

use anyhow::{Context as _, bail};
use deepviz_corpus::{Corpus, Split};
use deepviz_net::Run;
use deepviz_stats::{Event, Job, Metric, Observer, Summary, compute, watch};
use serde_json::json;

use super::corpus;
use crate::cli::{MetricChoice, SplitChoice, StatsArgs};
use crate::console::{Console, Task};
use crate::stop::Stop;
use crate::{Ending, device, human};

/// `deepviz stats`
pub fn stats(args: &StatsArgs) -> anyhow::Result<Ending> {
    let console = Console::for_report(args.report);
    let device = device::open(&args.compute)?;
    let run = Run::open(&args.run).context("cannot open the run")?;
    let corpus = corpus_of(&run, args.corpus.as_deref())?;
    let mut job = Job::new(&run, &corpus, device);
    job.splits = splits(args.split);
    job.clusters = args.clusters;
    job.nearest = args.nearest;
    job.kmeans = args.kmeans;
    job.force = args.force;
    if !args.cluster_layer.is_empty() {
        let metric = match args.metric {
            MetricChoice::Euclidean => Metric::Euclidean,
            MetricChoice::Cosine => Metric::Cosine,
        };
        job.cluster_layers = args.cluster_layer.iter().map(|layer| (layer.clone(), metric)).collect();
    }
    let stop = Stop::install("stopping; what is computed is kept (Ctrl-C again to stop at once)")?;
    let mut report = Report::new(console);
    let work = if args.watch { watch } else { compute };
    let summary = work(&job, &mut report, stop.flag()).context("cannot compute the statistics")?;
    report.finish(&summary);
    if summary.stopped {
        return Ok(Ending::Interrupted);
    }
    if summary.failed > 0 {
        bail!("{} of the snapshots' statistics could not be computed; the others are in place", summary.failed);
    }
    Ok(Ending::Good)
}

/// The corpus that a run was trained on, where it was, or where it is now.
pub fn corpus_of(run: &Run, elsewhere: Option<&Path>) -> anyhow::Result<Corpus> {
    let recorded = &run.info().corpus.path;
    let path = elsewhere.unwrap_or(recorded);
    let opened = corpus::open(path, &run.info().recipe);
    if elsewhere.is_none() && !recorded.exists() {
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
struct Report {
    console: Console,
    task: Option<Task>,
    /// Images of the units that are done.
    images: u64,
}

impl Report {
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
                human::count(summary.images),
                human::seconds(summary.forward_seconds),
                human::seconds(summary.cluster_seconds),
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

    fn set(&mut self, images: u64, detail: &str) {
        if let Some(task) = &mut self.task {
            task.set(self.images + images, detail);
        }
    }
}

impl Observer for Report {
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
                self.set(*done as u64, &format!("{} images/s", human::count(*images_per_s as u64)));
            }
            Event::Clustering { layer, metric } => {
                self.set(0, &format!("clusters of {layer}, {}", metric.name()));
            }
            Event::Finished { step, split, images, seconds, .. } => {
                self.images += *images as u64;
                self.console.event(&json!({
                    "event": "unit", "step": step, "split": split, "images": images, "seconds": seconds,
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
        }
    }
}
