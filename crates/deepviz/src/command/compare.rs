//! `deepviz compare`: where two runs, or two checkpoints of one, differ by more than noise.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use deepviz_net::Run;
use serde_json::{Map, Value};

use super::rest_client::{RestClient, encoded};
use crate::cli::CompareArgs;
use crate::console::{print_json, print_line};
use crate::exit_status::ExitStatus;
use crate::format;
use crate::printable::printable;
use crate::table::Table;

/// Cells of the confusion matrix that are listed at most.
const MAX_CELLS: usize = 20;

/// `deepviz compare`
pub fn compare(args: &CompareArgs) -> anyhow::Result<ExitStatus> {
    for run in [&args.a, &args.b] {
        Run::open(run).with_context(|| format!("cannot open the run {}", run.display()))?;
    }
    let (client, [a, b]) = both(args)?;
    let base = format!("/api/runs/{}/checkpoints/{}/compare", encoded(&a), encoded(&args.checkpoint));
    let other = format!("b={}&b_checkpoint={}", encoded(&b), encoded(&args.b_checkpoint));
    let errors = client.json(&format!("{base}/errors?{other}&split={}", args.split))?;
    let images = args.images.map(|images| format!("&images={images}")).unwrap_or_default();
    let query = format!("{other}{images}");
    let layers = args.layers.then(|| compared_layers(&client, &base, &query)).transpose()?;
    if args.json {
        let mut found = Map::new();
        found.insert("a".to_owned(), Value::from(a));
        found.insert("errors".to_owned(), errors);
        if let Some((layers, units)) = layers {
            found.insert("layers".to_owned(), layers);
            found.insert("units".to_owned(), units.into());
        }
        print_json(&Value::Object(found));
        return Ok(ExitStatus::Success);
    }
    print_errors(args, &errors);
    if let Some((layers, units)) = layers {
        print_layers(&layers, &units);
    }
    Ok(ExitStatus::Success)
}

/// The interface over both runs, and their ids.
fn both(args: &CompareArgs) -> anyhow::Result<(RestClient, [String; 2])> {
    let first = RestClient::new(&args.a, args.corpus.clone(), None)?.run_ids()?;
    let a = first.into_iter().next().ok_or_else(|| anyhow!("cannot find the run {} again", args.a.display()))?;
    let same = |x: &Path, y: &Path| x.canonicalize().ok().is_some_and(|x| y.canonicalize().is_ok_and(|y| x == y));
    let runs: &[&Path] = if same(&args.a, &args.b) { &[&args.a] } else { &[&args.a, &args.b] };
    let client = RestClient::of_runs(runs, args.corpus.clone(), None)?;
    // The first keeps its id.
    let second = client.run_ids()?.into_iter().find(|id| *id != a);
    let b = match second {
        Some(b) => b,
        None if runs.len() == 1 => a.clone(),
        None => return Err(anyhow!("cannot find the run {} again", args.b.display())),
    };
    Ok((client, [a, b]))
}

/// The layers, and for each layer of A the units that it has in common with the layer of B that is most like it.
fn compared_layers(client: &RestClient, base: &str, query: &str) -> anyhow::Result<(Value, Vec<Value>)> {
    let layers = client.json(&format!("{base}/layers?{query}"))?;
    let mut units = Vec::new();
    for (index, opposite) in layers["proposed"].as_array().into_iter().flatten().enumerate() {
        let name = |side: &str, index: usize| layers["layers"][side][index]["layer"].as_str().map(encoded);
        let opposite = opposite.as_u64().and_then(|opposite| name("b", opposite as usize));
        let (Some(layer), Some(opposite)) = (name("a", index), opposite) else {
            units.push(Value::Null);
            continue;
        };
        // A layer that is too wide to match is reported; the others are matched.
        let found = client.json(&format!("{base}/units?{query}&layer={layer}&b_layer={opposite}"));
        units.push(found.unwrap_or_else(|error| Value::from(error.to_string())));
    }
    Ok((layers, units))
}

fn print_errors(args: &CompareArgs, errors: &Value) {
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    let count = |key: &str| format::count(errors[key].as_u64().unwrap_or(0));
    let [error_a, error_b] = [0, 1].map(|side| number(&errors["error"][side]));
    let side = |name: &str, run: &Path, checkpoint: &Value, error: f64| {
        print_line(&format!(
            "{name}  {}  checkpoint {checkpoint}  {} error {}",
            printable(&run.display().to_string()),
            args.split,
            format::percent(error)
        ));
    };
    side("A", &args.a, &errors["checkpoint"], error_a);
    side("B", &args.b, &errors["b"]["checkpoint"], error_b);
    let points = |share: f64| format!("{:+.2}", share * 100.0);
    let interval = [0, 1].map(|end| points(number(&errors["difference_interval"][end])));
    print_line(&format!(
        "A - B  {} points of {} images, 95 % from {} to {}; McNemar's exact test: p = {}",
        points(error_a - error_b),
        count("images"),
        interval[0],
        interval[1],
        probability(number(&errors["p"]))
    ));
    print_line(&format!(
        "right  both {}, only A {}, only B {}, neither {}",
        count("both"),
        count("only_a"),
        count("only_b"),
        count("neither")
    ));
    print_cells(errors);
}

/// The cells of the confusion matrix in which they differ by more than noise.
fn print_cells(errors: &Value) {
    let cells = errors["cells"].as_array().into_iter().flatten();
    let mut cells: Vec<&Value> = cells.filter(|cell| cell["significant"] == true).collect();
    print_line("");
    if cells.is_empty() {
        print_line("No cell of the confusion matrix differs by more than noise (5 % false discoveries).");
        return;
    }
    let size = |cell: &Value| (cell["only_a"].as_i64().unwrap_or(0) - cell["only_b"].as_i64().unwrap_or(0)).abs();
    cells.sort_by_key(|cell| -size(cell));
    print_line(&format!("Cells that differ by more than noise (5 % false discoveries): {}", cells.len()));
    let mut table = Table::new(&["true", "predicted", "A", "B", "only A", "only B", "p"]);
    for cell in cells.iter().take(MAX_CELLS) {
        let [row, column] = ["true_class", "predicted"].map(|key| cell[key].as_u64().unwrap_or(0) as usize);
        let name = |class: usize| errors["classes"][class].as_str().unwrap_or_default().to_owned();
        let counts = ["a", "b"].map(|side| errors["counts"][side][row][column].to_string());
        let [a, b] = counts;
        let p = probability(cell["p"].as_f64().unwrap_or(f64::NAN));
        table.row([name(row), name(column), a, b, cell["only_a"].to_string(), cell["only_b"].to_string(), p]);
    }
    table.print();
    if cells.len() > MAX_CELLS {
        print_line(&format!("and {} more: --json lists all", cells.len() - MAX_CELLS));
    }
}

fn print_layers(layers: &Value, units: &[Value]) {
    print_line("");
    print_line(&format!("Layers, each beside the one it is most like, over {} images:", layers["images"]));
    let mut table = Table::new(&["A", "B", "CKA", "95 %", "Procrustes", "matched", "median r", "paired"]);
    for (index, units) in units.iter().enumerate() {
        let name = |side: &str, at: usize| layers["layers"][side][at]["layer"].as_str().unwrap_or_default().to_owned();
        let Some(opposite) = layers["proposed"][index].as_u64().map(|opposite| opposite as usize) else {
            table.row([name("a", index), "-".to_owned()]);
            continue;
        };
        let value = |key: &str| layers[key][index][opposite].as_f64();
        let interval = &layers["cka_interval"][index][opposite];
        let text = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
        let pairs = units["pairs"].as_array();
        let matched: Option<Vec<&Value>> =
            pairs.map(|pairs| pairs.iter().filter(|pair| pair["mutual"] == true).collect());
        // The strongest come first.
        let median = matched.as_ref().and_then(|pairs| pairs.get(pairs.len() / 2)?["correlation"].as_f64());
        let of = |count: usize| format!("{count} of {} and {}", units["units"][0], units["units"][1]);
        table.row([
            name("a", index),
            name("b", opposite),
            text(value("cka")),
            format!("{} to {}", text(interval[0].as_f64()), text(interval[1].as_f64())),
            text(value("procrustes")),
            matched.map_or_else(|| "-".to_owned(), |pairs| of(pairs.len())),
            text(median),
            pairs.map_or_else(|| "-".to_owned(), |pairs| pairs.len().to_string()),
        ]);
    }
    table.print();
    print_line("paired: units one to one so that the correlations add up to most, above chance; matched: of these");
    print_line("those in which each is the other's best, with the median of their correlations");
    let out: u64 = (0..2).filter_map(|side| layers["layers"]["left_out"][side].as_u64()).sum();
    if out > 0 {
        print_line(&format!("{out} layers with weights were left out: of each network 32 are compared, evenly spread"));
    }
    for problem in units.iter().filter_map(Value::as_str) {
        print_line(&format!("not matched: {}", printable(problem)));
    }
}

fn probability(p: f64) -> String {
    if p < 0.001 { format!("{p:.1e}") } else { format!("{p:.3}") }
}
