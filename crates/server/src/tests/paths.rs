//! No answer contains paths of this machine, or the content of files that do not belong to a run.

use std::fs;
use std::path::{Path, PathBuf};

use axum::body::Body;
use deepviz_corpus::{ShapesOptions, make_shapes};
use deepviz_net::RunInfo;
use serde_json::Value;

use super::fixture::{TestServer, copy_of_run, get, write_run};

/// Part of every path, and of nothing else.
const PLACE: &str = "xyzzy-of-this-machine";
const SECRET: &str = "hunter2";

/// Folders of the test's own below one with a name that nothing else has.
struct Fixture {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(PLACE);
        fs::create_dir(&path).unwrap();
        Self { _folder: folder, path }
    }

    fn at(&self, name: &str) -> PathBuf {
        let path = self.path.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    /// A run with statistics whose images lie here, damaged by `damage`.
    fn run(&self, name: &str, damage: impl FnOnce(&Path)) {
        let run = self.at(&format!("runs/{name}"));
        copy_of_run(&run);
        let images = self.at("corpora/shapes");
        change(&run, |info| info.corpus.path = images);
        damage(&run);
    }

    /// A run that names a corpus of its own.
    fn run_over(&self, name: &str, make: impl FnOnce(&Path)) {
        let corpus = self.at(&format!("corpora/{name}"));
        make(&corpus);
        self.run(name, |run| change(run, |info| info.corpus.path = corpus));
    }
}

fn change(run: &Path, change: impl FnOnce(&mut RunInfo)) {
    let mut info = RunInfo::read(run).unwrap();
    change(&mut info);
    info.write(run).unwrap();
}

fn cut(path: &Path, bytes: usize) {
    let whole = fs::read(path).unwrap();
    fs::write(path, &whole[..whole.len().min(bytes)]).unwrap();
}

fn sql(run: &Path, statements: &str) {
    rusqlite::Connection::open(run.join("stats.sqlite")).unwrap().execute_batch(statements).unwrap();
}

fn write(path: PathBuf, text: &str) {
    fs::remove_file(&path).ok();
    fs::write(path, text).unwrap();
}

/// A folder in place of a file.
fn folder(path: PathBuf) {
    fs::remove_file(&path).unwrap();
    fs::create_dir(path).unwrap();
}

fn make_damaged_runs(fixture: &Fixture) {
    make_shapes(&fixture.at("corpora/shapes"), &ShapesOptions { images: 120, test_fraction: 0.25, seed: 5 }).unwrap();
    fixture.run("good", |_| {});
    fixture.run("no-toml", |run| write(run.join("run.toml"), "[[[\n"));
    fixture.run("no-text", |run| fs::write(run.join("run.toml"), [0xff; 40]).unwrap());
    fixture.run("newer", |run| write(run.join("run.toml"), "format = 99\n"));
    fixture.run("lacks-keys", |run| write(run.join("run.toml"), "format = 1\nname = \"x\"\n"));
    fixture.run("unknown-key", |run| {
        let text = fs::read_to_string(run.join("run.toml")).unwrap();
        write(run.join("run.toml"), &text.replace("seed =", "sead ="));
    });
    fixture.run("no-snapshots", |run| fs::remove_dir_all(run.join("snapshots")).unwrap());
    fixture.run("snapshots-a-file", |run| {
        fs::remove_dir_all(run.join("snapshots")).unwrap();
        fs::write(run.join("snapshots"), "x").unwrap();
    });
    fixture.run("cut-snapshot", |run| cut(&run.join("snapshots/000005.safetensors"), 4_000));
    fixture.run("empty-snapshot", |run| cut(&run.join("snapshots/000000.safetensors"), 0));
    fixture.run("other-step", |run| {
        fs::copy(run.join("snapshots/000005.safetensors"), run.join("snapshots/000010.safetensors")).map(drop).unwrap();
    });
    // A header that looks well, and contents that do not.
    fixture.run("flipped-bit", |run| {
        for step in ["000000", "000005", "000010", "000015"] {
            let path = run.join(format!("snapshots/{step}.safetensors"));
            let mut bytes = fs::read(&path).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            fs::write(path, bytes).unwrap();
        }
    });
    fixture.run("metrics-garbage", |run| write(run.join("metrics.jsonl"), "{}\n[1]\nx\n"));
    fixture.run("metrics-a-folder", |run| folder(run.join("metrics.jsonl")));
    fixture.run("stats-garbage", |run| write(run.join("stats.sqlite"), &"no database ".repeat(500)));
    fixture.run("stats-cut", |run| cut(&run.join("stats.sqlite"), 20_000));
    fixture.run("stats-a-folder", |run| folder(run.join("stats.sqlite")));
    fixture.run("stats-foreign", |run| sql(run, "PRAGMA application_id = 77"));
    fixture.run("stats-newer", |run| sql(run, "PRAGMA user_version = 9999"));
    fixture.run("stats-older", |run| sql(run, "PRAGMA user_version = 1"));
    fixture.run("stats-other-tables", |run| sql(run, "DROP TABLE unit; CREATE TABLE unit (x)"));
    // As an earlier version recorded it.
    let failed = fixture.at("runs/stats-failed/snapshots/000005.safetensors");
    fixture.run("stats-failed", |run| {
        let failed = failed.display();
        sql(
            run,
            &format!("UPDATE unit SET state = 'failed', problem = 'cannot use the snapshot: it is cut: {failed}'"),
        );
    });
}

fn make_runs_over_damaged_corpora(fixture: &Fixture) {
    fixture.run_over("none", |_| {});
    fixture.run_over("a-file", |at| fs::write(at, "x").unwrap());
    fixture.run_over("empty", |at| fs::create_dir(at).unwrap());
    fixture.run_over("notes", |at| {
        fs::create_dir(at).unwrap();
        fs::write(at.join("notes.txt"), "x").unwrap();
    });
    fixture.run_over("broken-images", |at| {
        fs::create_dir_all(at.join("train/a")).unwrap();
        fs::write(at.join("train/a/1.png"), "x").unwrap();
    });
    let made = |seed, damage: fn(&Path)| {
        move |at: &Path| {
            make_shapes(at, &ShapesOptions { images: 120, test_fraction: 0.25, seed }).unwrap();
            damage(at);
        }
    };
    fixture.run_over("other-identity", made(6, |_| {}));
    fixture.run_over("cut-corpus", made(5, |at| cut(&at.join("train.bin"), 70_000)));
    fixture.run_over("no-description", made(5, |at| fs::write(at.join("corpus.json"), "{").unwrap()));
    fixture.run_over("other-classes", |at| {
        for class in ["a", "b"] {
            fs::create_dir_all(at.join(class)).unwrap();
            image::RgbImage::new(32, 32).save(at.join(class).join("1.png")).unwrap();
        }
    });
    fixture.run_over("bad-record", |at| {
        fs::create_dir_all(at.join("a")).unwrap();
        fs::write(at.join("corpus.toml"), "layout = 7\n").unwrap();
        image::RgbImage::new(4, 4).save(at.join("a/1.png")).unwrap();
    });
}

/// Every address of the interface that can be asked without a body, for a run and a corpus, right and wrong.
fn addresses(run: &str, corpus: &str) -> Vec<String> {
    let description: Value = serde_json::from_str(include_str!("../../openapi.json")).unwrap();
    let paths = description["paths"].as_object().unwrap();
    let asked = paths.iter().filter(|(path, ways)| ways.get("get").is_some() && !path.ends_with("/events"));
    let mut all = Vec::new();
    for (path, ways) in asked {
        let required = ways["get"]["parameters"].as_array().into_iter().flatten();
        let required = required.filter(|parameter| parameter["in"] == "query" && parameter["required"] == true);
        let query: Vec<String> = required
            .map(|parameter| {
                let value = parameter["example"].as_str().unwrap_or("1");
                format!("{}={value}", parameter["name"].as_str().unwrap())
            })
            .collect();
        for checkpoint in ["0", "1", "last", "999", "x"] {
            let address = path
                .replace("{run}", run)
                .replace("{corpus}", corpus)
                .replace("{checkpoint}", checkpoint)
                .replace("{checkpoints}", checkpoint)
                .replace("{layers}", "conv1")
                .replace("{layer}", "conv1")
                .replace("{filters}", "*")
                .replace("{filter}", "0")
                .replace("{cluster}", "1")
                .replace("{channels}", "*")
                .replace("{image}", if checkpoint == "x" { "99999" } else { "93" })
                .replace("{true_class}", "0")
                .replace("{predicted}", "1");
            assert!(!address.contains('{'), "{address}: a parameter that the test does not know");
            all.push(format!("{address}?{}", query.join("&")));
        }
    }
    all.sort();
    all.dedup();
    assert!(all.len() > 60, "{}", all.len());
    all
}

/// Requests every route and checks that no answer or header contains a forbidden word.
async fn expect_none_of(server: &TestServer, names: &[&str], forbidden: &[&str]) -> [usize; 2] {
    let mut counts = [0, 0];
    for name in names {
        for address in addresses(name, name) {
            let answer = server.get(&address).await;
            let text = format!("{:?} {}", answer.headers, String::from_utf8_lossy(&answer.body));
            for word in forbidden {
                assert!(!text.contains(word), "{address}: {text}");
            }
            counts[usize::from(answer.status.is_success())] += 1;
        }
    }
    counts
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_names_a_folder_of_this_machine() {
    let fixture = Fixture::new();
    make_damaged_runs(&fixture);
    make_runs_over_damaged_corpora(&fixture);
    // A file where the cache folder should be: corpora are held in memory, and say so.
    let cache = fixture.at("cache");
    fs::write(&cache, "x").unwrap();
    let server = TestServer::caching_in(&[fixture.at("runs")], &cache);
    let names = names_in(&fixture.at("runs"));
    let names: Vec<&str> = names.iter().map(String::as_str).chain(["missing"]).collect();
    let temporary = std::env::temp_dir().join(".tmp");
    let forbidden = [PLACE, temporary.to_str().unwrap()];
    let [refused, answered] = expect_none_of(&server, &names, &forbidden).await;
    assert!(refused > 500 && answered > 300, "{refused} refused, {answered} answered");
    // What is reported in place of the folder.
    let list = server.json("/api/runs").await;
    let problem = |id: &str| {
        let all = list["problems"].as_array().unwrap();
        all.iter().find(|problem| problem["id"] == id).unwrap()["problem"].as_str().unwrap().to_owned()
    };
    assert!(problem("no-toml").starts_with("run.toml:1: "), "{}", problem("no-toml"));
    let detail = server.json("/api/runs/cut-snapshot").await;
    let broken = detail["checkpoints"][1]["problem"].as_str().unwrap();
    assert!(broken.ends_with(": snapshots/000005.safetensors"), "{broken}");
    let detail = server.json("/api/runs/stats-garbage").await;
    assert!(detail["statistics_problem"].as_str().unwrap().contains("stats.sqlite"), "{detail}");
    let detail = server.json("/api/runs/cut-corpus").await;
    assert!(detail["corpus"]["problem"].as_str().unwrap().ends_with(": train.bin"), "{}", detail["corpus"]);
    let answer = server.get("/api/runs/stats-failed/checkpoints/1/confusion").await.json();
    assert!(answer["detail"].as_str().unwrap().ends_with("it is cut: snapshots/000005.safetensors"), "{answer}");
    let corpora = server.json("/api/corpora").await;
    assert!(corpora.to_string().contains("the cache folder cannot be written"), "{corpora}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_refused_upload_names_a_folder_of_this_machine() {
    const TOKEN: &str = "open-sesame";
    let fixture = Fixture::new();
    make_damaged_runs(&fixture);
    make_runs_over_damaged_corpora(&fixture);
    let uploads = fixture.at("uploads");
    fs::create_dir(&uploads).unwrap();
    let server = TestServer::taking_uploads(&uploads, TOKEN);
    let mut refused = 0;
    for (kind, folder) in [("runs", "runs"), ("corpora", "corpora")] {
        for name in names_in(&fixture.at(folder)) {
            let from = fixture.at(&format!("{folder}/{name}"));
            let mut builder = tar::Builder::new(Vec::new());
            if from.is_dir() {
                builder.append_dir_all("in", &from).unwrap();
            } else {
                builder.append_path_with_name(&from, "file").unwrap();
            }
            let body = builder.into_inner().unwrap();
            // What is in a run's statistics comes from its sender.
            let put = get(&format!("/api/uploads/{kind}/{name}")).method("PUT");
            let put = put.header("authorization", format!("Bearer {TOKEN}"));
            let answer = server.send(put.body(Body::from(body)).unwrap()).await;
            let text = String::from_utf8_lossy(&answer.body);
            assert!(!text.contains(PLACE) && !text.contains(".tmp"), "{name}: {text}");
            refused += usize::from(!answer.status.is_success());
        }
    }
    assert!(refused > 15, "{refused}");
}

/// Files of a served folder may be links to other users' files, whose text must not get into answers.
#[tokio::test(flavor = "multi_thread")]
#[cfg(unix)]
async fn no_answer_quotes_a_file_that_is_linked_from_a_run() {
    let fixture = Fixture::new();
    make_shapes(&fixture.at("corpora/shapes"), &ShapesOptions { images: 120, test_fraction: 0.25, seed: 5 }).unwrap();
    let secrets = [
        format!("user: root\npassword: {SECRET}\n"),
        format!("{SECRET}\n{SECRET}\n"),
        format!("PASSWORD={SECRET}\n"),
        format!("password = \"{SECRET}\"\n"),
        format!("[{SECRET}]\n{SECRET} = 1\n{SECRET} = 2\n"),
        format!("\"{SECRET}\"\n"),
        format!("{{\"password\": \"{SECRET}\"}}\n{{\"kind\": \"{SECRET}\", \"step\": \"{SECRET}\"}}\n"),
    ];
    for (number, secret) in secrets.iter().enumerate() {
        let file = fixture.at(&format!("secrets/{number}"));
        fs::write(&file, secret.repeat(4)).unwrap();
        for (name, linked) in [
            ("run-toml", "run.toml"),
            ("metrics", "metrics.jsonl"),
            ("snapshot", "snapshots/000005.safetensors"),
            ("stats", "stats.sqlite"),
        ] {
            fixture.run(&format!("{name}-{number}"), |run| {
                fs::remove_file(run.join(linked)).unwrap();
                std::os::unix::fs::symlink(&file, run.join(linked)).unwrap();
            });
        }
    }
    let server = TestServer::over(&[fixture.at("runs")], None, None);
    let names = names_in(&fixture.at("runs"));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let first_bytes = u64::from_le_bytes(*SECRET.repeat(2).as_bytes().first_chunk().unwrap()).to_string();
    let [refused, answered] = expect_none_of(&server, &names, &[SECRET, &first_bytes, PLACE]).await;
    assert!(refused > 500 && answered > 300, "{refused} refused, {answered} answered");
    // They are served under their own names, as what they are.
    assert!(server.json("/api/runs/metrics-0").await["metrics_problem"].is_string());
    let run = fixture.at("elsewhere/linked");
    write_run(&run, &fixture.at("corpora/shapes"));
    std::os::unix::fs::symlink(&run, fixture.at("runs/link")).unwrap();
    let server = TestServer::over(&[fixture.at("runs")], None, None);
    assert_eq!(server.json("/api/runs/linked").await["checkpoints"].as_array().unwrap().len(), 4);
}
