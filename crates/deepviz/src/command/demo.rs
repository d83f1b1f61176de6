//! `deepviz demo`: corpus, training, statistics and server side by side over one folder.
//!
//! They share nothing but the folder and the wish to stop, exactly as three processes would.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use anyhow::{Context as _, anyhow, bail};
use deepviz_corpus::{Corpus, ShapesOptions, Split, make_shapes};
use deepviz_net::{Device, Recipe, Run};
use deepviz_server::{Config, bind};
use deepviz_stats::{
    Error as StatsError, Event as StatsEvent, Job as StatsJob, Observer as StatsObserver, Summary, compute, follow,
};
use deepviz_train::{Event, Job, Observer, Outcome, train};

use super::access::Access;
use super::serve::{announce, runtime};
use super::train::TrainReport;
use crate::cli::{AccessArgs, DemoArgs};
use crate::console::{Console, message, note};
use crate::exit_status::ExitStatus;
use crate::recipe;
use crate::stop::Stop;

/// The built-in recipe that is trained.
const RECIPE: &str = "shapes-quick";
/// Memory for pictures and networks; the network is small.
const CACHE_BYTES: u64 = 256 << 20;

/// `deepviz demo`
pub fn demo(args: &DemoArgs) -> anyhow::Result<ExitStatus> {
    let console = Console::for_people();
    let folder = Folder { corpus: args.dir.join("shapes"), run: args.dir.join(RECIPE) };
    let is_new = !args.dir.exists();
    std::fs::create_dir_all(&args.dir).with_context(|| format!("cannot make the folder {}", args.dir.display()))?;
    let plan = Plan::new(args, &folder)?;
    let stop = Stop::install("stopping; what is there is kept (Ctrl-C again to stop at once)")?;

    // The address first: who cannot look should not wait for a training.
    let access = Access::new(args.addr, &AccessArgs::default())?;
    let runtime = runtime()?;
    let config = Config {
        runs: vec![args.dir.clone()],
        addr: args.addr,
        corpus: None,
        cache_dir: None,
        cache_bytes: CACHE_BYTES,
        token: access.token().map(str::to_owned),
        trusted_proxies: Vec::new(),
        allow_upload: false,
        upload_bytes: 0,
        device: None,
        worker: None,
    };
    let server = runtime.block_on(bind(config)).inspect_err(|_| {
        // Nothing was begun, so nothing stays.
        if is_new {
            let _ = std::fs::remove_dir(&args.dir);
        }
    });
    let server = server.context("cannot serve")?;
    announce(&server, &access, args.open);
    let serving = runtime.spawn(server.serve(stop.clone().asked()));

    let status = work(&plan, &folder, console, &stop)?;
    runtime.block_on(serving).context("the server broke down")?.context("cannot serve")?;
    Ok(status)
}

/// The folders of a demo.
struct Folder {
    corpus: PathBuf,
    run: PathBuf,
}

/// The training of a demo: as the run in the folder was started, or as the command line says.
struct Plan {
    recipe: Recipe,
    images: usize,
    seed: u64,
    device: Device,
}

impl Plan {
    fn new(args: &DemoArgs, folder: &Folder) -> anyhow::Result<Self> {
        let run = &folder.run;
        if !run.join("run.toml").exists() {
            let recipe = recipe::load(RECIPE, &[])?;
            let recipe = match args.epochs {
                Some(epochs) => recipe.with_epochs(epochs),
                None => recipe,
            };
            let device = Device::cpu(None, None).context("cannot use the CPU")?;
            return Ok(Self { recipe, images: args.images, seed: args.seed.unwrap_or(1), device });
        }
        let info = Run::open(run).context("cannot continue the demo")?.info().clone();
        let training = info.training().context("cannot continue the demo")?.clone();
        refuse_other("--seed", args.seed, training.seed, run)?;
        refuse_other("--epochs", args.epochs, training.spec.schedule.epochs() as u64, run)?;
        // To the same bytes as on the machine on which it was started.
        let level = training.vector_level.parse()?;
        let device = Device::cpu(None, Some(level)).context("cannot continue the demo; another --dir starts anew")?;
        let images = (info.corpus.train + info.corpus.test) as usize;
        Ok(Self { recipe: info.recipe, images, seed: training.seed, device })
    }
}

fn refuse_other(option: &str, asked: Option<u64>, found: u64, run: &Path) -> anyhow::Result<()> {
    match asked {
        Some(asked) if asked != found => bail!(
            "the demo in this folder was started with {option} {found}, now it is {asked}; \
             leave the option out to go on, or give another --dir: {}",
            run.display()
        ),
        _ => Ok(()),
    }
}

fn work(plan: &Plan, folder: &Folder, console: Console, stop: &Stop) -> anyhow::Result<ExitStatus> {
    let corpus = Arc::new(corpus(&folder.corpus, plan)?);
    let (started, run_is_there) = channel();
    let statistics = {
        let (corpus, run) = (Arc::clone(&corpus), folder.run.clone());
        let (device, stop) = (plan.device.clone(), stop.clone());
        thread::Builder::new()
            .name("statistics".to_owned())
            .spawn(move || statistics(&Statistics { run: &run, corpus: &corpus, device, stop, console }, &run_is_there))
            .context("cannot start a thread")?
    };
    let job = Job {
        recipe: plan.recipe.clone(),
        corpus,
        out: folder.run.clone(),
        device: plan.device.clone(),
        seed: Some(plan.seed),
        resume: true,
        limit_images: None,
    };
    let outcome = train(&job, &mut Both { report: TrainReport::new(console), started }, stop.flag());
    let outcome = outcome.context("cannot train");
    if matches!(outcome, Ok(Outcome::Finished { .. })) && !stop.is_asked() {
        console.say("computing the statistics that are left; the dashboard shows them as they come");
    }
    let computed = statistics.join().map_err(|_| anyhow!("the statistics broke down"))?;
    if let Outcome::Stopped { .. } = outcome? {
        return Ok(ExitStatus::Interrupted);
    }
    let status = match computed {
        Ok(()) => ExitStatus::Success,
        // What was trained can be looked at all the same.
        Err(error) => {
            note(&format!("error: {}", message(&error)));
            ExitStatus::Failure
        }
    };
    if !stop.is_asked() {
        console.say("everything is there; the dashboard stays up until Ctrl-C");
    }
    Ok(status)
}

/// Reports the training on the console, and tells the statistics once that the run folder is there.
struct Both {
    report: TrainReport,
    started: Sender<()>,
}

impl Observer for Both {
    fn event(&mut self, event: &Event) {
        self.report.event(event);
        if let Event::Started { .. } = event {
            // An error means that the statistics have given up; they say so themselves.
            let _ = self.started.send(());
        }
    }
}

/// What the thread of the statistics works on.
struct Statistics<'a> {
    run: &'a Path,
    corpus: &'a Corpus,
    device: Device,
    stop: Stop,
    console: Console,
}

/// Prints which process is waited for, and nothing else: the console shows the training.
struct TellsWaits(Console);

impl StatsObserver for TellsWaits {
    fn event(&mut self, event: &StatsEvent) {
        if let StatsEvent::Blocked { blocker, .. } = event {
            self.0.say(&format!("waiting for {blocker}"));
        }
    }
}

/// Computes the statistics: over the test images as the snapshots come; then, once training has ended, over the
/// training images.
fn statistics(what: &Statistics<'_>, run_is_there: &Receiver<()>) -> anyhow::Result<()> {
    if run_is_there.recv().is_err() {
        return Ok(());
    }
    let run = Run::open(what.run).context("cannot open the run")?;
    let mut job = StatsJob::new(&run, what.corpus, what.device.clone());
    let mut failed = 0;
    for (split, work) in [(Split::Test, follow as Compute), (Split::Train, compute as Compute)] {
        job.splits = vec![split];
        let summary =
            work(&job, &mut TellsWaits(what.console), what.stop.flag()).context("cannot compute the statistics")?;
        failed += summary.failed;
        if summary.stopped {
            return Ok(());
        }
    }
    if failed > 0 {
        bail!("the statistics of {failed} snapshots could not be computed; the dashboard says which");
    }
    Ok(())
}

/// `follow` or `compute`.
type Compute = fn(&StatsJob<'_>, &mut dyn StatsObserver, &AtomicBool) -> Result<Summary, StatsError>;

/// The corpus in the folder, if it is the one of this seed; or else it is made there.
fn corpus(path: &Path, plan: &Plan) -> anyhow::Result<Corpus> {
    if let Ok(corpus) = Corpus::open(path)
        && corpus.notes().is_some_and(|notes| notes.seed == plan.seed)
        && corpus.len() == plan.images
    {
        return Ok(corpus);
    }
    let options = ShapesOptions { images: plan.images, seed: plan.seed, ..ShapesOptions::default() };
    make_shapes(path, &options).with_context(|| format!("cannot make the corpus {}", path.display()))?;
    Corpus::open(path).context("cannot open the corpus")
}
