//! `deepviz train`.

use std::sync::Arc;

use anyhow::Context as _;
use deepviz_net::{Metric, MetricKind, RunTraining};
use deepviz_train::{Event, Job, Observer, Outcome, train as run_job};
use serde::Serialize;
use serde_json::json;

use super::corpus;
use crate::cli::TrainArgs;
use crate::console::{Console, Task};
use crate::exit_status::ExitStatus;
use crate::stop::Stop;
use crate::{device, format, recipe};

/// `deepviz train`
pub fn train(args: &TrainArgs) -> anyhow::Result<ExitStatus> {
    let console = Console::for_report(args.report);
    let device = device::open(&args.compute)?;
    let recipe = recipe_of(args)?;
    let options = args.image_cache.options(args.reading.reading(), recipe.data.resize.is_some());
    let corpus = corpus::open(&args.corpus, &options, Console::for_report(args.report))?;
    corpus::warn_of_left_out(&corpus);
    let job = Job {
        recipe,
        corpus: Arc::new(corpus),
        out: args.out.clone(),
        device,
        seed: args.seed,
        resume: args.resume,
        limit_images: args.limit_images,
    };
    let stop = Stop::install("stopping after this step (Ctrl-C again to stop at once)")?;
    let outcome = run_job(&job, &mut TrainReport::new(console), stop.flag()).context("cannot train")?;
    Ok(match outcome {
        Outcome::Finished { .. } => ExitStatus::Success,
        Outcome::Stopped { .. } => ExitStatus::Interrupted,
    })
}

fn recipe_of(args: &TrainArgs) -> anyhow::Result<deepviz_net::Recipe> {
    let mut overrides: Vec<(String, String)> =
        args.set.iter().map(|set| (set.key.clone(), set.value.clone())).collect();
    if let Some(every) = &args.snapshot_every {
        overrides.push(("snapshots.every".to_owned(), every.clone()));
    }
    let recipe = recipe::load(&args.recipe, &overrides)?;
    Ok(match args.epochs {
        Some(epochs) => recipe.with_epochs(epochs),
        None => recipe,
    })
}

/// Says how far training is.
pub struct TrainReport {
    console: Console,
    task: Option<Task>,
    /// The newest test error.
    test: Option<f64>,
    /// The test error over several views of each image (test-time augmentation).
    views: Option<f64>,
}

impl TrainReport {
    /// One that has said nothing yet.
    pub fn new(console: Console) -> Self {
        Self { console, task: None, test: None, views: None }
    }

    fn step(&mut self, metric: &Metric) {
        self.console.event(&Line { event: "step", metric });
        let Some(task) = &mut self.task else { return };
        let test = self.test.map(|error| format!("  test {}", format::percent(error)));
        task.set(
            metric.step.0,
            &format!(
                "epoch {:.2}  loss {}  error {}{}  {} images/s",
                metric.epoch,
                format::number(metric.loss.unwrap_or(f64::NAN), 3),
                format::percent(metric.error.unwrap_or(f64::NAN)),
                test.unwrap_or_default(),
                format::count(metric.images_per_s as u64),
            ),
        );
    }

    fn finished(&mut self, outcome: Outcome) {
        self.task = None;
        let (event, step, how) = match outcome {
            Outcome::Finished { step } => ("finished", step, "finished at step"),
            Outcome::Stopped { step } => ("stopped", step, "stopped, with a snapshot, at step"),
        };
        let test = self.test.map(|error| format!(": test error {}", format::percent(error)));
        let views = self.views.map(|error| format!(", {} over several views", format::percent(error)));
        self.console.tell(
            &format!("{how} {}{}{}", format::count(step.0), test.unwrap_or_default(), views.unwrap_or_default()),
            &json!({ "event": event, "step": step, "test_error": self.test, "views_error": self.views }),
        );
    }
}

/// A metric as an event.
#[derive(Serialize)]
struct Line<'a> {
    event: &'static str,
    #[serde(flatten)]
    metric: &'a Metric,
}

impl Observer for TrainReport {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Started { info, resumed } => {
                let training = info.training.as_ref();
                let number = |of: fn(&RunTraining) -> u64| training.map_or(0, of);
                let from = resumed.map(|step| format!(", going on from step {}", format::count(step.0)));
                self.console.tell(
                    &format!(
                        "training {} on {} images of {}: {} steps, {} snapshots, seed {}{}",
                        info.recipe.name,
                        format::count(number(|training| training.train_images)),
                        info.corpus.name,
                        format::count(number(|training| training.total_steps)),
                        number(|training| training.snapshot_steps.len() as u64),
                        number(|training| training.seed),
                        from.unwrap_or_default(),
                    ),
                    &json!({ "event": "started", "resumed": resumed, "info": info }),
                );
                self.task = Some(self.console.task("train", number(|training| training.total_steps)));
            }
            Event::Step(metric) => self.step(metric),
            Event::Test(metric) if metric.kind == MetricKind::Views => {
                self.views = metric.finite_error();
                self.console.event(&Line { event: "views", metric });
            }
            Event::Test(metric) => {
                self.test = metric.finite_error();
                self.console.event(&Line { event: "test", metric });
            }
            Event::Snapshot { step, path, hash } => {
                self.console.event(&json!({ "event": "snapshot", "step": step, "path": path, "hash": hash }));
            }
            Event::Diverged(divergence) => {
                self.task = None;
                self.console.event(&json!({ "event": "diverged", "divergence": divergence }));
            }
            Event::Finished(outcome) => self.finished(*outcome),
        }
    }
}
