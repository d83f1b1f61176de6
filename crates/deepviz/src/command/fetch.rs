//! `deepviz corpus list | fetch`.

use anyhow::Context as _;
use deepviz_corpus::{Description, FetchEvent, FetchOptions, Progress, Splits, Stage, fetch_corpus};
use serde::Serialize;
use serde_json::json;

use crate::cli::{CorpusFetchArgs, CorpusListArgs, CorpusName};
use crate::console::{Console, Task, note, print_json, print_line};
use crate::exit_status::ExitStatus;
use crate::format;
use crate::table::Table;

/// `deepviz corpus list`
pub fn list(args: &CorpusListArgs) -> ExitStatus {
    let rows = Description::known().iter().map(KnownCorpusRow::of);
    if args.json {
        print_json(&json!({ "kind": "corpora", "corpora": rows.collect::<Vec<_>>() }));
        return ExitStatus::Success;
    }
    let mut table = Table::new(&["name", "title", "train", "test", "classes", "download", "licence"]);
    for row in rows {
        let count = |images| if images == 0 { "none".to_owned() } else { format::count(images) };
        table.row([
            row.name.to_owned(),
            row.title.to_owned(),
            count(row.splits.train),
            count(row.splits.test),
            row.classes.map_or_else(String::new, |count| count.to_string()),
            row.download_bytes.map_or_else(|| "unknown".to_owned(), format::bytes),
            row.licence.to_owned(),
        ]);
    }
    table.print();
    print_line("");
    print_line("deepviz corpus fetch NAME --out DIR fetches one; docs/corpora.md says how to describe another");
    ExitStatus::Success
}

/// A known corpus, as it is listed.
#[derive(Serialize)]
struct KnownCorpusRow<'a> {
    name: &'a str,
    title: &'a str,
    splits: Splits,
    classes: Option<usize>,
    download_bytes: Option<u64>,
    licence: &'a str,
    source: &'a str,
    citation: &'a str,
    note: Option<&'a str>,
    optional: Vec<&'a str>,
}

impl<'a> KnownCorpusRow<'a> {
    fn of(known: &'a Description) -> Self {
        Self {
            name: &known.name,
            title: &known.title,
            splits: known.splits,
            classes: known.class_count(),
            download_bytes: known.download_bytes(),
            licence: &known.licence,
            source: &known.source,
            citation: &known.citation,
            note: known.note.as_deref(),
            optional: known.files.iter().filter(|file| file.optional).map(|file| file.name.as_str()).collect(),
        }
    }
}

/// `deepviz corpus fetch`
pub fn fetch(args: &CorpusFetchArgs) -> anyhow::Result<ExitStatus> {
    let own;
    let description = match &args.corpus {
        CorpusName::Known(known) => *known,
        CorpusName::File(path) => {
            own = Description::read(path)?;
            &own
        }
    };
    let console = Console::for_report(args.report);
    let mut task = console.task("fetch", 0);
    let options = FetchOptions { from: args.from.as_deref(), with: &args.with };
    let folder = fetch_corpus(description, &args.out, options, &mut |event| match event {
        FetchEvent::Progress(progress) => report(&mut task, progress, description.files.len()),
        FetchEvent::AddressFailed { file, address, error } => {
            note(&format!("warning: {file}: {error}; trying the next address"));
            console.event(&json!({
                "event": "address_failed", "file": file, "address": address, "error": error.to_string(),
            }));
        }
        _ => {}
    })
    .with_context(|| format!("cannot fetch {}", description.title))?;
    drop(task);
    let Description { name, title, licence, note, citation, source, .. } = description;
    console.tell(
        &format!("{title} is in {}", folder.display()),
        &json!({
            "event": "fetched", "path": folder, "name": name, "licence": licence, "note": note, "citation": citation,
            "source": source,
        }),
    );
    console.say(&format!("licence: {licence}"));
    for (label, text) in [("cite", citation.as_str()), ("note", note.as_deref().unwrap_or_default())] {
        if !text.is_empty() {
            console.say(&format!("{label}: {text}"));
        }
    }
    Ok(ExitStatus::Success)
}

fn report(task: &mut Task, progress: Progress<'_>, files: usize) {
    let stage = match progress.stage {
        Stage::Download => "downloading",
        Stage::Verify => "checking",
        Stage::Unpack => "unpacking",
    };
    task.set_total(progress.total_bytes);
    let (done, total) = (format::bytes(progress.done_bytes), format::bytes(progress.total_bytes));
    let file = if files > 1 { format!(" {}", progress.file) } else { String::new() };
    task.set(progress.done_bytes, &format!("{stage}{file}, {done} of {total}"));
}
