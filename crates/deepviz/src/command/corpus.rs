//! `deepviz corpus make | info`.

use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use deepviz_corpus::{Account, ClassId, Corpus, OpenOptions, OpenProgress, ShapesOptions, Split, make_shapes};
use serde::Serialize;

use crate::cli::{CorpusInfoArgs, CorpusMakeArgs, Generator};
use crate::console::{Console, note, print_json, print_line};
use crate::exit_status::ExitStatus;
use crate::format;
use crate::table::Table;

/// `deepviz corpus make shapes`
pub fn make(args: &CorpusMakeArgs) -> anyhow::Result<ExitStatus> {
    let Generator::Shapes = args.kind;
    let start = Instant::now();
    let options = ShapesOptions { images: args.images, seed: args.seed, ..ShapesOptions::default() };
    make_shapes(&args.out, &options).with_context(|| format!("cannot make the corpus {}", args.out.display()))?;
    print_line(&format!(
        "made {} images in {} ({})",
        format::count(args.images as u64),
        args.out.display(),
        format::duration(start.elapsed()),
    ));
    Ok(ExitStatus::Success)
}

/// `deepviz corpus info`
pub fn info(args: &CorpusInfoArgs) -> anyhow::Result<ExitStatus> {
    let console = if args.json { Console::silent() } else { Console::for_people() };
    let corpus = open(&args.path, &args.image_cache.options(args.reading.reading(), true), console)?;
    print(&corpus, args.json);
    Ok(ExitStatus::Success)
}

/// Opens a corpus, with a progress bar while its images are decoded.
pub fn open(path: &Path, options: &OpenOptions, console: Console) -> anyhow::Result<Corpus> {
    let mut task = None;
    Corpus::open_observed(path, options, &mut |OpenProgress { done, total }| {
        let task = task.get_or_insert_with(|| console.task("decoding images", 0));
        task.set_total(total.unwrap_or(0) as u64);
        task.set(done as u64, &format!("{} images", format::count(done as u64)));
    })
    .context("cannot open the corpus")
}

/// Says in a line what was left out of the corpus.
pub fn warn_of_left_out(corpus: &Corpus) {
    let account = corpus.account();
    if account.lost() > 0 {
        note(&format!("warning: {account}; `deepviz corpus info` lists more"));
    }
    for remark in account.remarks() {
        note(&format!("note: {remark}"));
    }
}

/// Prints what a corpus holds.
pub fn print(corpus: &Corpus, as_json: bool) {
    let report = CorpusReport::of(corpus);
    if as_json {
        print_json(&report);
    } else {
        report.print();
    }
}

#[derive(Serialize)]
struct CorpusReport {
    kind: &'static str,
    name: String,
    path: String,
    identity: String,
    layout: String,
    /// Channels, height, width, where all images have one size.
    image_shape: Option<[usize; 3]>,
    channels: usize,
    /// Heights and widths with the number of images that have them, the most frequent first.
    sizes: Vec<Size>,
    images: usize,
    train: usize,
    test: usize,
    classes: Vec<Class>,
    account: Account,
}

#[derive(Serialize)]
struct Size {
    height: u32,
    width: u32,
    images: usize,
}

#[derive(Serialize)]
struct Class {
    name: String,
    train: usize,
    test: usize,
}

impl CorpusReport {
    fn of(corpus: &Corpus) -> Self {
        let size = |([height, width], images): ([u32; 2], usize)| Size { height, width, images };
        let count = |class: usize, split: Split| {
            corpus.range(split).filter(|&id| corpus.labels()[id as usize] == ClassId(class as u16)).count()
        };
        let classes = corpus.classes().iter().enumerate();
        Self {
            kind: "corpus",
            name: corpus.name().to_owned(),
            path: corpus.path().display().to_string(),
            identity: corpus.identity().to_owned(),
            layout: corpus.layout().to_owned(),
            image_shape: corpus.common_shape().map(|shape| [shape.channels, shape.height, shape.width]),
            channels: corpus.channels(),
            sizes: corpus.sizes().into_iter().map(size).collect(),
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
            account: corpus.account().clone(),
        }
    }

    fn print(&self) {
        print_line(&format!("corpus    {}", self.name));
        print_line(&format!("path      {}", self.path));
        print_line(&format!("layout    {}", self.layout));
        print_line(&format!("identity  {}", self.identity));
        let size = match self.sizes.as_slice() {
            [only] => format!("{} x {}", only.height, only.width),
            sizes => format!("{} sizes", sizes.len()),
        };
        print_line(&format!(
            "images    {} ({} train, {} test), {size}, {} channels",
            format::count(self.images as u64),
            format::count(self.train as u64),
            format::count(self.test as u64),
            self.channels,
        ));
        print_line("");
        let mut table = Table::new(&["class", "name", "train", "test"]);
        for (index, class) in self.classes.iter().enumerate() {
            table.row([
                index.to_string(),
                class.name.clone(),
                format::count(class.train as u64),
                format::count(class.test as u64),
            ]);
        }
        table.print();
        self.print_sizes();
        self.print_account();
    }

    /// The sizes, where there are several: most corpora have one.
    fn print_sizes(&self) {
        /// More would hide everything else.
        const SHOWN: usize = 8;
        if self.sizes.len() < 2 {
            return;
        }
        print_line("");
        let mut table = Table::new(&["height", "width", "images"]);
        for size in self.sizes.iter().take(SHOWN) {
            table.row([size.height.to_string(), size.width.to_string(), format::count(size.images as u64)]);
        }
        table.print();
        let rest = &self.sizes[self.sizes.len().min(SHOWN)..];
        if !rest.is_empty() {
            let images: usize = rest.iter().map(|size| size.images).sum();
            print_line(&format!("and {} more sizes of {} images", rest.len(), format::count(images as u64)));
        }
        print_line(
            "without `data.resize` in the recipe only images of the size that most have are used, and others are left out",
        );
    }

    /// Files left out, by reason, and remarks.
    fn print_account(&self) {
        for left in self.account.left_out() {
            print_line("");
            print_line(&format!("left out: {} {}", format::count(left.count as u64), left.reason.text()));
            for example in &left.first {
                let detail = if example.detail.is_empty() { String::new() } else { format!(": {}", example.detail) };
                print_line(&format!("  {}{detail}", example.path));
            }
            if left.count > left.first.len() {
                print_line("  ...");
            }
        }
        if !self.account.remarks().is_empty() {
            print_line("");
        }
        for remark in self.account.remarks() {
            print_line(&format!("note: {remark}"));
        }
    }
}
