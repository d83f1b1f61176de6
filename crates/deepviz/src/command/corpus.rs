//! `deepviz corpus make | fetch | info`.

use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use deepviz_corpus::{ClassId, Corpus, OpenOptions, Progress, ShapesOptions, Split, Stage, fetch_cifar10, make_shapes};
use deepviz_net::Recipe;
use serde::Serialize;
use serde_json::json;

use crate::Ending;
use crate::cli::{CorpusFetchArgs, CorpusInfoArgs, CorpusMakeArgs, Download, Generator};
use crate::console::{Console, Task, note, print_json, print_line};
use crate::human;
use crate::table::Table;

/// `deepviz corpus make shapes`
pub fn make(args: &CorpusMakeArgs) -> anyhow::Result<Ending> {
    let Generator::Shapes = args.kind;
    let start = Instant::now();
    let options = ShapesOptions { images: args.images, seed: args.seed, ..ShapesOptions::default() };
    make_shapes(&args.out, &options).with_context(|| format!("cannot make the corpus {}", args.out.display()))?;
    print_line(&format!(
        "made {} images in {} ({})",
        human::count(args.images as u64),
        args.out.display(),
        human::duration(start.elapsed()),
    ));
    Ok(Ending::Good)
}

/// `deepviz corpus fetch cifar10`
pub fn fetch(args: &CorpusFetchArgs) -> anyhow::Result<Ending> {
    let Download::Cifar10 = args.kind;
    let console = Console::for_report(args.report);
    let mut task = console.task("fetch", 0);
    let folder = fetch_cifar10(&args.out, args.from.as_deref(), &mut |progress: Progress| {
        report(&mut task, progress);
    })
    .context("cannot fetch CIFAR-10")?;
    drop(task);
    console.tell(&format!("CIFAR-10 is in {}", folder.display()), &json!({ "event": "fetched", "path": folder }));
    Ok(Ending::Good)
}

fn report(task: &mut Task, progress: Progress) {
    let stage = match progress.stage {
        Stage::Download => "downloading",
        Stage::Verify => "checking",
        Stage::Unpack => "unpacking",
    };
    task.set_total(progress.total_bytes);
    let (done, total) = (human::bytes(progress.done_bytes), human::bytes(progress.total_bytes));
    task.set(progress.done_bytes, &format!("{stage}, {done} of {total}"));
}

/// `deepviz corpus info`
pub fn info(args: &CorpusInfoArgs) -> anyhow::Result<Ending> {
    let corpus = Corpus::open(&args.path).context("cannot open the corpus")?;
    print(&corpus, args.json);
    Ok(Ending::Good)
}

/// Opens a corpus as a recipe wants its images.
pub fn open(path: &Path, recipe: &Recipe) -> anyhow::Result<Corpus> {
    let options = OpenOptions { resize: recipe.data.resize };
    Corpus::open_with(path, &options).context("cannot open the corpus")
}

/// Says which images are left out because they cannot be read.
pub fn warn_of_problems(corpus: &Corpus) {
    /// More would hide everything else.
    const SHOWN: usize = 5;
    let problems = corpus.problems();
    for problem in problems.iter().take(SHOWN) {
        note(&format!("warning: left out: {}: {}", problem.path.display(), problem.reason));
    }
    if problems.len() > SHOWN {
        let more = problems.len() - SHOWN;
        note(&format!("warning: and {more} more (`deepviz corpus info` lists all)"));
    }
}

/// Prints what a corpus holds.
pub fn print(corpus: &Corpus, as_json: bool) {
    let report = Report::of(corpus);
    if as_json {
        print_json(&report);
    } else {
        report.print();
    }
}

#[derive(Serialize)]
struct Report {
    kind: &'static str,
    name: String,
    path: String,
    identity: String,
    image_shape: [usize; 3],
    images: usize,
    train: usize,
    test: usize,
    classes: Vec<Class>,
    problems: Vec<Problem>,
}

#[derive(Serialize)]
struct Class {
    name: String,
    train: usize,
    test: usize,
}

#[derive(Serialize)]
struct Problem {
    path: String,
    reason: String,
}

impl Report {
    fn of(corpus: &Corpus) -> Self {
        let shape = corpus.shape();
        let count = |class: usize, split: Split| {
            corpus.range(split).filter(|&id| corpus.labels()[id as usize] == ClassId(class as u16)).count()
        };
        let classes = corpus.classes().iter().enumerate();
        Self {
            kind: "corpus",
            name: corpus.name().to_owned(),
            path: corpus.path().display().to_string(),
            identity: corpus.identity().to_owned(),
            image_shape: [shape.channels, shape.height, shape.width],
            images: corpus.len(),
            train: corpus.range(Split::Train).len(),
            test: corpus.range(Split::Test).len(),
            classes: classes
                .map(|(index, name)| Class {
                    name: name.clone(),
                    train: count(index, Split::Train),
                    test: count(index, Split::Test),
                })
                .collect(),
            problems: corpus
                .problems()
                .iter()
                .map(|problem| Problem { path: problem.path.display().to_string(), reason: problem.reason.clone() })
                .collect(),
        }
    }

    fn print(&self) {
        let [channels, height, width] = self.image_shape;
        print_line(&format!("corpus    {}", self.name));
        print_line(&format!("path      {}", self.path));
        print_line(&format!("identity  {}", self.identity));
        print_line(&format!(
            "images    {} ({} train, {} test), {height} x {width}, {channels} channels",
            human::count(self.images as u64),
            human::count(self.train as u64),
            human::count(self.test as u64),
        ));
        print_line("");
        let mut table = Table::new(&["class", "name", "train", "test"]);
        for (index, class) in self.classes.iter().enumerate() {
            table.row([
                index.to_string(),
                class.name.clone(),
                human::count(class.train as u64),
                human::count(class.test as u64),
            ]);
        }
        table.print();
        if !self.problems.is_empty() {
            print_line("");
            print_line(&format!("{} images could not be read:", self.problems.len()));
            for problem in &self.problems {
                print_line(&format!("  {}: {}", problem.path, problem.reason));
            }
        }
    }
}
