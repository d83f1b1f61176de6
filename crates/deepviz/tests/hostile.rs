//! Files with hostile numbers: the server and the commands answer or refuse and continue. The address space is limited,
//! so that an allocation of such a size would abort the process.
#![expect(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

mod fixture;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use deepviz_net::{Run, Snapshot, Step};
use fixture::{Fixture, Server, finish};
use rusqlite::Connection;
use serde_json::{Value, json};

/// The hostile value that replaces each number.
const NUMBERS: [i64; 6] = [0, -1, 70_000, 1 << 31, (1 << 32) - 1, i64::MAX];
/// Address space in KiB; an unchanged run needs far less.
const SPACE: &str = "6000000";
/// Runs that one server serves at a time.
const BATCH: usize = 60;

/// Copies of a finished run, each with one number changed.
struct Hostile {
    fixture: Fixture,
    names: Vec<String>,
}

impl Hostile {
    fn new() -> Self {
        let fixture = Fixture::new();
        fixture.run(&["corpus", "make", "shapes", "--out", "shapes", "--images", "120"]).expect_good();
        fixture.train("run", &[]).expect_good();
        fixture.run(&["stats", "run", "--clusters", "5"]).expect_good();
        Self { fixture, names: Vec::new() }
    }

    /// A copy to be changed; files that are only read are shared.
    fn add(&mut self, change: impl FnOnce(&Path)) {
        let name = format!("r{}", self.names.len());
        let folder = self.fixture.path(&Self::batch(self.names.len())).join(&name);
        fs::create_dir_all(folder.join("snapshots")).unwrap();
        for entry in fs::read_dir(self.fixture.path("run/snapshots")).unwrap() {
            let path = entry.unwrap().path();
            fs::hard_link(&path, folder.join("snapshots").join(path.file_name().unwrap())).unwrap();
        }
        for file in ["run.toml", "metrics.jsonl", "stats.sqlite"] {
            fs::copy(self.fixture.path("run").join(file), folder.join(file)).unwrap();
        }
        change(&folder);
        self.names.push(name);
    }

    /// The folder of a copy.
    fn batch(index: usize) -> String {
        format!("batch{}", index / BATCH)
    }

    fn limited(&self, args: &[&str]) -> Command {
        let binary = self.fixture.command(&[]);
        let script = format!("ulimit -v {SPACE}; exec \"$0\" \"$@\"");
        let mut command = Command::new("sh");
        command.args(["-c", &script]).arg(binary.get_program()).args(args);
        command.current_dir(self.fixture.path("."));
        for (key, value) in binary.get_envs() {
            match value {
                Some(value) => command.env(key, value),
                None => command.env_remove(key),
            };
        }
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        command
    }

    /// Asks every route about every run.
    fn ask_all(&self) {
        let routes = routes();
        for (index, batch) in self.names.chunks(BATCH).enumerate() {
            let log = fs::File::create(self.fixture.path("log")).unwrap();
            let folder = Self::batch(index * BATCH);
            let args = ["serve", "--addr", "127.0.0.1:0", "run", &folder];
            let server = Server::start_logging(self.limited(&args), log);
            for name in batch {
                for route in &routes {
                    self.ask(&server, &route.replace("{run}", name), &route.replace("{run}", "run"));
                }
            }
            // It still serves, and the unchanged run is whole.
            server.json("/api/runs");
            assert_eq!(server.get("/api/runs/run/checkpoints/last/confusion").0, 200);
            assert_eq!(server.signal("INT"), Some(0));
        }
    }

    /// Gives every `step`-th run to the commands that read one: they succeed, or report why not.
    fn command_all(&self, step: usize) {
        for (index, name) in self.names.iter().enumerate().step_by(step) {
            let folder = format!("{}/{name}", Self::batch(index));
            let mut resume = vec!["train", "shapes-quick", "--corpus", "shapes", "--out", &folder, "--resume"];
            resume.extend(fixture::SMALL);
            resume.extend(["--device", "cpu", "--epochs", "2"]);
            for command in [&["inspect", &folder][..], &["stats", &folder, "--clusters", "5"], &resume] {
                let outcome = finish(&mut self.limited(command), &command.join(" "));
                let is_clean = matches!(outcome.code, Some(0 | 1)) && !outcome.stderr.contains("panicked");
                assert!(is_clean, "{command:?}: {:?} {}", outcome.code, outcome.stderr);
            }
        }
    }

    /// Expects no failure of the server's, and no answer that takes long where that for the unchanged run is quick.
    /// `honest` is the same path for the unchanged run.
    fn ask(&self, server: &Server, path: &str, honest: &str) {
        let mut took = Vec::new();
        // A busy machine makes one answer slow; a number from a file makes every one slow.
        for _ in 0..4 {
            let start = Instant::now();
            let (status, body) = server.get(path);
            let hostile = start.elapsed();
            let log = || fs::read_to_string(self.fixture.path("log")).unwrap_or_default();
            assert!(status < 500, "{path}: {status} {}\n{}", String::from_utf8_lossy(&body), log());
            let start = Instant::now();
            if hostile.as_secs() < 1 {
                return;
            }
            server.get(honest);
            took.push((hostile, start.elapsed()));
        }
        let is_slow = took.iter().all(|(hostile, honest)| *hostile > 5 * *honest);
        assert!(!is_slow, "{path} (and the same of the unchanged run): {took:?}");
    }
}

/// Every GET route of a run, from the description of the interface.
fn routes() -> Vec<String> {
    let text = include_str!("../../server/openapi.json");
    let described: Value = serde_json::from_str(text).unwrap();
    let all = described["paths"].as_object().unwrap();
    let asked = all.iter().filter(|(path, route)| {
        // What takes hundreds of passes through the network reads no number of a file that the others do not read.
        let is_long = ["/checks", "/inversion", "/visualisation"].iter().any(|end| path.ends_with(end));
        route.get("get").is_some() && path.starts_with("/api/runs/{run}") && !path.ends_with("/events") && !is_long
    });
    let mut routes: Vec<String> = asked
        .map(|(path, _)| {
            let query = match path.rsplit('/').next().unwrap() {
                "versus" | "separation" => "?a=0&b=1",
                "overlap" => "?to_layer=fc10&to_metric=euclidean",
                "slice" => "?subject=property&name=background&side=below&threshold=0.35",
                "moves" => "?from=0&to=last",
                "ablated" => "?off=fc16:0",
                "clock" | "errors" => "?b={run}",
                "images" if path.contains("/compare/") => "?b={run}&which=all",
                "layers" if path.contains("/compare/") => "?b={run}&images=16",
                "units" if path.contains("/compare/") => "?b={run}&layer=conv1&images=16",
                _ => "",
            };
            let path = path
                .replace("{checkpoints}", "*")
                .replace("{checkpoint}", "last")
                .replace("{layers}", "conv1")
                .replace("{layer}", "conv1")
                .replace("{filters}", "*")
                .replace("{channels}", "*")
                .replace("{filter}", "0")
                .replace("{cluster}", "0")
                .replace("{image}", "110")
                .replace("{true_class}", "0")
                .replace("{predicted}", "0");
            format!("{path}{query}")
        })
        .collect();
    assert!(routes.len() > 25, "{routes:?}");
    assert!(!routes.iter().any(|route| route.replace("{run}", "").contains('{')), "{routes:?}");
    routes.extend([
        "/api/runs/{run}/checkpoints/last/images/110/near?layer=fc10".into(),
        "/api/runs/{run}/checkpoints/last/clusters?lineage=true".into(),
        "/api/runs/{run}/ledger?split=train".into(),
        "/api/runs/{run}/suspects?split=train".into(),
        "/api/runs/{run}/layers/fc10/activity".into(),
    ]);
    routes
}

#[test]
fn every_integer_of_the_statistics() {
    let mut hostile = Hostile::new();
    let columns: Vec<(String, String)> = {
        let connection = Connection::open(hostile.fixture.path("run/stats.sqlite")).unwrap();
        let sql = "SELECT m.name, c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c
                   WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND c.type = 'INTEGER'";
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(Result::unwrap).collect()
    };
    assert!(columns.len() > 20, "{columns:?}");
    for (table, column) in &columns {
        for number in NUMBERS {
            hostile.add(|run| {
                let connection = Connection::open(run.join("stats.sqlite")).unwrap();
                let pragmas = "PRAGMA foreign_keys = off; PRAGMA ignore_check_constraints = on;";
                connection.execute_batch(pragmas).unwrap();
                let sql = format!("UPDATE OR REPLACE {table} SET {column} = {number}");
                connection.execute(&sql, []).unwrap();
            });
        }
    }
    hostile.ask_all();
    hostile.command_all(11);
}

#[test]
fn every_number_of_a_snapshots_header() {
    let mut hostile = Hostile::new();
    let file = hostile.fixture.path("run/snapshots/000008.safetensors");
    let bytes = fs::read(&file).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let change = |run: &Path, header: &str, length: u64| {
        let path = run.join("snapshots/000008.safetensors");
        fs::remove_file(&path).unwrap();
        let body = &bytes[8 + usize::from_le_bytes(bytes[..8].try_into().unwrap())..];
        fs::write(path, [&length.to_le_bytes(), header.as_bytes(), body].concat()).unwrap();
    };
    let text = header.to_string();
    for number in NUMBERS {
        hostile.add(|run| change(run, &text, number as u64));
        for place in numbers_in(&header) {
            let mut changed = header.clone();
            *changed.pointer_mut(&place).unwrap() = json!(number);
            let changed = changed.to_string();
            hostile.add(|run| change(run, &changed, changed.len() as u64));
        }
        // With the right checksum.
        for key in 0..3 {
            hostile.add(|run| {
                let path = run.join("snapshots/000008.safetensors");
                let mut snapshot = Run::open(run).unwrap().snapshot(Step(8)).unwrap();
                fs::remove_file(&path).unwrap();
                set(&mut snapshot, key, number);
                snapshot.sealed().write(&path).unwrap();
            });
        }
    }
    hostile.ask_all();
    hostile.command_all(23);
}

fn set(snapshot: &mut Snapshot, key: usize, number: i64) {
    match key {
        0 => snapshot.step = Step(number as u64),
        1 => snapshot.images_seen = number as u64,
        _ => snapshot.epoch = number as f64,
    }
}

/// JSON pointers to all numbers in a value.
fn numbers_in(value: &Value) -> Vec<String> {
    let below = |key: &str, value: &Value| {
        let key = key.replace('~', "~0").replace('/', "~1");
        numbers_in(value).into_iter().map(move |rest| format!("/{key}{rest}")).collect::<Vec<_>>()
    };
    match value {
        Value::Number(_) => vec![String::new()],
        Value::Array(items) => {
            items.iter().enumerate().flat_map(|(index, item)| below(&index.to_string(), item)).collect()
        }
        Value::Object(entries) => entries.iter().flat_map(|(key, item)| below(key, item)).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn every_number_of_a_run_toml() {
    let mut hostile = Hostile::new();
    let text = fs::read_to_string(hostile.fixture.path("run/run.toml")).unwrap();
    // As JSON, where a number is found by a pointer; TOML and JSON have the same trees here.
    let table: toml::Table = text.parse().unwrap();
    let whole: Value = serde_json::to_value(&table).unwrap();
    let places = numbers_in(&whole);
    assert!(places.len() > 60, "{places:?}");
    for place in &places {
        for number in NUMBERS {
            let mut changed = whole.clone();
            *changed.pointer_mut(place).unwrap() = json!(number);
            let changed: toml::Table = serde_json::from_value(changed).unwrap();
            hostile.add(|run| fs::write(run.join("run.toml"), changed.to_string()).unwrap());
        }
    }
    hostile.ask_all();
    hostile.command_all(7);
}
